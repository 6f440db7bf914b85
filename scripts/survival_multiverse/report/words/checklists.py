"""Reporting checklists, as far as a program can fill them from the settings and the numbers."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.cohort.disclosure import about
from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.specification_summary import headline, passing, summarise
from survival_multiverse.report.words.decisions import grid_words
from survival_multiverse.report.words.delayed_entry import sensitivity
from survival_multiverse.report.words.labels import in_sentence, with_unit
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

CHECKLIST_REFERENCES = (
    "Cashin AG, Hansford HJ, Hernán MA, et al. Transparent reporting of observational studies emulating a "
    "target trial: the TARGET statement. JAMA 2025;334:1084–1093.",
    "McShane LM, Altman DG, Sauerbrei W, et al. Reporting recommendations for tumor marker prognostic "
    "studies (REMARK). Journal of the National Cancer Institute 2005;97:1180–1184.",
    "Von Elm E, Altman DG, Egger M, et al. The Strengthening the Reporting of Observational Studies in "
    "Epidemiology (STROBE) statement. PLoS Medicine 2007;4:e296.",
    "Yao XI, Wang X, Speicher PJ, et al. Reporting and guidelines in propensity score analysis. Journal of "
    "the National Cancer Institute 2017;109:djw323.",
)
CUTPOINT_COLUMNS = ["Item (REMARK)", "Answer"]
CUT = {"lesions", "dose", "gtv"}
"""What a cutoff divides."""
AUTHORS = "for the authors: a program cannot know it"
NOT_STATED = "Not stated in the configuration"
"""How a gap begins that the settings could fill."""


def gap(what: str) -> str:
    """Return the sentence that names what the settings do not say."""
    return f"{NOT_STATED}: {what}."


def capital(text: str) -> str:
    """Return a text as it begins a sentence."""
    return text[0].upper() + text[1:]


def strobe_table(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the STROBE items for cohort studies (von Elm et al. 2007)."""
    sizes = (tables["cohort"][name].iloc[0] for name in ("patients", "events"))
    patients, events = (about(size, minimum=study.minimum_count) for size in sizes)
    analysis = study.analysis
    grid = f" ({grid_words(study)})" if study.sampled else ""
    design = "a sample of the analyses" if study.sampled else "every defensible analysis"
    cutoffs = any(decision.varies in CUT for decision in study.decisions.values())
    missing = "complete cases by analysis" if study.missing_values == "complete_case" else "none are accepted"
    late = ", a time-dependent exposure, weighted clones" if study.has_treatment_times else ""
    rows = [
        ("4", "Study design", f"Cohort; {design} of a stated grid"),
        ("5", "Setting", AUTHORS),
        ("6", "Participants, eligibility", _eligibility(study)),
        ("7", "Variables", f"Outcome: {study.event.label}, {study.time.label}. Exposure: {study.dose.label}. "
         f"{len(study.covariates)} covariates with their roles: Methods"),
        ("8", "Measurement", f"Units: {_units(study)}; how they were measured: {AUTHORS}"),
        ("9", "Bias", f"Immortal time: landmarks{late}; confounding: matching, weights, adjustment; "
         f"unmeasured: {sensitivity(study)}; forking paths: the specification curve"),
        ("10", "Study size", f"{patients} patients, {events} events"),
        ("11", "Quantitative variables", "Every cutoff and its reason: Methods; the others: cutpoint audit"
         if cutoffs else "Every decision and its reasons: Methods"),
        ("12a", "Statistical methods", "Methods"),
        ("12b", "Subgroups and interactions",
         f"Interaction tests, not subgroup P values ({len(analysis.interactions)} factors)"),
        ("12c", "Missing data", missing),
        ("12d", "Loss to follow-up", "Censoring; reverse Kaplan-Meier follow-up"),
        ("12e", "Sensitivity analyses", f"{len(tables['specifications']):,} analyses{grid}, on this page or "
         "in their files"),
        ("13", "Participants, numbers at each stage", "Flow of patients"),
        ("14", "Descriptive data", "Table 1 with standardised differences; missing values; follow-up"),
        ("15", "Outcome data", f"{events} events; survival by arm"),
        ("16", "Main results", "Unadjusted, matched, weighted and adjusted, with intervals"),
        ("17", "Other analyses", "Landmarks, interactions, joint tests"),
        ("19", "Limitations", "“What the evidence can’t say”, at the head of the page"),
        ("22", "Funding", AUTHORS),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Item", "STROBE", "Answer"])


def propensity_table(study: Study, specifications: pd.DataFrame) -> pd.DataFrame:
    """Return the items for analyses with propensity scores (Yao et al. 2017)."""
    matched = headline(specifications, study, estimator="matched")
    gates = []
    for threshold in study.analysis.balance_thresholds:
        words = measure_words(study)
        through = summarise(passing(matched, gate=f"passes_baseline_{threshold:g}"), words.measure)
        text = words.median(through, named=True)
        median = f" ({text})" if text else ""
        gates.append(f"{through.attempted:,} of {len(matched):,} below {threshold:g}{median}")
    sets = "; ".join(
        f"{entry.label} ({len(entry.covariates)} covariates)" for entry in study.adjustment_sets.values()
    )
    late = [entry.label for entry in study.adjustment_sets.values() if study.flags(entry.covariates)]
    calipers = ", ".join(map(canonical_text, study.values_of("caliper")))
    whose = " of the primary population" if len(study.populations) > 1 else ""
    rows = [
        ("Variables in the score", sets),
        ("Variables known only after treatment", ", ".join(late) + " hold some (†)" if late else "none"),
        ("Model of the score", "logistic regression, unpenalised maximum likelihood"),
        ("Algorithm", "greedy nearest neighbour on the logit, ties in a seeded order; "
         f"{study.analysis.tie_break_draws:,} orders, the estimate their median"),
        ("Ratio", "1:1"),
        ("Replacement", "without"),
        ("Caliper", f"{calipers} SD of the logit; none = no limit"),
        ("Patients lost by matching", "matched share of the smaller arm, in every scenario"),
        ("Balance", "standardised differences before and after, all covariates; largest |SMD| of the "
         f"baseline covariates: {', '.join(gates)} (matched analyses{whose})"),
        ("Overlap of the scores", "c-statistic, common support, and the chart of the scores by arm"),
        ("Analysis of matched data", "Cox with errors clustered by pair; log-rank also stratified by pair"),
        ("Weights", "overlap and stabilised inverse probability, untruncated; errors for an estimated score"),
        ("Estimand", "named for each estimator; never pooled"),
        ("Sensitivity to unmeasured confounding", sensitivity(study)),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Item (Yao et al. 2017)", "What was done"])


def cutpoint_items(study: Study) -> pd.DataFrame:
    """Return REMARK's items on cutpoints and continuous variables (McShane et al. 2005)."""
    rows = []
    for decision in study.decisions.values():
        role = getattr(study, decision.varies) if decision.varies in CUT else None
        if role is None:
            continue
        values = ", ".join(map(canonical_text, decision.values))
        given = sum(map(bool, decision.reasons))
        primary = with_unit(getattr(study.primary_cutoffs, decision.varies), role.unit)
        rows.append(
            (
                f"Cutpoints of {in_sentence(role.label)}",
                f"{values}; primary {primary}; {given} of {len(decision.values)} with a stated reason",
            )
        )
    if not rows:
        return pd.DataFrame([("Cutpoints", "none")], columns=CUTPOINT_COLUMNS)
    rows += [
        ("How cutpoints were determined", f"listed in the configuration, with their reasons; whether before "
         f"or after the data were seen: {AUTHORS}"),
        *_searched(study),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=CUTPOINT_COLUMNS)


def _searched(study: Study) -> list[tuple[str, str]]:
    """Return items on searched cutoffs and on the continuous variable; none for values that were drawn."""
    if not measured(study):
        why = "not shown: exact values were drawn within published categories"
        return [("Every other cutpoint", why), ("Continuous form", why)]
    if study.exposure_levels:
        why = "not searched: the exposure is in groups"
        return [("Every other cutpoint", why)]
    other = "hazard ratio at each, and the maximally selected log-rank statistic with the search counted"
    return [
        ("Every other cutpoint", other),
        ("Continuous form", "restricted cubic spline beside the cutoffs"),
    ]


def _eligibility(study: Study) -> str:
    reasons = [criterion.reason for criterion in study.eligibility]
    return "; ".join(reasons) if reasons else "everybody in the data with the outcome and the exposure known"


def _units(study: Study) -> str:
    roles = (study.time, study.dose, study.gtv, study.lesions)
    return ", ".join(f"{in_sentence(role.label)} in {role.unit}" for role in roles if role and role.unit)
