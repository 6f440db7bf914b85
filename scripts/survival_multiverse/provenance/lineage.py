"""The lineage of a study by its plan: which rules, how many files between them, and how a file is made."""

from collections.abc import Iterable, Mapping
from typing import Any

from survival_multiverse.provenance.study_plan import Step, axis_spellings, paper_files, study_steps
from survival_multiverse.report.figures.lineage_graph import Edge, Mark, Node, draw_graph

SOURCES = {
    "reconstructed": "published numbers",
    "simulated": "simulated patients",
    "dataset": "a public data set",
    "file": "the patients' file",
}
FITTING = 31
"""Letters in a line of a box."""


def study_graph(config: Mapping[str, Any]) -> tuple[list[Node], list[Edge]]:
    """Rules and axes of a study as boxes, and between them how many files pass.

    Parameters
    ----------
    config
        A merged and validated configuration.
    """
    steps = {rule: step for rule, step in study_steps(config).items() if not step.on_request}
    source = SOURCES.get(config["cohort"]["source"], "patients")
    papers = set(paper_files(config).values())
    nodes, edges = [Node(source)], [Edge(source, "build_cohort", "patients")]
    for axis, values in axis_spellings(config).items():
        text = ", ".join(values)
        nodes.append(Node(axis, (text if len(text) <= FITTING else f"{values[0]} … {values[-1]}",)))
        edges.append(Edge(axis, "fit_scenarios", f"{len(values)} values"))
    for rule, step in steps.items():
        nodes.append(Node(rule, (_files(len(step.files)),)))
        read = {path for paths in step.reads.values() for path in paths}
        published = len(read & papers) if rule != "build_cohort" else 0
        edges += [Edge(source, rule, _files(published))] if published else []
        for maker, other in steps.items():
            passing = len(read & set(other.files))
            edges += [Edge(maker, rule, _files(passing))] if passing else []
    return nodes, edges


def draw_study(config: Mapping[str, Any], marks: Mapping[str, Mark] | None = None) -> str:
    """The graph of a study as SVG; with verdicts on its rules, coloured by them."""
    nodes, edges = study_graph(config)
    return draw_graph(nodes, edges, title=f"Lineage: {config['study']['title']}", marks=marks)


def rules_behind(path: str, steps: Mapping[str, Step]) -> list[str]:
    """The rule that makes a file and those behind it, the first of them last; none for what is no result."""
    makers = {file: rule for rule, step in steps.items() for file in step.files}
    found: list[str] = []
    waiting = [makers[path]] if path in makers else []
    while waiting:
        rule = waiting.pop(0)
        if rule not in found:
            found.append(rule)
            read = (file for files in steps[rule].reads.values() for file in files)
            waiting += dict.fromkeys(makers[file] for file in read if file in makers)
    return found


def marks_of(verdicts: Iterable[tuple[str, str]], order: Iterable[str]) -> dict[str, Mark]:
    """A mark for each rule from the verdicts on its files.

    Parameters
    ----------
    verdicts
        Rule and verdict of each file.
    order
        All verdicts, the worst first.
    """
    counted: dict[str, dict[str, int]] = {}
    for rule, verdict in verdicts:
        counts = counted.setdefault(rule, {})
        counts[verdict] = counts.get(verdict, 0) + 1
    ranked = list(order)
    marks = {}
    for rule, counts in counted.items():
        words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ranked if verdict in counts)
        marks[rule] = Mark(next(verdict for verdict in ranked if verdict in counts), words)
    return marks


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
