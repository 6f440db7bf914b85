"""Sensitivity to an unmeasured binary confounder, as a surface, with the measured covariates placed on it."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survival_multiverse.cohort.sample import GTV_LEVELS
from survival_multiverse.inference.specification_summary import headline
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import STATUS_REASON, Estimator, Status
from survival_multiverse.settings.study import Study

DIFFERENCES = 21
"""Prevalence differences of the surface, evenly spaced over all that the mean prevalence allows."""
CONFOUNDER_RATIOS = tuple(2.0 ** (step / 4) for step in range(13))
"""Hazard ratios of the hidden confounder on the surface: 1 to 8, evenly spaced as logarithms.

One below 1 is that of the other level, whose prevalence differs the other way round.
"""
SURFACE_COLUMNS = (
    *("estimator", "adjustment_set", "prevalence_difference", "confounder_hazard_ratio", "bias_factor"),
    *("corrected_hazard_ratio", "corrected_ci_lower", "corrected_ci_upper", "status", "reason"),
)
COUNTS = ("with_0", "without_0", "with_1", "without_1")
PLACE = ("prevalence_0", "prevalence_1", "prevalence_difference", "bias_factor")
COVARIATE_COLUMNS = ("variable", "level", "model", *COUNTS, *PLACE, "hazard_ratio", "status", "reason")
NOT_BINARY = "it does not divide the patients in two"


def bias_factor(
    confounder_hazard_ratio: npt.ArrayLike, prevalence_0: npt.ArrayLike, prevalence_1: npt.ArrayLike
) -> np.ndarray:
    """Return the factor by which an unmeasured binary confounder multiplies a hazard ratio [1]_ [2]_.

    (1 + (g - 1) p1) / (1 + (g - 1) p0). It is exact for a risk ratio, and for a hazard ratio as the risk of
    the event goes to 0. If most patients have the event it overstates the bias of a strong confounder, as
    those with the higher hazard leave the risk sets first. The confounder is independent of the other
    covariates within the arms, and its hazard ratio is the same in both.

    Parameters
    ----------
    confounder_hazard_ratio
        g, of those with the confounder against those without it, within the arms; above 0.
    prevalence_0, prevalence_1
        Shares with the confounder in arms 0 and 1; they broadcast with g.

    Returns
    -------
    np.ndarray
        The observed hazard ratio divided by it is the corrected one.

    References
    ----------
    .. [1] Lin DY, Psaty BM, Kronmal RA. Assessing the sensitivity of regression results to unmeasured
       confounders in observational studies. Biometrics 1998;54:948–963.
    .. [2] Schneeweiss S. Sensitivity analysis and external adjustment for unmeasured confounders in
       epidemiologic database studies of therapeutics. Pharmacoepidemiology and Drug Safety 2006;15:291–303.
    """
    excess = np.asarray(confounder_hazard_ratio, dtype=np.float64) - 1.0
    low, high = (np.asarray(share, dtype=np.float64) for share in (prevalence_0, prevalence_1))
    return np.asarray((1.0 + excess * high) / (1.0 + excess * low))


def largest_difference(mean_prevalence: float) -> float:
    """Return the largest difference between two shares with a given mean, from 0 to 1."""
    return 2.0 * min(mean_prevalence, 1.0 - mean_prevalence)


def explaining_difference(
    hazard_ratio: float, confounder_hazard_ratio: npt.ArrayLike, *, mean_prevalence: float
) -> np.ndarray:
    """Return the difference in prevalence, arm 1 less arm 0, at which a hazard ratio is corrected to 1.

    The solution of `bias_factor` = hazard ratio for p0, p1 = m -+ d / 2: with a = 1 + (g - 1) m it is
    d = 2 a (HR - 1) / ((g - 1) (HR + 1)).

    Parameters
    ----------
    hazard_ratio
        An estimate, or a confidence limit.
    confounder_hazard_ratio
        g, shape (k,); above 0.
    mean_prevalence
        m, the mean of the shares in both arms.

    Returns
    -------
    np.ndarray
        Shape (k,); NaN where no difference that the mean allows is enough.
    """
    excess = np.asarray(confounder_hazard_ratio, dtype=np.float64) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (
            2.0 * (1.0 + excess * mean_prevalence) * (hazard_ratio - 1.0) / (excess * (hazard_ratio + 1.0))
        )
    most = largest_difference(mean_prevalence) * (1.0 + 1e-12)
    return np.where(np.abs(found) <= most, found, np.nan)


def limit_nearest_1(row: dict[str, Any]) -> float:
    """Return the confidence limit nearest 1 of a specification; NaN if its interval holds 1."""
    lower, upper = row["ci_lower"], row["ci_upper"]
    return float(lower) if lower > 1.0 else float(upper) if upper < 1.0 else math.nan


def primary_estimates_of(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the hazard ratios of the primary scenario: primary population, no landmark."""
    rows = headline(specifications[specifications["measure"] == RATIO.name], study)
    return rows[rows["is_primary"].astype(bool)]


def bias_tables(specifications: pd.DataFrame, primary: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Return `bias_surface` and `bias_covariates`, by name."""
    return {
        "bias_surface": bias_surface(specifications, study),
        "bias_covariates": bias_covariates(primary, study),
    }


def bias_surface(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return what each primary estimate becomes under hidden confounders, on a grid.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.
    study
        Names the primary scenario, and gives the mean prevalence that is held fixed.

    Returns
    -------
    pd.DataFrame
        Columns `SURFACE_COLUMNS`; an estimate that could not be made is one row with its status.
    """
    mean = study.analysis.confounder_prevalence
    half = largest_difference(mean) / 2.0
    differences = 2.0 * half * np.linspace(-1.0, 1.0, DIFFERENCES)
    grid = pd.DataFrame(
        [(d, g) for d in differences for g in CONFOUNDER_RATIOS],
        columns=["prevalence_difference", "confounder_hazard_ratio"],
    )
    low, high = (mean + sign * grid["prevalence_difference"] / 2.0 for sign in (-1.0, 1.0))
    grid["bias_factor"] = bias_factor(grid["confounder_hazard_ratio"], low, high)
    parts = []
    for row in primary_estimates_of(specifications, study).to_dict("records"):
        own = {name: row[name] for name in ("estimator", "adjustment_set", "status", "reason")}
        if row["status"] == str(Status.OK):
            corrected = {
                f"corrected_{name}": value / grid["bias_factor"]
                for name, value in (
                    ("hazard_ratio", row["estimate"]),
                    ("ci_lower", row["ci_lower"]),
                    ("ci_upper", row["ci_upper"]),
                )
            }
            parts.append(grid.assign(**corrected, **own))
        else:
            parts.append(pd.DataFrame([own]))
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return whole.reindex(columns=list(SURFACE_COLUMNS))


def bias_covariates(primary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Place the measured baseline covariates on the surface: those that divide the patients in two.

    Of each, the level with the higher hazard counts as present. Its hazard ratio is that of the Cox model of
    the arm and the primary adjustment set if the set holds it, else of the covariate alone; its prevalence
    is that in the arms before matching and weighting, of those whose value is known.

    Parameters
    ----------
    primary
        All rows of the primary scenario.
    study
        Names the covariates and their levels.

    Returns
    -------
    pd.DataFrame
        One row a covariate, columns `COVARIATE_COLUMNS`; `bias_factor` is what leaving it out would have
        multiplied the hazard ratio by. One that is not placed has a status and a reason.
    """
    here = primary[
        (primary["population"] == study.primary_population)
        & (primary["landmark"] == 0)
        & primary["subgroup"].isna()
    ]
    rows = [_placed(here, study, name, levels) for name, levels in _baseline(study)]
    return with_prevalences(pd.DataFrame(rows, columns=list(COVARIATE_COLUMNS)))


def _baseline(study: Study) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the baseline covariates as the primary scenario codes them, with their levels; size, too."""
    for covariate in study.under(study.primary).covariates.values():
        if covariate.role == "baseline":
            yield covariate.name, covariate.levels
    if study.gtv:
        yield "gtv", GTV_LEVELS


def _placed(rows: pd.DataFrame, study: Study, name: str, levels: tuple[str, ...]) -> dict[str, Any]:
    """Return counts and hazard ratio of the level with the higher hazard, or why there are none."""
    if len(levels) != 2:
        return {"variable": name, "status": str(Status.NOT_APPLICABLE), "reason": NOT_BINARY}
    model, ratio, status = _hazard_ratio(rows, study, name, levels)
    if status != str(Status.OK):
        reason = STATUS_REASON[Status(status)]
        return {"variable": name, "model": model, "status": status, "reason": reason}
    counts = rows[(rows["analysis"] == "descriptive") & (rows["variable"] == name)]
    counts = counts[counts["estimator"] == str(Estimator.UNADJUSTED)]
    known = counts.drop_duplicates(["statistic", "level"]).set_index(["statistic", "level"])["estimate"]
    present = 1 if ratio >= 1.0 else 0
    cells = {
        f"{held}_{arm}": float(known.get((f"patients_{arm}", level), math.nan))
        for held, level in (("with", levels[present]), ("without", levels[1 - present]))
        for arm in (0, 1)
    }
    strength = max(ratio, 1.0 / ratio)
    own = {"variable": name, "level": levels[present], "model": model, "hazard_ratio": strength}
    return {**own, **cells, "status": status}


def _hazard_ratio(
    rows: pd.DataFrame, study: Study, name: str, levels: tuple[str, ...]
) -> tuple[str | None, float, str]:
    """Return the model, the hazard ratio of the second level against the first, and its status."""
    cox = rows[
        (rows["analysis"] == "cox") & (rows["statistic"] == "hazard_ratio") & (rows["ties"] == "efron")
    ]
    cox = cox[(cox["variable"] == name) & (cox["level"] == f"{levels[1]} vs {levels[0]}")]
    adjusted = cox[(cox["model"] == "adjusted") & (cox["adjustment_set"] == study.primary_set)]
    alone = cox[(cox["model"] == "univariate") & (cox["estimator"] == str(Estimator.UNADJUSTED))]
    for model, found in (("adjusted", adjusted), ("univariate", alone)):
        if len(found) and found["status"].iloc[0] == str(Status.OK):
            return model, float(found["estimate"].iloc[0]), str(Status.OK)
    failed = pd.concat([adjusted, alone])["status"]
    return None, math.nan, str(failed.iloc[0]) if len(failed) else str(Status.NOT_APPLICABLE)


def with_prevalences(covariates: pd.DataFrame, *, minimum: int = 1) -> pd.DataFrame:
    """Return the covariates with the prevalences that their counts make, and what follows of these.

    Parameters
    ----------
    covariates
        Columns `COVARIATE_COLUMNS`.
    minimum
        Where a count is below it and not 0, nothing is made of the row's counts.

    Returns
    -------
    pd.DataFrame
    """
    counts = covariates[list(COUNTS)].astype(np.float64)
    counts = counts.mask(((counts > 0) & (counts < minimum)).any(axis=1))
    shares = []
    for arm in (0, 1):
        known = counts[f"with_{arm}"] + counts[f"without_{arm}"]
        shares.append(counts[f"with_{arm}"] / known.where(known > 0))
    low, high = shares
    factor = bias_factor(covariates["hazard_ratio"].astype(np.float64), low, high)
    made = dict(zip(PLACE, (low, high, high - low, factor), strict=True))
    return covariates.assign(**made)
