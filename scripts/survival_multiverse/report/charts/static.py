"""A chart as SVG, without a browser."""

import json
import re

import vl_convert

from survival_multiverse.report.charts.theme import Spec
from survival_multiverse.report.style.palette import PAPER, THEMED

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first of them comes with the renderer, and the others are as wide."""


def light(spec: Spec) -> Spec:
    """Return a specification that needs no page: light colours and a font of its own."""
    text = json.dumps(spec)
    for colour, variable in THEMED.items():
        text = text.replace(f"var({variable})", colour)
    made: Spec = json.loads(text)
    return made | {"config": made["config"] | {"font": FONT, "background": PAPER}}


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
