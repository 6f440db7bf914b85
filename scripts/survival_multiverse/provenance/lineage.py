"""The lineage of a study: which rules made it, and how many files passed between them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from survival_multiverse.files.study_files import CALIBRATION
from survival_multiverse.provenance.study_records import StudyRecords
from survival_multiverse.report.figures.lineage_graph import Edge, Mark, Node, draw_graph
from survival_multiverse.settings.grid import decision_texts

SOURCES = {
    "reconstructed": "published numbers",
    "simulated": "simulated patients",
    "dataset": "a public data set",
    "file": "the patients' file",
}
COHORT_RULE, SCENARIO_RULE = "build_cohort", "fit_scenarios"
FITTING = 31
"""Letters in a line of a box."""


def study_graph(records: StudyRecords, config: Mapping[str, Any]) -> tuple[list[Node], list[Edge]]:
    """Return rules and decisions of a study as boxes, and between them how many files pass.

    Parameters
    ----------
    records
        What its jobs read and wrote.
    config
        A configuration, or what a summary of the study depends on of one.
    """
    source = SOURCES.get(config["cohort"]["source"], "patients")
    nodes, edges = [Node(source)], [Edge(source, COHORT_RULE, "patients")]
    for decision, values in decision_texts(config).items():
        text = ", ".join(values)
        nodes.append(Node(decision, (text if len(text) <= FITTING else f"{values[0]} … {values[-1]}",)))
        edges.append(Edge(decision, SCENARIO_RULE, f"{len(values)} options"))
    written = Counter(job.rule for job, _ in records.writers.values())
    nodes += [Node(rule, (_files(written[rule]),)) for rule in sorted(written)]
    read = {(job.rule, file.path) for job in records.jobs for file in job.inputs}
    passing = Counter((_origin(path, records, source), rule) for rule, path in read)
    nodes += [Node(CALIBRATION)] if any(origin == CALIBRATION for origin, _ in passing) else []
    between = {pair: number for pair, number in passing.items() if pair != (source, COHORT_RULE)}
    edges += [Edge(*pair, _files(number)) for pair, number in sorted(between.items())]
    names = {node.name for node in nodes}
    return nodes, [edge for edge in edges if {edge.source, edge.target} <= names]


def _origin(path: str, records: StudyRecords, source: str) -> str:
    """Return the box that a file comes from."""
    if path in records.writers:
        return records.writers[path][0].rule
    return CALIBRATION if path.endswith(CALIBRATION) else source


def draw_study(
    records: StudyRecords, config: Mapping[str, Any], marks: Mapping[str, Mark] | None = None
) -> str:
    """Return the graph of a study as SVG; with verdicts on its rules, coloured by them."""
    nodes, edges = study_graph(records, config)
    return draw_graph(nodes, edges, title=f"Lineage: {config['study']['title']}", marks=marks)


def marks_of(verdicts: Iterable[tuple[str, str]], order: Iterable[str]) -> dict[str, Mark]:
    """Return a mark for each rule from the verdicts on its files.

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
