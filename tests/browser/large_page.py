"""A page of more than 5,000 scenarios, its estimates drawn at random, its curves shared by digest."""

import copy

import numpy as np
import pandas as pd
from report_frames import CONFIG, GATES
from report_page import EXTRA, evil_page

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.robustness import summarise_blocks
from survival_multiverse.report.page import render_page
from survival_multiverse.settings.study import Study

VALUES = {
    "oligo_threshold": [2, 3, 4, 5, 6, 7, 8],
    "dose_cutoff": [54, 56, 58, 60, 63, 66],
    "gtv_cutoff": [80, 100, 120, 146, 150, 160, 170, 175, 200, 250],
    "caliper": [0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1, "none"],
}
DECISIONS = list(VALUES)
COVARIATES = [("sex", "female"), ("t_stage", "T3-4"), ("kps", ">80")]


def large_study():
    config = copy.deepcopy(CONFIG)
    for name, values in VALUES.items():
        config["decisions"][name]["options"] = values
    return Study.from_config(config)


def large_page(scripts):
    """The study and its page."""
    study = large_study()
    specifications = all_specifications(study)
    links, curves = shared_arms(study)
    balance = specifications[specifications["estimator"] == "matched"][
        [*DECISIONS, "adjustment_set", "estimator"]
    ]
    rows = [balance.assign(variable=name, level=level, estimate=0.1) for name, level in COVARIATES]
    tables = evil_page().tables | {
        "specifications": specifications,
        "blocks": summarise_blocks(specifications, study),
        "attribution": attribute(specifications, study),
        "arm_curves": links,
        "survival_curves": curves,
        "scenario_balance": pd.concat(rows, ignore_index=True),
    }
    return study, render_page(study, tables, {}, **(EXTRA | {"scripts": scripts}))


def grid(study, *decisions):
    """Every combination of the options of the decisions and the adjustment sets."""
    values = [study.decisions[name].values for name in decisions] + [list(study.adjustment_sets)]
    return pd.MultiIndex.from_product(values, names=[*decisions, "adjustment_set"]).to_frame(index=False)


def all_specifications(study):
    """Matched analyses under every scenario, and the others under every one but the caliper's."""
    wide = [grid(study, *DECISIONS[:3]).assign(estimator=name) for name in ("overlap", "iptw", "adjusted")]
    before = grid(study, *DECISIONS[:2]).drop_duplicates(DECISIONS[:2])
    wide.append(before.assign(estimator="unadjusted", adjustment_set=None))
    frame = pd.concat([grid(study, *DECISIONS).assign(estimator="matched"), *wide], ignore_index=True)
    random = np.random.default_rng(5)
    middle = random.normal(-0.2, 0.25, len(frame))
    at_primary = [
        frame[name].isin([value]) | frame[name].isna()
        for name, value in zip(DECISIONS, study.primary, strict=True)
    ]
    matched = frame["estimator"] == "matched"
    return frame.assign(
        population="non_oligometastatic", landmark=0.0, landmark_order=None,
        measure="hazard_ratio", estimate=np.exp(middle), effect=middle, std_error=0.15, p_value=0.2,
        ci_lower=np.exp(middle - 0.3), ci_upper=np.exp(middle + 0.3), n=120, events=90,
        pairs=np.where(matched, 60.0, np.nan), matched_share=np.where(matched, 0.9, np.nan), focal_arm=1.0,
        max_abs_smd_propensity=0.05, max_abs_smd_baseline=0.2, status="ok", reason=None, flags=None,
        is_primary=np.logical_and.reduce(at_primary), fingerprint=np.arange(len(frame)),
        **{"tie_break_median": 0.8, "tie_break_2.5": 0.7, "tie_break_97.5": 0.9},
        variance_between_orders=np.where(matched, 0.0004, np.nan), risk_at_end=0.9,
        rosenbaum_direction=np.where(matched, 1.0, np.nan), rosenbaum_gamma=1.3,
        rosenbaum_p=0.02, rosenbaum_p_two_sided=0.04, sign_test_gamma=1.1, sign_test_direction=1.0,
        sign_test_p=0.03, sign_test_p_two_sided=0.06, e_value=1.8, e_value_of_limit=1.2,
        **{gate: pd.array(random.random(len(frame)) < 0.5, dtype="boolean") for gate in GATES},
    )  # fmt: skip


def shared_arms(study):
    """Both arms of every scenario, as if calipers and volumes gave the same pairs: 84 curves."""
    links = pd.concat([grid(study, *DECISIONS).assign(arm=arm) for arm in (0, 1)], ignore_index=True)
    code = links["oligo_threshold"].map("{:g}".format) + "-" + links["dose_cutoff"].map("{:g}".format)
    links = links.assign(estimator="matched", n=60, curve=code + "-" + links["arm"].astype(str))
    steps = pd.DataFrame({"time": [0.0, 6.0, 18.0], "survival": [1.0, 0.6, 0.3], "at_risk": [60, 36, 18]})
    curves = pd.DataFrame({"curve": links["curve"].unique()}).merge(steps, how="cross")
    return links, curves
