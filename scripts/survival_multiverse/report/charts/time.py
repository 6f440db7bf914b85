"""Charts in time: the arms of a scenario, and the landmarks."""

from typing import Any

from survival_multiverse.report.charts.specification import kept
from survival_multiverse.report.charts.theme import (
    ESTIMATOR_COLOURS,
    HALO,
    HIGHER,
    LOWER,
    MUTED,
    SECOND,
    Spec,
    cautioned,
    colours,
    dots,
    levels,
    nominal,
    published_symbols,
    published_ticks,
    ratio,
    reference,
    tip,
    values,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, display_label
from survival_multiverse.report.style.palette import DIRECTION_COLOURS
from survival_multiverse.settings.schema import WEIGHTED, Estimator

LANDMARK_COLOURS = {
    "Unadjusted": DIRECTION_COLOURS["includes"],
    "Matched, then landmark": HIGHER,
    "Landmark, then matched": SECOND,
    **{ESTIMATOR_LABELS[name]: ESTIMATOR_COLOURS[name] for name in (*WEIGHTED, Estimator.ADJUSTED)},
}


def arms_spec(label: str, unit: str, *, printed: bool) -> Spec:
    """Draw coarsened survival curves of a scenario that the reader opens; the page gives the rows.

    `printed`: some of them hold a published rate.
    """
    # The higher dose comes first in the rows, so that it has the first colour.
    arm = {"field": "arm", "type": "nominal", "sort": None, "legend": {"title": None}}
    time = {"title": display_label("Time", unit), "grid": False}
    x = {"field": "time", "type": "quantitative", "axis": time}
    y = {"type": "quantitative", "scale": {"domain": [0, 1]}}
    y |= {"axis": {"title": label, "format": ".0%", "tickCount": 5}}
    tips = [tip("arm", "Arm"), tip("time", display_label("Time", unit), ".1f")]
    curves = {
        "transform": [{"filter": "isValid(datum.survival)"}],
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": y | {"field": "survival"},
            "color": {**arm, "scale": {"range": [HIGHER, LOWER]}},
            "strokeDash": {**arm, "scale": {"range": [[1, 0], [5, 2]]}},
            "tooltip": [*tips, tip("survival", label, ".0%"), tip("risk", "At risk")],
        },
    }
    rates = published_symbols({"x": x, "y": y | {"field": "published"}}, tips=tips, form=".1%")
    return vega_lite(
        data={"name": "km"}, width=width(1, 90), height=210, layer=[curves, *([rates] if printed else [])]
    )


def landmark_spec(
    rows: list[dict[str, Any]], *, sets: list[str], limits: tuple[float, float], title: str
) -> Spec:
    """Draw hazard ratios beyond each landmark in the primary scenario, estimators apart, one chart per set.

    `rows` hold set, landmark, series, hr, lo, hi, patients, events, risk, care and published.
    """
    present = {str(row["series"]) for row in rows}
    series = {name: colour for name, colour in LANDMARK_COLOURS.items() if name in present}
    landmarks = sorted({float(row["landmark"]) for row in rows})
    axis = {"title": title, "labelAngle": 0}
    x = levels("landmark", landmarks, axis=axis, scale={"paddingInner": 0.25}) | {"type": "ordinal"}
    low, high = limits
    # Room for the patients below the intervals.
    y = ratio("hr", (low * (low / high) ** 0.1, high), "Hazard ratio")
    tips = [tip("series", "Estimator"), tip("landmark", title), tip("hr", "Hazard ratio", ".2f")]
    tips += [tip("lo", "CI from", ".2f"), tip("hi", "to", ".2f")]
    tips += [tip("patients", "Patients"), tip("events", "Events")]
    shared = {
        "x": x,
        "xOffset": {"field": "series", "type": "nominal", "scale": {"domain": list(series)}},
        "color": colours("series", series),
        "tooltip": tips,
    }
    offset = {"x": x, "xOffset": shared["xOffset"]}
    left = {"x": x, "y": {"value": 224}, "text": {"field": "risk"}}
    printed = published_ticks(rows, offset | {"y": y | {"field": "published"}}, across="horizontal")
    layers = [
        reference("y", 1),
        *kept(
            [
                whiskers(y, shared, opacity=0.7),
                dots(shared | {"y": y}, size=34),
                cautioned(shared | {"y": y}, dx=7),
                *printed,
            ]
        ),
        {
            "transform": [{"filter": "isValid(datum.risk)"}],
            "mark": {"type": "text", "fontSize": 10, "color": MUTED, "aria": False, **HALO},
            "encoding": left,
        },
    ]
    return vega_lite(
        data=values(rows),
        facet={"column": nominal("set", sets, header={"title": None})},
        spacing=22,
        spec={"width": width(len(sets), 110), "height": 230, "layer": layers},
    )
