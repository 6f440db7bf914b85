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
from survival_multiverse.settings.schema import PASSES, Estimator, Status
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


def statuses_of(keys: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> np.ndarray:
    """Return why each specification has an estimate in the study, or why not; see `gates_of`.

    Returns
    -------
    np.ndarray
        Names of statuses, shape (specifications, measures), measures in the order of the study.
    """
    again = specifications[~specifications["landmark_order"].isin([MATCH_FIRST])]
    names = resampled_keys(study)
    each = [
        keys[names].merge(
            again.loc[again["measure"] == measure.name, [*names, "status"]], "left", on=names, validate="1:1"
        )["status"]
        for measure in study.measures
    ]
    return np.column_stack([found.astype(object).to_numpy() for found in each])


def _statuses(keys: pd.DataFrame, observed: np.ndarray) -> np.ndarray:
    """Return the column `status` of the specifications; an estimate that resampling does not make is none."""
    known = ~np.isnan(observed[:, 0])
    seen = np.where(known, Status.OK, Status.NOT_APPLICABLE).astype(object)
    told = keys.get("status", pd.Series(None, keys.index, dtype=object)).to_numpy(dtype=object)
    return np.where(pd.isna(told) | (~known & (told == Status.OK)), seen, told)


def _block_status(status: np.ndarray, known: np.ndarray, measure: Measure) -> Status:
    """Return whether a block has statistics: else why most of it has no estimate, or that some has none."""
    if not known.any():
        return Status(pd.Series(status).mode().iloc[0]) if len(status) else Status.NOT_APPLICABLE
    return Status.SELECTED_REST if measure.leaves_selected_rest(status) else Status.OK


def failures(draws: np.ndarray, study: Study) -> np.ndarray:
    """Return where a draw has no estimate for what its arms are, not for how they fare.

    Parameters
    ----------
    draws
        Of every measure, shape (draws, specifications, measures, 2).
    study
        Names the measures.

    Returns
    -------
    np.ndarray
        Shape (draws, specifications): without a hazard ratio, which every study has.
    """
    return np.isnan(draws[:, :, study.measures.index(RATIO), 0])


def comparable(
    observed: np.ndarray, draws: np.ndarray, measure: Measure, failed: np.ndarray | None = None
) -> np.ndarray:
    """Return the draws that the observed estimates of a block are compared with.

    Hazard ratios fail for what the arms are, not for how they fare: all draws count, `block_statistics` says
    how. A difference has none, too, where curves do not fall, or end, which is what is tested. So a block
    that lacks one for such a reason is not tested, and a draw that lacks one would not have been, either.
    Leaving those draws out keeps the test exact given that there is a test: whether one lacks an estimate is
    asked of the study and of each draw alike. Counting gaps as no effect would make the null too narrow.

    Parameters
    ----------
    observed, draws
        Of one block, as in `jointly_test`.
    measure
        Of which they are estimates.
    failed
        Where the arms of a draw fail, shape (draws, specifications), from `failures`; without: nowhere.

    Returns
    -------
    np.ndarray
        Shape (draws that are left, specifications, 2). Of differences the specifications that have one in the
        study, and the draws in which they have one, too, unless their arms fail.
    """
    if measure.ratio:
        return draws
    known = ~np.isnan(observed[:, 0])
    selected = (_owed_to_curves(draws[:, :, 0], failed) & known).any(axis=1)
    return np.where(known[:, None], draws[~selected], np.nan)


def _owed_to_curves(values: np.ndarray, failed: np.ndarray | None) -> np.ndarray:
    """Return the gaps that arms which do not fail leave, shape (draws, specifications)."""
    gaps = np.isnan(values)
    return gaps if failed is None else gaps & ~failed


def jointly_test(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    gates: Mapping[str, np.ndarray] = MappingProxyType({}),
    measure: Measure = RATIO,
    failed: np.ndarray | None = None,
) -> pd.DataFrame:
    """Test every block jointly [1]_: all of it, and what passes each balance gate in the study.

    Survival simulated from covariates leaves who is matched and how well the arms are balanced as they are
    (without a landmark), so there the gated specifications are tested like all. In other draws others would
    pass, so P of the gated ones is left open.

    Parameters
    ----------
    keys
        Specifications, columns `resampling.resampled_keys`, measure and, of the study, `status`.
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
    failed
        Shape (draws, specifications), from `failures`.

    Returns
    -------
    pd.DataFrame
        One row a block and gate (``all`` first; none where no balance is judged): draws, how many of them are
        compared (`comparable`), specifications, each statistic with its P value, the null's 2.5 and 97.5 % of
        T1, and a status: ok, selected_rest, or why nothing is estimated.

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
    records, status = [], _statuses(keys, observed)
    for block, rows in block_rows(keys, study):
        kept = {"all": rows}
        kept |= {name: rows[passes[rows] == 1] for name, passes in gates.items() if _judged(passes[rows])}
        for gate, chosen in kept.items():
            # Only the draws of survival keep the study's arms.
            same = gate == "all" or (null == str(Resample.SIMULATION) and block["landmark"] == 0)
            drawn = draws[:, chosen] if same else np.full((len(draws), len(chosen), 2), np.nan)
            drawn = comparable(observed[chosen], drawn, measure, _part(failed, chosen))
            head = {**block, "gate": gate, "null": null, "draws": len(draws), "specifications": len(chosen)}
            records.append(head | _test(observed[chosen], drawn, status[chosen], options))
    return pd.DataFrame(records)


def _judged(passes: np.ndarray) -> bool:
    return not np.isnan(passes).all()


def _test(
    observed: np.ndarray, draws: np.ndarray, statuses: np.ndarray, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the statistics of some specifications, and their P values; NaN where there are none."""
    status = _block_status(statuses, ~np.isnan(observed[:, 0]), options["measure"])
    seen = np.full(len(_TESTS), np.nan)
    if status is Status.OK:
        seen = block_statistics(observed, **options)
    # A selected rest has no null, either.
    none = status is Status.SELECTED_REST or np.isnan(draws[:, :, 0]).all()
    counted, drawn = 0, np.full((1, len(_TESTS)), np.nan)
    if not none:
        counted, drawn = len(draws), block_statistics(draws, **options)
    record: dict[str, Any] = {"draws_compared": counted, "status": str(status)}
    for j, (name, p) in enumerate(zip(_TESTS, p_value(seen, drawn), strict=True)):
        record |= {name: seen[j], f"p_{name}": p}
    low, high = np.quantile(drawn[:, _TESTS.index("median")], (0.025, 0.975))
    return record | {"null_median_2.5": low, "null_median_97.5": high}


def _part(failed: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if failed is None else failed[:, rows]


def adjust_specifications(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    measure: Measure = RATIO,
    failed: np.ndarray | None = None,
) -> pd.DataFrame:
    """Adjust the P value of each specification for its block: single-step max-T on |z| [1]_.

    Weak control of the family-wise error: all specifications of a block share one null.

    Parameters
    ----------
    keys, observed, draws, study, null, measure, failed
        As in `jointly_test`.

    Returns
    -------
    pd.DataFrame
        One row a specification, with a status; its block is the one in which uncertain decisions are apart.
        The family of a selected rest is one, too: none of it has a P value.

    References
    ----------
    .. [1] Westfall PH, Young SS. Resampling-Based Multiple Testing. New York: Wiley; 1993.
    """
    adjusted, known, status = np.full(len(keys), np.nan), ~np.isnan(observed[:, 0]), _statuses(keys, observed)
    for rows in keys.groupby(joint_columns(study), dropna=False, sort=True).indices.values():
        if _block_status(status[rows], known[rows], measure) is Status.SELECTED_REST:
            status[rows[known[rows]]] = Status.SELECTED_REST
            continue
        compared = comparable(observed[rows], draws[:, rows], measure, _part(failed, rows))
        if np.isnan(compared[:, :, 0]).all():
            continue
        largest = np.abs(_z(compared)).max(axis=1)
        adjusted[rows] = p_value(np.abs(_z(observed[rows])), largest[:, None])
    adjusted[~known] = np.nan
    return keys[[*resampled_keys(study), "measure"]].assign(
        null=null, p_value_max_t=adjusted, status=status.astype(str)
    )


def curve_bands(
    keys: pd.DataFrame,
    observed: np.ndarray,
    draws: np.ndarray,
    study: Study,
    null: str,
    measure: Measure = RATIO,
    failed: np.ndarray | None = None,
) -> pd.DataFrame:
    """Compare the observed specification curve of each block with the null's: estimates by rank.

    Returns
    -------
    pd.DataFrame
        By block and rank: the observed estimate, and 2.5, 50 and 97.5 % of that rank's under the null, which
        a selected rest does not have, as the status says.
    """
    frames, blocks, statuses = [], [], _statuses(keys, observed)
    for block, rows in block_rows(keys, study):
        kept = ~np.isnan(observed[rows, 0])
        curve = np.sort(observed[rows, 0][kept])
        status = _block_status(statuses[rows], kept, measure)
        rows = rows[kept]
        compared = comparable(observed[rows], draws[:, rows], measure, _part(failed, rows))
        band = _band(np.sort(compared[: 0 if status is Status.SELECTED_REST else None, :, 0], axis=1))
        frames.append([np.arange(1, len(curve) + 1), *map(measure.estimate, (curve, *band.values()))])
        blocks.append(block | {"status": str(status)})
    names = ("rank", "estimate", *(f"null_{name}" for name in BANDS))
    table = pd.DataFrame(dict(zip(names, map(np.concatenate, zip(*frames, strict=True)), strict=True)))
    lengths = [len(columns[0]) for columns in frames]
    for name in (*joint_columns(study), "status"):
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
    failed: np.ndarray | None = None,
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
    failed
        Shape (draws, specifications), from `failures`.

    Returns
    -------
    tuple
        Frames with `ci_lower`, `ci_upper`, the number of draws in which there was an estimate (of a block's
        median of differences: each that the study has) and a status. Draws without a difference may lie on
        either side of those with one: a limit that they could move is none (`selected_rest`).
    """
    tail = (1 - study.analysis.confidence_level) / 2
    probabilities = (tail, 1 - tail)
    values, status = draws[:, :, 0], _statuses(keys, observed)
    known = ~np.isnan(observed[:, 0])
    each = keys[[*resampled_keys(study), "measure"]].assign(
        kind=kind,
        estimate=measure.estimate(observed[:, 0]),
        draws_estimated=(~np.isnan(values)).sum(axis=0),
    )
    # Hazard ratios fail for their arms alone.
    owed = _owed_to_curves(values, np.isnan(values) if measure.ratio else failed)
    limits = measure.estimate(_limits(values, owed, probabilities))
    each["ci_lower"], each["ci_upper"] = limits
    lost = known & np.isnan(limits).any(axis=0) & (not measure.ratio)
    each["status"] = np.where(lost, Status.SELECTED_REST, status).astype(str)
    records = []
    for block, rows in block_rows(keys, study):
        own = _block_status(status[rows], known[rows], measure)
        medians, centre = known_median(values[:, rows]), known_median(observed[rows, 0])
        unknown = np.asarray(owed[:, rows[known[rows]]].any(axis=1))
        medians = np.where(unknown, np.nan, medians)
        within = _limits(medians, unknown, probabilities)
        if own is Status.OK and not measure.ratio and np.isnan(within).any():
            own = Status.SELECTED_REST
        elif own is Status.SELECTED_REST:
            within, centre = np.full(2, np.nan), np.array(np.nan)
        low, high = measure.estimate(within)
        records.append(
            {**block, "kind": kind, "draws": len(draws), "median_estimate": float(measure.estimate(centre))}
            | {"ci_lower": low, "ci_upper": high}
            | {"draws_estimated": np.count_nonzero(~np.isnan(medians)), "status": str(own)}
        )
    return each, pd.DataFrame(records)


def _limits(values: np.ndarray, owed: np.ndarray, probabilities: tuple[float, float]) -> np.ndarray:
    """Return percentile limits over the first axis; NaN for one that gaps which curves leave could move.

    Gaps that arms leave do not count.
    """
    with np.errstate(invalid="ignore"):
        ends = [
            _quantiles(np.where(owed, outside, values), (share, share))[0]
            for outside, share in zip((-np.inf, np.inf), probabilities, strict=True)
        ]
    return np.where(np.isfinite(ends), ends, np.nan)


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
    statuses: np.ndarray | None = None,
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
    statuses
        Why they have an estimate in the study or not, from `statuses_of`; without: `ok` or `not_applicable`.

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
        if statuses is not None:
            named["status"] = statuses[:, place]
        for kind in nulls:
            null = named, seen, draws[kind][:, :, place], study, str(kind)
            of = measure, failures(draws[kind], study)
            tables["joint_inference"].append(jointly_test(*null, gates, *of))
            tables["adjusted_p_values"].append(adjust_specifications(*null, *of))
            tables["null_curves"].append(curve_bands(*null, *of))
        for kind in boots:
            used = matched if kind is Resample.BOOTSTRAP_PAIRS else np.ones(len(keys), dtype=bool)
            own, values = named[used].reset_index(drop=True), draws[kind][:, used, place]
            of = measure, failures(draws[kind][:, used], study)
            each, medians = bootstrap_intervals(own, seen[used], values, study, str(kind), *of)
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
            "status",
        ],
        "bootstrap_medians": [
            *joint_columns(study),
            "kind",
            "draws",
            "median_estimate",
            "ci_lower",
            "ci_upper",
            "draws_estimated",
            "status",
        ],
    }
    return {
        name: pd.concat(frames, ignore_index=True)
        if frames
        else pd.DataFrame(columns=empty[name], dtype=object)
        for name, frames in tables.items()
    }
