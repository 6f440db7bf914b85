"""The first words and the first picture of the page, against the numbers that they are made of."""

import json
import math
import re
from statistics import median

import numpy as np
import pandas as pd
import pytest
from report_frames import (
    estimate,
    failure,
    joint_row,
    patients_study,
    small_config,
    small_study,
    specifications,
)

from survival_multiverse.report.charts.hero import hero_spec
from survival_multiverse.report.words.claim import LONGEST, claim, evidence, hero_alternative, hero_caption
from survival_multiverse.settings.study import Study

ESTIMATORS = ("matched", "overlap", "iptw", "adjusted")
CUTOFFS = (57.0, 60.0, 63.0, 66.0)
SURE, UNSURE = 0.05, 1.0
"""Half widths of intervals on the log scale that exclude 1 for every ratio used here, and for none."""


def study_of(source="file", *, predicted="longer", cutoffs=CUTOFFS, measure="hazard_ratio", at=None, **dose):
    config = small_config(measures=[{"measure": measure} | ({"at": at} if at else {})])
    config["decisions"]["dose_cutoff"]["options"] = list(cutoffs)
    config["cohort"] = config["cohort"] | {"source": source}
    config["cohort"]["dose"] = config["cohort"]["dose"] | dose
    config["inference"] = config["inference"] | {"predicted": predicted}
    return Study.from_config(config)


def frame_of(ratios, widths, estimators=ESTIMATORS):
    """Three analyses of each estimator at each cutoff, around a ratio, with a half width of interval."""
    rows = []
    for place, cutoff in enumerate(CUTOFFS[: len(ratios)]):
        for step, name in enumerate(estimators):
            for spread in (0.99, 1.0, 1.01):
                ratio = ratios[place][step] if isinstance(ratios[place], tuple) else ratios[place]
                if math.isnan(ratio):
                    rows.append(failure(dose_cutoff=cutoff, estimator=name))
                    continue
                chosen = {
                    "dose_cutoff": cutoff,
                    "estimator": name,
                    "is_primary": cutoff == 63 and spread == 1,
                }
                rows.append(estimate(ratio * spread, width=widths[place], **chosen))
    return specifications(rows)


def as_differences(study, frame):
    """The same analyses with a difference for each hazard ratio: above 0 where that is below 1."""
    scale, found = 0.3 if study.primary_measure.kind == "survival_difference" else 4.0, frame.copy()
    found["estimate"] = found["effect"] = -scale * np.log(frame["estimate"])
    found["ci_lower"], found["ci_upper"] = (-scale * np.log(frame[name]) for name in ("ci_upper", "ci_lower"))
    return study, found.assign(measure=study.primary_measure.name)


NONE = math.nan
MEAN = {"measure": "rmst_difference", "at": 24}
STUDIES = {
    "holds at the primary and stops below": (
        study_of(),
        frame_of([0.9, 0.92, 0.66, 0.7], [UNSURE, UNSURE, SURE, SURE]),
    ),
    "holds everywhere": (study_of(), frame_of([0.7, 0.8, 0.66, 0.7], [SURE] * 4)),
    "never certain": (study_of(), frame_of([0.9, 0.92, 0.66, 0.7], [UNSURE] * 4)),
    "harm": (study_of(predicted="shorter"), frame_of([1.4, 1.5, 1.6, 1.7], [SURE, SURE, SURE, UNSURE])),
    "the other way elsewhere": (study_of(), frame_of([1.3, 0.8, 0.66, 0.7], [SURE] * 4)),
    "the estimators disagree": (study_of(), frame_of([0.7, 0.7, (0.7, 0.8, 1.2, 1.3), 0.7], [SURE] * 4)),
    "they disagree elsewhere": (
        study_of(),
        frame_of([(0.7, 1.01, 1.01, 1.01), 0.7, 0.66, 0.7], [0.03, SURE, SURE, SURE]),
    ),
    "one estimator": (
        study_of(),
        frame_of([0.9, 0.9, 0.66, 0.7], [UNSURE, UNSURE, SURE, SURE], ("matched",)),
    ),
    "one cutoff": (
        study_of(cutoffs=[63]),
        frame_of([NONE, NONE, 0.7, NONE], [SURE] * 4).query("dose_cutoff == 63"),
    ),
    "nothing estimable": (study_of(), frame_of([NONE] * 4, [SURE] * 4)),
    "reconstructed": (
        study_of("reconstructed"),
        frame_of([0.9, 0.92, 0.66, 0.7], [UNSURE, UNSURE, SURE, SURE]),
    ),
    "a long name": (
        study_of(label="Cumulative dose of everything that was ever given to the patient in any hospital"),
        frame_of([0.9, 0.92, 0.66, 0.7], [UNSURE, UNSURE, SURE, SURE]),
    ),
    "restricted means": as_differences(
        study_of(**MEAN), frame_of([0.9, 0.92, 0.66, 0.7], [UNSURE, UNSURE, SURE, SURE])
    ),
    "harm in restricted means": as_differences(
        study_of(predicted="shorter", **MEAN), frame_of([1.4, 1.5, 1.6, 1.7], [SURE, SURE, SURE, UNSURE])
    ),
    "survival": as_differences(
        study_of(measure="survival_difference", at=12), frame_of([1.3, 0.8, 0.66, 0.7], [SURE] * 4)
    ),
    "medians that disagree": as_differences(
        study_of(measure="median_difference"), frame_of([0.7, 0.7, (0.7, 0.8, 1.2, 1.3), 0.7], [SURE] * 4)
    ),
}


@pytest.fixture(params=STUDIES.values(), ids=STUDIES)
def case(request):
    return request.param


def medians(frame, cutoff):
    """The median of each estimator, worked out from the rows; of ratios in logarithms."""
    here = frame[(frame["dose_cutoff"] == cutoff) & (frame["status"] == "ok")]
    if is_ratio(frame):
        return {name: math.exp(median(np.log(rows["estimate"]))) for name, rows in here.groupby("estimator")}
    return {name: median(rows["estimate"]) for name, rows in here.groupby("estimator")}


def is_ratio(frame):
    return set(frame["measure"]) == {"hazard_ratio"}


def null(frame):
    return 1 if is_ratio(frame) else 0


def longer_of(frame, value):
    return value < 1 if is_ratio(frame) else value > 0


def shown(frame, value):
    """An estimate as a reader sees it: a ratio to two decimals, months or percentage points to one."""
    if is_ratio(frame):
        return f"{value:.2f}"
    points = frame["measure"].iloc[0].startswith("survival")
    return f"{100 * value if points else value:+.1f}".replace("-", "−")


def beyond(frame, cutoff):
    """How many intervals point to longer survival, and how many to shorter."""
    here = frame[(frame["dose_cutoff"] == cutoff) & (frame["status"] == "ok")]
    below, above = int((here["ci_upper"] < null(frame)).sum()), int((here["ci_lower"] > null(frame)).sum())
    return (below, above) if is_ratio(frame) else (above, below)


SAID = r"\((?:median hazard ratios?|24-month restricted mean|12-month survival|median survival) "


def test_the_claim_is_short_and_true(case):
    study, frame = case
    text = claim(frame, study)
    assert len(text.split()) <= LONGEST
    assert text.endswith(".")
    found = medians(frame, 63)
    if not found:
        assert text.endswith("nothing could be estimated.")
        return
    said = re.search(SAID + r"([+−\d.]+)(?: to ([+−\d.]+))?(?: months| percentage points)?\)", text)
    assert ((said[1], said[2] or said[1])) == tuple(shown(frame, end(found.values())) for end in (min, max))
    longer = all(longer_of(frame, v) for v in found.values())
    shorter = not any(longer_of(frame, v) for v in found.values())
    assert ("find longer survival" in text) is longer
    assert ("find shorter survival" in text) is shorter
    assert ("the estimators disagree on survival" in text) is not (longer or shorter)
    if longer or shorter:
        silent = f"but no interval excludes {null(frame)}" in text
        assert silent is (beyond(frame, 63)[0 if longer else 1] == 0)
    if "all " in text:
        assert f"all {len(found)} adjusted estimators" in text


def test_the_claim_names_where_it_stops(case):
    study, frame = case
    text = claim(frame, study)
    found = medians(frame, 63)
    others = [cutoff for cutoff in CUTOFFS if cutoff != 63 and medians(frame, cutoff)]
    side = 0 if all(longer_of(frame, v) for v in found.values()) else 1
    named = re.search(r"at ([\d, and]+) Gy", text.partition(";")[2])
    cutoffs = [float(word) for word in re.findall(r"\d+", named[1])] if named else []
    if "some intervals point the other way" in text:
        assert cutoffs == [c for c in others if beyond(frame, c)[1 - side]]
    elif f"no interval excludes {null(frame)}" in text.partition(";")[2] or "nor does any" in text:
        assert cutoffs == [c for c in others if not beyond(frame, c)[side]]
    elif "every other cutoff agrees" in text:
        assert others
        assert all(beyond(frame, c)[side] and not beyond(frame, c)[1 - side] for c in others)
    elif "the estimators disagree" in text.partition(";")[2]:
        assert all(len({longer_of(frame, v) for v in medians(frame, c).values()}) == 2 for c in cutoffs)
    else:
        assert not others or not found or "disagree on survival" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "holds at the primary and stops below",
            "With thoracic radiation dose ≥63 Gy all 4 adjusted estimators find longer survival (median "
            "hazard ratios 0.66); at 57 and 60 Gy no interval excludes 1.",
        ),
        (
            "a long name",
            "With ≥63 Gy all 4 adjusted estimators find longer survival (median hazard ratios 0.66); "
            "at 57 and 60 Gy no interval excludes 1.",
        ),
        ("harm", "find shorter survival (median hazard ratios 1.60); at 66 Gy no interval excludes 1."),
        ("never certain", "but no interval excludes 1; nor does any at 57, 60 and 66 Gy."),
        (
            "restricted means",
            "With thoracic radiation dose ≥63 Gy all 4 adjusted estimators find longer survival (24-month "
            "restricted mean +1.7 months); at 57 and 60 Gy no interval excludes 0.",
        ),
        ("nothing estimable", "With thoracic radiation dose ≥63 Gy nothing could be estimated."),
    ],
)
def test_claims_as_they_read(name, words):
    assert claim(STUDIES[name][1], STUDIES[name][0]).endswith(words)


def ways_of(naive, late):
    rows = [("naive", naive), ("time_dependent", late)]
    table = pd.DataFrame(rows, columns=["method", "hazard_ratio"])
    return table.assign(status="ok", is_primary=True)


def test_a_claim_that_rests_on_time_before_treatment_says_so():
    study, frame = STUDIES["holds everywhere"]
    late = "counted from its start, the hazard ratio is 0.99."
    told = claim(frame, study, ways_of(0.66, 0.99))
    assert told.endswith(f"(median hazard ratios 0.66); {late}")
    assert len(told.split()) <= LONGEST
    # Nothing is credited, the claim is not of longer survival, or there are no times of treatment.
    assert claim(frame, study, ways_of(0.66, 0.6)) == claim(frame, study) == claim(frame, study, None)
    harm, worse = STUDIES["harm"]
    assert claim(worse, harm, ways_of(0.66, 0.99)) == claim(worse, harm)


def joint_of(p):
    """Both joint tests of the matched analyses, towards longer survival."""
    return pd.DataFrame(
        [
            joint_row(null=null, p_abs_median=p, median=0.4, dose_cutoff=63.0)
            for null in ("permutation", "simulation")
        ]
    )


def primary_rows(*, low=0.5, high=3.0, p=0.01):
    """Restricted mean and stratified test of the matched primary scenario."""
    own = {"population": "non_oligometastatic", "estimator": "matched", "adjustment_set": "as_published"}
    own |= {"landmark": 0, "subgroup": None, "variable": "arm", "model": None, "ties": "efron"}
    return pd.DataFrame(
        [
            {
                **own,
                "analysis": "rmst",
                "statistic": "restricted_mean_difference",
                "estimate": 1.6,
                "ci_lower": low,
                "ci_upper": high,
                "p_value": p,
            },
            {
                **own,
                "analysis": "tie_break",
                "statistic": "hazard_ratio",
                "estimate": 0.68,
                "ci_lower": 0.5 if low > 0 else 0.4,
                "ci_upper": 0.9 if low > 0 else 1.1,
                "p_value": p,
            },
            {
                **own,
                "analysis": "log_rank",
                "statistic": "chi_square",
                "model": "pair_stratified",
                "estimate": 6.0,
                "p_value": p,
            },
        ]
    )


def test_every_finding_stands_on_its_side(case):
    study, frame = case
    for certain in (True, False):
        primary = primary_rows(low=0.5 if certain else -0.6, p=0.01 if certain else 0.2)
        supporting, opposing = evidence(frame, primary, joint_of(0.01 if certain else 0.2), study)
        assert len(supporting) <= 3
        assert len(opposing) <= 3
        assert not set(supporting) & set(opposing)
        assert all(len(text.split()) <= 24 for text in supporting + opposing)
        for text in supporting + opposing:
            if text.startswith("Joint test"):
                assert (text in supporting) is certain
            if text.startswith("Mean survival"):
                longer = study.inference.predicted == "longer"
                assert (text in supporting) is (certain and longer)
                assert "1.6 months (95% CI" in text
            # Beside the restricted mean itself stands the hazard ratio.
            restricted = study.primary_measure.kind == "rmst_difference"
            assert not (restricted and text.startswith("Mean survival"))
            if text.startswith("The hazard ratio of the primary scenario"):
                assert restricted
                assert (text in supporting) is (certain and study.inference.predicted == "longer")
            if match := re.match(r"(\d+) of (\d+) (\w+) analyses have", text):
                rows = frame[(frame["dose_cutoff"] == 63) & (frame["estimator"] == match[3])]
                side = beyond(rows, 63)[study.inference.predicted != "longer"]
                assert (int(match[1]), int(match[2])) == (side, (rows["status"] == "ok").sum())
                assert (text in supporting) is bool(2 * side > len(rows))
                below = is_ratio(frame) is (study.inference.predicted == "longer")
                assert f"{'below' if below else 'above'} {null(frame)} " in text


def test_joint_tests_come_first_of_patients_and_last_of_those_fitted():
    frame = STUDIES["holds at the primary and stops below"][1]
    of_patients, _ = evidence(frame, primary_rows(), joint_of(0.01), patients_study())
    assert [text.startswith("Joint test") for text in of_patients] == [True, True, False]
    fitted, _ = evidence(frame, primary_rows(), joint_of(0.01), small_study())
    assert not fitted[0].startswith("Joint test")


@pytest.mark.parametrize("through", [0, 1, 2, 3])
def test_balance_speaks_for_it_only_if_most_matchings_are_balanced(through):
    frame = STUDIES["holds everywhere"][1].copy()
    matched = frame.index[(frame["estimator"] == "matched") & (frame["dose_cutoff"] == 63)]
    frame.loc[matched[:through], "passes_baseline_0.1"] = True
    nothing = pd.DataFrame(columns=joint_of(1).columns)
    supporting, opposing = evidence(frame, primary_rows().iloc[:0], nothing, study_of())
    text = next(text for text in supporting + opposing if "matchings" in text)
    assert text.startswith(f"{through} of 3" if through else "None of 3")
    assert (text in supporting) is (through > 1)


def marks(spec, **own):
    """The rows that the layers with such marks draw, by column of the picture."""
    columns = spec.get("hconcat") or spec["vconcat"]
    return [
        [
            row
            for layer in column["layer"]
            if own.items() <= layer["mark"].items()
            for row in layer["data"]["values"]
        ]
        for column in columns
    ]


@pytest.mark.parametrize("upright", [False, True])
def test_the_picture_has_a_dot_for_each_analysis_and_the_median_in_print(case, upright):
    study, frame = case
    spec = hero_spec(frame, study, width=980, upright=upright)
    cutoffs = sorted(frame["dose_cutoff"].unique())
    for cutoff, dots, texts in zip(cutoffs, marks(spec, filled=True), marks(spec, type="text"), strict=True):
        here = frame[(frame["dose_cutoff"] == cutoff) & (frame["status"] == "ok")]
        assert sorted(row["estimate"] for row in dots) == pytest.approx(sorted(here["estimate"]), rel=1e-4)
        sides = [sum(row["side"] == side for row in dots) for side in ("longer", "shorter")]
        assert tuple(sides) == beyond(frame, cutoff)
        printed = sorted(row["text"] for row in texts)
        assert printed == sorted(shown(frame, value) for value in medians(frame, cutoff).values())
    axis = spec["title"]["text"]
    assert ("Hazard ratio, log scale" in axis) is is_ratio(frame)
    if not upright:
        assert axis.startswith("← favours ≥ cutoff") is is_ratio(frame)


def test_the_primary_cutoff_alone_has_diamonds_and_assumed_ones_are_hatched():
    frame = STUDIES["reconstructed"][1]
    spec = hero_spec(frame, study_of("reconstructed"), width=980)
    assert [len(rows) for rows in marks(spec, shape="diamond")] == [0, 0, 4, 0]
    assert [len(rows) for rows in marks(spec, type="tick")] == [0, 0, 2, 0]
    hatched = ["x2" in json.dumps(column["layer"][0]["encoding"]) for column in spec["hconcat"]]
    assert hatched == [True, True, False, True]
    measured = hero_spec(frame, study_of(), width=980)
    assert not any("x2" in json.dumps(column["layer"][0]["encoding"]) for column in measured["hconcat"])


def test_caption_and_description_fit_the_picture(case):
    study, frame = case
    words = hero_caption(study)
    assert len(words.split()) <= 40
    assert ("assumption" in words) is (study.source == "reconstructed")
    described = hero_alternative(frame, study)
    for cutoff in CUTOFFS:
        for value in medians(frame, cutoff).values():
            assert shown(frame, value) in described


def test_cutoffs_at_which_only_some_estimators_find_it_are_named():
    study = study_of()
    frame = frame_of([0.9, (0.9, 0.7, 0.9, 0.9), 0.66, (0.7, 0.95, 0.95, 0.95)], [UNSURE, 0.2, SURE, 0.04])
    _, opposing = evidence(frame, primary_rows(), joint_of(0.01), study)
    (text,) = [entry for entry in opposing if "no interval lies below 1" in entry]
    expected = {
        cutoff: {name for name in ESTIMATORS if _beyond_of(frame, cutoff, name)} for cutoff in CUTOFFS
    }
    assert expected[57.0] == set()
    assert text.startswith("At 57 Gy no interval lies below 1")
    for cutoff, words in ((60.0, "only overlap-weighted ones do"), (66.0, None)):
        named = f"at {cutoff:g} Gy {words}" if words else f"at {cutoff:g} Gy only"
        assert (named in text) is (0 < len(expected[cutoff]) < len(ESTIMATORS))


def _beyond_of(frame, cutoff, name):
    here = frame[(frame["dose_cutoff"] == cutoff) & (frame["estimator"] == name)]
    return bool((here["ci_upper"] < 1).any())
