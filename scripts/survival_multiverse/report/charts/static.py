"""A chart as SVG, without a browser."""

import re

import vl_convert

from survival_multiverse.report.charts.theme import Spec


def svg_of(spec: Spec) -> str:
    """Return a specification as SVG; words with a halo have it behind them, as on the page.

    The renderer numbers what charts refer to through all that it draws; here each begins anew.
    """
    svg = vl_convert.vegalite_to_svg(spec).replace("<text ", '<text paint-order="stroke" ')
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<= id=")\w+(?=")|(?<=url\(#)\w+(?=\))',
        lambda found: numbers.setdefault(found[0], f"part{len(numbers)}"),
        svg,
    )
