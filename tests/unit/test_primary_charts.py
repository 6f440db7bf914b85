"""Charts and the script's data of studies that answer by a difference of survival curves."""

import json
import re

import pytest
from report_measures import DIFFERENCES, MEAN, SELECTED, SURVIVAL, answering_by, without_some_medians

from survival_multiverse.inference.specification_summary import headline, primary_block, summarise
from survival_multiverse.report.charts.balance_charts import smd_chart
from survival_multiverse.report.charts.chart_files import chart_specs, figure_spec, specification_rows
from survival_multiverse.report.charts.estimate_words import number
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.charts.page_data import opening_data
from survival_multiverse.report.charts.specification import beside_spec
from survival_multiverse.report.charts.static import svg_of
from survival_multiverse.report.words.measures import measure_words, ratio_words

OF_THE_MEASURE = (
    "curve",
    "blocks",
    "surface",
    "caliper",
    "landmark",
    "joint",
    "smd",
    "decisions",
    "attribution",
)
OF_RATIOS = ("forest", "bias", "bias-surface")


def charts_of(name):
    study, tables = answering_by(name)
    return page_charts(study, tables)


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("chart", OF_THE_MEASURE)
def test_a_chart_of_the_answer_speaks_of_no_ratio(name, chart):
    drawn = charts_of(name)[f"{chart}-chart"]
    words = (drawn.title, drawn.text, drawn.alternative, drawn.reading, json.dumps(drawn.spec))
    for text in words:
        assert not re.search(
            r"hazard ratio|\bHR\b|datum\.inverse|\"log\"|datum\": 1[.,}]", text, re.IGNORECASE
        )


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("chart", OF_RATIOS)
def test_a_chart_of_hazard_ratios_is_the_same_whatever_answers(name, chart):
    own, other = charts_of(name)[f"{chart}-chart"], charts_of("hazard_ratio")[f"{chart}-chart"]
    assert own == other
    assert "azard ratio" in own.text


@pytest.mark.parametrize("name", [*DIFFERENCES, SELECTED])
def test_captions_of_differences_are_short(name):
    for own, chart in charts_of(name).items():
        assert len(chart.text.split()) <= 40, own
        assert max(len(part.split()) for part in chart.text.split(". ")) <= 22, (own, chart.text)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_every_chart_of_differences_is_drawn_in_a_legible_size(name):
    study, tables = answering_by(name)
    specs = chart_specs(study, tables)
    assert "ties-chart" not in specs
    for own, spec in specs.items():
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg_of(spec))]
        assert not sizes or min(sizes) >= 10, own


def drawn_values(svg):
    return re.findall(r">([+−]\d+(?:\.\d+)?)</text>", svg)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_map_writes_differences_in_their_unit_and_blue_is_longer_survival(name):
    study, tables = answering_by(name)
    words, spec = measure_words(study), chart_specs(study, tables)["surface-chart"]
    rows = tables["specifications"]
    rows = headline(rows, study)[headline(rows, study)["estimator"] == "matched"]
    svg, largest = svg_of(spec), rows["estimate"].abs().max()
    primary = primary_block(rows, study)
    primary = primary[primary["is_primary"].astype(bool) & (primary["adjustment_set"] == study.primary_set)]
    (value,) = primary["estimate"]
    assert words.text(value) in drawn_values(svg)
    ends = drawn_values(svg)
    assert {words.text(largest), words.text(-largest)} <= set(ends)
    # The legend begins with blue: at its left stands what is longest.
    assert ends.index(words.text(largest)) < ends.index(words.text(-largest))
    tone = next(step["calculate"] for step in spec["transform"] if step.get("as") == "tone")
    assert f"-datum.estimate / {largest:.6g}" in tone
    assert "datum.estimate > 0 ? -1 : 1" in tone


def test_the_map_of_ratios_is_as_it_was():
    study, tables = answering_by("hazard_ratio")
    text = json.dumps(chart_specs(study, tables)["surface-chart"])
    assert "log(datum.estimate) / 0.693147" in text
    assert "'HR ' + format(exp(datum.value * 0.693147), '.2f')" in text
    assert "datum.estimate < 1 ? -1 : 1" in text


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_curve_is_on_a_linear_axis_that_holds_every_estimate_and_zero(name):
    study, tables = answering_by(name)
    layers = charts_of(name)["curve-chart"].spec["vconcat"][0]["layer"]
    scale = layers[1]["encoding"]["y"]["scale"]
    assert "type" not in scale
    low, high = scale["domain"]
    known = headline(tables["specifications"], study)["estimate"]
    assert low < min(0, known.min()) < max(0, known.max()) < high
    assert layers[0]["encoding"]["y"] == {"datum": 0}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_nothing_published_stands_beside_a_difference(name):
    study, tables = answering_by(name)
    assert study.published
    for own in ("curve", "blocks", "caliper", "landmark", "joint"):
        chart = charts_of(name)[f"{own}-chart"]
        assert "ublished hazard ratio" not in chart.text + chart.reading
        assert "ublished: " not in chart.text
        assert f"{study.published['matched']:g}" not in json.dumps(chart.spec)
    assert "published 0.60" not in svg_of(chart_specs(study, tables)["curve-chart"])


@pytest.mark.parametrize("name", [*DIFFERENCES, "hazard_ratio"])
def test_sides_are_those_of_longer_survival(name):
    study, tables = answering_by(name)
    rows = specification_rows(tables["specifications"], study)
    measure, seen = study.primary_measure, set()
    for row in rows:
        if row["estimate"] is None:
            continue
        ends = [measure.longer * (row[end] - measure.null) for end in ("ci_lower", "ci_upper")]
        expected = "longer" if min(ends) > 0 else "shorter" if max(ends) < 0 else "includes"
        assert row["side"] == expected
        seen.add(expected)
    assert "includes" in seen
    assert ("inverse" in rows[0]) is measure.ratio


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "hazard_ratio",
            {"ratio": True, "unit": "", "null": 1, "longer": -1, "side": "below 1", "digits": 2},
        ),
        (MEAN, {"ratio": False, "unit": "months", "null": 0, "longer": 1, "side": "above 0", "scale": 1}),
        (SURVIVAL, {"unit": "percentage points", "scale": 100, "digits": 1, "side": "above 0"}),
    ],
)
def test_the_script_is_told_the_measure(name, expected):
    study, tables = answering_by(name)
    told = opening_data(study, tables)["measure"]
    assert expected.items() <= told.items()
    assert told["heading"] == measure_words(study).heading


def test_the_script_knows_which_analyses_select_the_others():
    study, tables = without_some_medians()
    columns = opening_data(study, tables)["analyses"]
    status = headline(tables["specifications"], study)["status"]
    assert columns["columns"]["selects"] == [int(found == "not_reached") for found in status]
    assert set(columns["columns"]["selects"]) == {0, 1}
    alone = opening_data(*answering_by("hazard_ratio"))["analyses"]["columns"]["selects"]
    assert alone == {"all": 0}


def test_a_selected_rest_has_no_median_in_any_alternative():
    study, tables = without_some_medians()
    charts = page_charts(study, tables)
    told = charts["blocks-chart"].alternative
    assert told.count("no median: not all were estimable") == told.count(";") + 1
    whole = page_charts(*answering_by("median_difference"))["blocks-chart"].alternative
    assert "no median" not in whole
    assert "median +" in whole or "median −" in whole
    rows = tables["specifications"].assign(**{"passes_baseline_0.1": True})
    words = smd_chart(rows, study).alternative
    assert "Matched 1:1: " in words
    matched = words.split("Matched 1:1: ")[1].split(";")[0]
    assert "no median: not all were estimable" in matched


def test_the_median_of_a_question_is_that_of_its_analyses():
    study, tables = answering_by(MEAN)
    rows = primary_block(headline(tables["specifications"], study, estimator="matched"), study)
    median = measure_words(study).told(summarise(rows, study.primary_measure).median)
    assert f"median {median}" in charts_of(MEAN)["blocks-chart"].alternative
    assert median.endswith(" months")


def test_a_landmark_has_no_ticks_where_the_counts_stand():
    chart = charts_of(MEAN)["landmark-chart"].spec
    y = next(
        layer["encoding"]["y"] for layer in chart["spec"]["layer"] if "axis" in layer["encoding"].get("y", {})
    )
    low = y["scale"]["domain"][0]
    free = float(re.match(r"datum\.value < (-?[\d.]+) \?", y["axis"]["labelExpr"])[1])
    assert low < free
    assert y["axis"]["gridOpacity"]["condition"]["test"] == f"datum.value < {free:.6g}"
    assert (
        chart["facet"]["row"]["header"]["title"] == "Difference in restricted mean survival up to 24 months"
    )


def test_a_number_in_a_map_has_its_sign_and_unit():
    study, _ = answering_by(SURVIVAL)
    expected = "(abs(100 * datum.estimate) < 0.05 ? '0.0' : format(100 * datum.estimate, '+.1f'))"
    assert number(measure_words(study), "datum.estimate") == expected
    assert number(ratio_words(study), "datum.estimate") == "format(datum.estimate, '.2f')"


def test_the_drawer_compares_on_the_axis_of_the_measure():
    study, _ = answering_by(MEAN)
    spec = beside_spec(measure_words(study), (-1.0, 2.0))
    x = spec["layer"][2]["encoding"]["x"]
    assert x["axis"]["title"] == "Difference in restricted mean survival up to 24 months"
    assert spec["layer"][0]["encoding"]["x"] == {"datum": 0}
    assert "hazard" not in json.dumps(spec).lower()


def test_a_figure_without_anything_to_draw_names_the_measure():
    study, _ = answering_by(SURVIVAL)
    empty = svg_of(figure_spec("hazard_ratio_surface", {}, study))
    assert "no difference in survival at 12 months was estimated" in empty


def test_a_map_of_nothing_keeps_a_scale():
    study, tables = answering_by(MEAN)
    rows = tables["specifications"].assign(estimate=0.0)
    text = json.dumps(page_charts(study, tables | {"specifications": rows})["surface-chart"].spec)
    assert "-datum.estimate / 1)" in text
