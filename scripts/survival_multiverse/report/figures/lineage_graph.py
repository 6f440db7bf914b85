"""A study's lineage as a figure: rules as boxes from left to right, and on the lines how many files pass.

Drawn without graphviz, which is not on every machine: layers by the longest way from the start, and inside a
layer an order by the neighbours' mean place (Sugiyama, Tagawa and Toda 1981), so that few lines cross.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from survival_multiverse.report.style.palette import INK, MUTED, PAPER

WIDTH, GAP, SPACE, LINE, PAD, LANE = 216, 100, 14, 17, 9, 16
"""Pixels: of a box, between layers, between boxes, of a line of text, around it, and for a line."""
TEXT, SMALL = 13, 12
"""Sizes of the words in boxes and on lines, in pixels: the figure is as wide as it needs and never scaled."""
SWEEPS = 8
COLOURS = {
    "ok": ("#e3f1e4", "#2f7d3a"),
    "stale": ("#fdf0d2", "#a66a00"),
    "tampered": ("#fbdedd", "#b3261e"),
    "other": ("#ececec", "#666666"),
}
PLAIN = (PAPER, MUTED)


@dataclass(frozen=True, slots=True)
class Node:
    """A box: its name and what stands below it."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes, with what passes along it."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What an audit says of a box: the worst verdict, which gives the colour, and words."""

    verdict: str
    words: str


def draw_graph(
    nodes: Sequence[Node], edges: Sequence[Edge], *, title: str, marks: Mapping[str, Mark] | None = None
) -> str:
    """Draw boxes and lines as SVG; equal graphs give equal text.

    Parameters
    ----------
    nodes
        Boxes; those without a line into them stand on the left.
    edges
        Lines, without a circle.
    title
        What the figure shows, for those who do not see it.
    marks
        Verdicts by the name of a box.
    """
    marks = marks or {}
    said = {name: (mark.words,) for name, mark in marks.items()}
    texts = {node.name: (*node.lines, *said.get(node.name, ())) for node in nodes}
    layer = _layers(nodes, edges)
    lanes, paths = _lanes(edges, layer)
    rows = _ordered(nodes, lanes, paths, layer)
    arriving = Counter(edge.target for edge in edges)
    heights = dict.fromkeys(lanes, LANE)
    for name, lines in texts.items():
        heights[name] = max(2 * PAD + LINE * (1 + len(lines)), arriving[name] * LANE)
    place, size = _places(rows, heights)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:.0f}" height="{size[1]:.0f}" '
        f'viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" role="img" fill="{INK}" font-family="sans-serif" '
        f'font-size="{TEXT}"><title>{escape(title)}</title>'
    ]
    ends = _ends(paths, place, heights)
    for (_, path), end in zip(paths, ends, strict=True):
        starts = ((*place[name], heights[name] / 2) for name in path[:-1])
        parts.append(_curve([*((x, y + half) for x, y, half in starts), end]))
    parts += [
        _box(name, lines, *place[name], heights[name], marks.get(name)) for name, lines in texts.items()
    ]
    parts += [_label(edge.label, *end) for (edge, _), end in zip(paths, ends, strict=True)]
    return "\n".join([*parts, "</svg>\n"])


def _places(
    rows: Sequence[Sequence[str]], heights: Mapping[str, float]
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """Return upper left corners, every layer centred, and the size of the figure."""
    tall = max(_height(row, heights) for row in rows)
    place: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        y = SPACE + (tall - _height(row, heights)) / 2
        for name in row:
            place[name] = (SPACE + number * (WIDTH + GAP), y)
            y += heights[name] + SPACE
    return place, (2 * SPACE + len(rows) * (WIDTH + GAP) - GAP, tall + 2 * SPACE)


def _ends(
    paths: Sequence[tuple[Edge, list[str]]],
    place: Mapping[str, tuple[float, float]],
    heights: Mapping[str, float],
) -> list[tuple[float, float]]:
    """Return where each line meets its box: one below the other, in the order that they come in."""
    ends = {}
    for target in {path[-1] for _, path in paths}:
        arriving = [number for number, (_, path) in enumerate(paths) if path[-1] == target]
        arriving.sort(key=lambda number: place[paths[number][1][-2]][1])
        x, y = place[target]
        for order, number in enumerate(arriving):
            ends[number] = (x, y + heights[target] * (order + 0.5) / len(arriving))
    return [ends[number] for number in range(len(paths))]


def _layers(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, int]:
    """Assign layers by the longest way from the left; a box without inputs is next to its first target."""
    layer = {node.name: 0 for node in nodes}
    for _ in nodes:
        for edge in edges:
            layer[edge.target] = max(layer[edge.target], layer[edge.source] + 1)
    for node in nodes:
        followers = [layer[edge.target] for edge in edges if edge.source == node.name]
        if followers and not any(edge.target == node.name for edge in edges):
            layer[node.name] = min(followers) - 1
    return layer


def _lanes(
    edges: Sequence[Edge], layer: Mapping[str, int]
) -> tuple[dict[str, int], list[tuple[Edge, list[str]]]]:
    """Return the places that long lines take up in the layers between, and each line's way through them."""
    lanes: dict[str, int] = {}
    paths = []
    for edge in edges:
        between = range(layer[edge.source] + 1, layer[edge.target])
        own = {f"{edge.source}→{edge.target}:{place}": place for place in between}
        lanes |= own
        paths.append((edge, [edge.source, *own, edge.target]))
    return lanes, paths


def _ordered(
    nodes: Sequence[Node],
    lanes: Mapping[str, int],
    paths: Iterable[tuple[Edge, list[str]]],
    layer: Mapping[str, int],
) -> list[list[str]]:
    """Order names by layer, by the mean place of their neighbours, in repeated sweeps."""
    placed = {**{node.name: layer[node.name] for node in nodes}, **lanes}
    rows = [[name for name in placed if placed[name] == place] for place in range(max(placed.values()) + 1)]
    before: dict[str, list[str]] = {name: [] for name in placed}
    after: dict[str, list[str]] = {name: [] for name in placed}
    for _, path in paths:
        for one, other in pairwise(path):
            after[one].append(other)
            before[other].append(one)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        for row in rows if forth else rows[::-1]:
            place = {name: (number + 0.5) / len(each) for each in rows for number, name in enumerate(each)}
            neighbours = before if forth else after
            means = {
                name: sum(place[other] for other in neighbours[name]) / len(neighbours[name])
                if neighbours[name]
                else place[name]
                for name in row
            }
            row.sort(key=means.__getitem__)
    return rows


def _height(row: Sequence[str], heights: Mapping[str, float]) -> float:
    return sum(heights[name] for name in row) + SPACE * (len(row) - 1)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Draw a line through the layers: straight past a box, curved between two."""
    (x, y), *rest = points
    text = f"M{x + WIDTH:.1f} {y:.1f}"
    x += WIDTH
    for number, (left, middle) in enumerate(rest):
        half = (x + left) / 2
        text += f" C{half:.1f} {y:.1f} {half:.1f} {middle:.1f} {left:.1f} {middle:.1f}"
        x, y = left, middle
        if number < len(rest) - 1:
            x += WIDTH
            text += f" H{x:.1f}"
    return f'<path d="{text}" fill="none" stroke="{MUTED}" stroke-opacity="0.6" stroke-width="1.3"/>'


def _label(text: str, x: float, y: float) -> str:
    """Write what passes along a line, before the box that it leads to."""
    return (
        f'<text x="{x - 5:.1f}" y="{y - 2:.1f}" text-anchor="end" font-size="{SMALL}" fill="{MUTED}" '
        f'stroke="{PAPER}" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )


def _box(name: str, lines: Sequence[str], x: float, y: float, height: float, mark: Mark | None) -> str:
    fill, stroke = COLOURS.get(mark.verdict, COLOURS["other"]) if mark else PLAIN
    rows = [
        f'<text x="{x + PAD:.1f}" y="{y + PAD + LINE * (number + 0.8):.1f}"'
        f"{' font-weight=' + chr(34) + 'bold' + chr(34) if number == 0 else ''}>{escape(text)}</text>"
        for number, text in enumerate([name, *lines])
    ]
    frame = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{height:.1f}" rx="5" fill="{fill}" '
        f'stroke="{stroke}"/>'
    )
    # An id cannot hold a space, but the names of external inputs do.
    return "\n".join([f'<g id="{escape(name.replace(" ", "_"))}">', frame, *rows, "</g>"])
