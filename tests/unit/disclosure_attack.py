"""An attacker with all that is shared and an integer program: is a small count determined?

The counts are read from the released tables by the kinds that the schema declares, over scenarios,
thresholds, cutoffs and tables at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
import pandas as pd
from cohorts import study_treatment
from scipy.optimize import Bounds, LinearConstraint, milp

from survival_multiverse.emulation.immortal_time import primary_ways
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.report.release import cohort_counts
from survival_multiverse.settings.schema import Estimator, Population
from survival_multiverse.settings.study import Study, changed, option_column

OF_OTHER_TIMES = {"endpoint", "exposure", "compare", "complete_cases"}
"""Changes of an option whose patients, arms or events the attacks below do not follow."""
READ = {
    ("cohort", "patients"), ("cohort", "events"), ("cohort", "n_missing"), ("flow", "count"),
    ("primary", "n"), ("primary", "events"), ("primary", "estimate"), ("score_overlap", "patients"),
    ("specifications", "n"), ("specifications", "events"), ("specifications", "pairs"),
    ("arm_curves", "n"), ("survival_curves", "at_risk"), ("selected_cutoffs", "n"),
    ("cutpoints", "n_above"), ("cutpoints", "n_below"),
    ("bias_covariates", "with_0"), ("bias_covariates", "with_1"),
    ("bias_covariates", "without_0"), ("bias_covariates", "without_1"),
    ("immortal_time", "n"), ("immortal_time", "events"),
    ("immortal_time", "alive_at_grace"), ("immortal_time", "sum_of_weights_*"),
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


def specified(tables):
    """Specifications with the counts of every measure, each set of counts once."""
    rows = tables.get("measured_specifications", tables["specifications"])
    of_measures = ("measure", "effect", "std_error", "ci_", "p_value", "status", "reason", "flags")
    of_measures += ("estimate", "e_value", "tie_break", "rosenbaum", "sign_test", "variance")
    told = [name for name in rows if not name.startswith(of_measures)]
    return rows.drop_duplicates(told)


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


def apart(study: Study):
    """Decisions whose options change who is analysed, how they are exposed or what happens to them."""
    return [name for name, own in study.decisions.items() if own.touches(Estimator.UNADJUSTED)]


def filters_of(study: Study, row):
    """Columns of the conditions that the patients of a row meet, or None where an option changes more."""
    columns = []
    for name, decision in study.decisions.items():
        option = decision.changes.get(row.get(name))
        if option is not None and OF_OTHER_TIMES & set(changed(option)):
            return None
        if option is not None and option.keep is not None:
            columns.append(option_column("keep", name, row[name]))
    return columns


def primary_patients(study: Study, patients):
    """Patients of the primary population under the primary options."""
    kept = np.ones(len(patients), dtype=bool)
    for column in study.under(study.primary).filters:
        kept &= patients[column].to_numpy() == 1
    if study.lesions:
        kept &= at_least(patients["lesions"].to_numpy(float), study.primary_cutoffs.lesions)
    return patients[kept]


def whole_cohort(study: Study, patients, tables, *, exact=False):
    """Who has how many lesions, which dose, lives how long, by threshold, cutoff, option and landmark."""
    counts, exposure = study.decision_of("lesions"), study.decision_of("dose")
    thresholds, doses = counts.values if counts else (), exposure.values if exposure else (1.0,)
    landmarks = study.analysis.landmarks
    conditions = [name for name in patients.columns if name.startswith("keep:")]
    numbers = {"lesions": thresholds, "dose": doses, "time": landmarks}
    people = pd.DataFrame(
        {
            name: classes(patients[name].to_numpy(float), limits) if limits else np.zeros(len(patients), int)
            for name, limits in numbers.items()
            if name in patients or not limits
        }
        | {"event": patients["event"].to_numpy(int)}
        | {name: patients[name].to_numpy(int) for name in conditions}
    )
    attributes = {
        "lesions": range(-1, len(thresholds) + 1) if thresholds else (0,),
        "dose": range(len(doses) + 1),
        "time": range(len(landmarks) + 1),
        "event": (0, 1),
        **dict.fromkeys(conditions, (0, 1)),
    }
    cells = pd.DataFrame(list(product(*attributes.values())), columns=list(attributes))
    attack = Attack(cells, study.minimum_count)
    totals = tables["cohort"].iloc[0]
    attack.learn(np.ones(len(cells)), totals["patients"], exact=exact)
    attack.learn(cells["event"] == 1, totals["events"], exact=exact)

    def chosen(row):
        met = np.ones(len(cells), dtype=bool)
        for column in filters_of(study, row):
            met &= (cells[column] == 1).to_numpy()
        if counts is None or np.isnan(row[counts.name]):
            return met
        place, lesions = thresholds.index(row[counts.name]) + 1, cells["lesions"].to_numpy()
        inside = {
            str(study.primary_population): lesions >= place,
            str(Population.OLIGOMETASTATIC): (lesions >= 0) & (lesions < place),
        }
        return met & inside[row.get("population", str(study.primary_population))]

    rows = specified(tables)
    rows = rows[rows["estimator"] == "unadjusted"]
    for row in rows.to_dict("records"):
        if filters_of(study, row) is None:
            continue
        lived = cells["time"] >= (landmarks.index(row["landmark"]) + 1 if row["landmark"] else 0)
        attack.learn(chosen(row) & lived, row["n"], exact=exact)
        attack.learn(chosen(row) & lived & (cells["event"] == 1), row["events"], exact=exact)
    rows = tables["arm_curves"]
    for row in rows[rows["estimator"] == "unadjusted"].to_dict("records"):
        if filters_of(study, row) is not None:
            high = cells["dose"] >= (doses.index(row[exposure.name]) + 1 if exposure else 1)
            attack.learn(chosen(row) & (high == bool(row["arm"])), row["n"], exact=exact)
    if counts:
        missing = tables["cohort"].set_index("variable")["n_missing"]
        attack.learn(cells["lesions"] == -1, missing["lesions"], exact=exact)
    return attack, people


def one_table(study: Study, patients, tables, name, *, exact=False):
    """Levels of a covariate by arm in the primary scenario, with the sizes of the arms and of all."""
    covariate, here = study.under(study.primary).covariates[name], primary_patients(study, patients)
    if covariate.joined:
        here = here.assign(**{name: here[name].replace(dict(covariate.joined))})
    if covariate.cut is None:
        level = pd.Categorical(here[name], categories=list(covariate.levels)).codes
    else:
        level = classes(here[name].to_numpy(float), [covariate.cut])
    arm = at_least(here["dose"].to_numpy(float), study.primary_cutoffs.dose).astype(int)
    people = pd.DataFrame({"level": np.asarray(level, dtype=int), "arm": arm})
    cells = pd.DataFrame(list(product(range(-1, len(covariate.levels)), (0, 1))), columns=["level", "arm"])
    attack = Attack(cells, study.minimum_count)
    rows = tables["primary"]
    rows = rows[
        (rows["population"] == study.primary_population) & (rows["landmark"] == 0)
        & (rows["estimator"] == "unadjusted")
        & rows["subgroup"].isna() & rows["analysis"].isin(["descriptive", "kaplan_meier"])
    ]  # fmt: skip
    for row in rows.to_dict("records"):
        if row["analysis"] == "kaplan_meier":
            # Both arms together, the overall column of Table 1; every statistic of a curve has the same.
            if row["variable"] == name and row["statistic"] == "median":
                mask = cells["level"] == covariate.levels.index(row["level"])
                attack.learn(mask, row["n"], exact=exact)
            continue
        if row["variable"] == name and row["statistic"] in ("patients_0", "patients_1"):
            place = covariate.levels.index(row["level"])
            mask = (cells["level"] == place) & (cells["arm"] == int(row["statistic"][-1]))
            attack.learn(mask, row["estimate"], exact=exact)
            attack.learn(cells["level"] >= 0, row["n"], exact=exact)
        elif row["statistic"] == "patients" and row["variable"] in ("all", "arm"):
            mask = cells["arm"] >= 0 if row["variable"] == "all" else cells["arm"] == int(row["level"])
            attack.learn(mask, row["estimate"], exact=exact)
    _learn_confounders(attack, tables["bias_covariates"], covariate, exact=exact)
    return attack, people


def _learn_confounders(attack, placed, covariate, *, exact):
    """The same patients as the bias surface counts them: with and without the level of the higher hazard."""
    for row in placed[(placed["variable"] == covariate.name) & placed["level"].notna()].to_dict("records"):
        place = covariate.levels.index(row["level"])
        for held, at in (("with", place), ("without", 1 - place)):
            for arm in (0, 1):
                mask = (attack.cells["level"] == at) & (attack.cells["arm"] == arm)
                attack.learn(mask, row[f"{held}_{arm}"], exact=exact)


def small_cells(attack, people, columns):
    """Masks of the cells of these attributes that hold a small count, with the count."""
    for values, group in people.groupby(columns):
        if 0 < len(group) < attack.minimum:
            mask = np.logical_and.reduce(
                [attack.cells[name] == value for name, value in zip(columns, values, strict=True)]
            )
            yield values, mask.astype(float), len(group)


def determined(attack, people, columns, *, tried=None):
    """Small cells whose count follows from what is shared; `tried` takes up all of them."""
    names = list(attack.cells)
    sizes = people.groupby(names).size().rename("size").reset_index()
    truth = attack.cells.merge(sizes, how="left", on=names)["size"].fillna(0).to_numpy()
    # The attack takes each shared count for what it is.
    assert all(low <= truth[mask].sum() <= high for mask, low, high in attack.known)
    found = {}
    for values, mask, count in small_cells(attack, people, columns):
        low, high = attack.bounds(mask)
        assert low <= count <= high
        if tried is not None:
            tried.append(values)
        if low == high:
            found[values] = count
    return found


def searched_cutoffs(study: Study, patients, tables, name, *, kept, exact=False):
    """Who of the primary population lies between the cutoffs of a variable, searched or of the grid."""
    here = primary_patients(study, patients)
    values = here[name].to_numpy(float)
    values = values[~np.isnan(values)]
    rows = tables["cutpoints"]
    rows = rows[(rows["population"] == study.primary_population) & (rows["variable"] == name)]
    rows = rows[rows["status"] == "ok"]
    # The attacker may know the cutoffs to all digits.
    cutoffs = kept["cutpoints"].loc[rows.index, "cutoff"].tolist()
    decision = study.decision_of(name)
    limits = sorted({*cutoffs, *decision.values})
    cells = pd.DataFrame({"between": range(len(limits) + 1)})
    attack = Attack(cells, study.minimum_count)
    for cutoff, row in zip(cutoffs, rows.to_dict("records"), strict=True):
        above = cells["between"] > limits.index(cutoff)
        attack.learn(above, row["n_above"], exact=exact)
        attack.learn(~above, row["n_below"], exact=exact)
    if not exact:
        ordered = sorted(cutoffs)
        for low, high in pairwise(ordered):
            between = (cells["between"] > limits.index(low)) & (cells["between"] <= limits.index(high))
            attack.known.append((between.to_numpy(), study.minimum_count, np.inf))
    arms = tables["arm_curves"] if name == "dose" else tables["arm_curves"].iloc[:0]
    arms = arms[arms["estimator"] == "unadjusted"]
    for other, value in zip(study.decisions, study.primary, strict=True):
        if other != decision.name:
            arms = arms[arms[other].isna() | (arms[other] == value)]
    for row in arms.to_dict("records"):
        above = cells["between"] > limits.index(row[decision.name])
        attack.learn(above == bool(row["arm"]), row["n"], exact=exact)
    return attack, pd.DataFrame({"between": classes(values, limits)})


def matched_counts(study: Study, tables, *, exact=False) -> Iterator[tuple[tuple, int, int]]:
    """Least and most pairs, and patients of the smaller arm without a partner, of each matched specification.

    From its pairs, its patients (twice the pairs), the sizes of the arms, and the share that is matched.
    """
    minimum = 0 if exact else study.minimum_count
    own = apart(study)
    arms = tables["arm_curves"]
    arms = arms[arms["estimator"] == "unadjusted"]
    sizes = arms.groupby(own)["n"].agg(list) if own else {(): arms["n"].tolist()}
    rows = specified(tables)
    rows = rows[
        (rows["estimator"] == "matched")
        & (rows["landmark"] == 0)
        & (rows["population"] == study.primary_population)
    ]
    for row in rows[rows["pairs"].notna()].to_dict("records"):
        pairs, patients = interval(row["pairs"], minimum), interval(row["n"], minimum)
        low = max(pairs[0], -(-patients[0] // 2))
        high = min(pairs[1], patients[1] // 2)
        at = tuple(row[name] for name in own)
        smaller = min(interval(size, minimum) for size in sizes[at[0] if len(at) == 1 else at])
        key = tuple(row[name] for name in (*study.decisions, "adjustment_set"))
        yield ("pairs", *key), low, high
        yield ("unmatched", *key), max(smaller[0] - high, 0), smaller[1] - low


def treated_later(study: Study, patients, tables, *, exact=False):
    """Who of the primary set's patients is followed to landmarks and beyond grace periods, with the event.

    Sums of weights are no counts, and are left out.
    """
    own = study_treatment(patients, study)
    rows = primary_ways(tables["immortal_time"])
    if not exact:
        others = tables["immortal_time"].drop(rows.index)
        assert others[["n", "events", "alive_at_grace", "largest_weight"]].isna().all(axis=None)
        assert others.filter(like="sum_of_weights").isna().all(axis=None)
    times = sorted(set(rows["parameter"].dropna()))
    # Two steps for each time: followed to it, and beyond it.
    steps = sum(at_least(own.time, when).astype(int) + (own.time > when) for when in times)
    people = pd.DataFrame({"time": steps, "event": own.event})
    cells = pd.DataFrame(list(product(range(2 * len(times) + 1), (0, 1))), columns=["time", "event"])
    attack = Attack(cells, study.minimum_count)
    for row in rows.to_dict("records"):
        landmark = row["method"] == "landmark"
        followed = cells["time"] >= (2 * times.index(row["parameter"]) + 1 if landmark else 0)
        attack.learn(followed, row["n"], exact=exact)
        attack.learn(followed & (cells["event"] == 1), row["events"], exact=exact)
        if row["method"] == "clone_censor_weight":
            beyond = cells["time"] >= 2 * times.index(row["parameter"]) + 2
            attack.learn(beyond, row["alive_at_grace"], exact=exact)
    if len(people) == len(primary_patients(study, patients)):
        rows = specified(tables)
        rows = rows[(rows["estimator"] == "unadjusted") & rows["is_primary"].astype(bool)]
        for row in rows[rows["population"] == str(study.primary_population)].to_dict("records"):
            if row["landmark"] in (0, *times):
                followed = cells["time"] >= (2 * times.index(row["landmark"]) + 1 if row["landmark"] else 0)
                attack.learn(followed, row["n"], exact=exact)
                attack.learn(followed & (cells["event"] == 1), row["events"], exact=exact)
    return attack, people


def attack_study(study: Study, kept, shared=None) -> tuple[dict[tuple, int], int]:
    """All attacks on the shared tables of a study, or on those that are kept where none are given.

    Returns
    -------
    dict, int
        Count of each small cell that is determined, and how many small cells were tried.
    """
    found, tried, patients, exact = {}, [], kept["cohort"], shared is None
    tables = kept | {"cohort": cohort_counts(patients)} if exact else shared
    attacks = [
        ("scenarios", *whole_cohort(study, patients, tables, exact=exact), columns)
        for columns in (["lesions", "dose"], ["lesions", "dose", "event"], ["lesions", "time"])
    ]
    attacks += [
        (name, *one_table(study, patients, tables, name, exact=exact), ["level", "arm"])
        for name, covariate in study.under(study.primary).covariates.items()
        if covariate.levels
        and filters_of(study, dict(zip(study.decisions, study.primary, strict=True))) is not None
    ]
    attacks += [
        (
            f"cutoffs of {name}",
            *searched_cutoffs(study, patients, tables, name, kept=kept, exact=exact),
            ["between"],
        )
        for name in ("dose", "gtv")
        if study.decision_of(name) and not study.exposure_levels
    ]
    if "immortal_time" in tables:
        later = treated_later(study, patients, tables, exact=exact)
        attacks += [("treatment", *later, columns) for columns in (["time"], ["time", "event"])]
    for name, attack, people, columns in attacks:
        result = determined(attack, people, columns, tried=tried)
        found |= {(name, *columns, *values): count for values, count in result.items()}
    for key, low, high in matched_counts(study, tables, exact=exact):
        assert low <= high, key
        tried.append(key)
        if low == high and 0 < low < study.minimum_count:
            found[key] = low
    return found, len(tried)
