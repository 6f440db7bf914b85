"""A page whose every label tries to be markup, from the real estimators on a small grid."""

import copy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from report_frames import calibration, canonical_patients, small_config

from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.bias_surface import bias_tables
from survival_multiverse.inference.cross_checks import compare_with_libraries
from survival_multiverse.inference.cutpoints import audit_cutpoints
from survival_multiverse.inference.joint_inference import gates_of, infer
from survival_multiverse.inference.resampling import (
    Resample,
    all_keys,
    cutoff_cells,
    evaluate,
    resample,
)
from survival_multiverse.inference.robustness import (
    count_failures,
    distinct_rows,
    first_scenarios,
    specifications,
    summarise_blocks,
)
from survival_multiverse.paper.published import read_description, read_published
from survival_multiverse.paper.published_marks import published_marks
from survival_multiverse.report.figures.survival_figures import draw_survival_curves
from survival_multiverse.report.figures.survival_numbers import survival_numbers
from survival_multiverse.report.figures.survival_panels import survival_panels
from survival_multiverse.report.page import render_page
from survival_multiverse.report.release import release
from survival_multiverse.report.style.formats import svg_bytes
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.scenario.arm_curves import describe_arms
from survival_multiverse.scenario.multiverse import evaluate_panel, primary_samples
from survival_multiverse.settings.study import Study

RESOURCES = Path(__file__).parents[2] / "resources"
EVIL = "<script>alert('x')</script> & \"quoted\""
EXTRA = {
    "scripts": "window.vegaEmbed = '</script>';",
    "versions": {"numpy": "<b>2</b>"},
    "digests": {"Cohort": "c0ffee"},
    "downloads": {"answer": "data_origin,Estimator\nreconstructed,Matched 1:1\n"},
    "scenarios": {
        "results/scenarios/oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2.parquet": "f00dbeef",
    },
}


def plain(frame):
    for name in frame.select_dtypes("category"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame


def evil_study():
    config = copy.deepcopy(small_config())
    config["study"]["title"] = EVIL
    config["covariates"]["sex"]["label"] = EVIL
    config["covariates"]["n_stage"]["levels"] = ["N0", "<script>N1</script>"]
    config["cohort"]["dose"] = config["cohort"]["dose"] | {"label": f"Dose {EVIL}", "unit": "<i>"}
    config["adjustment_sets"]["as_published"]["label"] = EVIL
    config["decisions"]["dose_cutoff"]["options"] = [
        {"value": 60, "reason": EVIL},
        {"value": 63, "reason": ""},
    ]
    return Study.from_config(config)


def joint_tests(patients, study, found, draws=3):
    cells = cutoff_cells(patients, study)
    keys, kept = all_keys(cells, study)
    observed = np.concatenate([evaluate(cell, study) for cell in cells])[kept]
    numbers = {kind: draws if kind in (Resample.PERMUTATION, Resample.SIMULATION) else 0 for kind in Resample}
    drawn = {
        kind: np.array([values for _, values in resample(patients, study, kind, range(count))])
        for kind, count in numbers.items()
    }
    return infer(keys, observed, drawn, study, gates_of(keys, found, study))


def estimates_of(patients, study):
    """Rows of every scenario, each distinct estimate once, as the workflow collects them."""
    parts = []
    firsts = dict(zip(study.grid, first_scenarios(study), strict=True))
    for scenario, table in evaluate_panel(patients, study, list(study.grid)):
        parts.append(distinct_rows(table.replace_schema_metadata(None), study, first=firsts[scenario]))
    return pa.concat_tables(parts).unify_dictionaries().to_pandas()


def primary_estimates(estimates, study):
    """Rows of the primary scenario."""
    mask = np.logical_and.reduce(
        [
            (estimates[name] == value) | estimates[name].isna()
            for name, value in zip(study.decisions, study.primary, strict=True)
        ]
    )
    return plain(estimates[mask].copy())


def tables_of(study, patients):
    """Every table that the page reads, as it may be shared."""
    return release(kept_tables(study, patients), study)


def kept_tables(study, patients):
    """The same as the study keeps them."""
    estimates = estimates_of(patients, study)
    found = specifications(estimates, study)
    balance = plain(
        estimates[(estimates["analysis"] == "balance") & (estimates["statistic"] == "smd")].copy()
    )
    balance = balance[(balance["population"] == "non_oligometastatic") & (balance["landmark"] == 0)]
    balance = balance[[*study.decisions, "adjustment_set", "estimator", "variable", "level", "estimate"]]
    inference = joint_tests(patients, study, found)
    cutpoints = audit_cutpoints(patients, study)
    flow = {"step": ["read"], "reason": [EVIL], "n_excluded": [3], "n_remaining": [160]}
    return {
        "cohort": patients,
        "flow": pd.DataFrame(flow),
        "primary": primary_estimates(estimates, study),
        **bias_tables(found, primary_estimates(estimates, study), study),
        "specifications": found,
        "blocks": summarise_blocks(found, study),
        "failures": count_failures(estimates, study),
        "attribution": attribute(found, study),
        "joint_inference": inference["joint_inference"],
        "null_curves": inference["null_curves"],
        **{name: cutpoints[name] for name in ("cutpoints", "selected_cutoffs", "dose_response")},
        "cross_checks": compare_with_libraries(patients, study),
        **describe_arms(patients, study),
        "scenario_balance": balance,
        "calibration": calibration(note=EVIL),
        "published": printed_marks(study),
    }


def printed_marks(study):
    """What the default paper prints, as the charts of a study mark it."""
    settings = yaml.safe_load((RESOURCES / "reconstruction.yaml").read_text(encoding="utf-8"))
    text = pd.read_csv(RESOURCES / "published_statistics.csv", dtype=str, keep_default_na=False)
    return published_marks(read_published(text), read_description(settings), study)


def figures_of(study, patients, tables):
    """Every figure and its numbers, both by name."""
    samples, figures, numbers = primary_samples(patients, study), {}, {}
    for name in figure_names(study):
        panels = survival_panels(name, samples, tables["primary"], study, tables["published"])
        numbers[name] = survival_numbers(panels, study)
        figures[name] = draw_survival_curves(panels, numbers[name], study)
    return figures, numbers


def page_of(study, patients):
    """The page of a study with what it was made from."""
    tables = tables_of(study, patients)
    figures, numbers = figures_of(study, patients, tables)
    svgs = {name: svg_bytes(figures[name]).decode() for name in figure_names(study)}
    told = {name: csv_bytes(found.table, study.source).decode() for name, found in numbers.items()}
    extra = EXTRA | {"downloads": EXTRA["downloads"] | told}
    html = render_page(study, tables, svgs, **extra)
    return SimpleNamespace(
        study=study, tables=tables, figures=figures, numbers=numbers, svgs=svgs, extra=extra, html=html
    )


@cache
def evil_page():
    """The page of a study whose every label tries to be markup."""
    study = evil_study()
    return page_of(study, canonical_patients(study))
