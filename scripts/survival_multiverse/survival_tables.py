"""Rows on survival without a regression model: curves, log-rank tests, restricted means, follow-up."""

import numpy as np

from survival_multiverse.curves import (
    KaplanMeier,
    kaplan_meier,
    quantile,
    restricted_mean,
    restricted_mean_difference,
    reverse_kaplan_meier,
    survival_at,
    survival_difference,
)
from survival_multiverse.log_rank import log_rank, log_rank_many
from survival_multiverse.rows import NAN, RowWriter
from survival_multiverse.sample import Sample
from survival_multiverse.schema import Status
from survival_multiverse.study import Analysis, spelling

ARM_LEVELS = ("0", "1")


def arm_curves(sample: Sample, analysis: Analysis) -> tuple[KaplanMeier, KaplanMeier]:
    """Kaplan-Meier curves of arm 0 and arm 1."""
    return tuple(
        kaplan_meier(
            sample.time[sample.arm == arm],
            sample.event[sample.arm == arm],
            conf_type=analysis.survival_conf_type,
            level=analysis.confidence_level,
        )
        for arm in (0, 1)
    )


def write_curves(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Median, survival at the study's times and follow-up: everybody, by arm, by level of each grouping."""
    curves = arm_curves(sample, analysis)
    everybody = kaplan_meier(
        sample.time, sample.event, conf_type=analysis.survival_conf_type, level=analysis.confidence_level
    )
    _write_curve(writer, everybody, analysis, variable="all", level="all")
    _write_follow_up(writer, sample, np.ones(len(sample), dtype=bool), analysis, variable="all", level="all")
    for arm, curve in enumerate(curves):
        _write_curve(writer, curve, analysis, variable="arm", level=ARM_LEVELS[arm])
        _write_follow_up(writer, sample, sample.arm == arm, analysis, variable="arm", level=ARM_LEVELS[arm])
    _write_differences(writer, curves, analysis)
    for factor, codes in zip(sample.factors, sample.codes, strict=True):
        for code, level in enumerate(factor.levels):
            rows = codes == code
            curve = kaplan_meier(
                sample.time[rows],
                sample.event[rows],
                conf_type=analysis.survival_conf_type,
                level=analysis.confidence_level,
            )
            _write_curve(writer, curve, analysis, variable=factor.name, level=level)


def _write_curve(
    writer: RowWriter, curve: KaplanMeier, analysis: Analysis, *, variable: str, level: str
) -> None:
    median = quantile(curve, 0.5)
    writer.add(
        "kaplan_meier",
        "median",
        median.estimate,
        variable=variable,
        level=level,
        ci_lower=median.lower,
        ci_upper=median.upper,
        n=curve.n,
        events=curve.events,
        status=median.status,
    )
    at = survival_at(curve, analysis.survival_times)
    for j, time in enumerate(analysis.survival_times):
        writer.add(
            "kaplan_meier",
            f"survival_{spelling(time)}",
            at.estimate[j],
            variable=variable,
            level=level,
            std_error=at.std_error[j],
            ci_lower=at.ci_lower[j],
            ci_upper=at.ci_upper[j],
            n=curve.n,
            events=curve.events,
            status=at.status[j],
        )


def _write_differences(
    writer: RowWriter, curves: tuple[KaplanMeier, KaplanMeier], analysis: Analysis
) -> None:
    low, high = curves
    difference = survival_difference(high, low, analysis.survival_times)
    for j, time in enumerate(analysis.survival_times):
        writer.add(
            "kaplan_meier",
            f"survival_difference_{spelling(time)}",
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
    writer: RowWriter, sample: Sample, rows: np.ndarray, analysis: Analysis, *, variable: str, level: str
) -> None:
    """Reverse Kaplan-Meier median, and the follow-up of those alive at its end."""
    time, event = sample.time[rows], sample.event[rows]
    curve = reverse_kaplan_meier(
        time, event, conf_type=analysis.survival_conf_type, level=analysis.confidence_level
    )
    median = quantile(curve, 0.5)
    counts = {"n": len(time), "events": int(event.sum())}
    writer.add(
        "follow_up",
        "reverse_kaplan_meier_median",
        median.estimate,
        variable=variable,
        level=level,
        ci_lower=median.lower,
        ci_upper=median.upper,
        status=median.status,
        **counts,
    )
    alive = time[event == 0]
    status = Status.OK if alive.size else Status.NOT_APPLICABLE
    for statistic, summary in (("minimum", np.min), ("median", np.median), ("maximum", np.max)):
        writer.add(
            "follow_up",
            f"alive_{statistic}",
            float(summary(alive)) if alive.size else NAN,
            variable=variable,
            level=level,
            status=status,
            **counts,
        )
    writer.add("follow_up", "alive", float(alive.size), variable=variable, level=level, **counts)


def write_log_ranks(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Log-rank test of the arms and of every grouping, after matching also within pairs."""
    write_arm_log_rank(writer, sample, analysis)
    if not sample.factors:
        return
    chi2, df, p_value = log_rank_many(sample.time, sample.event, sample.codes)
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
    """Log-rank test of a grouping within pairs; a patient whose partner is gone takes no part."""
    test = log_rank(sample.time, sample.event, sample.factor_codes(name), stratum=sample.pair)
    whole = np.bincount(sample.pair, minlength=1)[sample.pair] == 2
    writer.add(
        "log_rank",
        "chi_square",
        test.chi2,
        variable=name,
        model="pair_stratified",
        p_value=test.p_value,
        df=test.df,
        n=int(whole.sum()),
        events=int(sample.event[whole].sum()),
        status=test.status,
    )


def write_arm_log_rank(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Log-rank test of the arms; with pairs also stratified by pair."""
    gate = sample.arm_status(analysis.minimum_events)
    counts = {"n": len(sample), "events": int(sample.event.sum())}
    strata = {None: None} if sample.pair is None else {None: None, "pair_stratified": sample.pair}
    for model, stratum in strata.items():
        if stratum is not None:
            whole = np.bincount(stratum, minlength=1)[stratum] == 2
            counts = {"n": int(whole.sum()), "events": int(sample.event[whole].sum())}
        if gate is not Status.OK:
            writer.add("log_rank", "chi_square", NAN, model=model, status=gate, **counts)
            continue
        test = log_rank(sample.time, sample.event, sample.arm, stratum=stratum)
        writer.add(
            "log_rank",
            "chi_square",
            test.chi2,
            model=model,
            p_value=test.p_value,
            df=test.df,
            status=test.status,
            **counts,
        )


def write_restricted_means(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Restricted mean survival by arm and its difference."""
    gate = sample.arm_status(analysis.minimum_events)
    curves = arm_curves(sample, analysis)
    for arm, curve in enumerate(curves):
        counts = {"level": ARM_LEVELS[arm], "n": curve.n, "events": curve.events}
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
