"""Pictures of what the numbers can bear: interaction, unmeasured confounding, cutpoints, the joint test."""

from survival_multiverse.charts.theme import (
    ESTIMATOR_COLOURS,
    HIGHER,
    INK,
    LOWER,
    MUTED,
    Spec,
    chart,
    colours,
    dots,
    line_at,
    nominal,
    ratio,
    ratio_scale,
    reference,
    sides,
    tip,
    values,
    whiskers,
    width,
)
from survival_multiverse.palette import GREEN, ORANGE, PURPLE, SKY

INTERVAL = (tip("hr", "Hazard ratio", ".2f"), tip("lo", "CI from", ".2f"), tip("hi", "to", ".2f"))
PALETTE = (HIGHER, LOWER, GREEN, PURPLE, ORANGE, SKY)


def forest_chart(
    rows: list[dict[str, object]],
    *,
    names: list[str],
    columns: list[str],
    limits: tuple[float, float],
    percent: str,
) -> Spec:
    """Hazard ratios of the dose within each stratum; `rows` hold column, name, hr, lo, hi, side, counts."""
    x = ratio("hr", limits, "Hazard ratio")
    tips = [tip("name", "Stratum"), *INTERVAL, tip("counts", "Patients, events")]
    y = nominal("name", names, axis={"title": None, "labelLimit": 290, "grid": False})
    shared = {"y": y, "color": sides(percent), "tooltip": tips}
    layers = [
        reference("x", 1),
        whiskers(x, shared, along="x", strokeWidth=2),
        dots(shared | {"x": x}, shape="square", size=64),
    ]
    return chart(
        data=values(rows),
        facet={"column": nominal("column", columns, header={"title": None})},
        spacing=18,
        spec={"width": width(len(columns), 340), "height": {"step": 26}, "layer": layers},
    )


def bias_chart(
    curves: list[dict[str, object]], measured: list[dict[str, object]], names: list[str], reach: float
) -> Spec:
    """How strong a hidden confounder would have to be, beside how strong the measured covariates are.

    Parameters
    ----------
    curves
        Along each analysis: name, exposure and outcome, the risk ratios that together explain it away
        (Ding and VanderWeele 2016).
    measured
        The measured covariates: name, exposure and outcome.
    reach
        Upper end of both axes.
    """
    scale, axis = ratio_scale((1.0, reach))
    across = {"title": "Ratio of its share in one arm to that in the other"}
    x = {"field": "exposure", "type": "quantitative", "scale": scale, "axis": axis | across}
    up = {"title": "Risk ratio for the event"}
    y = {"field": "outcome", "type": "quantitative", "scale": scale, "axis": axis | up}
    tips = [
        tip("name", "Covariate"),
        tip("exposure", "With the arm", ".2f"),
        tip("outcome", "With the event", ".2f"),
    ]
    colour = colours("name", dict(zip(names, PALETTE, strict=False)))
    colour["legend"] |= {"columns": 2, "labelLimit": 460}
    line = {
        "data": values(curves),
        "mark": {"type": "line", "clip": True, "strokeWidth": 2},
        "encoding": {"x": x, "y": y, "color": colour, "order": {"field": "exposure"}},
    }
    points = {"x": x, "y": y, "tooltip": tips}
    words = {
        "mark": {"type": "text", "align": "left", "dx": 6, "dy": -5, "fontSize": 10},
        "encoding": points | {"text": {"field": "name"}},
    }
    known = values(measured)
    layers = [line, {"data": known, **dots(points, color=INK, size=40)}, {"data": known, **words}]
    return chart(width=width(1, 70), height=320, layer=layers)


def cutpoint_chart(
    rows: list[dict[str, object]],
    spline: list[dict[str, object]],
    *,
    grid: list[float],
    anchor: float,
    title: str,
    limits: tuple[float, float],
    percent: str,
) -> Spec:
    """Hazard ratio at every possible cutoff, and beside it the smooth curve of the variable itself."""
    y = ratio("hr", limits, "Hazard ratio, at or above")
    scale = {"zero": False, "nice": False, "padding": 10}
    x = {"field": "cutoff", "type": "quantitative", "scale": scale, "axis": {"title": title}}
    tips = [tip("cutoff", "Cutoff", ",.6~g"), *INTERVAL, tip("p", "P")]
    tips.append(tip("split", "Patients at or above, below"))
    shared = {"x": x, "color": sides(percent), "tooltip": tips}
    weight = {"condition": {"test": "datum.anchor", "value": 2.4}, "value": 0.9}
    chosen = {
        "data": values({"cutoff": value, "anchor": value == anchor} for value in grid),
        "mark": {"type": "rule", "color": MUTED, "strokeDash": [2, 3]},
        "encoding": {"x": x, "strokeWidth": weight},
    }
    found = values(rows)
    searched = [
        line_at(1),
        chosen,
        {"data": found, **whiskers(y, shared, opacity=0.45)},
        {"data": found, **dots(shared | {"y": y}, size=22)},
    ]
    views = [{"width": width(2 if spline else 1, 160), "height": 220, "layer": searched}]
    if spline:
        views.append({"width": width(2, 160), "height": 220, "layer": _smooth(spline, title, limits)})
    return chart(hconcat=views, spacing=26)


def _smooth(spline: list[dict[str, object]], title: str, limits: tuple[float, float]) -> list[Spec]:
    y = ratio("hr", limits, "Hazard ratio")
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False},
        "axis": {"title": title},
    }
    low = {"field": "lo", "type": "quantitative", "scale": y["scale"]}
    return [
        line_at(1),
        {
            "data": values(spline),
            "mark": {"type": "area", "clip": True, "opacity": 0.22, "color": HIGHER},
            "encoding": {"x": x, "y": low, "y2": {"field": "hi"}},
        },
        {
            "data": values(spline),
            "mark": {"type": "line", "clip": True, "color": HIGHER},
            "encoding": {"x": x, "y": y},
        },
    ]


def joint_chart(
    rows: list[dict[str, object]],
    *,
    estimators: list[str],
    nulls: list[str],
    limits: tuple[float, float],
) -> Spec:
    """Observed specification curves against what the null worlds give at each rank.

    `rows` hold estimator, null, rank, hr, lo, mid and hi, of the primary block.
    """
    layers = _null_layers(ratio("hr", limits, "Hazard ratio"))
    return chart(
        data=values(rows),
        facet={
            "row": nominal("estimator", estimators, header={"title": None}),
            "column": nominal("null", nulls, header={"title": None}),
        },
        resolve={"scale": {"x": "independent"}},
        spacing=22,
        spec={"width": width(len(nulls), 110), "height": 190, "layer": layers},
    )


def _null_layers(y: Spec) -> list[Spec]:
    """The null world's band and median, and the observed curve."""
    axis = {"title": "Rank in the curve", "grid": False, "tickMinStep": 1, "format": "d"}
    scale = {"zero": False, "nice": False, "padding": 6}
    x = {"field": "rank", "type": "quantitative", "scale": scale, "axis": axis}
    tips = [tip("rank", "Rank"), tip("hr", "Observed", ".2f"), tip("lo", "Null 2.5 %", ".2f")]
    tips += [tip("mid", "Null median", ".2f"), tip("hi", "Null 97.5 %", ".2f")]
    kinds = {"observed": ESTIMATOR_COLOURS["matched"], "median without an effect": MUTED}
    colour = {"scale": {"domain": list(kinds), "range": list(kinds.values())}, "legend": {"title": None}}
    middle = {"field": "mid", "type": "quantitative", "scale": y["scale"]}
    band = whiskers(y, {"x": x, "tooltip": tips})
    band["mark"] = {"type": "area", "color": MUTED, "opacity": 0.25, "clip": True}
    median = {
        "mark": {"type": "line", "clip": True, "strokeDash": [4, 3]},
        "encoding": {"x": x, "y": middle, "color": {"datum": "median without an effect", **colour}},
    }
    observed = {"x": x, "y": y, "color": {"datum": "observed", **colour}, "tooltip": tips}
    return [band, median, reference("y", 1), dots(observed, size=24, clip=True)]
