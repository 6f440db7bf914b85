"""Compare two studies, or two runs of one: what differs, and by how much the estimates moved."""

import argparse
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from survival_multiverse.emulation.method_names import Method
from survival_multiverse.files.study_files import IMMORTAL_TIME, ROBUSTNESS
from survival_multiverse.provenance.audit_checks import differing_settings
from survival_multiverse.provenance.file_records import readable
from survival_multiverse.provenance.former_names import under_present_names
from survival_multiverse.provenance.job_records import ELSEWHERE, WORKFLOW
from survival_multiverse.provenance.study_records import StudyRecords, recorded_study
from survival_multiverse.settings.measures import HAZARD_RATIO

KEYS = ("population", "adjustment_set", "estimator", "landmark", "landmark_order")
WAY_KEYS = ("population", "adjustment_set", "parameter")
"""Columns beside the decisions that tell analyses apart: specifications, and ways to count the time before
treatment."""
SHOWN = 8
Effects = dict[tuple[Any, ...], float | None]
"""Effects by the columns, with names, that tell specifications apart."""


def compare_studies(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    """Yield lines that say what differs between two studies that have run."""
    for title, lines in (
        ("inputs", _inputs(one, other)),
        ("settings", _settings(one, other)),
        ("code", _code(one, other)),
        ("versions", _versions(one, other)),
        ("results", _results(one, other)),
        ("estimates", estimates_moved(one.study, other.study)),
    ):
        found = list(lines)
        yield f"{title}: {'no difference' if not found else ''}".strip()
        yield from (f"  {line}" for line in found)
    yield from ways_moved(one.study, other.study)


def _inputs(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    first, second = (
        {
            f"{job.rule}, {file.role}": file
            for job in study.jobs
            for file in job.inputs
            if not file.path.startswith("results/")
        }
        for study in (one, other)
    )
    for name in sorted(first.keys() | second.keys()):
        places = [files[name].path if name in files else "none" for files in (first, second)]
        shown = [place.removeprefix(WORKFLOW).removeprefix(ELSEWHERE) for place in places]
        if name not in first or name not in second or first[name].sha256 != second[name].sha256:
            yield f"{name}: {shown[0]} → {shown[1]}, of another content"


def _settings(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    first, second = ({job.rule: job.settings_sha256 for job in study.jobs} for study in (one, other))
    changed: dict[str, list[str]] = {}
    for rule in sorted(first.keys() & second.keys()):
        if first[rule] != second[rule]:
            before, now = one.settings.get(first[rule]), other.settings.get(second[rule])
            names = differing_settings(before, now) if before and now else ["settings that were not kept"]
            for name in names:
                values = [_shown(_at(settings, name)) for settings in (before, now)]
                changed.setdefault(f"{name}: {values[0]} → {values[1]}", []).append(rule)
    for text, rules in changed.items():
        yield f"{text} (in {len(rules)} rules)"


def _code(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    if one.version != other.version:
        yield f"version {one.version} → {other.version}; modules may have other names"
        return
    first, second = (_union(job.code_sha256 for job in study.jobs) for study in (one, other))
    yield from _changes(first, second, show_values=False)


def _versions(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    first, second = (_union(job.versions for job in study.jobs) for study in (one, other))
    yield from _changes(first, second, show_values=True)


def _changes(first: Mapping[str, str], second: Mapping[str, str], *, show_values: bool) -> Iterator[str]:
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            before, now = first.get(name, "none"), second.get(name, "none")
            if show_values:
                yield f"{name}: {before} → {now}"
            else:
                yield f"{name}: {'new' if before == 'none' else 'gone' if now == 'none' else 'changed'}"


def _results(one: StudyRecords, other: StudyRecords) -> Iterator[str]:
    rules: dict[str, list[int]] = {}
    for path in one.writers.keys() | other.writers.keys():
        job = (other.writers.get(path) or one.writers[path])[0]
        counts = rules.setdefault(job.rule, [0, 0, 0, 0])
        if path not in other.writers or path not in one.writers:
            counts[2 if path not in other.writers else 3] += 1
        else:
            counts[one.writers[path][1].sha256 != other.writers[path][1].sha256] += 1
    for rule, (same, changed, gone, new) in sorted(rules.items()):
        if changed or gone or new:
            yield f"{rule}: {same} files the same, {changed} changed, {gone} gone, {new} new"


def estimates_moved(one: Path, other: Path) -> Iterator[str]:
    """Yield by how much the effects of the specifications that both studies have differ, by measure."""
    first, second = (_effects(study / ROBUSTNESS["specifications"]) for study in (one, other))
    if first is None or second is None:
        yield "one of the studies has no table of specifications"
        return
    for name in dict.fromkeys([*first, *second]):
        if name not in first or name not in second:
            yield f"{name}: in one of the studies alone"
            continue
        lines = list(_moved(first[name], second[name], ratio=name == HAZARD_RATIO))
        yield from (lines if name == HAZARD_RATIO else (f"{name}: {line.strip()}" for line in lines))


def ways_moved(one: Path, other: Path) -> Iterator[str]:
    """Yield lines that say how the ways to count the time before treatment moved, each way by itself.

    None where neither study has times of treatment.
    """
    first, second = (_ways(study / IMMORTAL_TIME["immortal_time"]) for study in (one, other))
    if first is None and second is None:
        return
    if first is None or second is None:
        yield "time before treatment: one of the studies has no times of treatment"
        return
    found = [
        f"  {method}: {line.strip()}"
        for method in map(str, Method)
        for line in _moved(first.get(method, {}), second.get(method, {}), ratio=True, noun="analyses")
    ]
    yield f"time before treatment: {'no difference' if not found else ''}".strip()
    yield from found


def _ways(path: Path) -> dict[str, Effects] | None:
    """Return the log hazard ratios of the ways to count the time before treatment, by method."""
    return _read_effects(path, WAY_KEYS, lambda names: ("method", "log_hazard_ratio"))


def _moved(first: Effects, second: Effects, *, ratio: bool, noun: str = "specifications") -> Iterator[str]:
    """Yield by how much the effects of one measure differ; those of ratios are logarithms."""
    common = [key for key in first if key in second]
    if len(common) < max(len(first), len(second)):
        yield f"{len(first)} {noun} → {len(second)}, {len(common)} of them in both"
    lost = sum(first[key] is not None and second[key] is None for key in common)
    won = sum(first[key] is None and second[key] is not None for key in common)
    if lost or won:
        yield f"{lost} have no estimate any more, {won} have one now"
    both = ((key, first[key], second[key]) for key in common)
    moved = {
        key: (before, now)
        for key, before, now in both
        if before is not None and now is not None and before != now
    }
    if not moved:
        return
    sizes = {key: abs(now - before) for key, (before, now) in moved.items()}
    middle, largest = statistics.median(sizes.values()), max(sizes.values())
    turned = sum((before < 0) != (now < 0) for before, now in moved.values())
    yield f"{len(moved)} of {len(common)} moved, {turned} of them to the other side of {int(ratio)}"
    if ratio:
        yield (
            f"the hazard ratio by a factor of {math.exp(middle):.4g} in the median, "
            f"at most {math.exp(largest):.4g}"
        )
    else:
        yield f"by {middle:.4g} in the median, at most {largest:.4g}"
    for key in sorted(moved, key=lambda key: -sizes[key])[:SHOWN]:
        before, now = (math.exp(value) if ratio else value for value in moved[key])
        named = (f"{name} {value}" for name, value in key if value is not None)
        yield f"  {before:.4g} → {now:.4g}: {', '.join(named)}"


def _effects(path: Path) -> dict[str, Effects] | None:
    """Return the effects of a table of specifications, by measure and by the columns that tell them apart."""
    return _read_effects(
        path,
        KEYS,
        lambda names: ("measure", "effect") if "measure" in names else (None, "log_hazard_ratio"),
    )


def _read_effects(
    path: Path, after: Sequence[str], columns_of: Callable[[Sequence[str]], tuple[str | None, str]]
) -> dict[str, Effects] | None:
    """Return the effects of a table by what must not be pooled, or of hazard ratios alone.

    The decisions come first, then the keys `after`; `columns_of` names that column, if any, and the effect.
    """
    if not path.is_file():
        return None
    with readable(path):
        names = pq.read_schema(path).names
        keys = [*names[: names.index(after[0])], *after]
        apart, column = columns_of(names)
        table = pq.read_table(path, columns=[*keys, column, *([apart] if apart else [])])
    columns = [[(name, value) for value in table[name].to_pylist()] for name in keys]
    groups = table[apart].to_pylist() if apart else [HAZARD_RATIO] * table.num_rows
    found: dict[str, Effects] = {}
    for group, key, value in zip(groups, zip(*columns, strict=True), table[column].to_pylist(), strict=True):
        known = value is not None and math.isfinite(value)
        found.setdefault(group, {})[key] = value if known else None
    return found


def _union(mappings: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: value for mapping in mappings for name, value in mapping.items()}


def _at(settings: Any, name: str) -> Any:
    for step in name.removeprefix("the order of ").split("."):
        settings = settings.get(step) if isinstance(settings, Mapping) else None
    return settings


def _shown(value: Any) -> str:
    text = "none" if value is None else ", ".join(value) if isinstance(value, Mapping) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def main(arguments: Sequence[str]) -> int:
    """Compare the two studies that the command line names."""
    parser = argparse.ArgumentParser(prog="study compare", description=__doc__)
    parser.add_argument("one", type=Path, help="directory of a study that has run")
    parser.add_argument("other", type=Path, help="directory of another, or a copy of it before a change")
    chosen = parser.parse_args(arguments)
    studies = [under_present_names(recorded_study(folder)) for folder in (chosen.one, chosen.other)]
    print("\n".join(compare_studies(*studies)))
    return 0
