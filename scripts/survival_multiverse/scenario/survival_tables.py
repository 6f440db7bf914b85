"""Rows on survival without a regression model: curves, log-rank tests, restricted means, follow-up."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.estimators.curve_measures import weighted_survival
from survival_multiverse.estimators.curves import (
    KaplanMeier,
    group_curves,
    kaplan_meier,
    restricted_mean,
    restricted_mean_difference,
    survival_difference,
)
from survival_multiverse.estimators.log_rank import arm_log_rank, log_rank, log_rank_many, weighted_log_rank
from survival_multiverse.kernels.arms import whole_pairs
from survival_multiverse.kernels.log_rank import chi2_tail
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.settings.models import Analysis
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.values import canonical_text

ARM_LEVELS = ("0", "1")


def arm_curves(sample: Sample, analysis: Analysis) -> tuple[KaplanMeier, KaplanMeier]:
    """Return Kaplan-Meier curves of arm 0 and arm 1, without limits: for what is computed from both."""
    low, high = (
        kaplan_meier(
            sample.time[sample.arm == arm],
            sample.event[sample.arm == arm],
            entry=sample.entry_of(sample.arm == arm),
            conf_type=None,
            level=analysis.confidence_level,
        )
        for arm in (0, 1)
    )
    return low, high


def write_curves(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Write median, survival at the study's times and follow-up: of all, by arm, by level of a grouping."""
    everybody = np.zeros(len(sample), dtype=np.int64)
    _write_group_curves(writer, sample, everybody, analysis, variable="all", levels=("all",))
    _write_follow_up(writer, sample, everybody, analysis, variable="all", levels=("all",))
    _write_group_curves(writer, sample, sample.arm, analysis, variable="arm", levels=ARM_LEVELS)
    _write_follow_up(writer, sample, sample.arm, analysis, variable="arm", levels=ARM_LEVELS)
    _write_differences(writer, arm_curves(sample, analysis), analysis)
    for factor, codes in zip(sample.factors, sample.codes, strict=True):
        _write_group_curves(writer, sample, codes, analysis, variable=factor.name, levels=factor.levels)


def _write_group_curves(
    writer: RowWriter,
    sample: Sample,
    codes: np.ndarray,
    analysis: Analysis,
    *,
    variable: str,
    levels: Sequence[str],
) -> None:
    curves = group_curves(
        sample.time,
        sample.event,
        codes,
        len(levels),
        analysis.survival_times,
        entry=sample.entry,
        conf_type=analysis.survival_conf_type,
        level=analysis.confidence_level,
    )
    statistics = [f"survival_{canonical_text(time)}" for time in analysis.survival_times]
    for level, (n, events, median, readings) in zip(levels, curves, strict=True):
        labels: dict[str, Any] = {"variable": variable, "level": level, "n": n, "events": events}
        limits: dict[str, Any] = {"ci_lower": median.lower, "ci_upper": median.upper}
        writer.add("kaplan_meier", "median", median.estimate, status=median.status, **limits, **labels)
        for statistic, (estimate, std_error, lower, upper, status) in zip(statistics, readings, strict=True):
            writer.add(
                "kaplan_meier",
                statistic,
                estimate,
                std_error=std_error,
                ci_lower=lower,
                ci_upper=upper,
                status=status,
                **labels,
            )


def _write_differences(
    writer: RowWriter, curves: tuple[KaplanMeier, KaplanMeier], analysis: Analysis
) -> None:
    low, high = curves
    difference = survival_difference(high, low, analysis.survival_times)
    for j, time in enumerate(analysis.survival_times):
        writer.add(
            "kaplan_meier",
            f"survival_difference_{canonical_text(time)}",
            difference.estimate[j],
            level="1 vs 0",
            std_error=difference.std_error[j],
            ci_lower=difference.ci_lower[j],
            ci_upper=difference.ci_upper[j],
            p_value=difference.p_value[j],
            n=low.n + high.n,
            events=low.events + high.events,
            # Where a curve stands at 0 the difference is known and its error is not.
            status=Status.OK if np.isfinite(difference.estimate[j]) else difference.status[j],
        )


def _write_follow_up(
    writer: RowWriter,
    sample: Sample,
    codes: np.ndarray,
    analysis: Analysis,
    *,
    variable: str,
    levels: Sequence[str],
) -> None:
    """Write the reverse Kaplan-Meier median, and the follow-up of those alive at its end."""
    curves = group_curves(
        sample.time,
        1 - sample.event,
        codes,
        len(levels),
        (),
        entry=sample.entry,
        conf_type=analysis.survival_conf_type,
        level=analysis.confidence_level,
    )
    for code, (level, (n, censored, median, _)) in enumerate(zip(levels, curves, strict=True)):
        labels: dict[str, Any] = {"variable": variable, "level": level, "n": n, "events": n - censored}
        writer.add(
            "follow_up",
            "reverse_kaplan_meier_median",
            median.estimate,
            ci_lower=median.lower,
            ci_upper=median.upper,
            status=median.status,
            **labels,
        )
        # Ascending, as the times of the sample are.
        alive = sample.time[(codes == code) & (sample.event == 0)].tolist()
        status = Status.OK if alive else Status.NOT_APPLICABLE
        middle = (alive[(len(alive) - 1) // 2] + alive[len(alive) // 2]) / 2.0 if alive else NAN
        summaries = (("minimum", alive[:1]), ("median", [middle]), ("maximum", alive[-1:]))
        for statistic, value in summaries:
            estimate = value[0] if value else NAN
            writer.add("follow_up", f"alive_{statistic}", estimate, status=status, **labels)
        writer.add("follow_up", "alive", float(len(alive)), **labels)
        own = codes == code
        risk = risk_at_end(sample.time[own], sample.event[own], sample.entry_of(own))
        status = Status.EMPTY_ARM if math.isnan(risk) else Status.OK
        writer.add("follow_up", "risk_at_end", risk, status=status, **labels)


def risk_at_end(time: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None) -> float:
    """Return the share with the event by the last time observed, 1 - S; NaN of nobody."""
    return 1.0 - float(kaplan_meier(time, event, entry=entry).survival[-1]) if len(time) else NAN


def write_log_ranks(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Write the log-rank test of the arms and of every grouping, after matching also within pairs."""
    write_arm_log_rank(writer, sample, analysis)
    if not sample.factors:
        return
    chi2, df, p_value = log_rank_many(sample.time, sample.event, sample.codes, entry=sample.entry)
    for j, factor in enumerate(sample.factors):
        known = sample.codes[j] >= 0
        present = np.unique(sample.codes[j][known]).size
        status = Status.OK
        if np.isnan(chi2[j]):
            status = Status.CONSTANT if present < 2 else Status.TOO_FEW_EVENTS
        writer.add(
            "log_rank",
            "chi_square",
            chi2[j],
            variable=factor.name,
            p_value=p_value[j],
            df=int(df[j]),
            n=int(known.sum()),
            events=int(sample.event[known].sum()),
            status=status,
        )
        if sample.pair is not None:
            _write_pair_log_rank(writer, sample.take(known), factor.name)


def _write_pair_log_rank(writer: RowWriter, sample: Sample, name: str) -> None:
    """Write the log-rank test of a grouping within pairs; a patient without a partner is left out."""
    codes, entry = sample.factor_codes(name), sample.entry
    test = log_rank(sample.time, sample.event, codes, stratum=sample.pair, entry=entry)
    n, events = whole_pairs(sample.event, sample.pair)
    writer.add(
        "log_rank",
        "chi_square",
        test.chi2,
        variable=name,
        model="pair_stratified",
        p_value=test.p_value,
        df=test.df,
        n=n,
        events=events,
        status=test.status,
    )


def write_arm_log_rank(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Write the log-rank test of the arms; with pairs also stratified by pair."""
    gate = sample.arm_status(analysis.minimum_events)
    counts: dict[str, Any] = {"n": len(sample), "events": int(sample.event.sum())}
    strata = {None: None} if sample.pair is None else {None: None, "pair_stratified": sample.pair}
    for model, stratum in strata.items():
        if stratum is not None:
            counts = dict(zip(("n", "events"), whole_pairs(sample.event, stratum), strict=True))
        if gate is not Status.OK:
            writer.add("log_rank", "chi_square", NAN, model=model, status=gate, **counts)
            continue
        chi2, df, p_value, status = arm_log_rank(
            sample.time, sample.event, sample.arm, pair=stratum, entry=sample.entry
        )
        writer.add(
            "log_rank", "chi_square", chi2, model=model, p_value=p_value, df=df, status=status, **counts
        )


def write_restricted_means(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Write the restricted mean survival by arm and its difference."""
    gate = sample.arm_status(analysis.minimum_events)
    curves = arm_curves(sample, analysis)
    for arm, curve in enumerate(curves):
        counts: dict[str, Any] = {"level": ARM_LEVELS[arm], "n": curve.n, "events": curve.events}
        if curve.n == 0:
            writer.add("rmst", "restricted_mean", NAN, status=Status.EMPTY_ARM, **counts)
            continue
        mean = restricted_mean(curve, analysis.rmst_horizon)
        writer.add(
            "rmst", "restricted_mean", mean.estimate, std_error=mean.std_error, status=mean.status, **counts
        )
    counts = {"level": "1 vs 0", "n": len(sample), "events": int(sample.event.sum())}
    if gate is not Status.OK:
        writer.add("rmst", "restricted_mean_difference", NAN, status=gate, **counts)
        return
    low, high = curves
    difference = restricted_mean_difference(high, low, analysis.rmst_horizon, level=analysis.confidence_level)
    writer.add(
        "rmst",
        "restricted_mean_difference",
        difference.estimate,
        std_error=difference.std_error,
        ci_lower=difference.ci_lower,
        ci_upper=difference.ci_upper,
        p_value=difference.p_value,
        status=difference.status,
        **counts,
    )


def write_weighted_curves(
    writer: RowWriter,
    sample: Sample,
    estimator: Estimator,
    columns: np.ndarray,
    probability: np.ndarray,
    analysis: Analysis,
    failure: Status,
) -> None:
    """Write median and survival of the arms, weighted by the score, at the study's times.

    The arguments are those of `cox_tables.write_stacked_model`.
    """
    statistics = [f"survival_{canonical_text(time)}" for time in analysis.survival_times]
    status = failure if failure is not Status.OK or len(sample) else Status.EMPTY_ARM
    if status is Status.OK:
        curves = weighted_survival(
            sample.time,
            sample.event,
            sample.arm,
            columns,
            probability,
            estimator,
            times=analysis.survival_times,
            entry=sample.entry,
            conf_type=analysis.survival_conf_type,
            level=analysis.confidence_level,
        )
    for arm, level in enumerate(ARM_LEVELS):
        own = sample.arm == arm
        labels: dict[str, Any] = {"level": level, "n": int(own.sum()), "events": int(sample.event[own].sum())}
        labels["variance"] = "stacked"
        if status is not Status.OK:
            for statistic in ("median", *statistics):
                writer.add("kaplan_meier", statistic, NAN, status=status, **labels)
            continue
        median, readings = curves[arm]
        reached = Status.NOT_REACHED if math.isnan(median) else Status.OK
        writer.add("kaplan_meier", "median", median, status=reached, **labels)
        for statistic, (estimate, error, lower, upper, code) in zip(statistics, readings, strict=True):
            limits: dict[str, Any] = {"ci_lower": lower, "ci_upper": upper}
            writer.add("kaplan_meier", statistic, estimate, std_error=error, status=code, **limits, **labels)


def write_weighted_log_rank(
    writer: RowWriter,
    sample: Sample,
    estimator: Estimator,
    columns: np.ndarray,
    probability: np.ndarray,
    analysis: Analysis,
    failure: Status,
) -> None:
    """Write the weighted log-rank test of the arms, with the weights taken as known and as estimated.

    The arguments are those of `cox_tables.write_stacked_model`.
    """
    status = sample.arm_status(analysis.minimum_events) if failure is Status.OK else failure
    chi2 = (NAN, NAN)
    if status is Status.OK:
        known, stacked, status = weighted_log_rank(
            sample.time, sample.event, sample.arm, columns, probability, estimator, entry=sample.entry
        )
        chi2 = (known, stacked)
    counts: dict[str, Any] = {"n": len(sample), "events": int(sample.event.sum()), "status": status}
    for variance, value in zip(("robust", "stacked"), chi2, strict=True):
        p_value = chi2_tail(value, 1)
        writer.add("log_rank", "chi_square", value, variance=variance, p_value=p_value, df=1, **counts)
