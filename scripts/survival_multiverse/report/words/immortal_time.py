"""What the page says of the time before treatment: ways to deal with it, or why there are none."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.cohort.treatment_course import derived_completion
from survival_multiverse.emulation.method_names import Method
from survival_multiverse.report.style.formats import display_unit, format_ratio
from survival_multiverse.report.words.labels import in_sentence, variable_label, with_unit
from survival_multiverse.report.words.table_cells import is_number, set_label
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study

_NAIVE = (
    "Four ways to deal with the time before it stand side by side in every scenario. They are a decision of "
    "their own: each estimates something else, so they are never pooled. The naive contrast takes treatment "
    "as known at time zero (Suissa 2008)."
)
_LANDMARKS = "Landmarks compare who is treated by then with who is not (Anderson, Cain and Gelber 1983)."
_TIME_DEPENDENT = "A time-dependent exposure counts patients as treated from then on (Crowley and Hu 1977)."
_CLONES = (
    "Clones of each patient follow two strategies: treated within a grace period, or not. They are censored "
    "when they leave their strategy (Maringe and others 2020). Weights make up "
    "for it. They come from a logistic model of treatment by the end of the period among those alive then. "
    "For the clones without it they come from a Cox model of its start, with a product-limit baseline. "
    "Errors of clones are robust, by patient, and take the weights as known."
)
WAY_LABELS = {
    Method.NAIVE: "Naive",
    Method.LANDMARK: "Landmark",
    Method.TIME_DEPENDENT: "Time-dependent treatment",
    Method.CLONE_CENSOR_WEIGHT: "Clones",
}
CREDITED, NOT_CREDITED = "Counts time before treatment as treated", "Does not"


def method_label(row: Mapping[str, Any], study: Study) -> str:
    """Return what the page calls a way to deal with the time before treatment.

    Parameters
    ----------
    row
        Of the table ``immortal_time``: method and parameter.
    study
        Gives the unit of time.

    Returns
    -------
    str
    """
    when = with_unit(row["parameter"], study.time.unit) if is_number(row["parameter"]) else ""
    return {
        str(Method.NAIVE): "Naive: treated at any time",
        str(Method.LANDMARK): f"Landmark at {when}",
        str(Method.TIME_DEPENDENT): "Time-dependent treatment",
        str(Method.CLONE_CENSOR_WEIGHT): f"Clones, treated within {when}",
    }[row["method"]]


def _ratio_of(table: pd.DataFrame, method: Method) -> float | None:
    primary = table["is_primary"].astype(bool)
    rows = table[primary & (table["method"] == method) & (table["status"] == Status.OK)]
    return float(rows["hazard_ratio"].iloc[0]) if len(rows) else None


def treatment_caution(table: pd.DataFrame | None, study: Study) -> list[str]:
    """Return what speaks against a claim that counts the time before treatment as treated, if it flatters.

    Parameters
    ----------
    table
        ``immortal_time``, or None where the study has no times of treatment.
    study
        Names the arms.

    Returns
    -------
    list of str
        One sentence, or none: an exposure that is planned at time zero counts no time before treatment.
    """
    found = credited_ratios(table, study)
    if found is None:
        return []
    naive, late = map(format_ratio, found)
    return [
        f"Time before treatment is counted as treated: hazard ratio {naive}; counted from its start, {late}."
    ]


def credited_ratios(table: pd.DataFrame | None, study: Study) -> tuple[float, float] | None:
    """Return the naive hazard ratio and that of treatment from its start; None unless the naive one flatters.

    Parameters
    ----------
    table, study
        As of `treatment_caution`.

    Returns
    -------
    tuple of float, or None
    """
    if table is None or study.dose_is_planned:
        return None
    naive, late = (_ratio_of(table, method) for method in (Method.NAIVE, Method.TIME_DEPENDENT))
    return None if naive is None or late is None or naive >= late else (naive, late)


def no_treatment_times(specifications: pd.DataFrame, study: Study) -> str:
    """Say why reconstructed patients can't be followed from their treatment, and what landmarks can show.

    Parameters
    ----------
    specifications
        The analyses, whose landmarks say how long everybody is followed.
    study
        Gives the cutoff, and the fractions of the dose.

    Returns
    -------
    str
        Two sentences; empty for other patients.
    """
    if study.source != "reconstructed":
        return ""
    text = "The paper prints no dates of treatment, so the time before it cannot be counted apart."
    needed, alive = _time_needed(study), everybody_alive(specifications, study)
    if needed is None or alive is None or needed > alive:
        return f"{text} Landmarks alone can stand in for it."
    cutoff = with_unit(study.primary_cutoffs.dose, study.dose.unit)
    return (
        f"{text} All patients survive the first {with_unit(alive, study.time.unit)} and {cutoff} takes "
        f"{needed:.1f} of them{_fractions(study)}: immortal is the time to what follows{_later(study)}; "
        "landmarks show it for those alive then, and cannot date it."
    )


def _fractions(study: Study) -> str:
    own = study.treatment
    assert own is not None
    fraction, per_week = own.fraction_dose, own.fractions_per_week
    return f" ({_number(fraction, study.dose.unit)} a fraction, {_number(per_week, 'a week')})"


def _later(study: Study) -> str:
    late = [name for name, own in study.covariates.items() if own.role == "post_treatment"]
    return f" ({', '.join(variable_label(study, name) for name in late)})" if late else ""


def _time_needed(study: Study) -> float | None:
    """Return how long the primary dose cutoff takes by its fractions; None where they are not known."""
    own = study.treatment
    if own is None or study.exposure_levels:
        return None
    fraction, per_week = own.fraction_dose, own.fractions_per_week
    if not (is_number(fraction) and is_number(per_week)):
        return None
    cutoff = study.primary_cutoffs.dose
    return float(derived_completion(cutoff, float(fraction), float(per_week), study.time.unit))


def everybody_alive(specifications: pd.DataFrame, study: Study) -> float | None:
    """Return the last landmark that everybody reaches, None if there is none.

    The unadjusted analysis of the primary scenario is the same there as without a landmark.
    """
    rows = specifications[
        (specifications["population"] == study.primary_population)
        & specifications["is_primary"].astype(bool)
        & (specifications["estimator"] == "unadjusted")
    ]
    numbers = rows.set_index("landmark")[["estimate", "std_error", "n", "events"]]
    numbers = numbers[~numbers.index.duplicated()]
    if 0.0 not in numbers.index or numbers.loc[0.0].isna().any():
        return None
    same = numbers.index[(numbers == numbers.loc[0.0]).all(axis=1)]
    return float(same.max()) if same.max() > 0 else None


def treatment_methods(study: Study) -> str:
    """Return the methods of the ways to deal with the time before treatment; empty without such times.

    Parameters
    ----------
    study
        Says what is known of the treatment.

    Returns
    -------
    str
    """
    if not study.has_treatment_times:
        return ""
    landmarks = _LANDMARKS if study.analysis.landmarks else ""
    covariates = (
        f"All use the covariates of “{set_label(study, study.primary_set)}”. Clones use them by their "
        "weights and give a marginal hazard ratio. The others hold them in a Cox model and give a "
        "conditional one."
    )
    parts = (_received(study), _NAIVE, landmarks, _TIME_DEPENDENT, _CLONES, covariates, _draws(study))
    return " ".join(part for part in parts if part)


def _received(study: Study) -> str:
    """Say when the exposure counts as received."""
    own, unit = study.treatment, display_unit(study.time.unit)
    assert own is not None
    if study.exposure_levels:
        assert own.start is not None
        label = _named(own.start)
        return f"Treatment begins after time zero ({in_sentence(label)}, {unit})."
    text = "The dose is taken to grow evenly from the start of treatment to its completion."
    if own.derived:
        fraction, per_week = own.fraction_dose, own.fractions_per_week
        rates = [
            f"the dose of a fraction in “{fraction}”"
            if isinstance(fraction, str)
            else f"{_number(fraction, study.dose.unit)} a fraction",
            f"the fractions a week in “{per_week}”"
            if isinstance(per_week, str)
            else f"{_number(per_week, 'fractions a week')}",
        ]
        of = "total dose" if own.dose_so_far is None else "dose received"
        text += f" Completion is not recorded; it is derived from the {of}, {' and '.join(rates)}."
    elif own.completion is None:
        text = "The whole dose counts as received at the start of treatment."
    if own.dose_so_far is not None:
        label = in_sentence(_named(own.dose_so_far))
        text += f" The dose is the one received ({label}); all other analyses compare the planned one."
    return f"{text} Patients count as treated when it reaches the cutoff."


def _number(value: object, unit: str) -> str:
    return with_unit(float(value), unit) if is_number(value) else ""


def _named(column: Any) -> str:
    return str(column.column if column.label is None else column.label)


def _draws(study: Study) -> str:
    draws = study.inference.bootstrap_draws
    if not draws:
        return ""
    return f"Percentile intervals of {draws:,} draws of patients, weights made anew, are in the table."
