"""Rows from Cox models: univariate, multivariable, interactions, proportional hazards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from survival_multiverse.balancing.weighting import weighted_arm_model
from survival_multiverse.cohort.sample import Sample, design_matrix, measured
from survival_multiverse.estimators.cox import (
    CoxFit,
    HazardRatio,
    PhTest,
    binary_cox,
    cox,
    hazard_ratio,
    likelihood_ratio_test,
    proportional_hazards_test,
    status_of_code,
    wald_hazard_ratio,
    wald_test,
)
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.scenario.separation import why_no_model
from survival_multiverse.settings.models import Analysis
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.study import ONE_UNIT, Per, Study

BOTH_TIES = ("efron", "breslow")


@dataclass(frozen=True, slots=True)
class Model:
    """A Cox model to report.

    Attributes
    ----------
    name
        Its place in the `model` column.
    names
        Variables; `arm` is the dose arm.
    ties
        Treatments of ties to report, each a fit.
    weight
        Case weights, shape (n,); they make the variance robust.
    flags
        Warnings that go with every row.
    per
        By name, the units to which the ratio of a linear covariate refers, where they are not one.
    status
        Unless ok, why the model cannot be fitted.
    """

    name: str
    names: tuple[str, ...]
    ties: tuple[str, ...] = BOTH_TIES
    weight: np.ndarray | None = None
    flags: tuple[str, ...] = ()
    per: Mapping[str, Per] = field(default_factory=dict)
    status: Status = Status.OK


def write_model(writer: RowWriter, sample: Sample, model: Model, analysis: Analysis) -> None:
    """Write hazard ratios of every column: model-based, and clustered by pair or robust where applicable."""
    if len(model.names) == 1 and _is_binary(sample, model.names[0]):
        _write_binary_model(writer, sample, model, analysis)
        return
    known = sample.known(model.names)
    weight = model.weight
    if known is not None:
        sample = sample.take(known)
        weight = None if weight is None else weight[known]
    gate = model.status
    if gate is Status.OK and "arm" in model.names:
        gate = sample.arm_status(analysis.minimum_events)
    matrix, terms = design_matrix(sample, model.names)
    counts: dict[str, Any] = {"n": len(sample), "events": int(sample.event.sum())}
    for ties in model.ties:
        fit = None
        if gate is Status.OK:
            fit = cox(
                sample.time,
                sample.event,
                matrix,
                ties=ties,
                weight=weight,
                cluster=sample.pair,
                robust=weight is not None,
                entry=sample.entry,
            )
        because = "" if fit is None else why_no_model(sample, model.names, fit.status)
        for variance in _variances(sample, weight):
            for column, (variable, contrast) in enumerate(terms):
                per = model.per.get(variable, ONE_UNIT) if contrast == "per unit" else ONE_UNIT
                ratio = HazardRatio(*(NAN,) * 7, gate)
                if fit is not None:
                    kind = "model" if variance == "model" else "robust"
                    options: dict[str, Any] = {"level": analysis.confidence_level, "per": per.units}
                    ratio = hazard_ratio(fit, column, variance=kind, **options)
                labels: dict[str, Any] = {
                    "variable": variable,
                    "model": model.name,
                    "ties": ties,
                    "variance": variance,
                }
                words: dict[str, Any] = {"flags": model.flags, "because": because}
                _write_hazard_ratio(writer, ratio, per.words or contrast, **words, **labels, **counts)


def _is_binary(sample: Sample, name: str) -> bool:
    if name == "arm":
        return True
    return sample.has_levels(name) and len(sample.factors[sample.position(name)].levels) == 2


def _write_binary_model(writer: RowWriter, sample: Sample, model: Model, analysis: Analysis) -> None:
    """Write a model of the arm alone or of one grouping in two, by the kernel that resampling uses too."""
    (name,) = model.names
    time, event, x, entry = sample.time, sample.event, sample.arm, sample.entry
    weight, cluster, contrast, gate = model.weight, sample.pair, "1 vs 0", model.status
    if name == "arm":
        gate = sample.arm_status(analysis.minimum_events) if gate is Status.OK else gate
    else:
        x = sample.factor_codes(name)
        contrast = "{1} vs {0}".format(*sample.factors[sample.position(name)].levels)
        if len(x) and x.min() < 0:
            known = x >= 0
            time, event, x, entry = time[known], event[known], x[known], sample.entry_of(known)
            weight = None if weight is None else weight[known]
            cluster = None if cluster is None else cluster[known]
    counts: dict[str, Any] = {"n": len(time), "events": int(np.count_nonzero(event))}
    variances = _variances(sample, weight)
    for ties in model.ties:
        ratios = [HazardRatio(*(NAN,) * 7, gate)] * len(variances)
        if gate is Status.OK:
            ratios = _binary_ratios(time, event, x, weight, cluster, ties, variances, analysis, entry)
        for variance, ratio in zip(variances, ratios, strict=True):
            labels: dict[str, Any] = {
                "variable": name,
                "model": model.name,
                "ties": ties,
                "variance": variance,
            }
            _write_hazard_ratio(writer, ratio, contrast, flags=model.flags, **labels, **counts)


def _binary_ratios(
    time: np.ndarray,
    event: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    cluster: np.ndarray | None,
    ties: str,
    variances: tuple[str, ...],
    analysis: Analysis,
    entry: np.ndarray | None,
) -> list[HazardRatio]:
    """Return the hazard ratio of x = 1 against 0 with each standard error."""
    if not len(time):
        return [HazardRatio(*(NAN,) * 7, Status.TOO_FEW_EVENTS)] * len(variances)
    weight = np.ones(len(time)) if weight is None else weight
    if cluster is None:
        cluster = np.arange(len(time))
    efron = ties == "efron"
    beta, model_error, robust_error, code = binary_cox(time, event, x, weight, cluster, efron, entry)
    status = status_of_code(code)
    if status is not Status.OK:
        return [HazardRatio(*(NAN,) * 7, status)] * len(variances)
    errors = [model_error if variance == "model" else robust_error for variance in variances]
    return [wald_hazard_ratio(beta, error, level=analysis.confidence_level) for error in errors]


def write_stacked_model(
    writer: RowWriter,
    sample: Sample,
    estimator: Estimator,
    columns: np.ndarray,
    probability: np.ndarray,
    analysis: Analysis,
    failure: Status,
) -> None:
    """Write the weighted hazard ratio of the arm, its error accounting for the estimated score.

    `columns` (n, k) are those that the score kept, `probability` (n,) its P(A = 1); `failure` says why there
    is no score, or ok.
    """
    status = sample.arm_status(analysis.minimum_events) if failure is Status.OK else failure
    ratio = HazardRatio(*(NAN,) * 7, status)
    if status is Status.OK:
        beta, _, error, code = weighted_arm_model(
            sample.time, sample.event, sample.arm, columns, probability, estimator, sample.entry
        )
        status = status_of_code(code)
        if status is Status.OK and np.isnan(error):
            status = Status.NO_CONVERGENCE
        ratio = HazardRatio(*(NAN,) * 7, status)
        if status is Status.OK:
            ratio = wald_hazard_ratio(beta, error, level=analysis.confidence_level)
    counts: dict[str, Any] = {"n": len(sample), "events": int(np.count_nonzero(sample.event))}
    labels: dict[str, Any] = {"variable": "arm", "model": "arm_only", "ties": "efron", "variance": "stacked"}
    _write_hazard_ratio(writer, ratio, "1 vs 0", flags=(), **labels, **counts)


def write_arm_model(writer: RowWriter, sample: Sample, analysis: Analysis) -> None:
    """Write the hazard ratio of the arm alone, Efron ties."""
    write_model(writer, sample, Model("arm_only", ("arm",), ("efron",)), analysis)


def _variances(sample: Sample, weight: np.ndarray | None) -> tuple[str, ...]:
    if weight is not None:
        return ("robust",)
    return ("model",) if sample.pair is None else ("model", "clustered")


def _write_hazard_ratio(writer: RowWriter, ratio: HazardRatio, contrast: str, **labels: Any) -> None:
    """Write the ratio, and for the arm also its inverse."""
    shared: dict[str, Any] = {"std_error": ratio.std_error, "p_value": ratio.p_value, "status": ratio.status}
    limits: dict[str, Any] = {"ci_lower": ratio.ci_lower, "ci_upper": ratio.ci_upper}
    writer.add("cox", "hazard_ratio", ratio.estimate, level=contrast, **limits, **shared, **labels)
    if labels["variable"] == "arm":
        limits = {"ci_lower": 1.0 / ratio.ci_upper, "ci_upper": 1.0 / ratio.ci_lower}
        inverse = 1.0 / ratio.estimate
        writer.add("cox", "hazard_ratio_inverse", inverse, level="0 vs 1", **limits, **shared, **labels)


def write_univariate(writer: RowWriter, sample: Sample, study: Study) -> None:
    """Write one model per variable: the arm, every grouping, every covariate that enters linearly.

    What is grouped by a cut enters as it was measured, too, in patients whose values are their own.
    """
    write_model(writer, sample, Model("arm_only", ("arm",)), study.analysis)
    for name in candidates(sample):
        model = Model("univariate", (name,), flags=study.flags((name,)), per=study.per)
        write_model(writer, sample, model, study.analysis)
    grouped = [name for name in sample.names if sample.has_levels(name) or name == "lesions"]
    for name in grouped if measured(study) else ():
        model = Model("univariate", (name,), flags=study.flags((name,)))
        write_model(writer, sample.ungrouped(name), model, study.analysis)


def candidates(sample: Sample) -> tuple[str, ...]:
    """Return the variables that a selected model may hold besides the arm."""
    groupings = tuple(factor.name for factor in sample.factors)
    linear = tuple(name for name in sample.names if name not in (*groupings, "lesions"))
    return groupings + linear


def write_selected(writer: RowWriter, sample: Sample, p_values: dict[str, float], study: Study) -> None:
    """Write the model as published: the arm and every variable whose univariate P is small enough."""
    chosen = ["arm"]
    for name, p_value in p_values.items():
        qualifies = p_value < study.analysis.selection_p
        if qualifies and name != "arm":
            chosen.append(name)
        writer.add(
            "selection",
            "selected",
            float(qualifies),
            variable=name,
            model="selected",
            p_value=p_value,
            status=Status.TOO_FEW_EVENTS if np.isnan(p_value) else Status.OK,
            flags=("enters_regardless",) if name == "arm" else (),
        )
    model = Model("selected", tuple(chosen), flags=study.flags(chosen), per=study.per)
    write_model(writer, sample, model, study.analysis)


def univariate_p_values(sample: Sample, log_rank_p: dict[str, float]) -> dict[str, float]:
    """Return P of the arm and of each candidate: log-rank for groupings, Wald for linear covariates."""
    p_values = {"arm": log_rank_p["arm"]}
    for name in candidates(sample):
        if name in log_rank_p:
            p_values[name] = log_rank_p[name]
            continue
        known = sample.known((name,))
        part = sample if known is None else sample.take(known)
        matrix, _ = design_matrix(part, (name,))
        fit = cox(part.time, part.event, matrix, entry=part.entry)
        columns = range(matrix.shape[1])
        # All terms of a spline together.
        p_values[name] = (
            hazard_ratio(fit, 0).p_value
            if len(columns) == 1
            else wald_test(fit, tuple(columns), variance="model")[2]
        )
    return p_values


def write_interaction(writer: RowWriter, sample: Sample, name: str, study: Study) -> None:
    """Write the test of dose arm x factor: likelihood ratio before matching, clustered Wald after."""
    known = sample.known((name,))
    part = sample if known is None else sample.take(known)
    model = "likelihood_ratio" if sample.pair is None else "wald_clustered"
    counts: dict[str, Any] = {
        "variable": name,
        "model": model,
        "ties": "efron",
        "n": len(part),
        "events": int(part.event.sum()),
        "flags": study.flags((name,)),
    }
    gate = part.arm_status(study.analysis.minimum_events)
    if gate is not Status.OK:
        writer.add("interaction", "chi_square", NAN, status=gate, **counts)
        return
    main, terms = design_matrix(part, ("arm", name))
    products = main[:, 1:] * main[:, :1]
    full = cox(part.time, part.event, np.hstack([main, products]), cluster=part.pair, entry=part.entry)
    if part.pair is None:
        reduced = cox(part.time, part.event, main, entry=part.entry)
        chi2, df, p_value, status = likelihood_ratio_test(full, reduced)
    else:
        columns = range(len(terms), len(terms) + products.shape[1])
        chi2, df, p_value, status = wald_test(full, tuple(columns), variance="robust")
    writer.add("interaction", "chi_square", chi2, p_value=p_value, df=df, status=status, **counts)


def write_proportional_hazards(
    writer: RowWriter, sample: Sample, name: str, names: Sequence[str], study: Study
) -> None:
    """Write the Grambsch-Therneau score test of every variable and of the whole model, transform km."""
    known = sample.known(names)
    part = sample if known is None else sample.take(known)
    gate = part.arm_status(study.analysis.minimum_events)
    matrix, terms = design_matrix(part, names)
    counts: dict[str, Any] = {
        "model": name,
        "ties": "efron",
        "n": len(part),
        "events": int(part.event.sum()),
        "flags": study.flags(names),
    }
    if gate is not Status.OK:
        for variable in (*names, "global"):
            writer.add("ph_test", "chi_square", NAN, variable=variable, status=gate, **counts)
        return
    columns = [tuple(j for j, term in enumerate(terms) if term[0] == variable) for variable in names]
    fit = cox(part.time, part.event, matrix, entry=part.entry)
    test = proportional_hazards_test(part.time, part.event, matrix, fit, terms=columns, entry=part.entry)
    for j, variable in enumerate(names):
        writer.add(
            "ph_test",
            "chi_square",
            test.chi2[j],
            variable=variable,
            p_value=test.p_value[j],
            df=int(test.df[j]),
            status=_term_status(test, fit, j, columns[j]),
            **counts,
        )
    writer.add(
        "ph_test",
        "chi_square",
        test.chi2_global,
        variable="global",
        p_value=test.p_global,
        df=int(test.df_global),
        status=Status.CONSTANT if np.isnan(test.chi2_global) and test.status is Status.OK else test.status,
        **counts,
    )


def _term_status(test: PhTest, fit: CoxFit, j: int, columns: Sequence[int]) -> Status:
    """Return the status of a term's test: none if the model dropped it or others all but determine it."""
    if test.status is not Status.OK:
        return test.status
    if np.isnan(test.chi2[j]):
        return Status.CONSTANT
    return Status.COLLINEAR if set(columns) & set(fit.collinear) else Status.OK
