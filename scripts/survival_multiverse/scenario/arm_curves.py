"""Both arms of every scenario, for drawing: survival curves that show no single patient, score overlap."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.coarse_curves import coarse_curve, time_step
from survival_multiverse.cohort.sample import Sample
from survival_multiverse.scenario.comparability import matched_sample
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.study import Study

BINS = 12
"""Classes of the propensity score in which overlap is counted."""
CURVE_COLUMNS = ("curve", "time", "survival", "at_risk")
LINK_COLUMNS = ("estimator", "adjustment_set", "arm", "n", "curve")
OVERLAP_COLUMNS = ("adjustment_set", "estimator", "arm", "lower", "upper", "patients")


def describe_arms(patients: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Return curves of the primary population's arms in every scenario, before and after matching.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`.
    study
        Gives the scenarios and the analysis.

    Returns
    -------
    dict
        ``arm_curves`` (scenario, estimator, adjustment set and arm, and which curve is theirs; an option
        that does not apply is null), ``survival_curves`` (each distinct curve once, under a digest of its
        content) and ``score_overlap`` (patients by class of the propensity score in the primary scenario).
    """
    links: list[tuple[Any, ...]] = []
    curves: dict[str, pd.DataFrame] = {}
    for key, sample in _samples(patients, study):
        for arm in (0, 1):
            part = sample.arm == arm
            if part.any():
                # A group below the minimum count has no curve: even its size is withheld.
                small = int(part.sum()) < study.minimum_count
                name = "" if small else _keep(curves, sample.take(part), study)
                links.append((*key, arm, int(part.sum()), name))
    rows = [frame.assign(curve=name) for name, frame in curves.items()]
    return {
        "arm_curves": pd.DataFrame(links, columns=[*study.decisions, *LINK_COLUMNS]),
        "survival_curves": pd.concat(rows, ignore_index=True)[list(CURVE_COLUMNS)]
        if rows
        else pd.DataFrame(columns=list(CURVE_COLUMNS)),
        "score_overlap": pd.DataFrame(
            _overlap(encode_study(patients, study, study.primary)), columns=list(OVERLAP_COLUMNS)
        ),
    }


def _keep(curves: dict[str, pd.DataFrame], sample: Sample, study: Study) -> str:
    late = [] if sample.entry is None else [sample.entry]
    content = np.ascontiguousarray(np.stack([sample.time, sample.event.astype(np.float64), *late]))
    name = blake2b(content.tobytes(), digest_size=6).hexdigest()
    if name not in curves:
        curves[name] = coarse_curve(
            sample.time,
            sample.event,
            entry=sample.entry,
            minimum=study.minimum_count,
            step=time_step(study),
        )
    return name


def _samples(patients: pd.DataFrame, study: Study) -> Iterator[tuple[tuple[Any, ...], Sample]]:
    """Yield the analysed patients of the primary population under every choice that changes them."""
    by_variant = sorted(enumerate(study.grid), key=lambda item: (study.variant(item[1]), item[0]))
    seen: set[tuple[Any, ...]] = set()
    for variant, members in groupby(by_variant, key=lambda item: study.variant(item[1])):
        encoded = encode_study(patients, study, variant)
        for _, cell in groupby(members, key=lambda item: study.cutoffs(item[1])[:-1]):
            scenarios = [scenario for _, scenario in cell]
            sample = encoded.sample(scenarios[0])
            key = study.applying(scenarios[0], Estimator.UNADJUSTED)
            if key not in seen:
                seen.add(key)
                yield (*key, str(Estimator.UNADJUSTED), None), sample
            for name, scored in encoded.scores(sample):
                for scenario in scenarios:
                    matching = encoded.match(scored, study.cutoffs(scenario).caliper)
                    yield (*scenario, str(Estimator.MATCHED), name), matched_sample(scored, matching)


def _overlap(encoded: EncodedStudy) -> list[tuple[Any, ...]]:
    """Count patients by class of the score, arm and adjustment set, before and after matching."""
    primary = encoded.study.primary
    caliper = encoded.study.primary_cutoffs.caliper
    edges = np.linspace(0, 1, BINS + 1)
    rows = []
    for name, scored in encoded.scores(encoded.sample(primary)):
        if scored.status is not Status.OK:
            continue
        matching = encoded.match(scored, caliper)
        everybody = np.ones(len(scored.sample), dtype=bool)
        paired = everybody if matching is None else matching.pair_of >= 0
        for estimator, kept in ((Estimator.UNADJUSTED, everybody), (Estimator.MATCHED, paired)):
            for arm in (0, 1):
                values = scored.fit.probability[kept & (scored.sample.arm == arm)]
                counts = np.histogram(values, edges)[0]
                for lower, upper, count in zip(edges[:-1], edges[1:], counts, strict=True):
                    rows.append((name, str(estimator), arm, lower, upper, count))
    return rows
