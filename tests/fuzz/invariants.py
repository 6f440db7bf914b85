"""What must hold of the rows of any scenario, whatever the patients."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.resampling import Resample, resample
from survival_multiverse.inference.robustness import specifications, summarise_blocks
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study

NUMBERS = ["estimate", "std_error", "ci_lower", "ci_upper", "p_value"]
# What may be infinite says so in the data dictionary: a match without a caliper.
MAY_BE_INFINITE = ("caliper_width",)
RATIOS = ("hazard_ratio", "hazard_ratio_inverse")


def rows_of(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """All rows of all scenarios of a study."""
    frames = [table.to_pandas() for _, table in evaluate_panel(patients, study, study.grid)]
    frame = pd.concat(frames, ignore_index=True)
    return frame.astype(dict.fromkeys(frame.select_dtypes("category").columns, object))


def violations(frame: pd.DataFrame) -> Iterator[str]:
    """Rows that break an invariant, in words."""
    ok = frame["status"] == "ok"
    # A unit of a number may be a million of its standard deviations: no error of that kind is too large.
    # That of the arm is at most 1.4 (of two events) in a model of its own, and 100 times that is collinear.
    error = frame["std_error"].mask(frame["level"].astype(str).str.startswith("per "))
    checks = {
        "ok without an estimate": ok & frame["estimate"].isna(),
        "ok and infinite": ok
        & np.isinf(frame[NUMBERS].astype(float)).any(axis=1)
        & ~frame["statistic"].isin(MAY_BE_INFINITE),
        "ratio of zero": ok & frame["statistic"].isin(RATIOS) & ~(frame["estimate"] > 0),
        "limit of zero": ok & frame["statistic"].isin(RATIOS) & (frame["ci_lower"] <= 0),
        "huge error": ok & frame["statistic"].isin(RATIOS) & (error > 150),
        "P outside 0 to 1": (frame["p_value"] < 0) | (frame["p_value"] > 1),
        "limits do not enclose": ok
        & (
            (frame["ci_lower"] > frame["estimate"] * (1 + 1e-9) + 1e-12)
            | (frame["ci_upper"] < frame["estimate"] * (1 - 1e-9) - 1e-12)
        )
        & frame["statistic"].isin(RATIOS),
        "failed without a reason": ~ok & frame["reason"].isna(),
        "failed with an estimate": ~ok & frame["estimate"].notna(),
    }
    for words, wrong in checks.items():
        for row in frame[wrong].head(1).itertuples():
            yield f"{words}: {int(wrong.sum())} rows, first {row}"


def check_study(patients: pd.DataFrame, study: Study) -> list[str]:
    """Violations in the scenarios, their summaries and one draw of each kind."""
    frame = rows_of(patients, study)
    found = list(violations(frame))
    specs = specifications(frame, study)
    ok = specs["status"] == "ok"
    if not np.isfinite(specs.loc[ok, ["estimate", "std_error", "ci_lower", "ci_upper"]].astype(float)).all(
        axis=None
    ):
        found.append("a specification is ok without finite numbers")
    summarise_blocks(specs, study)
    attribute(specs, study)
    for kind in Resample:
        for _, values in resample(patients, study, kind, range(1)):
            if np.isinf(values).any():
                found.append(f"infinite estimate in a draw: {kind}")
    return found
