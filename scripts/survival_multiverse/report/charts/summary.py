"""The study on one slide: the claim, the page's first picture, what speaks for the claim and against it."""

import re
import textwrap

import pandas as pd
import vl_convert

from survival_multiverse.report.charts.hero import LABELS, hero_spec
from survival_multiverse.report.charts.static import light, svg_of
from survival_multiverse.report.charts.theme import INK, MUTED, Spec, values, vega_lite
from survival_multiverse.report.style.palette import PAPER
from survival_multiverse.report.words.claim import claim, evidence, hero_caption
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.study import Study

SLIDE = (1600, 900)
"""Pixels: 16 to 9."""
ROOM = 1060
"""Width of the content in units of its own; it is scaled to the slide."""
CLAIM, TEXT, LINE = 21, 12, 16
"""Sizes of the claim and of all other text, and the height of a line of it, in these units."""
LEGIBLE = 14
"""Least size of text on the slide, in pixels."""
MARGIN = 18
LETTER, BOLD = 0.46, 0.55
"""Mean width of a letter in its size; where one is wider, lines are longer and all is smaller, never cut."""
HANG = "\u200b\u2002"
"""A space about as wide as a bullet; the renderer takes away spaces at the beginning, so it is none."""
SHOWN = (3, 2, 1, 0)
"""How many findings of each side are tried, until all is legible."""


def summary_svg(
    specifications: pd.DataFrame,
    primary: pd.DataFrame,
    joint: pd.DataFrame,
    study: Study,
    immortal_time: pd.DataFrame | None = None,
) -> str:
    """Draw the slide, 16 to 9, with as much evidence as fits legibly.

    Parameters
    ----------
    specifications, joint
        The tables of that name (``joint_inference``).
    primary
        All rows of the primary scenario.
    immortal_time
        The table of that name, where times of treatment are known.

    Returns
    -------
    str
        SVG; equal tables give equal text.
    """
    lists = evidence(specifications, primary, joint, study, immortal_time)
    svg, said = "", claim(specifications, study, immortal_time)
    for most in SHOWN:
        supporting, opposing = (found[:most] for found in lists)
        lists_shown = {"supporting": supporting, "opposing": opposing}
        svg, size = _framed(svg_of(summary_spec(specifications, study, said, **lists_shown)))
        if size >= LEGIBLE:
            break
    return svg


def picture_png(specifications: pd.DataFrame, study: Study) -> bytes:
    """Return the page's first picture alone as PNG, for a manuscript."""
    svg = svg_of(light(hero_spec(specifications, study, width=ROOM)))
    return bytes(vl_convert.svg_to_png(svg, scale=2))


def summary_spec(
    specifications: pd.DataFrame, study: Study, said: str, *, supporting: list[str], opposing: list[str]
) -> Spec:
    """Return the content of the slide as Vega-Lite, light and complete, under the claim that is `said`."""
    picture = hero_spec(specifications, study, width=ROOM)
    for part in ("$schema", "config", "padding"):
        del picture[part]
    parts = [_badge(study), picture, _words(hero_caption(study), ROOM, colour=MUTED)]
    if supporting or opposing:
        high = arm_labels(study)[1]
        predicted = f"{study.inference.predicted} survival with {high}"
        parts.append(_lists({f"For {predicted}": supporting, f"Against {predicted}": opposing}))
    title: Spec = {"text": _lines(said, ROOM, BOLD * CLAIM), "fontSize": CLAIM}
    title |= {"anchor": "start", "frame": "bounds", "lineHeight": round(1.25 * CLAIM), "offset": 10}
    return light(vega_lite(vconcat=parts, title=title, spacing=12, padding=MARGIN))


def _lines(text: str, width: float, letter: float) -> list[str]:
    """Break a text between words, but neither before a unit nor in ``P = 0.01``."""
    whole = re.sub(r"(?<=\bP) (?=[=<])|(?<=[=<]) (?=\d)|(?<=\d) (?=[A-Za-zµ]{1,2}\b)", "\u00a0", text)
    return textwrap.wrap(whole, int(width / letter)) or [""]


def _empty(width: float, height: float) -> Spec:
    """Return a view that shows nothing: it begins where the picture's do, words left of it at the edge."""
    mark: Spec = {"type": "text", "text": "", "fontSize": TEXT, "aria": False}
    return {"width": width - LABELS, "height": height, "data": values([{}]), "mark": mark}


def _badge(study: Study) -> Spec:
    """Say in a frame where the patients come from, beside the title of the study."""
    heading, short, _ = origin(study)
    text = f"{heading}: {short}"
    width, height = BOLD * TEXT * len(text) + 2 * TEXT, 24
    left, middle = -LABELS, {"value": height / 2}
    place: Spec = {"x": {"value": left}, "x2": {"value": left + width}, "y": {"value": 0}}
    place |= {"y2": {"value": height}}
    frame: Spec = {"type": "rect", "cornerRadius": 5, "fill": None, "stroke": INK, "strokeWidth": 1.2}
    word: Spec = {"type": "text", "fontSize": TEXT, "fontWeight": "bold", "align": "center"}
    title = textwrap.shorten(study.title, int((ROOM - width - TEXT) / (LETTER * TEXT)), placeholder=" …")
    layers: list[Spec] = [
        {"mark": frame, "encoding": place},
        {"mark": word | {"text": text}, "encoding": {"x": {"value": left + width / 2}, "y": middle}},
        {
            "mark": {"type": "text", "fontSize": TEXT, "align": "left", "color": MUTED, "text": title},
            "encoding": {"x": {"value": left + width + TEXT}, "y": middle},
        },
    ]
    return {"width": ROOM - LABELS, "height": height, "data": values([{}]), "layer": layers}


def _words(text: str, width: float, *, colour: str) -> Spec:
    lines = _lines(text, width, LETTER * TEXT)
    title: Spec = {"text": lines, "fontSize": TEXT, "lineHeight": LINE, "fontWeight": "normal"}
    return _empty(width, 1) | {"title": title | {"color": colour, "offset": 0, "dx": -LABELS}}


def _points(found: list[str], width: float) -> list[str]:
    """Return lines with a point before each finding; a side without one says so."""
    lines: list[str] = []
    for text in found or ["Nothing in this study."]:
        first, *more = _lines(text, width, LETTER * TEXT)
        lines += [f"•{HANG}{first}", *(f"{HANG}{HANG}{line}" for line in more)]
    return lines


def _lists(sides: dict[str, list[str]]) -> Spec:
    """Return findings in columns under their headings, all of one height."""
    width = (ROOM - 2 * MARGIN) // 2
    points = [_points(found, width - 2 * TEXT) for found in sides.values()]
    longest = max(map(len, points))
    columns = []
    for heading, lines in zip(sides, points, strict=True):
        words = _lines(heading, width, BOLD * TEXT)
        title: Spec = {"text": words, "fontSize": TEXT + 1, "offset": 0, "dx": -LABELS}
        title |= {"subtitle": lines + [HANG] * (longest - len(lines)), "subtitleFontSize": TEXT}
        title |= {"subtitleLineHeight": LINE, "subtitlePadding": 5, "subtitleColor": INK}
        columns.append(_empty(width, 1) | {"title": title})
    return {"hconcat": columns, "spacing": 2 * MARGIN}


def _framed(svg: str) -> tuple[str, float]:
    """Return the drawing in the middle of a slide, as large as it fits, and the least size of its text."""
    opening = re.search(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>', svg)
    if opening is None:
        raise ValueError("the renderer wrote no size")
    width, height = float(opening[1]), float(opening[2])
    shown = max(width, height * SLIDE[0] / SLIDE[1])
    box = (shown, shown * SLIDE[1] / SLIDE[0])
    corner = ((width - box[0]) / 2, (height - box[1]) / 2)
    view = " ".join(f"{number:.2f}" for number in (*corner, *box))
    root = re.sub(r'viewBox="[^"]*"', f'viewBox="{view}"', opening[0])
    for side, pixels in zip(("width", "height"), SLIDE, strict=True):
        root = re.sub(rf'(?<= {side}=")[^"]*', str(pixels), root, count=1)
    paper = f'<rect x="{corner[0]:.2f}" y="{corner[1]:.2f}" width="100%" height="100%" fill="{PAPER}"/>'
    least = min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg))
    return svg.replace(opening[0], f"{root}{paper}", 1), least * SLIDE[0] / shown
