"""Patients as arrays sorted by time, as every estimator takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from survival_multiverse.estimators.limits import at_least
from survival_multiverse.estimators.splines import quantile_knots, restricted_cubic_spline
from survival_multiverse.kernels.arms import arm_counts
from survival_multiverse.settings.schema import Population, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import OPTIONAL_ROLES, Cutoffs

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
    time, event, dose
        Shape (n,). An exposure in groups is coded 0 and 1.
    gtv, lesions
        Shape (n,), a gap is NaN; None where the study has no such role.
    factors, codes
        Covariates with levels and their codes, shape (factors, n); a gap is -1.
    names, values
        Continuous covariates, shape (n, continuous); a gap is NaN.
    notes, note_codes
        Descriptive columns with the levels seen, and their codes, shape (notes, n); a gap is -1.
    ids
        Patient ids, shape (n,); they never leave the library.
    rows
        Place of each in the canonical frame, shape (n,).
    knots
        Those of the covariates that enter models as a spline, by name.
    score_knots
        The same of the propensity score alone: at quantiles of the cohort.
    entry
        Time of each patient's entry, shape (n,), or None where all are under observation from time 0.
    """

    time: np.ndarray
    event: np.ndarray
    dose: np.ndarray
    gtv: np.ndarray | None
    lesions: np.ndarray | None
    factors: tuple[Factor, ...]
    codes: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    notes: tuple[Factor, ...]
    note_codes: np.ndarray
    ids: np.ndarray
    rows: np.ndarray
    knots: Mapping[str, tuple[float, ...]]
    score_knots: Mapping[str, tuple[float, ...]]
    entry: np.ndarray | None = None


def encode_cohort(patients: pd.DataFrame, study: Study) -> Cohort:
    """Return the arrays of the canonical patients' frame (see `cohort.prepare_cohort`).

    Parameters
    ----------
    patients
        Canonical frame, one row a patient.
    study
        Names covariates and their levels; as `Study.under` has it for the options of a scenario.

    Returns
    -------
    Cohort
        The patients whom these options keep, in ascending time.
    """
    time, event = f"time{study.endpoint}", f"event{study.endpoint}"
    exposure = study.exposure or "dose"
    rows = np.flatnonzero(_kept(patients, study, (time, event, exposure)))
    patients = patients.iloc[rows]
    order = np.lexsort((patients["patient_id"].to_numpy(dtype=object).astype(str), patients[time]))
    patients = patients.iloc[order]
    grouped = [covariate for covariate in study.covariates.values() if covariate.levels]
    continuous = [covariate for covariate in study.covariates.values() if covariate.type == "continuous"]
    codes = np.full((len(grouped), len(patients)), MISSING, dtype=np.int64)
    for row, covariate in zip(codes, grouped, strict=True):
        column = patients[covariate.name]
        if covariate.joined:
            column = column.replace(dict(covariate.joined))
        if covariate.type == "categorical" or covariate.cut is None:
            row[:] = pd.Categorical(column, categories=list(covariate.levels)).codes
        else:
            known = column.notna().to_numpy()
            row[known] = at_least(column.to_numpy(dtype=np.float64)[known], covariate.cut)
    values = [patients[covariate.name].to_numpy(dtype=np.float64) for covariate in continuous]
    notes = [pd.Categorical(patients[note.name]) for note in study.descriptives]
    return Cohort(
        time=patients[time].to_numpy(dtype=np.float64),
        event=patients[event].to_numpy(dtype=np.int64),
        dose=exposure_codes(patients[exposure].to_numpy(dtype=np.float64), study),
        gtv=patients["gtv"].to_numpy(dtype=np.float64) if study.gtv else None,
        lesions=patients["lesions"].to_numpy(dtype=np.float64) if study.lesions else None,
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
        rows=rows[order],
        knots={covariate.name: covariate.knots for covariate in continuous if covariate.knots},
        score_knots=_score_knots(patients, study),
        entry=patients["entry"].to_numpy(dtype=np.float64) if study.entry else None,
    )


def _score_knots(patients: pd.DataFrame, study: Study) -> dict[str, tuple[float, ...]]:
    """Return knots of what enters the score as a number, at quantiles of the patients who have a value."""
    if not study.score_splines:
        return {}
    numbers = [covariate.name for covariate in study.covariates.values() if not covariate.levels]
    numbers += ["lesions"] if study.lesions else []
    return {name: quantile_knots(patients[name].dropna().to_numpy(dtype=np.float64)) for name in numbers}


def _kept(patients: pd.DataFrame, study: Study, needed: Sequence[str]) -> np.ndarray:
    """Return the mask of the patients whom the options keep, shape (n,)."""
    kept = patients[list(needed)].notna().all(axis=1).to_numpy()
    for name in study.filters:
        kept &= patients[name].to_numpy() == 1
    if study.compared:
        codes = [study.exposure_levels.index(level) for level in study.compared]
        kept &= patients["dose"].isin(codes).to_numpy()
    if study.every_covariate:
        roles = [role for role in OPTIONAL_ROLES if getattr(study, role)]
        kept &= patients[[*roles, *study.covariates]].notna().all(axis=1).to_numpy()
    return kept


def exposure_codes(values: np.ndarray, study: Study) -> np.ndarray:
    """Return the exposure as it is analysed: of two compared groups 0 and 1, and NaN in the others.

    Parameters
    ----------
    values
        The exposure of the canonical frame, shape (n,).
    study
        Says which groups are compared.

    Returns
    -------
    np.ndarray
        Shape (n,).
    """
    if not study.compared:
        return values
    low, high = (study.exposure_levels.index(level) for level in study.compared)
    return np.select([values == low, values == high], [0.0, 1.0], np.nan)


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
    knots
        Those of the covariates that enter models as a spline, by name.
    score_knots
        The same of the propensity score alone: at quantiles of the cohort.
    entry
        Time of each patient's entry, shape (n,), or None where all are under observation from time 0.
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
    knots: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    score_knots: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    entry: np.ndarray | None = None

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
            self.knots,
            self.score_knots,
            None if self.entry is None else self.entry[rows],
        )

    def entry_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the entries of some patients (a mask or positions), or None where nobody enters late."""
        return None if self.entry is None else self.entry[rows]

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


def whole_sample(cohort: Cohort, cutoffs: Cutoffs) -> Sample:
    """Return all patients with the groupings that these cutoffs make.

    Parameters
    ----------
    cohort
        All patients, from `encode_cohort`.
    cutoffs
        Of count, exposure and size, each in its unit.

    Returns
    -------
    Sample
        In ascending time.
    """
    groups, levels, names, values = [], [], [], []
    for name, measured_values, cutoff, own in (
        ("gtv", cohort.gtv, cutoffs.gtv, Factor("gtv", GTV_LEVELS, True)),
        ("lesions", cohort.lesions, cutoffs.lesions, Factor("state", STATE_LEVELS, True)),
    ):
        if measured_values is not None:
            gap = np.isnan(measured_values)
            groups.append(np.where(gap, MISSING, at_least(measured_values, cutoff)).astype(np.int64))
            levels.append(own)
            names.append(name)
            values.append(measured_values)
    return Sample(
        index=np.arange(len(cohort.time)),
        time=cohort.time,
        event=cohort.event,
        arm=at_least(cohort.dose, cutoffs.dose).astype(np.int64),
        factors=(*cohort.factors, *levels),
        codes=np.vstack([cohort.codes, *groups]).astype(np.int64),
        names=(*cohort.names, *names),
        values=np.column_stack([cohort.values, *values]),
        notes=cohort.notes,
        note_codes=cohort.note_codes,
        knots=cohort.knots,
        score_knots=cohort.score_knots,
        entry=cohort.entry,
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


def design_matrix(
    sample: Sample, names: Sequence[str], *, score: bool = False
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Return the columns of a model, and (variable, contrast) of each.

    Groupings give an indicator for each level but the reference; other covariates enter linearly, or as a
    restricted cubic spline where they are coded so.

    Parameters
    ----------
    sample
        Patients without gaps in these variables.
    names
        Variables of the model, among them ``arm``.
    score
        Whether the model is a propensity score, which may have splines of its own.

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
            values = sample.values[:, sample.names.index(name)]
            knots = sample.knots.get(name) or (sample.score_knots.get(name, ()) if score else ())
            if not knots:
                columns.append(values)
                terms.append((name, "per unit"))
                continue
            basis = restricted_cubic_spline(values, knots)
            columns += list(basis.T)
            terms += [(name, f"spline term {term}") for term in range(1, basis.shape[1] + 1)]
    matrix = np.empty((len(sample), len(columns)))
    for j, column in enumerate(columns):
        matrix[:, j] = column
    return matrix, terms
