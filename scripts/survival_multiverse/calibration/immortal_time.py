"""Cohorts whose treatment starts at random times, and what clone-censor-weight estimates on them."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.emulation.treatment_times import TreatmentTimes, treatment_times
from survival_multiverse.kernels.cox_binary import log_ratio

TREATMENT_STREAM = 10
"""First part of the seed of a cohort; numbers never change once given."""
NAMES = ("frail", "early_stage", "both")


@dataclass(frozen=True, slots=True)
class TreatmentModel:
    """Two covariates that move death and the start of treatment; hazards are constant given them.

    Attributes
    ----------
    log_hazard_ratio : float
        Of death from the start of treatment on; 0: treatment has no effect.
    death_rate, start_rate : float
        Hazards of a patient without either covariate, per month.
    on_death, on_start : tuple of float
        Log hazard ratios of the two covariates.
    shares : tuple of float
        How common they are.
    follow_up : tuple of float
        Months, least and most, between which follow-up ends at random.
    """

    log_hazard_ratio: float = 0.0
    death_rate: float = 0.05
    start_rate: float = 0.15
    on_death: tuple[float, float] = (0.9, -0.6)
    on_start: tuple[float, float] = (-0.9, 0.6)
    shares: tuple[float, float] = (0.4, 0.5)
    follow_up: tuple[float, float] = (12.0, 36.0)


def _patients(
    model: TreatmentModel, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw covariates, hazards of death and of starting, and the end of follow-up."""
    Z = (rng.random((n, 2)) < model.shares).astype(np.float64)
    death = model.death_rate * np.exp((Z * model.on_death).sum(axis=1))
    start = model.start_rate * np.exp((Z * model.on_start).sum(axis=1))
    return Z, death, start, rng.uniform(*model.follow_up, n)


def _death_times(
    death: np.ndarray, start: np.ndarray, log_hazard_ratio: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw the time of death; the hazard changes at the start of treatment."""
    lived = rng.exponential(size=death.size)
    before = death * start
    return np.where(
        lived <= before, lived / death, start + (lived - before) / (death * np.exp(log_hazard_ratio))
    )


def simulate_treatment_times(
    model: TreatmentModel, *, patients: int, seed: int, replicate: int
) -> TreatmentTimes:
    """Simulate a cohort; its covariates and their product describe both hazards fully.

    Parameters
    ----------
    model : TreatmentModel
    patients, seed, replicate : int
        The seed of a cohort depends on `seed` and its number alone.

    Returns
    -------
    TreatmentTimes
        In months. A start that would come after death or the end of follow-up is none.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(TREATMENT_STREAM, replicate)))
    Z, death, starting, end = _patients(model, patients, rng)
    start = rng.exponential(1.0 / starting)
    died = _death_times(death, start, model.log_hazard_ratio, rng)
    time = np.minimum(died, end)
    return treatment_times(
        time,
        died <= end,
        np.where(start < time, start, np.nan),
        np.column_stack([Z, Z[:, 0] * Z[:, 1]]),
        NAMES,
    )


def true_strategy_log_ratio(model: TreatmentModel, grace: float, *, patients: int, seed: int) -> float:
    """Return the log hazard ratio of a large trial of both strategies, all of whose patients comply.

    In one arm who has not started by the end of the grace period starts then; in the other starts within it
    are put off to a time after it, drawn from the same hazard. The ratio is that of a Cox model of the arm
    under the follow-up of the cohorts: it is an average over time, also of the time in which the arms are
    alike.

    Parameters
    ----------
    model : TreatmentModel
    grace : float
        Months.
    patients : int
        Of each arm.
    seed : int

    Returns
    -------
    float
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(TREATMENT_STREAM,)))
    times, events = [], []
    for treats in (False, True):
        _, death, starting, end = _patients(model, patients, rng)
        start = rng.exponential(1.0 / starting)
        # Constant hazards have no memory: a start after the grace period is one drawn anew from then on.
        strategy = np.minimum(start, grace) if treats else grace + start
        died = _death_times(death, strategy, model.log_hazard_ratio, rng)
        times.append(np.minimum(died, end))
        events.append(died <= end)
    time, event = np.concatenate(times), np.concatenate(events).astype(np.int64)
    arm = np.repeat([0, 1], patients)
    order = np.argsort(time, kind="stable")
    return float(log_ratio(time[order], event[order], arm[order]))
