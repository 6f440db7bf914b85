"""The figure of a lineage: what is in it, and that nothing lies on anything else."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from survival_multiverse.report.figures.lineage_graph import GAP, WIDTH, Edge, Mark, Node, draw_graph

NODES = [Node("a"), Node("b", ("3 files",)), Node("c"), Node("d"), Node("axis", ("1 & 2",)), Node("e")]
EDGES = [
    Edge("a", "b", "1 file"),
    Edge("b", "c", "3 files"),
    Edge("c", "d", "2 files"),
    Edge("b", "d", "5 files"),
    Edge("axis", "c", "2 values"),
    Edge("a", "e", "4 files"),
]
SVG = "{http://www.w3.org/2000/svg}"


def drawn(**options):
    return ElementTree.fromstring(draw_graph(NODES, EDGES, title="A & B", **options))


def boxes(figure):
    """Left, top and height of each box by the text on its first line."""
    names = [text for text in figure.iter(f"{SVG}text") if text.get("font-weight") == "bold"]
    sizes = [
        tuple(float(rect.get(side)) for side in ("x", "y", "height")) for rect in figure.iter(f"{SVG}rect")
    ]
    return {text.text: size for text, size in zip(names, sizes, strict=True)}


def test_every_box_and_what_passes_is_said():
    figure = drawn()
    texts = [text.text for text in figure.iter(f"{SVG}text")]
    assert {node.name for node in NODES} == boxes(figure).keys()
    assert {edge.label for edge in EDGES} | {"1 & 2"} <= set(texts)
    assert figure.find(f"{SVG}title").text == "A & B"


def test_lines_run_to_the_right_and_a_source_stands_next_to_where_it_leads():
    place = boxes(drawn())
    for edge in EDGES:
        assert place[edge.source][0] + WIDTH < place[edge.target][0]
    assert place["axis"][0] + WIDTH + GAP == place["c"][0]


def test_no_box_lies_on_another():
    for (x, y, height), (left, top, depth) in combinations(boxes(drawn()).values(), 2):
        assert x != left or y + height < top or top + depth < y


def test_every_line_ends_at_its_box_at_a_place_of_its_own():
    figure = drawn()
    place = boxes(figure)
    ends = []
    for edge, path in zip(EDGES, figure.iter(f"{SVG}path"), strict=True):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d"))]
        left, top, height = place[edge.target]
        assert numbers[-2] == left
        assert top < numbers[-1] < top + height
        x, y, depth = place[edge.source]
        assert numbers[:2] == pytest.approx([x + WIDTH, y + depth / 2], abs=0.1)
        ends.append(tuple(numbers[-2:]))
    assert len(set(ends)) == len(EDGES)


def test_a_long_line_passes_no_box():
    figure = drawn()
    place = boxes(figure)
    (path,) = (path for edge, path in zip(EDGES, figure.iter(f"{SVG}path"), strict=True) if edge == EDGES[3])
    ((y, x),) = re.findall(r"([\d.]+) H([\d.]+)", path.get("d"))
    for left, top, height in place.values():
        assert left + WIDTH != float(x) or not top <= float(y) <= top + height


def test_words_are_legible_in_a_window_of_any_width():
    figure = drawn()
    assert figure.get("viewBox") == f"0 0 {figure.get('width')} {figure.get('height')}"
    sizes = {float(part.get("font-size")) for part in figure.iter() if part.get("font-size")}
    assert min(sizes) >= 11


def test_verdicts_are_colours_and_words():
    words = {"a": ("ok", "1 ok"), "b": ("tampered", "1 tampered, 2 ok"), "c": ("orphan", "1 orphan")}
    marks = {name: Mark(*said) for name, said in words.items()}
    figure = drawn(marks=marks)
    fills = dict(zip(boxes(figure), (rect.get("fill") for rect in figure.iter(f"{SVG}rect")), strict=True))
    assert len({fills[name] for name in "abcd"}) == 4
    assert "1 tampered, 2 ok" in [text.text for text in figure.iter(f"{SVG}text")]
    assert set(fills.values()) >= {fills["d"]} == {fills["e"]}


def test_equal_graphs_give_equal_text():
    assert draw_graph(NODES, EDGES, title="t") == draw_graph(list(NODES), list(EDGES), title="t")
