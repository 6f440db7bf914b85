"""The flow accounts for everybody, also where values are missing."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from report_frames import canonical_patients, small_study

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.report.tables.flow import flow_counts, flow_steps
from survival_multiverse.scenario.multiverse import evaluate_panel

N = 220


def steps_of(seed, *, gaps, minimum=0):
    study = dataclasses.replace(small_study(), minimum_count=minimum)
    patients, random = canonical_patients(study, N, seed), np.random.default_rng(seed)
    for name in ("lesions", "gtv", "kps", "response"):
        missing = random.random(N) < gaps
        patients[name] = patients[name].where(~missing, np.nan if name != "response" else None)
    ((_, table),) = evaluate_panel(patients, study, [study.primary])
    primary = table.to_pandas()
    primary = primary.astype(dict.fromkeys(primary.select_dtypes("category").columns, object))
    flow = {"step": ["all", "analysed"], "reason": ["patients in the data", "patients analysed"]}
    flow |= {"n_excluded": [0, 0], "n_remaining": [N, N]}
    counts = flow_counts(pd.DataFrame(flow), primary, study)
    return flow_steps(counts, study), counts, patients


def numbers(branches):
    """Counts behind the colon, without percentages."""
    pattern = re.compile(r"(?<![(\d])\b\d+\b(?!%)")
    return [[int(n) for n in pattern.findall(text.rsplit(": ", 1)[1])] for text in branches]


@pytest.mark.parametrize(("seed", "gaps"), [(1, 0.0), (2, 0.1), (3, 0.3)])
def test_every_patient_is_in_one_branch(seed, gaps):
    (start, analysed, populations, arms, matched), _, patients = steps_of(seed, gaps=gaps)
    assert start.title == "Patients in the data"
    counts = [count for (count,) in numbers(populations.branches)]
    assert sum(counts) == int(analysed.count) == N
    assert len(counts) == 2 + (gaps > 0)
    primary = int((patients.lesions >= 5).sum())
    assert counts[0] == primary == sum(count for (count,) in numbers(arms.branches))
    for found in numbers(matched.branches):
        assert sum(found) == primary


def test_counts_are_shown_in_classes():
    steps, counts, patients = steps_of(2, gaps=0.01, minimum=5)
    unknown = int(patients.lesions.isna().sum())
    assert 0 < unknown < 5
    assert counts["count"].sum() > 0
    texts = [text.rsplit(": ", 1)[1] for text in steps[2].branches]
    primary = int((patients.lesions >= 5).sum())
    assert texts[0] == count_words(primary, minimum=5)
    assert texts[2] == "<5"
    assert steps[1].count == count_words(N, minimum=5)
