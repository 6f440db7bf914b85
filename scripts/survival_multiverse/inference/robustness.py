"""Agreement of the estimates over the multiverse: specifications, blocks, failures, balance."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from survival_multiverse.estimators.quantiles import known_median, quantiles
from survival_multiverse.scenario.sensitivity import (
    PRENTICE_WILCOXON,
    RARE_RISK,
    SIGN,
    e_value,
    e_value_of_limit,
)
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.schema import PASSES, Estimator, Population, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Value, canonical_text

SPECIFICATION_ANALYSES = (
    "cox",
    "matching",
    "balance_gate",
    "tie_break",
    "rosenbaum",
    "follow_up",
    "fingerprint",
    "measure",
    "measure_between_orders",
)
"""Analyses whose rows `specifications` needs."""

_VARIANCE = {estimator: estimator.variance for estimator in Estimator}
_KEYS = ["population", "adjustment_set", "estimator", "landmark", "landmark_order"]
_MATCHING_STATISTICS = ["pairs", "matched_share", "focal_arm"]
_TIE_BREAK = ["tie_break_median", "tie_break_2.5", "tie_break_97.5", "variance_between_orders"]
_HIDDEN_BIAS = {
    f"{statistic} by {model}": f"{prefix}_{name}"
    for model, prefix in ((PRENTICE_WILCOXON, "rosenbaum"), (SIGN, "sign_test"))
    for statistic, name in (
        ("gamma", "gamma"),
        ("direction", "direction"),
        ("p_value_without_bias", "p"),
        ("p_two_sided_without_bias", "p_two_sided"),
    )
}
_UNMEASURED = ("e_value", "e_value_of_limit", "rosenbaum_gamma")
_SUMMARISED = ("estimate", "effect", "ci_lower", "ci_upper", "status", "fingerprint")
_OF_RATIOS = (*_TIE_BREAK[:3], *_HIDDEN_BIAS.values())
"""Columns that speak of hazard ratios alone."""
_COPIED = (
    "estimate",
    "std_error",
    "ci_lower",
    "ci_upper",
    "p_value",
    "status",
    "reason",
    "flags",
    "n",
    "events",
)
_OF_MEASURES = {
    "measure": {name: name for name in _COPIED},
    "measure_between_orders": {"estimate": "variance_between_orders"},
}
"""Columns of a specification that are of its measure, and where they come from, by analysis."""
_BLOCK_COLUMNS = [
    "gate",
    "comparable",
    "attempted",
    "estimated",
    "not_estimable",
    "not_estimable_by_status",
    "effective",
    "median_estimate",
    "estimate_01",
    "estimate_99",
    "spread",
    "janus",
    "share_longer",
    "share_shorter",
    "share_ci_longer",
    "share_ci_shorter",
    *(f"median_{name}" for name in _UNMEASURED),
    "rosenbaum_bounds",
    "lowest",
    "highest",
]


def specification_keys(study: Study) -> list[str]:
    """Return the columns that tell specifications apart: the decisions, then what a scenario's file has."""
    return [*study.decisions, *_KEYS]


def block_columns(study: Study) -> list[str]:
    """Return the columns of what an estimate is of.

    Specifications that differ in one of these are never summarised together, except over the options of an
    uncertain decision, which are shown apart and pooled.
    """
    return ["population", *study.outside, *_KEYS[1:], "measure"]


def first_scenarios(study: Study) -> list[bool]:
    """Return by scenario of the grid whether it is the first with its options, those of matching aside.

    These touch matched estimates alone, and leave the other rows of a scenario as they are.
    """
    others = [place for place, own in enumerate(study.decisions.values()) if not own.of_matching]
    seen: set[tuple[Value, ...]] = set()
    firsts = []
    for scenario in study.grid:
        key = tuple(scenario[place] for place in others)
        firsts.append(key not in seen)
        seen.add(key)
    return firsts


def distinct_rows(table: pa.Table, study: Study, *, first: bool) -> pa.Table:
    """Return the rows of a scenario that no earlier one has.

    Options of matching touch matched estimates alone: other rows are kept from the first scenario with the
    others, theirs being null.

    Parameters
    ----------
    table
        Rows of one scenario.
    study
        Its decisions say which concern matching alone.
    first
        Whether the scenario is such a first one, from `first_scenarios`.

    Returns
    -------
    pa.Table
    """
    matched = pc.equal(table["estimator"], str(Estimator.MATCHED))
    if not first:
        return table.filter(matched)
    for name, decision in study.decisions.items():
        if decision.of_matching:
            position, field = table.schema.get_field_index(name), table.schema.field(name)
            own = table[name] if decision.numeric else table[name].cast(pa.string())
            blank = pc.if_else(matched, own, pa.scalar(None, own.type))
            table = table.set_column(position, field, blank if decision.numeric else _categories(blank))
    return table


def _categories(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return texts.dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string()))


def specifications(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return one row a specification and measure: its estimate, how it was matched, and its balance.

    Parameters
    ----------
    estimates
        Rows of `SPECIFICATION_ANALYSES`, columns of `Study.estimate_columns`.
    study
        Gives decisions, adjustment sets and balance thresholds.

    Returns
    -------
    pd.DataFrame
        The primary measure first. The population of all is counted once, not once a threshold; options that
        do not apply are null.
    """
    estimates = estimates[estimates["subgroup"].isna()].reset_index(drop=True)
    names = specification_keys(study)
    keys = _key_codes(estimates, names)
    headline = _headline(estimates, names)
    columns = [
        *(("matching", name, name) for name in _MATCHING_STATISTICS),
        *(("balance_gate", name, name) for name in _gate_statistics(study)),
        *(("tie_break", name, name) for name in _TIE_BREAK),
        *(("rosenbaum", statistic, name) for statistic, name in _HIDDEN_BIAS.items()),
        ("follow_up", "risk_at_end of all", "risk_at_end"),
        ("fingerprint", "analysis", "fingerprint"),
    ]
    statistics = estimates.groupby(["analysis", _statistics(estimates)], sort=False, observed=True).indices
    values = estimates["estimate"].to_numpy(dtype=float, na_value=np.nan)
    place = np.argsort(keys[headline.index], kind="stable")
    for analysis, statistic, name in columns:
        rows = statistics.get((analysis, statistic), np.empty(0, dtype=np.int64))
        headline[name] = _aligned(keys[headline.index], place, keys[rows], values[rows])
    for name in _gate_columns(study):
        headline[name] = headline[name].map({1.0: True, 0.0: False}).astype("boolean")
    headline = _with_e_values(_once(headline, study), study)
    headline["is_primary"] = _is_primary(headline, study)
    headline = headline.sort_values(names, na_position="first", kind="stable")
    read = estimates["analysis"].isin(_OF_MEASURES).to_numpy()
    rows, wanted = _plain(estimates[read]), keys[headline.index]
    each = [
        headline if measure.ratio else _of_measure(measure, headline, rows, keys[read], wanted)
        for measure in study.measures
    ]
    frames = [frame.assign(measure=measure.name) for frame, measure in zip(each, study.measures, strict=True)]
    joined = pd.concat(frames, ignore_index=True)
    return joined[[*names, "measure", *(name for name in headline.columns if name not in names)]]


def _of_measure(
    measure: Measure, headline: pd.DataFrame, rows: pd.DataFrame, keys: np.ndarray, wanted: np.ndarray
) -> pd.DataFrame:
    """Return the same specifications, whose keys are `wanted`, with the estimates of another measure."""
    frame = headline.copy()
    frame[[*_OF_RATIOS, "e_value", "e_value_of_limit"]] = np.nan
    statistic = (rows["statistic"] == measure.name).to_numpy()
    for kind, columns in _OF_MEASURES.items():
        chosen = np.flatnonzero(statistic & (rows["analysis"] == kind).to_numpy())
        found = _positions(wanted, keys[chosen])
        own = rows.iloc[chosen]
        for source, name in columns.items():
            values = own[source].to_numpy(dtype=object)
            known = np.where(found >= 0, values[found], None) if len(own) else [None] * len(frame)
            frame[name] = pd.Series(known, index=frame.index).astype(headline[name].dtype)
    frame["effect"] = frame["estimate"]
    return frame


def _statistics(estimates: pd.DataFrame) -> np.ndarray:
    """Return the statistic of each row, with what distinguishes the rows of one analysis, shape (rows,)."""
    names = estimates["statistic"].to_numpy(dtype=object).copy()
    analysis = estimates["analysis"].to_numpy(dtype=object)
    for kind, words, column in (("rosenbaum", "by", "model"), ("follow_up", "of", "variable")):
        rows = analysis == kind
        names[rows] = names[rows] + f" {words} " + estimates[column].to_numpy(dtype=object)[rows]
    return names


def _headline(estimates: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    # The matched estimate is the median over the tie-breaks.
    kinds = np.where(estimates["estimator"].astype(str) == str(Estimator.MATCHED), "tie_break", "cox")
    wanted = (
        (estimates["analysis"].astype(str) == kinds)
        & (estimates["statistic"] == "hazard_ratio")
        & (estimates["variable"] == "arm")
        & (estimates["ties"] == "efron")
        & estimates["model"].isin(["arm_only", "adjusted"])
    )
    rows = estimates[wanted]
    rows = _plain(rows[rows["variance"].astype(str) == rows["estimator"].astype(str).map(_VARIANCE)])
    rows["effect"] = np.log(rows["estimate"])
    numbers = ["estimate", "effect", "std_error", "ci_lower", "ci_upper", "p_value"]
    return rows[[*names, *numbers, "n", "events", "status", "reason", "flags"]]


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert categories to strings and gaps to NaN, so that frames join and sort."""
    frame = frame.copy()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(object)
    return frame


def _key_codes(estimates: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return one integer for each combination of some columns, shape (rows,)."""
    keys = np.zeros(len(estimates), dtype=np.int64)
    for name in names:
        codes, distinct = pd.factorize(estimates[name])
        # Renumbered each time: the product of many columns would exceed the integers.
        keys = np.unique(keys * (len(distinct) + 1) + codes + 1, return_inverse=True)[1]
    return keys


def _aligned(wanted: np.ndarray, order: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each wanted key, NaN without one; `order` sorts the wanted keys."""
    column = np.full(len(wanted), np.nan)
    if len(wanted):
        ascending = wanted[order]
        position = np.minimum(np.searchsorted(ascending, keys), len(wanted) - 1)
        found = ascending[position] == keys
        column[order[position[found]]] = values[found]
    return column


def _positions(wanted: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the place of each wanted key, -1 without one, shape of `wanted`."""
    order = np.argsort(keys, kind="stable")
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][at] == wanted, order[at], -1)


def _gate_columns(study: Study) -> list[str]:
    return [
        f"{PASSES}{gate}_{canonical_text(threshold)}"
        for gate in ("propensity", "baseline")
        for threshold in study.analysis.balance_thresholds
    ]


def _gate_statistics(study: Study) -> list[str]:
    return ["max_abs_smd_propensity", "max_abs_smd_baseline", *_gate_columns(study)]


def _once(specs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Blank the options that a specification does not depend on, then keep each once."""
    names = specification_keys(study)
    specs = specs.sort_values(names, na_position="first", kind="stable")
    for name, decision in study.decisions.items():
        touched = [str(estimator) for estimator in Estimator if decision.touches(estimator)]
        idle = ~specs["estimator"].isin(touched)
        if decision.varies == "lesions":
            idle |= specs["population"] == str(Population.ALL)
        specs[name] = specs[name].mask(idle, np.nan if decision.numeric else None)
    return specs.drop_duplicates(names)


def _with_e_values(specs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Add E-values, in one form for all estimates of a block: the form for the risk of its population."""
    who = [specs[name] for name in ("population", *study.outside) if name in _of_patients(study)]
    risk = specs["risk_at_end"].groupby(who, dropna=False).transform("max")
    rare = (risk < RARE_RISK).to_numpy()
    limits = specs[["estimate", "ci_lower", "ci_upper"]].to_numpy()
    return specs.assign(
        risk_at_end=risk,
        e_value=[e_value(row[0], rare=form) for row, form in zip(limits, rare, strict=True)],
        e_value_of_limit=[e_value_of_limit(*row, rare=form) for row, form in zip(limits, rare, strict=True)],
    )


def _of_patients(study: Study) -> set[str]:
    """Return the columns that say whose risk it is, and of what: not who is exposed."""
    exposed = {"dose", "exposure", "compare"}
    return {"population"} | {
        name for name, decision in study.decisions.items() if not decision.kinds <= exposed
    }


def _is_primary(specs: pd.DataFrame, study: Study) -> pd.Series:
    """Return which specifications are of the primary scenario; options that do not apply do not count."""
    primary = pd.Series(True, index=specs.index)
    for name, value in zip(study.decisions, study.primary, strict=True):
        primary &= specs[name].isna() | (specs[name] == value)
    return primary


def summarise_blocks(specs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Summarise the specifications that share an estimand, all of them and through each balance gate.

    A block is one population, one option of each decision between options that are not equivalent, one
    adjustment set, one estimator and one landmark: another of them estimates something else. Inside it the
    equivalent options vary. Over the options of uncertain decisions there are further blocks, pooled, in
    which the columns of these decisions are null.

    Parameters
    ----------
    specs
        From `specifications`.
    study
        Gives the balance gates.

    Returns
    -------
    pd.DataFrame
        Counts, median estimate, its 1st and 99th percentile with their ratio (RHR) or difference, whether
        they lie on opposite sides of the null (Janus effect [1]_), shares, median E-values
        and Rosenbaum bounds, extremes; `comparable` counts the block's estimates through the strictest gate
        of the baseline covariates.

    References
    ----------
    .. [1] Patel CJ, Burford B, Ioannidis JPA. Assessment of vibration of effects due to model specification
       can demonstrate the instability of observational associations. Journal of Clinical Epidemiology
       2015;68:1046–1058.
    """
    columns = {name: specs[name].to_numpy() for name in (*_SUMMARISED, *_UNMEASURED, *study.decisions)}
    by_name = {measure.name: measure for measure in study.measures}
    gates = {
        name: specs[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        for name in _gate_columns(study)
    }
    strictest = gates[f"{PASSES}baseline_{canonical_text(min(study.analysis.balance_thresholds))}"]
    records = []
    names = block_columns(study)
    for block, rows in blocks_of(specs, names, study):
        block["comparable"] = _comparable(strictest[rows], columns["status"][rows])
        inside = [name for name in study.decisions if block.get(name) is None or name in study.inside]
        measure = by_name[block["measure"]]
        records.append({**block, "gate": "all", **_summary(columns, rows, inside, measure)})
        for gate, passes in gates.items():
            if not np.isnan(passes[rows]).all():
                kept = rows[passes[rows] == 1]
                records.append({**block, "gate": gate, **_summary(columns, kept, inside, measure)})
    return pd.DataFrame(records, columns=[*names, *_BLOCK_COLUMNS]).astype({"comparable": "Int64"})


def blocks_of(
    specs: pd.DataFrame, names: Sequence[str], study: Study
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield each block with the positions of its specifications: first apart, then pooled.

    Parameters
    ----------
    specs
        Specifications.
    names
        Columns of a block, from `block_columns`.
    study
        Says which decisions are uncertain: over their options blocks are pooled, too, their columns then
        null.

    Yields
    ------
    tuple
        The block, by column, and positions, shape (specifications,).
    """
    ways = [list(names)]
    if any(specs[name].nunique() > 1 for name in study.uncertain if name in names):
        ways.append([name for name in names if name not in study.uncertain])
    values = {name: specs[name].array for name in names}
    for way in ways:
        for rows in specs.groupby(way, dropna=False, sort=True).indices.values():
            yield {name: values[name][rows[0]] if name in way else None for name in names}, rows


def _comparable(passes: np.ndarray, status: np.ndarray) -> float:
    """Count estimates of a block whose arms are comparable; NaN if no balance was judged."""
    judged = ~np.isnan(passes)
    return float(np.count_nonzero((passes == 1) & (status == str(Status.OK)))) if judged.any() else np.nan


def _summary(
    columns: dict[str, np.ndarray], rows: np.ndarray, inside: Sequence[str], measure: Measure
) -> dict[str, Any]:
    """Summarise the specifications in these rows; without a number where a selected rest alone has one."""
    status = columns["status"][rows]
    estimated = rows[status == str(Status.OK)]
    failed = sorted(Counter(status[status != str(Status.OK)].tolist()).items())
    result = {
        "attempted": len(rows),
        "estimated": len(estimated),
        "not_estimable": len(rows) - len(estimated),
        "not_estimable_by_status": "; ".join(f"{name}: {count}" for name, count in failed),
        "effective": len(set(columns["fingerprint"][estimated].tolist())),
        "rosenbaum_bounds": np.count_nonzero(~np.isnan(columns["rosenbaum_gamma"][estimated])),
    }
    if not len(estimated) or measure.leaves_selected_rest(status):
        return result
    value = columns["estimate"][estimated]
    low, high = quantiles(value, (0.01, 0.99))
    n = len(value)
    towards = measure.longer * (columns["effect"][estimated])
    limits = measure.longer * measure.effect(
        np.stack([columns["ci_lower"][estimated], columns["ci_upper"][estimated]])
    )
    middle = known_median(columns["effect"][estimated])
    return result | {
        "median_estimate": float(measure.estimate(middle)),
        "estimate_01": low,
        "estimate_99": high,
        "spread": high / low if measure.ratio else high - low,
        "janus": low < measure.null < high,
        "share_longer": np.count_nonzero(towards > 0) / n,
        "share_shorter": np.count_nonzero(towards < 0) / n,
        "share_ci_longer": np.count_nonzero((limits > 0).all(axis=0)) / n,
        "share_ci_shorter": np.count_nonzero((limits < 0).all(axis=0)) / n,
        **{f"median_{name}": float(known_median(columns[name][estimated])) for name in _UNMEASURED},
        "lowest": _named(columns, estimated[value.argmin()], inside, measure),
        "highest": _named(columns, estimated[value.argmax()], inside, measure),
    }


def _named(columns: dict[str, np.ndarray], row: int, inside: Sequence[str], measure: Measure) -> str:
    """Return the estimate of a specification with the choices that distinguish it inside its block."""
    choices = [
        f"{name} {canonical_text(columns[name][row])}" for name in inside if pd.notna(columns[name][row])
    ]
    kind = "HR " if measure.ratio else ""
    return f"{kind}{columns['estimate'][row]:.3f} ({', '.join(choices) or 'one specification'})"


def count_failures(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count the rows without a number, by what was asked and why, and the scenarios in which they occur.

    Parameters
    ----------
    estimates
        Columns of `Study.estimate_columns`.

    Returns
    -------
    pd.DataFrame
        One row for each population, estimator, adjustment set, analysis, status and reason.
    """
    failed = _plain(estimates[estimates["status"].astype(str) != str(Status.OK)])
    keys = ["population", "estimator", "adjustment_set", "analysis", "status", "reason"]
    by_scenario = (
        failed.groupby([*keys, *study.decisions], dropna=False, sort=True).size().reset_index(name="rows")
    )
    grouped = by_scenario.groupby(keys, dropna=False, sort=True)["rows"]
    return grouped.agg(rows="sum", scenarios="size").reset_index()


def summarise_balance(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Summarise |SMD| of each covariate over all scenarios, before and after adjustment.

    Parameters
    ----------
    estimates
        Columns of `Study.estimate_columns`.
    study
        Gives the balance thresholds.

    Returns
    -------
    pd.DataFrame
        Minimum, median and maximum of |SMD|, and the share below each threshold: one row a term and stage.
    """
    rows = _plain(
        estimates[
            (estimates["analysis"] == "balance")
            & (estimates["statistic"] == "smd")
            & estimates["subgroup"].isna()
        ]
    )
    rows["size"] = rows["estimate"].abs()
    keys = ["population", "adjustment_set", "estimator", "variable", "level"]
    grouped = rows.groupby(keys, dropna=False, sort=True)["size"]
    summary = grouped.agg(estimates="count", minimum="min", median="median", maximum="max").reset_index()
    for threshold in study.analysis.balance_thresholds:
        within = (rows["size"] < threshold).astype(float).groupby([rows[key] for key in keys], dropna=False)
        summary[f"share_below_{canonical_text(threshold)}"] = within.mean().to_numpy()
    flags = rows[[*keys, "flags"]].drop_duplicates().groupby(keys, dropna=False, sort=True)["flags"]
    return summary.assign(flags=flags.agg(_all_flags).to_numpy())


def _all_flags(texts: pd.Series) -> str | None:
    """Join the flags of some rows, as one row has them."""
    return ";".join(sorted({flag for text in texts.dropna() for flag in text.split(";")})) or None
