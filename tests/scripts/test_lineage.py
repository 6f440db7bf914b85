"""The lineage of a study by its plan."""

from pathlib import Path

import pytest
import yaml

from survival_multiverse.provenance.lineage import draw_study, marks_of, rules_behind, study_graph
from survival_multiverse.provenance.study_plan import ROBUSTNESS, study_steps
from survival_multiverse.report.figures.lineage_graph import Mark

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text(encoding="utf-8"))


def test_the_graph_of_the_default_study_is_small_and_counts_its_files():
    nodes, edges = study_graph(CONFIG)
    boxes = {node.name: node.lines for node in nodes}
    passing = {(edge.source, edge.target): edge.label for edge in edges}
    assert len(nodes) == 25
    assert boxes["fit_scenarios"] == ("576 files",)
    assert boxes["dose_cutoff"] == ("57, 60, 63, 66",)
    assert passing["fit_scenarios", "collect_scenarios"] == "576 files"
    assert passing["dose_cutoff", "fit_scenarios"] == "4 values"
    assert passing["build_cohort", "fit_scenarios"] == "1 file"
    assert passing["published numbers", "build_cohort"] == "patients"
    assert passing["published numbers", "audit_consistency"] == "2 files"
    assert passing["published numbers", "reproduce_paper"] == "4 files"
    assert not any("calibrat" in name for name in boxes)


def test_a_long_axis_is_cut_to_its_ends():
    config = {**CONFIG, "axes": {**CONFIG["axes"], "caliper": [value / 100 for value in range(1, 30)]}}
    (caliper,) = (node for node in study_graph(config)[0] if node.name == "caliper")
    assert caliper.lines == ("0.01 … 0.29",)
    assert "0.01 … 0.29" in draw_study(config)


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        (
            ROBUSTNESS["blocks"],
            ["summarise_robustness", "collect_scenarios", "fit_scenarios", "build_cohort"],
        ),
        ("results/cohort/flow.parquet", ["build_cohort"]),
        ("results/other.txt", []),
    ],
)
def test_the_rules_behind_a_file(path, rules):
    assert rules_behind(path, study_steps(CONFIG)) == rules


def test_the_worst_verdict_marks_a_rule():
    verdicts = [("a", "ok"), ("a", "stale"), ("a", "ok"), ("b", "ok")]
    marks = marks_of(verdicts, ["stale", "ok"])
    assert marks == {"a": Mark("stale", "1 stale, 2 ok"), "b": Mark("ok", "1 ok")}
