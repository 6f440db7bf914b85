import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_frames import GATES, estimate, failure, grid, small_config, small_study, specifications

from survival_multiverse.report.charts.chart_files import specification_rows
from survival_multiverse.report.charts.grid_charts import first_view
from survival_multiverse.report.charts.page_data import estimand_names, field
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.words.narrative import hidden_bias, origin, reading, readings
from survival_multiverse.settings.study import Study


def plain(text):
    return text.replace("\u00a0", " ")


def read(rows):
    return plain(reading(specifications(rows), small_study()))


def test_counts_range_and_sides():
    text = read([estimate(0.5), estimate(0.9), estimate(1.4, caliper=np.inf), failure()])
    assert "3 of 4 analyses gave a hazard ratio; 1 could not be estimated." in text
    assert "The lowest is 0.50 (gross tumour volume ≥146 cm³" in text
    assert "The highest is 1.40 (" in text
    assert "no caliper" in text
    assert "The median is 0.90." in text
    assert "2 of 3 (67%) lie below 1" in text
    assert "1 of them with a 95% confidence interval that excludes 1" in text
    assert "1 of 3 (33%) lie above 1, all of them with such an interval" in text


def test_nothing_estimated():
    assert read([failure(), failure()]) == "None of 2 analyses gave a hazard ratio."


def test_one_specification():
    text = read([estimate(0.8, ci_lower=0.6, ci_upper=1.1)])
    assert text.startswith("The only analysis gave a hazard ratio. It is 0.80 (95% CI 0.60 to 1.10).")


def test_all_on_one_side_says_so():
    text = read([estimate(0.5), estimate(0.6)])
    assert "All of the 2 lie below 1" in text
    assert "none of the 2 lie above 1." in text


def test_balance_gate():
    assert (
        "None balanced every baseline covariate (|SMD| below 0.1), so none compares similar patients."
        in read([estimate(0.5), estimate(0.6)])
    )
    through = [estimate(0.5), estimate(0.6, **{"passes_baseline_0.1": True}), estimate(0.7)]
    assert "1 of 3 balanced every baseline covariate" in read(through)
    assert "the hazard ratio there is 0.60" in read(through)
    more = [*through, estimate(0.8, **{"passes_baseline_0.1": True})]
    assert "2 of 4 balanced every baseline covariate" in read(more)
    assert "the median there is 0.69 (0.60 to 0.80)" in read(more)
    # Where no balance was judged nothing is said of it.
    assert "balance" not in read(
        [estimate(0.5, **dict.fromkeys(GATES)), estimate(0.6, **dict.fromkeys(GATES))]
    )


def test_hidden_bias_counts_the_analyses_that_have_a_bound():
    def said(*bounds, **values):
        rows = specifications([estimate(0.5, rosenbaum_gamma=bound, **values) for bound in bounds])
        return plain(hidden_bias(rows, small_study()))

    assert "In 3 of 3 matched analyses" in said(1.1, np.nan, 1.32)
    assert "is 0.05 or less in 2 of them" in said(1.1, np.nan, 1.32)
    assert "by Γ between 1.10 and 1.32 would" in said(1.1, np.nan, 1.32)
    assert "or less in 0 of them" in said(np.nan)
    assert "Chance alone can explain" in said(np.nan)
    assert "are censored alike" in said(np.nan)


def test_hidden_bias_follows_the_direction_in_which_the_pairs_point():
    harm = {"rosenbaum_direction": -1.0, "sign_test_direction": -1.0}
    rows = specifications([estimate(1.5, rosenbaum_gamma=1.4, **harm), estimate(0.9, gtv_cutoff=100.0)])
    text = plain(hidden_bias(rows, small_study()))
    assert (
        "In 1 of 2 matched analyses the pairs speak for shorter survival at ≥63 Gy (median hazard ratio 1.50)"
        in text
    )
    assert "by Γ = 1.40 would take that away" in text
    assert (
        "In 1 of 2 matched analyses the pairs speak for longer survival at ≥63 Gy (median hazard ratio 0.90)"
        in text
    )
    assert "no bias is needed" not in text


def test_nothing_matched_has_no_bound():
    assert hidden_bias(specifications([failure()]), small_study()) == ""


def test_share_never_rounds_to_all_or_none():
    rows = [estimate(0.5)] * 999 + [estimate(1.5)]
    assert "999 of 1,000 (>99%)" in read(rows)
    assert "1 of 1,000 (<1%)" in read(rows)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("simulated", "nothing here is a clinical finding"),
        ("reconstructed", "Nothing here is a clinical finding"),
        ("file", "not randomised"),
        ("dataset", "public"),
    ],
)
def test_origin(source, words):
    config = small_config()
    config["cohort"] = config["cohort"] | {"source": source}
    assert words in " ".join(origin(Study.from_config(config)))


def drawn_counts(frame, estimator):
    """Analyses of the primary block in the curve: all, CI below 1, CI above 1, and their ratios."""
    first = first_view(frame, small_study())
    rows = [
        row
        for row in specification_rows(frame, small_study())
        if row["estimator"] == ESTIMATOR_LABELS[estimator]
        and row["estimate"] is not None
        and all(row[name] in (None, first[name]) for name in map(field, estimand_names(small_study())))
    ]
    sides = [row["side"] for row in rows]
    return (
        len(rows),
        sides.count("longer"),
        sides.count("shorter"),
        np.array([row["estimate"] for row in rows]),
    )


def assert_agrees(text, frame, estimator):
    count, below, above, heights = drawn_counts(frame, estimator)
    assert f"{(heights < 1).sum()} of {count} (" in text or f"of the {count} lie below 1" in text
    said = re.search(r"lie below 1(?:, (\w+) of them with)?", text)[1]
    assert {None: 0, "none": 0, "all": (heights < 1).sum()}.get(said, said) in (below, str(below))
    said = re.search(r"lie above 1(?:, (\w+) of them with)?", text)[1]
    assert {None: 0, "none": 0, "all": (heights > 1).sum()}.get(said, said) in (above, str(above))
    low, high = re.search(r"lowest is ([\d.]+) \(.* highest is ([\d.]+) \(", text).groups()
    assert float(low) == pytest.approx(heights.min(), abs=0.0051)
    assert float(high) == pytest.approx(heights.max(), abs=0.0051)


def test_text_agrees_with_the_figure():
    texts = dict(readings(grid(), small_study()))
    assert_agrees(plain(texts["Matched 1:1"]), grid(), "matched")
    assert_agrees(plain(texts["Adjusted Cox model"]), grid(), "adjusted")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0.05, 1)), min_size=2, max_size=12))
def test_text_never_contradicts_the_figure(values):
    frame = specifications([estimate(ratio, width=width) for ratio, width in values])
    assert_agrees(plain(reading(frame, small_study())), frame, "matched")
