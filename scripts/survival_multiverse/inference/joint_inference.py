"""One test of all specifications of a block together, against null models without a dose effect."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from survival_multiverse.estimators.quantiles import known_median
from survival_multiverse.inference.resampling import Resample, resampled_keys
from survival_multiverse.inference.robustness import block_columns, blocks_of
from survival_multiverse.scenario.evaluation import MATCH_FIRST
from survival_multiverse.settings.measures import RATIO, Measure
from survival_multiverse.settings.schema import PASSES, Estimator
from survival_multiverse.settings.study import Study

NULLS = (Resample.PERMUTATION, Resample.SIMULATION)
BOOTSTRAPS = (Resample.BOOTSTRAP_PATIENTS, Resample.BOOTSTRAP_PAIRS)
TABLES = (
    "joint_inference",
    "adjusted_p_values",
    "null_curves",
    "bootstrap_intervals",
    "bootstrap_medians",
)
BANDS = ("2.5", "50", "97.5")
_TESTS = ("abs_median", "abs_mean_z", "median", "share_significant", "mean_z")


def joint_columns(study: Study) -> list[str]:
    """Return the columns of a block that is tested: matching comes after the landmark in all of them."""
    return [name for name in block_columns(study) if name != "landmark_order"]


def block_rows(keys: pd.DataFrame, study: Study) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield each block with the positions of its specifications in `keys`: first apart, then pooled."""
    yield from blocks_of(keys, joint_columns(study), study)


def block_statistics(
    estimates: np.ndarray, *, predicted: str, level: float, measure: Measure = RATIO
) -> np.ndarray:
    """Return the test statistics of a block, large ones speaking for the prediction, shape (..., 5) [1]_.

    Parameters
    ----------
    estimates
        Effects and standard errors, shape (..., specifications, 2); NaN where there is none.
    predicted
        ``longer``: arm 1 is expected to survive longer.
    level
        Confidence level by which a specification counts as significant.
    measure
        Of which they are effects.

    Returns
    -------
    np.ndarray
        In the order of the tests: |T1| and |T3|, two-sided; then towards the prediction the median effect
        (T1), the share of specifications significant in its direction (T2) and the mean z (T3) (after [1]_).
        A specification without an estimate leaves the median and counts as z = 0.

    References
    ----------
    .. [1] Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour
       2020;4:1208–1214.
    """
    sign = measure.longer if predicted == "longer" else -measure.longer
    towards = sign * estimates[..., 0]
    z = _z(estimates) * sign
    critical = float(ndtri(0.5 + level / 2))
    # A draw without any estimate counts for nothing.
    median = np.nan_to_num(known_median(towards), nan=0.0)
    share = (z > critical).mean(axis=-1)
    mean_z = z.mean(axis=-1)
    return np.stack([np.abs(median), np.abs(mean_z), median, share, mean_z], axis=-1)


def _z(estimates: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        z = estimates[..., 0] / estimates[..., 1]
    return np.where(np.isfinite(z), z, 0.0)


def p_value(observed: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return (1 + number of draws at least as large) / (draws + 1) [1]_.

    Parameters
    ----------
    observed
        Statistics, of any shape.
    draws
        The same in each draw of the null: one more axis, the first.

    Returns
    -------
    np.ndarray
        Of the shape of `observed`; NaN without an observed statistic, or without any in the draws.

    References
    ----------
    .. [1] Phipson B, Smyth GK. Permutation P-values should never be zero. Statistical Applications in
       Genetics and Molecular Biology 2010;9:39.
    """
    # Equal results of equal analyses may differ in the last digit.
    reached = draws >= observed - 1e-12
    unknown = np.isnan(observed) | np.isnan(draws).all(axis=0)
    return np.where(unknown, np.nan, (1 + reached.sum(axis=0)) / (len(draws) + 1))


def gates_of(keys: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> dict[str, np.ndarray]:
    """Return which specifications pass each balance gate in the study: 1, 0, or NaN where none is judged.

    Parameters
    ----------
    keys
        Specifications, columns `resampling.resampled_keys`.
    specifications
        All of the study, from `robustness.specifications`.
    study
        Names the decisions.

    Returns
    -------
    dict
        Arrays of shape (specifications,) by gate.
    """
    columns = specifications.columns[specifications.columns.str.startswith(PASSES)]
    # The draws, too, are matched after the landmark.
    again = specifications[~specifications["landmark_order"].isin([MATCH_FIRST])]
    # Balance is the same whatever is estimated.
    again = again[again["measure"] == study.primary_measure.name]
    names = resampled_keys(study)
    judged = keys[names].merge(again[[*names, *columns]], how="left", on=names, validate="1:1")
    return {
        name: judged[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan) for name in columns
    }


def jointly_test(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    gates: Mapping[str, np.ndarray] = MappingProxyType({}),
    measure: Measure = RATIO,
) -> pd.DataFrame:
    """Test every block jointly [1]_: all of it, and what passes each balance gate in the study.

    Survival simulated from covariates leaves who is matched and how well the arms are balanced as they are
    (without a landmark), so there the gated specifications are tested like all. In other draws others would
    pass, so P of the gated ones is left open.

    Parameters
    ----------
    keys
        Specifications, columns `resampling.resampled_keys` and measure.
    observed
        Their estimates, shape (specifications, 2).
    draws
        Their estimates in each draw of the null, shape (draws, specifications, 2).
    study
        Gives the predicted direction and the confidence level.
    null
        Name of the null.
    gates
        Shape (specifications,) by gate, from `gates_of`.
    measure
        Of which they are estimates.

    Returns
    -------
    pd.DataFrame
        One row a block and gate (``all`` first; none where no balance is judged): draws, specifications,
        each statistic with its P value, and the null's 2.5 and 97.5 % of T1.

    References
    ----------
    .. [1] Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour
       2020;4:1208–1214.
    """
    options = {
        "predicted": study.inference.predicted,
        "level": study.analysis.confidence_level,
        "measure": measure,
    }
    records = []
    for block, rows in block_rows(keys, study):
        kept = {"all": rows}
        kept |= {name: rows[passes[rows] == 1] for name, passes in gates.items() if _judged(passes[rows])}
        for gate, chosen in kept.items():
            # Only the draws of survival keep the study's arms.
            same = gate == "all" or (null == str(Resample.SIMULATION) and block["landmark"] == 0)
            drawn = draws[:, chosen] if same else np.full((len(draws), len(chosen), 2), np.nan)
            head = {**block, "gate": gate, "null": null, "draws": len(draws), "specifications": len(chosen)}
            records.append(head | _test(observed[chosen], drawn, options))
    return pd.DataFrame(records)


def _judged(passes: np.ndarray) -> bool:
    return not np.isnan(passes).all()


def _test(observed: np.ndarray, draws: np.ndarray, options: Mapping[str, Any]) -> dict[str, float]:
    """Return the statistics of some specifications, and their P values; NaN if nothing was estimated."""
    seen = np.full(len(_TESTS), np.nan)
    if not np.isnan(observed[:, 0]).all():
        seen = block_statistics(observed, **options)
    drawn = np.full((len(draws), len(_TESTS)), np.nan)
    if not np.isnan(draws[:, :, 0]).all():
        drawn = block_statistics(draws, **options)
    record: dict[str, float] = {}
    for j, (name, p) in enumerate(zip(_TESTS, p_value(seen, drawn), strict=True)):
        record |= {name: seen[j], f"p_{name}": p}
    low, high = np.quantile(drawn[:, _TESTS.index("median")], (0.025, 0.975))
    return record | {"null_median_2.5": low, "null_median_97.5": high}


def adjust_specifications(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    measure: Measure = RATIO,
) -> pd.DataFrame:
    """Adjust the P value of each specification for its block: single-step max-T on |z| [1]_.

    Weak control of the family-wise error: all specifications of a block share one null.

    Parameters
    ----------
    keys, observed, draws, study, null, measure
        As in `jointly_test`.

    Returns
    -------
    pd.DataFrame
        One row a specification; its block is the one in which uncertain decisions are apart.

    References
    ----------
    .. [1] Westfall PH, Young SS. Resampling-Based Multiple Testing. New York: Wiley; 1993.
    """
    adjusted = np.full(len(keys), np.nan)
    for rows in keys.groupby(joint_columns(study), dropna=False, sort=True).indices.values():
        largest = np.abs(_z(draws[:, rows])).max(axis=1)
        if np.isnan(draws[:, rows, 0]).all():
            continue
        adjusted[rows] = p_value(np.abs(_z(observed[rows])), largest[:, None])
    adjusted[np.isnan(observed[:, 0])] = np.nan
    return keys[[*resampled_keys(study), "measure"]].assign(null=null, p_value_max_t=adjusted)


def curve_bands(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    measure: Measure = RATIO,
) -> pd.DataFrame:
    """Compare the observed specification curve of each block with the null's: estimates by rank.

    Returns
    -------
    pd.DataFrame
        By block and rank: the observed estimate, and 2.5, 50 and 97.5 % of that rank's under the null.
    """
    frames, blocks = [], []
    for block, rows in block_rows(keys, study):
        kept = ~np.isnan(observed[rows, 0])
        curve = np.sort(observed[rows, 0][kept])
        ranked = np.sort(draws[:, rows[kept], 0], axis=1)
        columns = [np.arange(1, len(curve) + 1), *map(measure.estimate, (curve, *_band(ranked).values()))]
        frames.append(columns)
        blocks.append(block)
    names = ("rank", "estimate", *(f"null_{name}" for name in BANDS))
    table = pd.DataFrame(dict(zip(names, map(np.concatenate, zip(*frames, strict=True)), strict=True)))
    lengths = [len(columns[0]) for columns in frames]
    for name in joint_columns(study):
        values = pd.Series([block[name] for block in blocks])
        table[name] = values.repeat(lengths).to_numpy()
    return table.assign(null=null)


def _band(ranked: np.ndarray) -> dict[str, np.ndarray]:
    """Return quantiles over draws with an estimate; a curve shortened by failures continues at its end."""
    ranked = ranked[~np.isnan(ranked).all(axis=1)]
    if not ranked.size:
        return {name: np.full(ranked.shape[1], np.nan) for name in BANDS}
    complete = np.where(np.isnan(ranked), np.nanmax(ranked, axis=1, keepdims=True), ranked)
    low, middle, high = np.quantile(complete, (0.025, 0.5, 0.975), axis=0)
    return dict(zip(BANDS, (low, middle, high), strict=True))


def bootstrap_intervals(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    kind: str,
    measure: Measure = RATIO,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return percentile intervals of each estimate, and of the median estimate of each block.

    Parameters
    ----------
    keys, observed
        As in `jointly_test`.
    draws
        Estimates in each bootstrap draw, shape (draws, specifications, 2).
    study
        Gives the confidence level.
    kind
        Name of the bootstrap.
    measure
        Of which they are estimates.

    Returns
    -------
    tuple
        Frames with `ci_lower`, `ci_upper` and the number of draws in which there was an estimate.
    """
    tail = (1 - study.analysis.confidence_level) / 2
    probabilities = (tail, 1 - tail)
    values = draws[:, :, 0]
    each = keys[[*resampled_keys(study), "measure"]].assign(
        kind=kind,
        estimate=measure.estimate(observed[:, 0]),
        draws_estimated=(~np.isnan(values)).sum(axis=0),
    )
    each["ci_lower"], each["ci_upper"] = measure.estimate(_quantiles(values, probabilities))
    records = []
    for block, rows in block_rows(keys, study):
        medians = known_median(values[:, rows])
        low, high = measure.estimate(_quantiles(medians, probabilities))
        centre = float(measure.estimate(known_median(observed[rows, 0])))
        records.append(
            {**block, "kind": kind, "draws": len(draws), "median_estimate": centre}
            | {"ci_lower": low, "ci_upper": high}
        )
    return each, pd.DataFrame(records)


def _quantiles(values: np.ndarray, probabilities: tuple[float, float]) -> np.ndarray:
    """Return the quantiles over the first axis without the gaps; NaN for a column of gaps."""
    empty = np.isnan(values).all(axis=0)
    filled = np.where(empty, 0.0, values)
    return np.where(empty, np.nan, np.nanquantile(filled, probabilities, axis=0))


def infer(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: Mapping[Resample, np.ndarray],
    study: Study,
    gates: Mapping[str, np.ndarray],
) -> dict[str, pd.DataFrame]:
    """Compute joint tests, adjusted P values, null curves and bootstrap intervals from all draws.

    Parameters
    ----------
    keys, observed
        Specifications and their effects with errors, shape (specifications, measures, 2), measures in the
        order of the study.
    draws
        The same in each draw by kind, shape (draws, specifications, measures, 2); a kind without draws is
        left out.
    study
        Gives the predicted direction and the confidence level.
    gates
        Which specifications pass each balance gate, from `gates_of`.

    Returns
    -------
    dict
        ``joint_inference`` (a row a block, gate and null), ``adjusted_p_values`` (a specification and null),
        ``null_curves`` (a rank of a block's curve and null), ``bootstrap_intervals`` (a specification and
        kind), ``bootstrap_medians`` (a block and kind).
    """
    nulls = [kind for kind in NULLS if len(draws[kind])]
    boots = [kind for kind in BOOTSTRAPS if len(draws[kind])]
    # Only matching has pairs.
    matched = (keys["estimator"] == str(Estimator.MATCHED)).to_numpy()
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for place, measure in enumerate(study.measures):
        named, seen = keys.assign(measure=measure.name), observed[:, place]
        for kind in nulls:
            null = named, seen, draws[kind][:, :, place], study, str(kind)
            tables["joint_inference"].append(jointly_test(*null, gates, measure))
            tables["adjusted_p_values"].append(adjust_specifications(*null, measure))
            tables["null_curves"].append(curve_bands(*null, measure))
        for kind in boots:
            used = matched if kind is Resample.BOOTSTRAP_PAIRS else np.ones(len(keys), dtype=bool)
            own, values = named[used].reset_index(drop=True), draws[kind][:, used, place]
            each, medians = bootstrap_intervals(own, seen[used], values, study, str(kind), measure)
            tables["bootstrap_intervals"].append(each)
            tables["bootstrap_medians"].append(medians)
    empty = {
        "bootstrap_intervals": [
            *resampled_keys(study),
            "measure",
            "kind",
            "estimate",
            "draws_estimated",
            "ci_lower",
            "ci_upper",
        ],
        "bootstrap_medians": [
            *joint_columns(study),
            "kind",
            "draws",
            "median_estimate",
            "ci_lower",
            "ci_upper",
        ],
    }
    return {
        name: pd.concat(frames, ignore_index=True)
        if frames
        else pd.DataFrame(columns=empty[name], dtype=object)
        for name, frames in tables.items()
    }
