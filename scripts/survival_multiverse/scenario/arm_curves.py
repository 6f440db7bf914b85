"""Both arms of every scenario, for drawing: survival curves that show no single patient, score overlap."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.coarse_curves import coarse_curve, time_step
from survival_multiverse.cohort.sample import Sample
from survival_multiverse.scenario.comparability import matched_sample
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES, Scenario

BINS = 12
"""Classes of the propensity score in which overlap is counted."""
CURVE_COLUMNS = ("curve", "time", "survival", "at_risk")
LINK_COLUMNS = (*AXES, "estimator", "adjustment_set", "arm", "n", "curve")
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
        ``arm_curves`` (scenario, estimator, adjustment set and arm, and which curve is theirs; an axis that
        does not apply is null), ``survival_curves`` (each distinct curve once, under a digest of its
        content) and ``score_overlap`` (patients by class of the propensity score in the primary scenario).
    """
    links: list[tuple[Any, ...]] = []
    curves: dict[str, pd.DataFrame] = {}
    encoded = encode_study(patients, study)
    for key, sample in _samples(encoded):
        for arm in (0, 1):
            part = sample.arm == arm
            if part.any():
                # A group below the minimum count has no curve: even its size is withheld.
                small = int(part.sum()) < study.minimum_count
                name = "" if small else _keep(curves, sample.time[part], sample.event[part], study)
                links.append((*key, arm, int(part.sum()), name))
    rows = [frame.assign(curve=name) for name, frame in curves.items()]
    return {
        "arm_curves": pd.DataFrame(links, columns=list(LINK_COLUMNS)),
        "survival_curves": pd.concat(rows, ignore_index=True)[list(CURVE_COLUMNS)]
        if rows
        else pd.DataFrame(columns=list(CURVE_COLUMNS)),
        "score_overlap": pd.DataFrame(_overlap(encoded), columns=list(OVERLAP_COLUMNS)),
    }


def _keep(curves: dict[str, pd.DataFrame], time: np.ndarray, event: np.ndarray, study: Study) -> str:
    content = np.ascontiguousarray(np.stack([time, event.astype(np.float64)]))
    name = blake2b(content.tobytes(), digest_size=6).hexdigest()
    if name not in curves:
        curves[name] = coarse_curve(time, event, minimum=study.minimum_count, step=time_step(study))
    return name


def _samples(encoded: EncodedStudy) -> Iterator[tuple[tuple[Any, ...], Sample]]:
    """Yield the analysed patients of the primary population under every choice that changes them."""
    thresholds, doses, volumes, calipers = (encoded.study.axes[name].values for name in AXES)
    for threshold, dose, volume in product(thresholds, doses, volumes):
        sample = encoded.sample(Scenario(threshold, dose, volume))
        if volume == volumes[0]:
            yield (threshold, dose, np.nan, np.nan, str(Estimator.UNADJUSTED), None), sample
        for name, scored in encoded.scores(sample):
            for caliper in calipers:
                key = (threshold, dose, volume, caliper, str(Estimator.MATCHED), name)
                yield key, matched_sample(scored, encoded.match(scored, caliper))


def _overlap(encoded: EncodedStudy) -> list[tuple[Any, ...]]:
    """Count patients by class of the score, arm and adjustment set, before and after matching."""
    primary = encoded.study.primary
    edges = np.linspace(0, 1, BINS + 1)
    rows = []
    for name, scored in encoded.scores(encoded.sample(primary)):
        if scored.status is not Status.OK:
            continue
        matching = encoded.match(scored, primary.caliper)
        everybody = np.ones(len(scored.sample), dtype=bool)
        paired = everybody if matching is None else matching.pair_of >= 0
        for estimator, kept in ((Estimator.UNADJUSTED, everybody), (Estimator.MATCHED, paired)):
            for arm in (0, 1):
                values = scored.fit.probability[kept & (scored.sample.arm == arm)]
                counts = np.histogram(values, edges)[0]
                for lower, upper, count in zip(edges[:-1], edges[1:], counts, strict=True):
                    rows.append((name, str(estimator), arm, lower, upper, count))
    return rows
