"""Patients as arrays sorted by time, as every estimator takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from survival_multiverse.estimators.limits import at_least
from survival_multiverse.kernels.arms import arm_counts
from survival_multiverse.settings.schema import Population, Status
from survival_multiverse.settings.study import Study

GTV_LEVELS = ("below cutoff", "at or above cutoff")
STATE_LEVELS = (str(Population.OLIGOMETASTATIC), str(Population.NON_OLIGOMETASTATIC))
MISSING = -1


def reaches(time: np.ndarray, landmark: float) -> np.ndarray:
    """Return the mask of the times that are at least the landmark.

    Parameters
    ----------
    time
        Follow-up, shape (n,).
    landmark
        In the unit of `time`.

    Returns
    -------
    np.ndarray
        Mask, shape (n,).
    """
    return at_least(time, landmark)


def measured(study: Study) -> bool:
    """Return whether continuous values are the patients' own, not drawn within published categories.

    Parameters
    ----------
    study
        Says where the patients come from.

    Returns
    -------
    bool
    """
    return study.source != "reconstructed"


@dataclass(frozen=True, slots=True)
class Factor:
    """A grouping of patients: level names, the reference first."""

    name: str
    levels: tuple[str, ...]
    baseline: bool


@dataclass(frozen=True, slots=True)
class Cohort:
    """All patients in ascending time, ties in order of patient id.

    Attributes
    ----------
    time, event, dose, gtv, lesions
        Shape (n,). Gaps are NaN in `gtv` and `lesions`.
    factors, codes
        Covariates with levels and their codes, shape (factors, n); a gap is -1.
    names, values
        Continuous covariates, shape (n, continuous); a gap is NaN.
    notes, note_codes
        Descriptive columns with the levels seen, and their codes, shape (notes, n); a gap is -1.
    ids
        Patient ids, shape (n,); they never leave the library.
    """

    time: np.ndarray
    event: np.ndarray
    dose: np.ndarray
    gtv: np.ndarray
    lesions: np.ndarray
    factors: tuple[Factor, ...]
    codes: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    notes: tuple[Factor, ...]
    note_codes: np.ndarray
    ids: np.ndarray


def encode_cohort(patients: pd.DataFrame, study: Study) -> Cohort:
    """Return the arrays of the canonical patients' frame (see `cohort.prepare_cohort`).

    Parameters
    ----------
    patients
        Canonical frame, one row a patient.
    study
        Names covariates and their levels.

    Returns
    -------
    Cohort
        All patients, in ascending time.
    """
    order = np.lexsort((patients["patient_id"].to_numpy(dtype=object).astype(str), patients["time"]))
    patients = patients.iloc[order]
    grouped = [covariate for covariate in study.covariates.values() if covariate.levels]
    continuous = [covariate for covariate in study.covariates.values() if covariate.type == "continuous"]
    codes = np.full((len(grouped), len(patients)), MISSING, dtype=np.int64)
    for row, covariate in zip(codes, grouped, strict=True):
        column = patients[covariate.name]
        if covariate.type == "categorical" or covariate.cut is None:
            row[:] = pd.Categorical(column, categories=list(covariate.levels)).codes
        else:
            known = column.notna().to_numpy()
            row[known] = at_least(column.to_numpy(dtype=np.float64)[known], covariate.cut)
    values = [patients[covariate.name].to_numpy(dtype=np.float64) for covariate in continuous]
    notes = [pd.Categorical(patients[note.name]) for note in study.descriptives]
    return Cohort(
        time=patients["time"].to_numpy(dtype=np.float64),
        event=patients["event"].to_numpy(dtype=np.int64),
        dose=patients["dose"].to_numpy(dtype=np.float64),
        gtv=patients["gtv"].to_numpy(dtype=np.float64),
        lesions=patients["lesions"].to_numpy(dtype=np.float64),
        factors=tuple(Factor(c.name, c.levels, c.role == "baseline") for c in grouped),
        codes=codes,
        names=tuple(covariate.name for covariate in continuous),
        values=np.column_stack(values) if values else np.empty((len(patients), 0)),
        notes=tuple(
            Factor(note.name, tuple(map(str, column.categories)), False)
            for note, column in zip(study.descriptives, notes, strict=True)
        ),
        note_codes=np.array([column.codes for column in notes], dtype=np.int64).reshape(
            len(notes), len(patients)
        ),
        ids=patients["patient_id"].to_numpy(dtype=object),
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """Patients analysed together, in ascending time.

    Attributes
    ----------
    index
        Positions in the cohort, shape (n,).
    time, event, arm
        Shape (n,); arm 1 received at least the dose cutoff.
    factors, codes
        Groupings (covariates, the tumour volume, in the population of all also the metastatic state)
        and their codes, shape (factors, n).
    names, values
        Continuous columns, shape (n, continuous): covariates, then `gtv` and `lesions`.
    notes, note_codes
        Descriptive columns and their codes, shape (notes, n).
    pair
        Pair number, shape (n,), or None before matching.
    """

    index: np.ndarray
    time: np.ndarray
    event: np.ndarray
    arm: np.ndarray
    factors: tuple[Factor, ...]
    codes: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    notes: tuple[Factor, ...]
    note_codes: np.ndarray
    pair: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: np.ndarray | slice, *, pair: np.ndarray | None = None) -> "Sample":
        """Keep these rows (ascending positions, a mask or a slice); `pair` is aligned with the rows kept."""
        if pair is None and self.pair is not None:
            pair = self.pair[rows]
        # The constructor itself: `dataclasses.replace` takes longer than copying the rows.
        return Sample(
            self.index[rows],
            self.time[rows],
            self.event[rows],
            self.arm[rows],
            self.factors,
            np.ascontiguousarray(self.codes[:, rows]),
            self.names,
            self.values[rows],
            self.notes,
            self.note_codes[:, rows],
            pair,
        )

    def factor_codes(self, name: str) -> np.ndarray:
        """Return the codes of one grouping, shape (n,)."""
        return self.codes[self.position(name)]

    def position(self, name: str) -> int:
        """Return the row of a grouping in `codes`; raise ``ValueError`` if there is none of that name."""
        for row, factor in enumerate(self.factors):
            if factor.name == name:
                return row
        raise ValueError(f"no grouping named {name}")

    def has_levels(self, name: str) -> bool:
        """Return whether the covariate groups patients, rather than entering models as a number."""
        return any(factor.name == name for factor in self.factors)

    def ungrouped(self, name: str) -> "Sample":
        """Return the same patients with one covariate as it was measured, not by its levels."""
        kept = [row for row, factor in enumerate(self.factors) if factor.name != name]
        factors = tuple(self.factors[row] for row in kept)
        return replace(self, factors=factors, codes=np.ascontiguousarray(self.codes[kept]))

    def known(self, names: Sequence[str]) -> np.ndarray | None:
        """Return the mask of the patients in whom none of these is missing, or None if that is everybody."""
        mask = np.ones(len(self), dtype=bool)
        for name in names:
            if self.has_levels(name):
                mask &= self.factor_codes(name) >= 0
            elif name != "arm":
                mask &= ~np.isnan(self.values[:, self.names.index(name)])
        return None if mask.all() else mask

    def arm_status(self, minimum_events: int) -> Status:
        """Return ok, or why the arms cannot be compared."""
        low, high, deaths_low, deaths_high = arm_counts(self.event, self.arm)
        if min(low, high) == 0:
            return Status.EMPTY_ARM
        return Status.OK if min(deaths_low, deaths_high) >= minimum_events else Status.TOO_FEW_EVENTS


def whole_sample(cohort: Cohort, *, oligo_threshold: float, dose_cutoff: float, gtv_cutoff: float) -> Sample:
    """Return all patients with the groupings that these cutoffs make.

    Parameters
    ----------
    cohort
        All patients, from `encode_cohort`.
    oligo_threshold
        Number of lesions from which a patient is not oligometastatic.
    dose_cutoff
        Lowest dose of arm 1, in the unit of the dose.
    gtv_cutoff
        Lowest volume of the upper group, in the unit of the volume.

    Returns
    -------
    Sample
        In ascending time.
    """
    large = np.where(np.isnan(cohort.gtv), MISSING, at_least(cohort.gtv, gtv_cutoff))
    state = np.where(np.isnan(cohort.lesions), MISSING, at_least(cohort.lesions, oligo_threshold))
    return Sample(
        index=np.arange(len(cohort.time)),
        time=cohort.time,
        event=cohort.event,
        arm=at_least(cohort.dose, dose_cutoff).astype(np.int64),
        factors=(*cohort.factors, Factor("gtv", GTV_LEVELS, True), Factor("state", STATE_LEVELS, True)),
        codes=np.vstack([cohort.codes, large, state]).astype(np.int64),
        names=(*cohort.names, "gtv", "lesions"),
        values=np.column_stack([cohort.values, cohort.gtv, cohort.lesions]),
        notes=cohort.notes,
        note_codes=cohort.note_codes,
    )


def select_population(sample: Sample, population: Population) -> Sample:
    """Return the patients of a population; outside `all` the metastatic state is no grouping.

    Parameters
    ----------
    sample
        All patients, from `whole_sample`.
    population
        Which of them to keep.

    Returns
    -------
    Sample
        In ascending time.
    """
    if population is Population.ALL:
        return sample
    state = sample.factor_codes("state")
    wanted = STATE_LEVELS.index(str(population))
    kept = sample.take(state == wanted)
    return replace(kept, factors=kept.factors[:-1], codes=np.ascontiguousarray(kept.codes[:-1]))


def design_matrix(sample: Sample, names: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Return the columns of a model, and (variable, contrast) of each.

    Groupings give an indicator for each level but the reference; other covariates enter linearly.

    Parameters
    ----------
    sample
        Patients without gaps in these variables.
    names
        Variables of the model, among them ``arm``.

    Returns
    -------
    tuple
        Columns, shape (n, columns), and one pair of names for each.
    """
    columns, terms = [], []
    for name in names:
        if name == "arm":
            columns.append(sample.arm)
            terms.append(("arm", "1 vs 0"))
        elif sample.has_levels(name):
            levels = sample.factors[sample.position(name)].levels
            codes = sample.factor_codes(name)
            for code in range(1, len(levels)):
                columns.append(codes == code)
                terms.append((name, f"{levels[code]} vs {levels[0]}"))
        else:
            columns.append(sample.values[:, sample.names.index(name)])
            terms.append((name, "per unit"))
    matrix = np.empty((len(sample), len(columns)))
    for j, column in enumerate(columns):
        matrix[:, j] = column
    return matrix, terms
