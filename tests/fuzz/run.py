"""Check random studies by invariants and against R.

PYTHONPATH=scripts:tests/unit .venv/bin/python tests/fuzz/run.py FIRST LAST
"""

import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
from invariants import check_study, rows_of
from random_studies import random_study

from survival_multiverse.cohort.sample import design_matrix, encode_cohort, whole_sample
from survival_multiverse.settings.study import Study

TOLERANCE = 1e-6


def adjusted_rows(patients: pd.DataFrame, study: Study, number: int) -> pd.DataFrame:
    """All patients with the columns of the adjusted model, for R; gaps where one is unknown."""
    sample = whole_sample(encode_cohort(patients, study), study.primary_cutoffs)
    entry = study.adjustment_sets["all"]
    names = [*entry.covariates, *entry.covariates_in_all]
    matrix, _ = design_matrix(sample, names)
    known = sample.known(names)
    known = np.ones(len(sample), dtype=bool) if known is None else known
    scaled = np.full(matrix.shape, np.nan)
    if known.any():
        # Centred and scaled for R, whose own scaling gives up on a covariate far from zero.
        spread = matrix[known].std(axis=0)
        scaled[known] = (matrix[known] - matrix[known].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    frame = pd.DataFrame({"cohort": number, "time": sample.time, "event": sample.event, "arm": sample.arm})
    columns = [f"x{j}" for j in range(matrix.shape[1])]
    return pd.concat([frame, pd.DataFrame(scaled, columns=columns)], axis=1)


def against_r(ours: pd.DataFrame, cohorts: list[pd.DataFrame]) -> tuple[int, list[str]]:
    """Numbers compared, and those that differ; where R warns it has no number."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in.csv", Path(folder) / "out.csv"
        pd.concat(cohorts).to_csv(given, index=False)
        subprocess.run(
            ["Rscript", str(Path(__file__).with_name("check.R")), str(given), str(made)], check=True
        )
        theirs = pd.read_csv(made).set_index("cohort")
    compared, differ = 0, []
    for name in ours.columns:
        for number, ours_is in ours[name].dropna().items():
            r_is = theirs.loc[number, name]
            # Beyond this R's own convergence, not the estimate, is compared.
            if np.isnan(r_is) or abs(r_is) > 15:
                continue
            compared += 1
            if abs(ours_is - r_is) > TOLERANCE * max(1.0, abs(r_is)):
                differ.append(f"cohort {number}: {name} {ours_is!r}, R {r_is!r}")
    return compared, differ


def own_numbers(frame: pd.DataFrame) -> dict[str, float]:
    """Estimates that R gives as well, of the population of all; NaN unless ok."""
    frame = frame[
        (frame["population"] == "all")
        & (frame["landmark"] == 0)
        & frame["subgroup"].isna()
        & (frame["caliper"] == 0.2)
    ]

    def number(column: str, **labels: object) -> float:
        rows = frame
        for name, value in labels.items():
            rows = rows[rows[name] == value]
        rows = rows[rows["status"] == "ok"]
        return float(rows[column].iloc[0]) if len(rows) else np.nan

    cox = {
        "analysis": "cox",
        "statistic": "hazard_ratio",
        "variable": "arm",
        "ties": "efron",
        "variance": "model",
    }
    plain = {"estimator": "unadjusted", "model": "arm_only", **cox}
    adjusted = {"estimator": "adjusted", "model": "adjusted", **cox}
    test = {"estimator": "unadjusted", "analysis": "log_rank", "variable": "arm", "statistic": "chi_square"}
    curve = {
        "estimator": "unadjusted",
        "analysis": "kaplan_meier",
        "variable": "all",
        "statistic": "survival_12",
    }
    return {
        "coef": np.log(number("estimate", **plain)),
        "se": number("std_error", **plain),
        "adjusted_coef": np.log(number("estimate", **adjusted)),
        "adjusted_se": number("std_error", **adjusted),
        "log_rank": number("estimate", **test),
        "alive_12": number("estimate", **curve),
    }


def main(first: int, last: int) -> int:
    """Run the studies with these numbers; 1 if anything is wrong."""
    faults, numbers, cohorts = [], {}, []
    for number in range(first, last + 1):
        patients, study = random_study(number)
        try:
            faults += [f"cohort {number}: {fault}" for fault in check_study(patients, study)]
            numbers[number] = own_numbers(rows_of(patients, study))
            cohorts.append(adjusted_rows(patients, study, number))
        except Exception:
            faults.append(f"cohort {number}: {traceback.format_exc()}")
    ours = pd.DataFrame.from_dict(numbers, orient="index")
    compared, differ = against_r(ours, cohorts)
    print("\n".join([*faults, *differ]))
    print(f"{last - first + 1} studies, {len(faults)} faults")
    print(f"{compared} numbers compared with R, {len(differ)} differ")
    return int(bool(faults or differ))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
