"""The lineage of a study: long decisions, and marks from verdicts."""

from pathlib import Path

import yaml

from survival_multiverse.provenance.lineage import draw_study, marks_of, study_graph
from survival_multiverse.provenance.study_records import StudyRecords
from survival_multiverse.report.figures.lineage_graph import Mark
from survival_multiverse.settings.validation import merge_configs

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text(encoding="utf-8"))
NOTHING = StudyRecords(Path(), (), (), {})


def test_many_options_are_cut_to_their_ends():
    config = merge_configs(CONFIG, {"decisions": {"caliper": [value / 100 for value in range(1, 30)]}})
    (caliper,) = (node for node in study_graph(NOTHING, config)[0] if node.name == "caliper")
    assert caliper.lines == ("0.01 … 0.29",)
    assert "0.01 … 0.29" in draw_study(NOTHING, config)


def test_the_worst_verdict_marks_a_rule():
    verdicts = [("a", "ok"), ("a", "stale"), ("a", "ok"), ("b", "ok")]
    marks = marks_of(verdicts, ["stale", "ok"])
    assert marks == {"a": Mark("stale", "1 stale, 2 ok"), "b": Mark("ok", "1 ok")}
