"""Times of treatment in the patients' file: their checks, and the columns that they become."""

from collections.abc import Iterator, Mapping

import numpy as np

from survival_multiverse.cohort.cohort_checks import Field, told_rows
from survival_multiverse.cohort.treatment_course import COMPLETION, RECEIVED, START, derived_completion
from survival_multiverse.estimators.curves import timefix
from survival_multiverse.settings.cohort_models import Treatment
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.treatment_checks import RATES, SO_FAR, TIMES


def treatment_fields(study: Study) -> list[Field]:
    """Return the columns that the times of treatment are read from; a cell may be empty."""
    if study.treatment is None or not study.has_treatment_times:
        return []
    own = study.treatment
    columns = {
        f"treatment {name}": column.column
        for name in (*TIMES, SO_FAR)
        if (column := getattr(own, name)) is not None
    }
    columns |= {f"treatment {name}": rate for name in RATES if isinstance(rate := getattr(own, name), str)}
    return [
        Field(name, column, "number", "cohort.treatment", may_be_empty=True)
        for name, column in columns.items()
    ]


def treatment_columns(values: Mapping[str, np.ndarray], study: Study) -> dict[str, np.ndarray]:
    """Return start and, of a numeric exposure that takes time, completion of treatment; NaN: never treated.

    Parameters
    ----------
    values
        Parsed columns by field, shape (n,) each.
    study
        Says what is known of the treatment.

    Returns
    -------
    dict
        Arrays of shape (n,) under `START` and `COMPLETION`, in the unit of the survival time, and the dose so
        far under `RECEIVED` where the cohort has it; none where it has no times of treatment.
    """
    if study.treatment is None or not study.has_treatment_times:
        return {}
    received = {RECEIVED: values[RECEIVED]} if study.treatment.dose_so_far is not None else {}
    dose = received.get(RECEIVED, values["dose"])
    start = values.get(START, np.where(dose > 0, 0.0, np.nan))
    if study.treatment.completion is not None:
        completion = values[COMPLETION]
    elif study.treatment.derived:
        fraction, per_week = (_rate(values, study.treatment, name) for name in RATES)
        completion = start + derived_completion(dose, fraction, per_week, study.time.unit)
    else:
        return {START: start, **received}
    return {START: start, COMPLETION: np.where(np.isnan(start), np.nan, completion), **received}


def _rate(values: Mapping[str, np.ndarray], own: Treatment, name: str) -> np.ndarray | float:
    given = getattr(own, name)
    return values[f"treatment {name}"] if isinstance(given, str) else float(given)


def treatment_faults(
    values: Mapping[str, np.ndarray], study: Study, *, rows: np.ndarray, kept: np.ndarray
) -> list[str]:
    """Return one line for each way in which times of treatment are impossible, or do not fit the exposure.

    Parameters
    ----------
    values
        Parsed columns by field, shape (rows,) each.
    study
        Says what is known of the treatment.
    rows
        Number of each row in the file, shape (rows,).
    kept
        Rows that stay after the eligibility criteria, shape (rows,).
    """
    needed = {"time", "dose", *(field.name for field in treatment_fields(study))}
    if not (study.treatment is not None and study.has_treatment_times and needed <= set(values)):
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = treatment_columns(values, study)
    return [
        f"{fault} in {told_rows(rows[wrong & kept])}; {remedy}"
        for fault, wrong, remedy in _wrong(values, columns, study)
        if (wrong & kept).any()
    ]


Wrong = Iterator[tuple[str, np.ndarray, str]]


def _wrong(values: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray], study: Study) -> Wrong:
    """Yield what may be wrong, in which rows (a mask), and what to do about it."""
    own = study.treatment
    assert own is not None
    time, dose, start = values["time"], values["dose"], columns[START]
    if own.start is not None:
        where = f"column `{own.start.column}` (start of treatment)"
        yield f"{where}: negative", start < 0, "count it from time zero, as the survival time"
        yield (
            f"{where}: after the survival time",
            _after(start, time),
            "correct it, or leave it empty: who is treated after the event was not treated before it",
        )
        if own.dose_so_far is None:
            yield from _of_the_exposure(where, dose, np.isnan(start), study)
    if own.dose_so_far is not None:
        yield from _of_the_dose_so_far(columns, dose, study)
    for name in RATES:
        rate = getattr(own, name)
        if isinstance(rate, str):
            given = values[f"treatment {name}"]
            wrong = ~np.isnan(start) & (columns.get(RECEIVED, dose) > 0) & ~(given > 0)
            yield f"column `{rate}` ({name.replace('_', ' ')}): none above 0", wrong, "give it of all treated"
    if COMPLETION in columns:
        yield from _of_completion(columns, time, study)


def _of_the_exposure(where: str, dose: np.ndarray, never: np.ndarray, study: Study) -> Wrong:
    if study.exposure_levels:
        untreated, treated = study.exposure_levels[:2]
        yield (
            f"{where}: none, though column `{study.dose.column}` says {treated},",
            never & (dose == 1),
            f"give the start, or the level {untreated}",
        )
        yield (
            f"{where}: given, though column `{study.dose.column}` says {untreated},",
            ~never & (dose == 0),
            f"leave it empty, or give the level {treated}",
        )
        return
    yield (
        f"{where}: none, though column `{study.dose.column}` (dose) is above 0,",
        never & (dose > 0),
        "give the start of all treated patients, or the dose 0",
    )


def _of_the_dose_so_far(columns: Mapping[str, np.ndarray], dose: np.ndarray, study: Study) -> Wrong:
    own, start, received = study.treatment, columns[START], columns[RECEIVED]
    assert own is not None
    assert own.dose_so_far is not None
    where = f"column `{own.dose_so_far.column}` (dose so far)"
    highest = np.inf if study.dose.range is None else study.dose.range[1]
    yield f"{where}: negative", received < 0, "give the dose that was received, 0 if none was"
    yield f"{where}: above {highest:.15g}", received > highest, "correct it, or cohort.dose.range"
    yield (
        f"{where}: above the dose in column `{study.dose.column}`",
        received > dose * (1 + 1e-9),
        "the dose is the planned total; correct one of them",
    )
    if own.start is None:
        none = np.isnan(received) & (dose > 0)
        yield f"{where}: none, though the dose is above 0,", none, "give the dose received, 0 if none was"
        return
    begun = f"column `{own.start.column}` (start of treatment)"
    yield (
        f"{where}: above 0, though {begun} is empty,",
        np.isnan(start) & (received > 0),
        "give the start of all who received some",
    )
    yield (
        f"{where}: none above 0, though {begun} is given,",
        ~np.isnan(start) & ~(received > 0),
        "give the dose received, or leave the start empty",
    )


def _of_completion(columns: Mapping[str, np.ndarray], time: np.ndarray, study: Study) -> Wrong:
    own, start, completion = study.treatment, columns[START], columns[COMPLETION]
    assert own is not None
    if own.completion is None:
        yield (
            f"cohort.treatment: the {'total dose' if own.dose_so_far is None else 'dose so far'}, with its "
            "fractions, would be complete after the survival time",
            _after(completion, time),
            "give fraction_dose and fractions_per_week as columns, completion as dated, or the dose that was "
            "given",
        )
        return
    where = f"column `{own.completion.column}` (completion of treatment)"
    yield (
        f"{where}: none, though treatment starts,",
        ~np.isnan(start) & np.isnan(completion),
        ("give the time of the last dose of all treated patients"),
    )
    yield f"{where}: before the start", completion < start, "correct one of them"
    yield f"{where}: after the survival time", _after(completion, time), "give the time of the last dose"


def _after(when: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return where one time comes after another, tied as the analysis will have them."""
    known = np.isfinite(when) & np.isfinite(time)
    fixed = timefix(np.column_stack([when, time])[known].ravel()).reshape(-1, 2)
    found = np.zeros(len(time), dtype=bool)
    found[known] = fixed[:, 0] > fixed[:, 1]
    return found
