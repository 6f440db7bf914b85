"""Simulated patients whose dose effect is known: margins, confounding and hazards come from the settings."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from survival_multiverse.estimators.limits import at_least
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.simulation_model import SimulatedVariable, Simulation
from survival_multiverse.settings.study import Covariate, Descriptive, Quantity, Study
from survival_multiverse.settings.values import OPTIONAL_ROLES

STREAM = 1
"""First spawn key of every random stream here, so that no other module's draws coincide with these."""

REFERENCE_PATIENTS = 20_000
"""Size of the reference population that fixes the baseline hazard and the dose's margin."""

Values = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class PotentialOutcomes:
    """Patients, and what each would have lived with the low and with the high dose.

    Attributes
    ----------
    patients
        The cohort as `simulate_cohort` gives it, row by row the same patients.
    time, event
        Column 0 with a dose below, column 1 with one at or above `dose_effect_from`, shape (patients, 2).
        Both have the patient's own survival variate and follow-up; the observed outcome is one of them.
    """

    patients: pd.DataFrame
    time: np.ndarray
    event: np.ndarray


def simulate_cohort(settings: Mapping[str, Any], study: Study, *, replicate: int = 0) -> pd.DataFrame:
    """Draw a cohort under a conditional proportional-hazards model.

    Every variable is a quantile of a latent standard normal, so margins are those given. The latent dose is
    moved by the baseline covariates (confounding) and rescaled to keep the dose's margin; a high dose moves
    the latent post-treatment covariates where `dose_changes_post_treatment` says so. Survival has hazard
    ``h0(t) * exp(lp)`` with a Weibull h0, drawn by inversion [1]_, so that a
    Cox model on all variables as given estimates `dose_hazard_ratio`. Censoring is uniform, independent of
    all else. The baseline hazard depends on the settings alone, never on the seed or the number of patients.

    Parameters
    ----------
    settings
        `cohort.simulation` of a validated configuration.
    study
        Names the columns, levels and roles, and gives the seed.
    replicate
        Number of the cohort among independent ones of the same seed.

    Returns
    -------
    DataFrame
        One row a patient under the configured column names, ready for `cohort.prepare_cohort`. Each variable
        has its own random stream: more patients extend a cohort, and leave the first ones as they were.

    References
    ----------
    .. [1] Bender R, Augustin T, Blettner M. Generating survival times to simulate Cox proportional hazards
       models. Statistics in Medicine 2005;24:1713–1723.
    """
    drawn = _read(settings)
    seed = (study.seed, replicate)
    values, high, scale = _draw(drawn, study, seed=seed)
    time, event = _outcomes(drawn, study, values, high, scale=scale, seed=seed)
    return _frame(drawn, study, values, time=time, event=event, seed=seed)


def potential_outcomes(settings: Mapping[str, Any], study: Study, *, replicate: int = 0) -> PotentialOutcomes:
    """Draw the patients of `simulate_cohort`, with the outcome of each under either dose.

    Only the direct effect of the dose differs between the two: all other variables stay as drawn.

    Parameters
    ----------
    settings, study, replicate
        As in `simulate_cohort`.

    Returns
    -------
    PotentialOutcomes
        The patients, and their times (in the study's unit) and events under either dose.

    Raises
    ------
    ValueError
        If the settings let the dose change post-treatment covariates, through which it would act too.
    """
    drawn = _read(settings)
    if drawn.dose_changes_post_treatment:
        raise ValueError("potential outcomes need `dose_changes_post_treatment` to be false")
    seed = (study.seed, replicate)
    values, high, scale = _draw(drawn, study, seed=seed)
    low_time, low_event = _outcomes(drawn, study, values, np.zeros_like(high), scale=scale, seed=seed)
    high_time, high_event = _outcomes(drawn, study, values, np.ones_like(high), scale=scale, seed=seed)
    time, event = np.where(high, high_time, low_time), np.where(high, high_event, low_event)
    return PotentialOutcomes(
        patients=_frame(drawn, study, values, time=time, event=event, seed=seed),
        time=np.column_stack([low_time, high_time]),
        event=np.column_stack([low_event, high_event]).astype(np.int64),
    )


def _read(settings: Mapping[str, Any]) -> Simulation:
    """Return the settings with their defaults, variables by their names in tables."""
    drawn = Simulation.read(settings)
    variables = {table_name(name): entry for name, entry in drawn.variables.items()}
    return drawn.model_copy(update={"variables": variables})


def _draw(settings: Simulation, study: Study, *, seed: tuple[int, int]) -> tuple[Values, np.ndarray, float]:
    """All variables, who has a high dose, and the scale of the baseline hazard."""
    reference = _reference(settings, study)
    values, high = _draw_variables(
        settings, study, seed=seed, patients=settings.patients, margin=reference["dose_margin"]
    )
    return values, high, reference["scale"]


def _outcomes(
    settings: Simulation,
    study: Study,
    values: Values,
    high: np.ndarray,
    *,
    scale: float,
    seed: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return observed time and event of patients with these doses, shape (patients,) each."""
    predictor = _linear_predictor(settings, study, values, high)
    shape = settings.weibull_shape
    exponential = -np.log(_uniform(seed, "survival time", len(high)))
    survival = scale * (exponential * np.exp(-predictor)) ** (1.0 / shape)
    shortest, longest = settings.follow_up
    censoring = shortest + (longest - shortest) * _uniform(seed, "follow-up", len(high))
    step = settings.time_step
    return np.maximum(_round_to(np.minimum(survival, censoring), step), step), survival <= censoring


def _reference(settings: Simulation, study: Study) -> dict[str, Any]:
    """Dose margin and Weibull scale of a fixed population: functions of the settings, not of the seed."""
    seed = (0, 0)
    patients = REFERENCE_PATIENTS
    drawn = _baseline(settings, study, seed=seed, patients=patients)
    latent = _latent_dose(settings, *drawn, seed, patients)
    margin = (float(np.mean(latent)), float(np.std(latent)))
    values, high = _draw_variables(settings, study, seed=seed, patients=patients, margin=margin)
    hazards = np.exp(_linear_predictor(settings, study, values, high))
    # S(median) = mean of exp(-H0(median) * hazards) = 1/2 gives H0(median) = (median / scale) ** shape.
    log_cumulative = brentq(lambda x: np.mean(np.exp(-math.exp(x) * hazards)) - 0.5, -60.0, 60.0, xtol=1e-12)
    scale = settings.median_survival / math.exp(log_cumulative / settings.weibull_shape)
    return {"dose_margin": margin, "scale": scale}


def _draw_variables(
    settings: Simulation,
    study: Study,
    *,
    seed: tuple[int, int],
    patients: int,
    margin: tuple[float, float],
) -> tuple[Values, np.ndarray]:
    """Draw all variables (numbers, or level codes) and who has a high dose, each of shape (patients,)."""
    values, names = _baseline(settings, study, seed=seed, patients=patients)
    latent = (_latent_dose(settings, values, names, seed, patients) - margin[0]) / margin[1]
    values["dose"] = _quantile(settings.variables["dose"], latent)
    high = at_least(values["dose"], settings.dose_effect_from)
    for name, covariate in study.covariates.items():
        if covariate.role == "post_treatment":
            entry = settings.variables[name]
            shift = entry.dose_effect if settings.dose_changes_post_treatment else 0.0
            values[name] = _quantile(entry, _normal(seed, name, patients) + shift * high)
    for descriptive in study.descriptives:
        name = descriptive.name
        values[name] = _category(settings.variables[name], _uniform(seed, name, patients))
    return values, high


def _baseline(
    settings: Simulation, study: Study, *, seed: tuple[int, int], patients: int
) -> tuple[Values, list[str]]:
    names = [*_optional(study), *(name for name, item in study.covariates.items() if item.role == "baseline")]
    variables = settings.variables
    return {name: _quantile(variables[name], _normal(seed, name, patients)) for name in names}, names


def _latent_dose(
    settings: Simulation, values: Values, names: list[str], seed: tuple[int, int], patients: int
) -> np.ndarray:
    latent = _normal(seed, "dose", patients)
    for name in names:
        latent += _effect(settings.variables[name], "dose_shift", values[name])
    return latent


def _linear_predictor(settings: Simulation, study: Study, values: Values, high: np.ndarray) -> np.ndarray:
    """Log hazard relative to the baseline."""
    predictor = math.log(settings.dose_hazard_ratio) * high
    for name in (*_optional(study), *study.covariates):
        predictor = predictor + _effect(settings.variables[name], "hazard_ratio", values[name])
    return predictor


def _optional(study: Study) -> dict[str, Quantity]:
    """Return the roles that the study has of those that a cohort may do without."""
    return {role: own for role in OPTIONAL_ROLES if (own := getattr(study, role)) is not None}


def _effect(
    entry: SimulatedVariable, key: Literal["hazard_ratio", "dose_shift"], values: np.ndarray
) -> np.ndarray | float:
    """Contribution of one variable: per level, above a limit, or per unit from its centre."""
    size = np.log(entry.hazard_ratio) if key == "hazard_ratio" else np.asarray(entry.dose_shift)
    if size.ndim:
        return size[values]
    if size == 0.0:
        return 0.0
    if entry.effect_from is not None:
        return size * at_least(values, entry.effect_from)
    centre = np.dot(_heaps(entry), _shares(entry)) if entry.median is None else entry.median
    return size * (values - centre)


def _quantile(entry: SimulatedVariable, latent: np.ndarray) -> np.ndarray:
    """Value of a variable at a latent standard normal; the level code of a categorical one."""
    if entry.probabilities is not None:
        codes = _category(entry, ndtr(latent))
        return codes if entry.values is None else _heaps(entry)[codes]
    lowest, highest, centre, sd = cast(
        tuple[float, ...], (entry.minimum, entry.maximum, entry.median, entry.sd)
    )
    low, high = lowest, highest
    if entry.distribution == "log_normal":
        low, high, centre = math.log(low), math.log(high), math.log(centre)
    # Truncation by mapping onto the share of the distribution between the limits: no heap at either.
    below, upto = ndtr((low - centre) / sd), ndtr((high - centre) / sd)
    values = centre + sd * ndtri(below + (upto - below) * ndtr(latent))
    values = np.exp(values) if entry.distribution == "log_normal" else values
    values = values if entry.step is None else _round_to(values, entry.step)
    return np.clip(values, lowest, highest)


def _heaps(entry: SimulatedVariable) -> np.ndarray:
    return np.asarray(entry.values, dtype=np.float64)


def _shares(entry: SimulatedVariable) -> np.ndarray:
    return np.asarray(entry.probabilities, dtype=np.float64)


def _category(entry: SimulatedVariable, uniform: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.cumsum(_shares(entry))[:-1], uniform, side="right")


def _frame(
    settings: Simulation,
    study: Study,
    values: Values,
    *,
    time: np.ndarray,
    event: np.ndarray,
    seed: tuple[int, int],
) -> pd.DataFrame:
    """Return the columns as a user's file would have them."""
    columns: dict[str, Any] = {}
    if study.id_column:
        columns[study.id_column] = np.arange(1, len(time) + 1)
    columns[study.time.column] = time
    columns[study.event.column] = event.astype(np.int64)
    words: dict[str, Any] = {
        name: item.levels for name, item in study.covariates.items() if item.type == "categorical"
    }
    words |= {item.name: settings.variables[item.name].values for item in study.descriptives}
    named: dict[str, Quantity | Covariate | Descriptive]
    named = {"dose": study.dose, **_optional(study), **study.covariates}
    named |= {item.name: item for item in study.descriptives}
    for name, item in named.items():
        column = np.asarray(words[name], dtype=object)[values[name]] if name in words else values[name]
        share = settings.variables[name].missing
        if share:
            gone = _uniform(seed, f"missing {name}", len(time)) < share
            gap: Any = None if name in words else np.nan
            column = np.where(gone, gap, column)
        columns[item.column] = column
    return pd.DataFrame(columns)


def _round_to(values: np.ndarray, step: float) -> np.ndarray:
    """Round to multiples of a step, without the digits of binary fractions (0.3, not 0.30000000000000004)."""
    return np.round(np.rint(values / step) * step, 10)


def _generator(seed: tuple[int, int], name: str) -> np.random.Generator:
    """Return each name's own random generator, so that adding a covariate changes no other draws."""
    key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")
    return np.random.default_rng(np.random.SeedSequence(seed[0], spawn_key=(STREAM, seed[1], key)))


def _normal(seed: tuple[int, int], name: str, patients: int) -> np.ndarray:
    return _generator(seed, name).standard_normal(patients)


def _uniform(seed: tuple[int, int], name: str, patients: int) -> np.ndarray:
    """Draw uniform numbers on (0, 1], so that their logarithms are finite."""
    return 1.0 - _generator(seed, name).random(patients)
