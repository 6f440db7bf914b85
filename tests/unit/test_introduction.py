"""The explanation for new readers and its picture."""

import json

import numpy as np
import pytest
import vl_convert
from report_frames import estimate, failure, grid, small_study, specifications

from survival_multiverse.report.charts.introduction import introduction_spec
from survival_multiverse.report.charts.static import svg_of
from survival_multiverse.report.words.introduction import (
    LONGEST,
    introduced,
    introduction,
    introduction_alternative,
    introduction_caption,
)

ONE = specifications([estimate(1.4), failure(caliper=np.inf)])
NONE = specifications([failure()])
FRAMES = {"many": grid(), "one": ONE, "none": NONE}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_the_explanation_is_short_and_speaks_of_a_picture_only_if_there_is_one(frame):
    text = " ".join(introduction(frame, small_study()))
    assert len(text.split()) <= LONGEST
    assert ("picture" in text) is (introduction_spec(frame, small_study()) is not None)
    assert ("Dots left of 1 favour ≥63 Gy." in text) is (frame is not NONE)
    assert bool(introduction_caption(frame, small_study())) is (frame is not NONE)


@pytest.mark.parametrize("frame", [grid(), ONE], ids=["many", "one"])
def test_the_picture_draws_the_primary_block_sorted(frame):
    spec = introduction_spec(frame, small_study())
    drawn = [row for layer in spec["layer"] for row in layer["data"]["values"] if "estimate" in row]
    here = frame[(frame["oligo_threshold"] == 5) & (frame["dose_cutoff"] == 63)]
    here = here[(here["status"] == "ok") & (here["adjustment_set"] == "as_published")]
    expected = sorted(here.loc[here["estimator"] == "matched", "estimate"])
    assert [row["estimate"] for row in drawn] == pytest.approx(expected, rel=1e-4)
    assert [row["rank"] for row in drawn] == list(range(len(expected)))
    assert len(introduced(frame, small_study())) == len(expected)
    notes = json.dumps(spec, ensure_ascii=False)
    assert "each dot: one analysis" in notes
    assert "favours ≥63 Gy" in notes
    assert ("sorted by hazard ratio" in notes) is (len(expected) > 1)
    dots = f"{len(expected)} dots" if len(expected) > 1 else "one dot"
    assert dots in introduction_alternative(frame, small_study())
    assert vl_convert.vegalite_to_vega(spec)["marks"]


def test_notes_keep_clear_of_the_edges_and_the_dots():
    for ratios in ([0.5, 1.5], [1.4], [3.0, 3.1], [0.4, 0.41]):
        frame = specifications([estimate(value) for value in ratios])
        spec = introduction_spec(frame, small_study())
        (note,) = [layer for layer in spec["layer"] if "each dot" in str(layer["encoding"].get("text"))]
        assert note["mark"]["align"] == ("left" if ratios[0] < 1 else "right")
        assert "each dot" in svg_of(spec)
        sorted_notes = [layer for layer in spec["layer"] if "sorted" in str(layer["encoding"].get("text"))]
        sides = [layer["mark"]["align"] for layer in sorted_notes]
        assert sides == ([] if len(ratios) == 1 else ["right" if ratios[-1] < 0.5 else "left"])
