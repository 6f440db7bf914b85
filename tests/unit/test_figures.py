import io
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from report_frames import estimate, small_study

from survival_multiverse.cohort.coarse_curves import time_step
from survival_multiverse.cohort.disclosure import PARTS, count_words, shown_count
from survival_multiverse.cohort.sample import GTV_LEVELS, STATE_LEVELS
from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.figures.survival_figures import draw_survival_curves
from survival_multiverse.report.figures.survival_numbers import COLUMNS, LINE, survival_numbers
from survival_multiverse.report.figures.survival_panels import log_rank_p, survival_panels
from survival_multiverse.report.style.formats import (
    display_unit,
    format_p,
    p_phrase,
    svg_bytes,
)
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.report.words.labels import describe_specification, in_sentence, level_label


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# Kaplan-Meier figures


def drawn(name, samples, estimates, published=NO_MARKS):
    """A figure of the small study."""
    study = small_study()
    panels = survival_panels(f"survival_curves_{name}", samples, estimates, study, published)
    return draw_survival_curves(panels, survival_numbers(panels, study), study)


def patients(n=160, seed=5):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "time": np.round(random.exponential(14, n), 1) + 0.1,
            "event": (random.random(n) < 0.8).astype(int),
            "arm": random.integers(0, 2, n),
            "pair": -1,
            "response": random.choice(["no", "yes"], n),
            "gtv": random.choice(GTV_LEVELS, n),
            "state": random.choice(STATE_LEVELS, n),
        }
    )


def samples():
    frame = patients()
    return {"all": frame, "population": frame, "matched:as_published": frame, "matched:baseline_only": frame}


def log_rank_rows():
    """Rows with P values that no test on the patients would give."""
    head = {
        "population": "non_oligometastatic",
        "estimator": "unadjusted",
        "adjustment_set": None,
        "landmark": 0.0,
    }
    head |= {"subgroup": None, "analysis": "log_rank", "model": None, "variable": "arm", "level": None}
    head |= {"statistic": "chi_square", "p_value": 0.1234}
    changes = [
        {},
        {"population": "all", "variable": "state", "p_value": 0.2345},
        {"subgroup": "response=no", "p_value": 0.3456},
        {"subgroup": "response=yes", "p_value": 0.4567},
        {"landmark": 8.0, "p_value": 0.99},
        {
            "estimator": "matched",
            "adjustment_set": "as_published",
            "model": "pair_stratified",
            "p_value": 0.98,
        },
        {"estimator": "matched", "adjustment_set": "as_published", "p_value": 0.5678},
    ]
    return pd.DataFrame([head | change for change in changes])


def test_figure_names():
    assert figure_names(small_study()) == [
        "survival_curves_oligometastatic_state",
        "survival_curves_dose",
        "survival_curves_dose_by_response",
        "survival_curves_dose_by_gtv",
        "survival_curves_dose_matched_as_published",
        "survival_curves_dose_matched_baseline_only",
        "survival_curves_dose_balanced_as_published",
        "survival_curves_dose_balanced_baseline_only",
    ]


@pytest.mark.parametrize(
    ("name", "p_values"),
    [
        ("oligometastatic_state", [0.2345]),
        ("dose", [0.1234]),
        ("dose_by_response", [0.3456, 0.4567]),
        ("dose_matched_as_published", [0.5678]),
    ],
)
def test_p_values_come_from_the_table(name, p_values):
    panels = survival_panels(f"survival_curves_{name}", samples(), log_rank_rows(), small_study())
    assert [panel.p_value for panel in panels] == p_values
    figure = drawn(name, samples(), log_rank_rows())
    titles = [axes.get_legend().get_title().get_text() for axes in figure.axes if axes.get_legend()]
    assert titles == [f"Log-rank {p_phrase(value)}" for value in p_values]


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("dose", {"o": [(12.0, 0.5), (24.0, 0.2)]}),
        ("oligometastatic_state", {"|": [(13.0, 0.5)]}),
        ("dose_by_response", {}),
        ("dose_matched_baseline_only", {}),
    ],
)
def test_published_numbers_are_marked_in_their_figure(name, marks):
    whom = {"population": "non_oligometastatic", "estimator": "unadjusted", "variable": "arm"}
    whom |= {"relation": "="}
    rows = [
        whom | {"quantity": "survival", "level": "1", "time": 12.0, "value": 0.5},
        whom | {"quantity": "survival", "level": "1", "time": 24.0, "value": 0.2},
        whom | {"quantity": "log_rank_p", "value": 0.004},
        whom | {"quantity": "log_rank_p", "value": 0.036, "subgroup": "response=yes"},
        whom | {"quantity": "median", "population": "all", "variable": "state", "value": 13.0},
    ]
    published = pd.DataFrame(rows, columns=NO_MARKS.columns).astype({"value": float})
    figure = drawn(name, samples(), log_rank_rows(), published)
    purple = [line for axes in figure.axes for line in axes.lines if line.get_color() == PUBLISHED]
    found = {line.get_marker(): list(zip(*line.get_data(), strict=True)) for line in purple}
    assert found == marks
    labels = [line.get_label() for line in purple]
    assert labels == ["Published"] * len(marks)
    # A printed P value is words, for which nothing is drawn.
    titles = [axes.get_legend().get_title().get_text() for axes in figure.axes if axes.get_legend()]
    printed = {"dose": ["Published: P = 0.004"], "dose_by_response": ["", "Published: P = 0.036"]}
    assert [title.partition("\n")[2] for title in titles] == printed.get(name, [""])


def effect_rows():
    """Rows of medians and hazard ratios that no estimate on the patients would give."""
    head = log_rank_rows().iloc[0].to_dict() | {"estimate": 9.0, "ci_lower": 8.0, "ci_upper": 10.0, "n": 80}
    cox = {"analysis": "cox", "model": "arm_only", "ties": "efron", "statistic": "hazard_ratio"}
    cox |= {"level": "1 vs 0", "estimate": 0.71, "ci_lower": 0.52, "ci_upper": 0.96}
    median = {"analysis": "kaplan_meier", "statistic": "median"}
    matched = {"estimator": "matched", "adjustment_set": "as_published"}
    changes = [
        {},
        cox | {"variance": "model"},
        cox | {"variance": "model", "ties": "breslow", "estimate": 0.1},
        cox | {"variance": "model", "model": "selected", "estimate": 0.2},
        cox | {"variance": "model", "landmark": 6.0, "estimate": 0.3},
        cox | matched | {"variance": "clustered", "estimate": 0.66},
        cox | matched | {"variance": "model", "estimate": 0.4},
        cox | {"variance": "model", "subgroup": "response=no", "estimate": 0.83},
        median | {"level": "1", "estimate": 14.2, "ci_lower": 12.0, "ci_upper": np.nan},
        median | {"level": "0", "estimate": 11.0, "n": small_study().minimum_count - 1},
        median | matched | {"level": "1"},
    ]
    return pd.DataFrame([head | change for change in changes])


@pytest.mark.parametrize(
    ("name", "ratios", "medians"),
    [
        ("dose", ["0.71 (0.52 to 0.96)"], ["median 14.2 (12.0 to not reached) months"]),
        ("dose_by_response", ["0.83 (0.52 to 0.96)", ""], []),
        ("dose_matched_as_published", ["0.66 (0.52 to 0.96)"], ["median 9.0 (8.0 to 10.0) months"]),
        ("oligometastatic_state", [""], []),
    ],
)
def test_the_effect_stands_beside_the_curves_as_in_the_table(name, ratios, medians):
    figure = drawn(name, samples(), effect_rows())
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    heads = [f"Hazard ratio {ratio}, 95% CI" if ratio else "" for ratio in ratios]
    assert [legend.get_title().get_text().partition("\nLog-rank")[0] for legend in legends] == [
        head or legend.get_title().get_text() for head, legend in zip(heads, legends, strict=True)
    ]
    words = " ".join(text.get_text() for legend in legends for text in legend.get_texts())
    assert re.findall(r"median [\d.]+ \([^)]*\) months", words) == medians
    # An arm with too few patients has no median.
    assert "11.0" not in words


def test_words_of_a_figure_are_words_and_legible():
    svg = svg_bytes(drawn("dose", samples(), effect_rows())).decode()
    assert ">Hazard ratio 0.71 (0.52 to 0.96), 95% CI</text>" in svg
    assert ">Number at risk</text>" in svg
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)]
    assert len(sizes) > 20
    # A unit of the figure is a point, 4/3 of a pixel.
    assert min(sizes) * 4 / 3 >= 11
    assert "DejaVu" not in svg


def test_no_p_value_where_the_table_has_none():
    assert np.isnan(log_rank_p(log_rank_rows(), estimator="matched", adjustment_set="baseline_only"))


def test_curve_is_the_kaplan_meier_estimate_in_steps_of_several_deaths():
    minimum, step = small_study().minimum_count, time_step(small_study())
    for whom in (patients(), patients(60)):
        everybody = samples() | {"population": whom}
        figure = drawn("dose", everybody, log_rank_rows())
        for arm, line in zip((1, 0), figure.axes[0].lines, strict=True):
            here = whom[whom["arm"] == arm]
            whole = kaplan_meier(here["time"], here["event"])
            edges, levels = line.get_xdata(), line.get_ydata()
            np.testing.assert_allclose(edges / step, np.round(edges / step))
            for before, after, level, survival in zip(
                edges[:-1], edges[1:], levels[:-1], levels[1:], strict=True
            ):
                # At least 50 patients an arm, or at least 20: steps of 2 or 5 %.
                exact = whole.survival[whole.time <= after][-1]
                assert survival == pytest.approx(exact, abs=0.01 if len(here) >= 50 else 0.025)
                inside = (here["time"] > before) & (here["time"] <= after)
                assert here.loc[inside, "event"].sum() >= minimum or survival == level
        end = figure.axes[0].get_xlim()[1] / 1.02 / step
        assert end == pytest.approx(round(end))


def test_numbers_at_risk():
    figure = drawn("dose", samples(), log_rank_rows())
    frame = patients()
    risk = figure.axes[1]
    printed = {(text.get_position()[0], text.get_position()[1]): text.get_text() for text in risk.texts}
    for (tick, row), text in printed.items():
        count = int(((frame["time"] >= tick) & (frame["arm"] == 1 - row)).sum())
        assert text == count_words(count, minimum=small_study().minimum_count)
    assert any(text.startswith("<") for text in printed.values())


def test_numbers_at_risk_count_who_reaches_a_tick_but_for_rounding():
    whole = patients()
    whole["time"] = whole["time"].round().clip(lower=1)
    printed = []
    for frame in (whole, whole.assign(time=whole["time"] * (1 - 1e-15))):
        figure = drawn("dose", samples() | {"population": frame}, log_rank_rows())
        printed.append([text.get_text() for text in figure.axes[1].texts])
    assert (whole["time"] % 6 == 0).any()
    assert printed[0] == printed[1]


def test_small_groups_are_held_back_at_time_zero():
    frame = patients()
    frame["response"] = "no"
    frame.loc[frame.index[frame["arm"] == 1][:2], "response"] = "yes"
    figure = drawn("dose_by_response", samples() | {"population": frame}, log_rank_rows())
    at_zero = [text.get_text() for axes in figure.axes for text in axes.texts if text.get_position()[0] == 0]
    sizes = [int(((frame["arm"] == arm) & (frame["response"] == "no")).sum()) for arm in (1, 0)]
    assert at_zero == [*(count_words(size, minimum=5) for size in sizes), "<5", "0"]


def test_group_without_patients():
    frame = patients()
    frame["response"] = None
    figure = drawn("dose_by_response", samples() | {"population": frame}, log_rank_rows())
    assert svg_bytes(figure)


# The numbers of a figure

PRINTED = [
    {"variable": "arm", "level": "1", "quantity": "survival", "time": 12.0, "value": 0.511},
    {"variable": "arm", "level": "0", "quantity": "survival", "time": 24.0, "value": 0.2},
    {"variable": "arm", "level": "1", "quantity": "median", "value": 13.0},
    {"variable": "arm", "quantity": "log_rank_p", "value": 0.004},
]


def taken_away(name, everybody):
    """A figure of the small study, and its CSV as a reader's program reads it."""
    study = small_study()
    whom = {"population": "non_oligometastatic", "estimator": "unadjusted", "relation": "="}
    published = pd.DataFrame([whom | row for row in PRINTED], columns=NO_MARKS.columns)
    published = published.astype({"time": float, "value": float})
    panels = survival_panels(f"survival_curves_{name}", everybody, log_rank_rows(), study, published)
    numbers = survival_numbers(panels, study)
    text = csv_bytes(numbers.table, "simulated").decode()
    gaps = dict.fromkeys(("at_risk", *LINE), "")
    table = pd.read_csv(
        io.StringIO(text), keep_default_na=False, na_values=gaps, float_precision="round_trip"
    )
    return draw_survival_curves(panels, numbers, study), table


def rows_drawn(figure):
    """What is read off the axes, as rows of the CSV."""
    for axes, risk in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
        bands = iter(axes.collections)
        for line in axes.lines:
            if line.get_color() != PUBLISHED:
                group = next(label for label in labels if line.get_label().startswith(label))
                corners = next(bands).get_paths()[0].vertices
                for time, level in zip(*line.get_data(), strict=True):
                    # After a step the band has the limits of the step; the last one has no width.
                    after = {y for x, y in corners if x == time}
                    yield axes.get_title(loc="left"), group, "curve", time, level, after
                continue
            mark = {"o": "published_survival", "|": "published_median"}[line.get_marker()]
            yield from (
                (axes.get_title(loc="left"), None, mark, *point, None)
                for point in zip(*line.get_data(), strict=True)
            )
        for text in risk.texts:
            time, row = text.get_position()
            yield axes.get_title(loc="left"), labels[row], "at_risk", time, text.get_text(), None


@pytest.mark.parametrize(
    "name", ["oligometastatic_state", "dose", "dose_by_response", "dose_matched_as_published"]
)
def test_the_csv_holds_what_is_drawn_and_nothing_else(name):
    figure, table = taken_away(name, samples())
    assert list(table) == ["data_origin", *COLUMNS]
    assert set(table["data_origin"]) == {"simulated"}
    drawn_rows = list(rows_drawn(figure))
    assert len(drawn_rows) == len(table)
    assert {"curve", "at_risk"} <= set(table["mark"])
    for row in table.to_dict("records"):
        here = [found for found in drawn_rows if found[2] == row["mark"] and found[3] == row["time"]]
        here = [found for found in here if found[0] == row["panel"] and found[1] in (row["group"], None)]
        if row["mark"] == "at_risk":
            assert [found[4] for found in here] == [row["at_risk_note"] or f"{row['at_risk']:.0f}"]
            assert np.isnan([row[name] for name in LINE]).all()
            continue
        assert row["survival"] in [found[4] for found in here]
        assert np.isnan(row["at_risk"])
        if row["mark"] == "curve":
            # Where nobody is left there are no limits, and no band.
            assert {row[name] for name in ("ci_lower", "ci_upper") if row[name] == row[name]} <= here[0][5]


def test_published_numbers_are_in_the_csv_with_their_group():
    _, table = taken_away("dose", samples())
    printed = table[table["mark"].str.startswith("published")]
    found = printed[["group", "mark", "time", "survival"]].to_numpy().tolist()
    assert found == [
        ["≥63 Gy", "published_survival", 12.0, 0.511],
        ["<63 Gy", "published_survival", 24.0, 0.2],
        ["≥63 Gy", "published_median", 13.0, 0.5],
    ]


@pytest.mark.parametrize(("n", "seed"), [(160, 5), (60, 5), (45, 8), (400, 9)])
def test_the_csv_tells_of_no_patient_and_of_no_small_count(n, seed):
    whom = patients(n, seed)
    # Nobody's time is one that a grid or an axis has.
    whom["time"] = whom["time"].round() + 0.37
    whom.loc[whom.index[whom["arm"] == 1][3:], "response"] = "no"
    _, table = taken_away("dose_by_response", samples() | {"population": whom})
    minimum, step = small_study().minimum_count, time_step(small_study())
    assert not set(table["time"]) & set(whom["time"])
    shown = shown_count(np.arange(n + 1), minimum=minimum)
    assert set(table["at_risk"].dropna()) <= set(shown) - {shown[1]}
    assert set(table["at_risk_note"]) == {"", f"<{minimum}"}
    steps = 0
    curves = table[table["mark"] == "curve"]
    np.testing.assert_allclose(curves["time"] / step, np.round(curves["time"] / step))
    for (panel, group), rows in curves.groupby(["panel", "group"]):
        here = whom[(whom["response"] == panel.split(": ")[1].lower()) & (whom["arm"] == int("≥" in group))]
        assert len(here)
        deaths = here.loc[here["event"] == 1, "time"].to_numpy()
        for before, after in pairwise(rows.itertuples()):
            inside = np.count_nonzero((deaths > before.time) & (deaths <= after.time))
            assert inside >= minimum or after.survival == before.survival
            steps += after.survival < before.survival
        # Survival has no more digits than the fewest patients of their class allow.
        parts = PARTS[max(len(here) // minimum * minimum, 1) >= PARTS].max()
        shares = rows[LINE].to_numpy() * parts
        np.testing.assert_allclose(shares, np.round(shares))
    assert steps > 2


# Words and numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, "<0.001"), (0.0312, "0.031"), (0.0499, "0.0499"), (0.04996, "0.04996"), (0.05, "0.050"),
     (0.0501, "0.0501"), (0.2345, "0.23"), (np.nan, "–"), (0.04999999, "<0.05"), (0.05000001, ">0.05")],
)  # fmt: skip
def test_p_values_stay_on_their_side(value, text):
    assert format_p(value) == text


def test_words():
    study = small_study()
    assert [display_unit(unit) for unit in ("cm3", "m2", "Gy", "B12")] == ["cm³", "m²", "Gy", "B12"]
    assert in_sentence("Dose") == "dose"
    assert in_sentence("GTV") == "GTV"
    assert level_label(study, "gtv", GTV_LEVELS[0]) == "<146 cm³"
    assert level_label(study, "arm", "1") == "≥63 Gy"
    assert level_label(study, "kps", "<=80") == "≤80"
    row = estimate(0.8, caliper=np.inf, gtv_cutoff=np.nan)
    assert (
        describe_specification(study, row)
        == "≥5 lesions, thoracic radiation dose ≥63 Gy, no caliper, “As published †” covariates"
    )


def balanced_samples():
    """Patients, and lines in place of their curves: straight down from 1, finer than may be shown."""
    times = np.arange(0.0, 61.0)
    lines = [
        pd.DataFrame({"estimator": estimator, "arm": arm, "time": times, "survival": 1 - times * slope})
        for estimator, slope in (("overlap", 0.0101), ("iptw", 0.0121), ("adjusted", 0.0141))
        for arm in (0, 1)
    ]
    lines = pd.concat(lines).assign(ci_lower=0.123456, ci_upper=0.9)
    return {"scored:baseline_only": patients(), "balanced:baseline_only": lines}


def test_weighted_and_standardised_curves_step_where_enough_events_have_come():
    study, made = small_study(), balanced_samples()
    name = "survival_curves_dose_balanced_baseline_only"
    panels = survival_panels(name, made, log_rank_rows().assign(variance="stacked"), study)
    numbers = survival_numbers(panels, study)
    assert [panel.title for panel in panels] == [
        "Overlap weights",
        "Inverse probability weights",
        "Adjusted Cox model",
    ]
    own = survival_numbers(survival_panels("survival_curves_dose", samples(), log_rank_rows(), study), study)
    unweighted = own.panels[0]
    for rows, slope in zip(numbers.panels, (0.0101, 0.0121, 0.0141), strict=True):
        curve = rows[rows["mark"] == "curve"]
        steps = unweighted[unweighted["mark"] == "curve"]
        assert curve["time"].tolist() == steps["time"].tolist()
        coarse = np.abs(curve["survival"] - (1 - curve["time"] * slope))
        assert coarse.max() <= 0.5 / PARTS[0]
        # No finer than a patient's share.
        assert set(np.round(curve["survival"] * 100, 9) % 1) == {0.0}
        at_risk = rows[rows["mark"] == "at_risk"].drop(columns="panel").reset_index(drop=True)
        expected = unweighted[unweighted["mark"] == "at_risk"].drop(columns="panel").reset_index(drop=True)
        pd.testing.assert_frame_equal(at_risk, expected)


def test_a_weighted_log_rank_p_allows_for_the_estimated_score():
    rows = log_rank_rows().iloc[:1].assign(estimator="iptw", adjustment_set="baseline_only")
    both = pd.concat(
        [rows.assign(variance="robust", p_value=0.3), rows.assign(variance="stacked", p_value=0.2)]
    )
    assert log_rank_p(both, estimator="iptw", adjustment_set="baseline_only") == 0.2
