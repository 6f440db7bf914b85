"""An attacker with all that is shared and an integer program: is a small count determined?

The counts are read from the released tables by the kinds that the schema declares, over scenarios,
thresholds, cutoffs and tables at once.
"""

from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_patients, breast_study
from report_frames import canonical_patients, small_study
from report_page import anchor_rows, estimates_of
from scipy.optimize import Bounds, LinearConstraint, milp

from survival_multiverse.arm_curves import describe_arms
from survival_multiverse.limits import at_least
from survival_multiverse.release import ROWS, SCHEMA, Kind, cohort_counts, kind_of, release
from survival_multiverse.robustness import specifications
from survival_multiverse.schema import Population
from survival_multiverse.study import Study

PRIMARY = str(Population.NON_OLIGOMETASTATIC)
READ = {
    ("cohort", "n_missing"), ("anchor", "n"), ("anchor", "events"), ("anchor", "estimate"),
    ("specifications", "n"), ("specifications", "events"), ("specifications", "pairs"), ("arm_curves", "n"),
    ("survival_curves", "at_risk"), ("flow", "count"), ("cutpoints", "n_above"), ("cutpoints", "n_below"),
    ("score_overlap", "patients"), ("selected_cutoffs", "n"),
}  # fmt: skip
"""Columns of counts that an attack below reads, or that count what an algorithm chose among patients."""


@dataclass
class Attack:
    """What is known of how many patients are in each cell of a table of all combinations.

    `cells` is that table, `known` holds (mask of cells, least, most) of each shared count.
    """

    cells: pd.DataFrame
    minimum: int
    known: list[tuple[np.ndarray, float, float]] = field(default_factory=list)

    def learn(self, mask, shown, *, exact=False):
        if not np.isnan(shown):
            self.known.append((np.asarray(mask, dtype=bool), *interval(shown, 0 if exact else self.minimum)))

    def bounds(self, target):
        """Least and most patients in the target, over all whole numbers that fit what is known."""
        known = sorted({(mask.tobytes(), low, high) for mask, low, high in self.known})
        masks, least, most = zip(*known, strict=True)
        matrix = np.array([np.frombuffer(mask, dtype=bool) for mask in masks], dtype=float)
        # Cells that no count tells apart are one unknown.
        pattern = np.vstack([matrix, target])
        distinct = np.unique(pattern, axis=1)
        constraint = LinearConstraint(distinct[:-1], least, most)
        found = []
        for sign in (1, -1):
            best = milp(
                sign * distinct[-1],
                constraints=constraint,
                bounds=Bounds(0, np.inf),
                integrality=np.ones(distinct.shape[1]),
                options={"time_limit": 20},
            )
            assert best.status in (0, 3), best.message
            found.append(np.inf if best.status == 3 else round(best.x @ distinct[-1]))
        return tuple(found)


def interval(shown, minimum):
    """Counts that are shown so."""
    if minimum <= 1 or shown == 0:
        return shown, shown
    if shown < minimum:
        return 1, minimum - 1
    low = minimum * (shown // minimum)
    return low, low + minimum - 1


def classes(values, limits):
    """Class of each value between the limits, NaN its own."""
    found = sum(at_least(values, limit).astype(int) for limit in limits)
    return np.where(np.isnan(values), -1, found)


@cache
def studies():
    """Three studies: their patients, and their tables as kept and as shared."""
    user = small_study()
    random = np.random.default_rng(25)
    gappy = canonical_patients(user, 150, 3)
    gappy["lesions"] = gappy["lesions"].mask(random.random(len(gappy)) < 0.03)
    made = {
        "reconstructed": (replace(user, source="reconstructed"), canonical_patients(user, 160, 11)),
        "breast": (breast_study(), breast_patients()),
        "user": (user, gappy),
    }
    found = {}
    for name, (study, patients) in made.items():
        kept = counted(study, patients)
        found[name] = study, patients, kept, release(kept, study)
    return found


def counted(study, patients):
    """The tables that hold counts over scenarios and in the primary one."""
    estimates = estimates_of(patients, study)
    return {
        "cohort": patients,
        "anchor": anchor_rows(estimates, study),
        "specifications": specifications(estimates, study),
        "arm_curves": describe_arms(patients, study)["arm_curves"],
    }


def whole_cohort(study: Study, patients, tables, *, exact=False):
    """Who has how many lesions, which dose, lives how long, over all thresholds, cutoffs and landmarks."""
    thresholds, doses = (study.axes[name].values for name in ("oligo_threshold", "dose_cutoff"))
    landmarks = study.analysis.landmarks
    attributes = {
        "lesions": range(-1, len(thresholds) + 1),
        "dose": range(len(doses) + 1),
        "time": range(len(landmarks) + 1),
        "event": (0, 1),
    }
    cells = pd.DataFrame(list(product(*attributes.values())), columns=list(attributes))
    people = pd.DataFrame(
        {
            "lesions": classes(patients["lesions"].to_numpy(float), thresholds),
            "dose": classes(patients["dose"].to_numpy(float), doses),
            "time": classes(patients["time"].to_numpy(float), landmarks),
            "event": patients["event"].to_numpy(int),
        }
    )
    attack = Attack(cells, study.minimum_cell)
    totals = tables["cohort"].iloc[0]
    attack.learn(np.ones(len(cells)), totals["patients"], exact=True)
    attack.learn(cells["event"] == 1, totals["events"], exact=True)

    def chosen(row):
        if np.isnan(row["oligo_threshold"]):
            return np.ones(len(cells), dtype=bool)
        place, lesions = thresholds.index(row["oligo_threshold"]) + 1, cells["lesions"]
        inside = {
            PRIMARY: lesions >= place,
            str(Population.OLIGOMETASTATIC): (lesions >= 0) & (lesions < place),
        }
        return inside[row.get("population", PRIMARY)]

    rows = tables["specifications"]
    rows = rows[rows["estimator"] == "unadjusted"]
    for row in rows.to_dict("records"):
        lived = cells["time"] >= (landmarks.index(row["landmark"]) + 1 if row["landmark"] else 0)
        attack.learn(chosen(row) & lived, row["n"], exact=exact)
        attack.learn(chosen(row) & lived & (cells["event"] == 1), row["events"], exact=exact)
    rows = tables["arm_curves"]
    for row in rows[rows["estimator"] == "unadjusted"].to_dict("records"):
        high = cells["dose"] >= doses.index(row["dose_cutoff"]) + 1
        attack.learn(chosen(row) & (high == bool(row["arm"])), row["n"], exact=exact)
    missing = tables["cohort"].set_index("variable")["n_missing"]
    attack.learn(cells["lesions"] == -1, missing["lesions"], exact=exact)
    return attack, people


def one_table(study: Study, patients, tables, name, *, exact=False):
    """Levels of a covariate by arm in the primary scenario, with the sizes of the arms and of all."""
    threshold, dose, *_ = study.anchor
    covariate = study.covariates[name]
    primary = at_least(patients["lesions"].to_numpy(float), threshold)
    here = patients[primary]
    if covariate.cut is None:
        level = pd.Categorical(here[name], categories=list(covariate.levels)).codes
    else:
        level = classes(here[name].to_numpy(float), [covariate.cut])
    arm = at_least(here["dose"].to_numpy(float), dose).astype(int)
    people = pd.DataFrame({"level": np.asarray(level, dtype=int), "arm": arm})
    cells = pd.DataFrame(list(product(range(-1, len(covariate.levels)), (0, 1))), columns=["level", "arm"])
    attack = Attack(cells, study.minimum_cell)
    rows = tables["anchor"]
    rows = rows[
        (rows["population"] == PRIMARY) & (rows["landmark"] == 0) & (rows["estimator"] == "unadjusted")
        & rows["subgroup"].isna() & (rows["analysis"] == "descriptive")
    ]  # fmt: skip
    for row in rows.to_dict("records"):
        if row["variable"] == name and row["statistic"] in ("patients_0", "patients_1"):
            place = covariate.levels.index(row["level"])
            mask = (cells["level"] == place) & (cells["arm"] == int(row["statistic"][-1]))
            attack.learn(mask, row["estimate"], exact=exact)
            attack.learn(cells["level"] >= 0, row["n"], exact=exact)
        elif row["statistic"] == "patients" and row["variable"] in ("all", "arm"):
            mask = cells["arm"] >= 0 if row["variable"] == "all" else cells["arm"] == int(row["level"])
            attack.learn(mask, row["estimate"], exact=exact)
    return attack, people


def small_cells(attack, people, columns):
    """Masks of the cells of these attributes that hold a small count, with the count."""
    for values, group in people.groupby(columns):
        if 0 < len(group) < attack.minimum:
            mask = np.logical_and.reduce(
                [attack.cells[name] == value for name, value in zip(columns, values, strict=True)]
            )
            yield values, mask.astype(float), len(group)


def determined(attack, people, columns):
    """Small cells whose count follows from what is shared."""
    names = list(attack.cells)
    sizes = people.groupby(names).size().rename("size").reset_index()
    truth = attack.cells.merge(sizes, how="left", on=names)["size"].fillna(0).to_numpy()
    # The attack takes each shared count for what it is.
    assert all(low <= truth[mask].sum() <= high for mask, low, high in attack.known)
    found = {}
    for values, mask, count in small_cells(attack, people, columns):
        low, high = attack.bounds(mask)
        assert low <= count <= high
        if low == high:
            found[values] = count
    return found


@pytest.mark.parametrize("name", ["reconstructed", "breast", "user"])
def test_no_small_count_follows_from_the_sizes_of_all_scenarios(name):
    study, patients, _, shared = studies()[name]
    attack, people = whole_cohort(study, patients, shared)
    assert len(attack.known) > 20
    for columns in (["lesions", "dose"], ["lesions", "dose", "event"], ["lesions", "time"]):
        assert determined(attack, people, columns) == {}


@pytest.mark.parametrize("name", ["reconstructed", "breast", "user"])
def test_no_small_count_follows_from_the_tables_of_the_primary_scenario(name):
    study, patients, _, shared = studies()[name]
    tried = 0
    for covariate in study.covariates.values():
        if covariate.levels:
            attack, people = one_table(study, patients, shared, covariate.name)
            assert determined(attack, people, ["level", "arm"]) == {}
            tried += 1
    assert tried


def test_the_attack_finds_small_counts_in_what_is_kept():
    found = {}
    for name, (study, patients, kept, _) in studies().items():
        exact = kept | {"cohort": cohort_counts(patients)}
        attack, people = whole_cohort(study, patients, exact, exact=True)
        found[name] = determined(attack, people, ["lesions", "time"])
    assert all(found.values())


def test_every_count_that_the_schema_declares_is_read_by_an_attack():
    declared = {
        (table, column) for table, columns in SCHEMA.items() for column in columns
        if kind_of(table, column) is Kind.COUNT
    }  # fmt: skip
    declared |= {("anchor", "estimate") for kind in ROWS.values() if kind is Kind.COUNT}
    assert declared == READ
