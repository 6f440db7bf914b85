"""Sentences and tables about decisions: of the examples, and of studies without a count or a cutoff."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_frames import estimate, specifications

from survival_multiverse.files.config_files import merged_config
from survival_multiverse.report.release import kind_of, release_table
from survival_multiverse.report.tables.decision_tables import (
    beside_estimator,
    decision_rows,
    decisions_table,
    option_cell,
    split_by,
)
from survival_multiverse.report.tables.flow import flow_counts, flow_steps
from survival_multiverse.report.words.claim import claim, strips
from survival_multiverse.report.words.decisions import grid_words, pooled_words, primary_words, whom
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.report.words.glossary import LONGEST, terms
from survival_multiverse.report.words.introduction import LONGEST as LONGEST_INTRODUCTION
from survival_multiverse.report.words.introduction import introduction
from survival_multiverse.report.words.labels import arm_labels, of_arm
from survival_multiverse.report.words.methods import OCCASIONAL, methods, references
from survival_multiverse.settings.study import Study

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLES = {
    "default": (),
    "lung": ("lung_weight_loss",),
    "six": ("breast_gbsg2", "breast_six_decisions"),
    "sampled": ("breast_gbsg2", "breast_sampled"),
}


@cache
def study_of(name):
    files = [CONFIG / "config.yaml", *(CONFIG / "examples" / f"{part}.yaml" for part in EXAMPLES[name])]
    return Study.from_config(merged_config(files, {}))


@cache
def groups():
    """The lung study as if two groups were compared, with no other decision than one of its own."""
    study = study_of("lung")
    decision = study.decisions["ecog_coding"]
    return replace(
        study,
        decisions={"ecog_coding": decision},
        primary=decision.values[:1],
        grid=tuple((value,) for value in decision.values),
        exposure_levels=("0", "1"),
        arm_names=("observation", "surgery"),
    )


def text_of(study):
    parts = [words for _, words in methods(study)]
    parts += [term.definition for term in terms(study)]
    return " ".join([*parts, *introduction(six_rows().iloc[:0], study)])


def six_rows():
    """Analyses of the six decisions: two options of who is analysed, two codings, one estimator."""
    study, rows = study_of("six"), []
    ratios = iter((0.5, 0.6, 0.8, 0.9, 0.7, 0.7, 0.7, 0.7))
    for cutoff in (20.0, 10.0):
        for women in ("everybody", "without_grade_I"):
            for age in ("two_groups", "linear"):
                options = {"oligo_threshold": 4.0, "dose_cutoff": cutoff, "gtv_cutoff": 21.0, "caliper": 0.2}
                options |= {"women": women, "age": age, "score": "straight", "caliper_scale": "all"}
                rows.append(estimate(next(ratios), **options, adjustment_set=study.primary_set))
    return specifications(rows)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("default", "all 576 scenarios"),
        ("lung", "all 12 scenarios"),
        ("six", "48 of 96 scenarios, those whose options can be combined"),
        ("sampled", "60 of 7,776 scenarios, drawn evenly over the decisions (scrambled Sobol points)"),
    ],
)
def test_the_size_of_the_grid_is_told(name, words):
    assert grid_words(study_of(name)) == words
    assert words in dict(methods(study_of(name)))["Decisions"]


def test_a_random_sample_says_so_and_the_introduction_counts_it():
    study = replace(study_of("sampled"), sample_method="random")
    assert grid_words(study).endswith("scenarios, drawn at random")
    sentences = introduction(six_rows(), study)
    assert any("here in 60 of 7,776 ways" in sentence for sentence in sentences)
    assert sum(len(sentence.split()) for sentence in sentences) <= LONGEST_INTRODUCTION


def test_uncertain_options_are_told_pooled_and_apart():
    rows = six_rows()
    pooled = np.exp(np.median(np.log([0.5, 0.6, 0.8, 0.9])))
    apart = [np.exp(np.median(np.log(some))) for some in ([0.5, 0.6], [0.8, 0.9])]
    assert pooled_words(rows, study_of("six")) == (
        f"Pooled over both options of women with tumours of grade I, the median is {pooled:.2f} "
        f"(4 analyses); apart {apart[0]:.2f} (everybody) and {apart[1]:.2f} (without grade I)."
    )


def test_nothing_is_pooled_without_an_uncertain_decision_or_an_estimate():
    assert pooled_words(six_rows(), study_of("sampled")) == ""
    failed = six_rows().assign(status="no_pairs", estimate=np.nan)
    assert pooled_words(failed, study_of("six")) == ""


def test_the_claim_is_that_of_the_primary_options_at_each_cutoff():
    found = strips(six_rows(), study_of("six"))
    assert {cutoff: len(summaries) for cutoff, summaries in found.items()} == {10.0: 1, 20.0: 1}
    assert found[20.0]["matched"].estimated == 2
    assert found[20.0]["matched"].median == pytest.approx(np.sqrt(0.5 * 0.6))


def test_arms_with_names_stand_without_a_cutoff():
    study = groups()
    rows = six_rows().drop(columns="dose_cutoff").assign(population="all", ecog_coding="four_levels")
    rows["adjustment_set"] = study.primary_set
    assert claim(rows, study).startswith("With surgery matched analyses find longer survival")
    assert (*arm_labels(study), of_arm(study, "surgery")) == ("observation", "surgery", "surgery")
    text = text_of(study)
    for absent in ("cutoff", "threshold", "≥", "population are", "†"):
        assert absent not in text
    assert "Predicted: shorter survival with surgery." in text


@pytest.mark.parametrize("study", [study_of("lung"), groups()], ids=["cutoffs", "groups"])
def test_nothing_is_said_of_what_a_study_does_not_have(study):
    text = text_of(study).lower()
    for absent in ("lesion", "oligometastatic", "tumour", "known only after treatment", "threshold"):
        assert absent not in text
    assert not any("oligometastatic" in name for name in figure_names(study))
    assert whom(study) == "all patients"
    assert all(len(term.definition.split()) <= LONGEST for term in terms(study))


def test_primary_options_have_the_shortest_true_name():
    names = {name: primary_words(study_of(name)) for name in EXAMPLES}
    assert names["default"] == "primary threshold and cutoff"
    assert (names["lung"], names["six"]) == ("primary cutoff", "primary options")
    assert primary_words(groups()) == "primary scenario"


def test_every_decision_is_listed_with_its_type_and_one_primary_option():
    study = study_of("six")
    found = {row.label: row for row in decision_rows(study)}
    assert len(found) == len(study.decisions) == 8
    assert all(sum(option.primary for option in row.options) == 1 for row in found.values())
    women = found["Women with tumours of grade I"]
    assert women.type == "uncertain: shown apart and pooled"
    assert [option.text for option in women.options] == ["everybody", "without grade I"]
    assert found["Tumour size, cutoff (mm)"].type == "one option: nothing varies"
    table = decisions_table(study)
    options = sum(len(decision.values) for decision in study.decisions.values())
    assert len(table) == options + len(study.measures)
    assert table["Option"].tolist()[options] == "Hazard ratio (primary)"
    assert list(table["Option"]).count("everybody (primary)") == 1


def test_pooled_and_idle_options_are_told_apart():
    study = study_of("six")
    women, caliper = study.decisions["women"], study.decisions["caliper"]
    assert option_cell(study, women, {"women": None, "estimator": "matched"}) == "pooled"
    assert option_cell(study, caliper, {"caliper": np.nan, "estimator": "adjusted"}) == "–"
    first, last = beside_estimator(study)
    assert ([own.name for own in first], [own.name for own in last]) == (["women"], ["dose_cutoff"])
    assert split_by(study).name == "oligo_threshold"
    assert split_by(study_of("lung")) is None


def flow_rows(population, level, count, variable="all"):
    return {
        "population": population, "landmark": 0.0, "subgroup": None, "estimator": "unadjusted",
        "analysis": "descriptive", "statistic": "patients", "variable": variable, "level": level,
        "estimate": count, "adjustment_set": None, "n": count,
    }  # fmt: skip


def test_the_flow_says_whom_an_option_leaves_out():
    study = replace(study_of("six"), lesions=None)
    steps = [
        ("all", "patients in the data", 0, 100),
        ("analysed", "patients analysed", 0, 100),
        ("option", "Women with tumours of grade I, without_grade_I", 20, 80),
    ]
    flow = pd.DataFrame(steps, columns=["step", "reason", "n_excluded", "n_remaining"])
    primary = [flow_rows("all", "all", 80.0), *(flow_rows("all", arm, 40.0, "arm") for arm in "01")]
    counts = flow_counts(flow, pd.DataFrame(primary), study)
    titles = {step.title: step for step in flow_steps(counts, study)}
    assert titles["Left out by an option"].branches == ("Women with tumours of grade I, without grade I: 22",)
    assert titles["Analysed"].count == "102"
    assert titles["Kept by the primary options"].count == "82"
    assert "Patients by arm" in titles
    assert not any("threshold" in title for title in titles)


def test_works_are_listed_where_they_are_named():
    named = {name: set(references(study_of(name))) & set(OCCASIONAL) for name in ("default", "sampled")}
    # The default study has measures, the sampled one gaps in its grid, too.
    assert [entry.split(" ")[0] for entry in named["default"]] == ["Zeng"]
    assert {entry.split(" ")[0] for entry in named["sampled"]} == {"Lindeman", "Zeng"}


def test_options_are_shared_as_they_are_and_other_columns_only_if_declared():
    frame = pd.DataFrame({"women": ["everybody"], "pairs": [3.0], "estimate": [0.51234]})
    shared = release_table("specifications", frame, minimum=5, decisions=["women"])
    assert (shared["women"][0], shared["estimate"][0]) == ("everybody", 0.512)
    with pytest.raises(ValueError, match=r"specifications\.women is not declared"):
        release_table("specifications", frame, minimum=5)
    # A decision with the name of a count of patients is still counted.
    assert release_table("specifications", frame, minimum=5, decisions=["pairs", "women"])["pairs"][0] != 3.0
    assert kind_of("attribution", "share_lower") == "statistic"
