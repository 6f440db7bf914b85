"""The methods in short, written from the settings, so that the text says only what was done."""

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.cutpoints import SELECTED_RANGE
from survival_multiverse.inference.null_models import STRATA
from survival_multiverse.kernels.tie_breaks import VARIANCE_FLOOR
from survival_multiverse.report.words.labels import in_sentence, judged_forms, variable_label, with_unit
from survival_multiverse.scenario.sensitivity import ALPHA, RARE_RISK
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

CONF_TYPES = {"log-log": "complementary log-log", "log": "log", "plain": "plain"}
CALIPER_SD = {"all": "over all patients", "within_arm": "pooled within arms"}

REFERENCES = (
    "Anderson JR, Cain KC, Gelber RD. Analysis of survival by tumor response. Journal of Clinical Oncology "
    "1983;1:710–719.",
    "Austin PC. Balance diagnostics for comparing the distribution of baseline covariates between treatment "
    "groups in propensity-score matched samples. Statistics in Medicine 2009;28:3083–3107.",
    "Austin PC. Optimal caliper widths for propensity-score matching when estimating differences in means "
    "and differences in proportions in observational studies. Pharmaceutical Statistics 2011;10:150–161.",
    "Austin PC. The performance of different propensity score methods for estimating marginal hazard ratios. "
    "Statistics in Medicine 2013;32:2837–2849.",
    "Cole SR, Hernán MA. Constructing inverse probability weights for marginal structural models. American "
    "Journal of Epidemiology 2008;168:656–664.",
    "Del Giudice M, Gangestad SW. A traveler’s guide to the multiverse: promises, pitfalls, and a framework "
    "for the evaluation of analytic decisions. Advances in Methods and Practices in Psychological Science "
    "2021;4(1).",
    "Efron B. The efficiency of Cox’s likelihood function for censored data. Journal of the American "
    "Statistical Association 1977;72:557–565.",
    "Follmann D, Proschan M, Leifer E. Multiple outputation: inference for complex clustered data by "
    "averaging analyses from independent data. Biometrics 2003;59:420–429.",
    "Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. "
    "Biometrika 1994;81:515–526.",
    "Hoeffding W. A class of statistics with asymptotically normal distribution. Annals of Mathematical "
    "Statistics 1948;19:293–325.",
    "Lausen B, Schumacher M. Maximally selected rank statistics. Biometrics 1992;48:73–85.",
    "Li F, Morgan KL, Zaslavsky AM. Balancing covariates via propensity score weighting. Journal of the "
    "American Statistical Association 2018;113:390–400.",
    "Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the American "
    "Statistical Association 1989;84:1074–1078.",
    "Phipson B, Smyth GK. Permutation P-values should never be zero. Statistical Applications in Genetics "
    "and Molecular Biology 2010;9:39.",
    "Prentice RL. Linear rank tests with right censored data. Biometrika 1978;65:167–179.",
    "Rosenbaum PR. Observational Studies. 2nd ed. New York: Springer; 2002.",
    "Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio for the design "
    "and analysis of randomized trials with a time-to-event outcome. BMC Medical Research Methodology "
    "2013;13:152.",
    "Shu D, Young JG, Toh S, Wang R. Variance estimation in inverse probability weighted Cox models. "
    "Biometrics 2021;77:1101–1117.",
    "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour "
    "2020;4:1208–1214.",
    "Stefanski LA, Boos DD. The calculus of M-estimation. The American Statistician 2002;56:29–38.",
    "VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value. Annals "
    "of Internal Medicine 2017;167:268–274.",
    "Westfall PH, Young SS. Resampling-Based Multiple Testing. New York: Wiley; 1993.",
)
"""Works that the text names by author and year."""


def methods(study: Study) -> list[tuple[str, str]]:
    """Return pairs of heading and text."""
    return [
        ("Contrast", _contrast(study)),
        ("Propensity score and matching", _matching(study)),
        ("Weights and adjusted models", _others(study)),
        ("Survival", _survival(study)),
        ("Landmarks", _landmarks(study)),
        ("Balance", _balance(study)),
        ("Joint tests", _joint_tests(study)),
        ("Null models", _nulls(study)),
        *([("Bootstrap", _bootstrap(study))] if study.inference.bootstrap_draws else []),
        ("Tie-breaks", _tie_breaks(study)),
        ("Unmeasured confounding", _confounding(study)),
        *([("Selected cutoffs", _selected(study))] if measured(study) else []),
        ("Spread by choice", _attribution()),
        ("What is not estimated", _limits(study)),
    ]


def _contrast(study: Study) -> str:
    return (
        f"Arm A = 1 is {in_sentence(study.dose.label)} at or above the cutoff, A = 0 below it; every hazard "
        "ratio compares A = 1 with A = 0. The primary population are patients with at least the "
        f"threshold of {in_sentence(study.lesions.label)}. A value at a cutoff counts as above it, and "
        "any limit of a number or a time is met to a billionth of it, so that rounding decides nothing."
    )


def _matching(study: Study) -> str:
    sets = "; ".join(
        f"“{entry.label}”: {', '.join(_names(study, entry.covariates))}"
        + (" (holds covariates known only after treatment began)" if study.flags(entry.covariates) else "")
        + (
            f", and among all patients {', '.join(_names(study, entry.covariates_in_all))}"
            if entry.covariates_in_all
            else ""
        )
        for entry in study.adjustment_sets.values()
    )
    return (
        "Unpenalised logistic regression; distance is the difference of its logits. 1:1 greedy nearest "
        "neighbour without replacement: partners are sought for the patients of the smaller arm, in "
        "descending order of their own logit of being in that arm; the caliper is a "
        "multiple of the SD of the logit "
        f"{CALIPER_SD.get(study.analysis.caliper_sd, study.analysis.caliper_sd)} (Austin 2011), inclusive. "
        f"Patients of equal logit are ordered by seed {study.seed}. Adjustment sets: {sets}.{_cuts(study)}"
    )


def _cuts(study: Study) -> str:
    """Say which covariates of a score are measured, and enter it by a cut."""
    used = {name for entry in study.adjustment_sets.values() for name in entry.covariates}
    cut = [
        f"{in_sentence(covariate.label)} at {with_unit(covariate.cut, covariate.unit)}"
        for name, covariate in study.covariates.items()
        if name in used and covariate.cut is not None
    ]
    if "gtv" in used:
        cut.append(f"{in_sentence(study.gtv.label)} at its cutoff")
    return f" Measured covariates enter the score in two groups: {', '.join(cut)}." if cut else ""


def _names(study: Study, names: tuple[str, ...]) -> list[str]:
    return [variable_label(study, name) for name in names]


def _others(study: Study) -> str:
    return (
        "Overlap weights (Li, Morgan and Zaslavsky 2018) and stabilised inverse probability weights (Cole "
        "and Hernán 2008) from the same scores, untruncated. Their standard errors account for the "
        "estimated score by stacked estimating equations (Stefanski and Boos 2002; Shu, Young, Toh and Wang "
        "2021); robust ones, with the weights as known, stand beside them in the data. The adjusted Cox "
        "model holds the covariates themselves and gives a conditional hazard ratio, which is not the "
        "marginal one even without confounding (Austin 2013). Estimands therefore never share a summary (Del "
        "Giudice and Gangestad 2021)."
    )


def _survival(study: Study) -> str:
    analysis = study.analysis
    return (
        f"Kaplan-Meier with {100 * analysis.confidence_level:g} % limits on the "
        f"{CONF_TYPES.get(analysis.survival_conf_type, analysis.survival_conf_type)} scale. Cox models "
        "with ties as in Efron (1977; Breslow's beside them in the data), Wald P; standard errors are "
        "model-based before matching and clustered by pair after it (Lin and Wei 1989). Proportional hazards "
        "are tested as in Grambsch and Therneau (1994). Log-rank tests with the hypergeometric "
        "variance. Multivariable models: pre-specified, and selected by univariate P < "
        f"{analysis.selection_p:g}. Restricted means (Royston and Parmar 2013) up to "
        f"{with_unit(analysis.rmst_horizon, study.time.unit)}."
    )


def _landmarks(study: Study) -> str:
    if not study.analysis.landmarks:
        return "None."
    times = ", ".join(canonical_text(value) for value in study.analysis.landmarks)
    return (
        "Where the exposure takes time to complete, those who die first cannot reach it, which flatters "
        "its higher levels (Anderson, Cain and Gelber 1983). Landmark analyses of patients with at least "
        f"{times} {study.time.unit} of survival are in the data; each is another population, hence another "
        "estimand, and they are counted apart here. Where patients are matched first, the partner of "
        "somebody who does not reach the landmark stays in the Cox model and leaves the tests within pairs. "
        "Joint tests beyond landmarks are those of the primary threshold and cutoff, matched anew beyond the "
        "landmark."
    )


def _balance(study: Study) -> str:
    gates = " and ".join(f"{value:g}" for value in study.analysis.balance_thresholds)
    return (
        "Standardised mean differences with the SD pooled over the unmatched arms (Austin 2009); a factor of "
        f"several levels counts by its largest. Gates at {gates}, on the covariates of the score and on all "
        f"baseline covariates, {in_sentence(study.gtv.label)} and {in_sentence(study.lesions.label)} "
        "included; covariates known only after treatment count in the gate of a score that holds them and in "
        f"no other. {judged_forms(study)}"
    )


def _joint_tests(study: Study) -> str:
    inference = study.inference
    return (
        "All specifications of a block (one population, threshold, cutoff of "
        f"{in_sentence(study.dose.label)}, adjustment set, estimator and landmark) are "
        "tested together, after Simonsohn, Simmons and Nelson (2020): two-sided the median log hazard ratio "
        "(primary) and the mean z; then, one-sided, both and the share of specifications significant in the "
        f"predicted direction ({100 * study.analysis.confidence_level:g} % interval). Predicted: "
        f"{inference.predicted} survival with higher {in_sentence(study.dose.label)}. "
        f"{inference.draws:,} draws of each null model, every one analysed in every specification, matched "
        f"in the same {study.analysis.few_orders} orders of equal scores as the cohort itself; P = (1 + "
        "draws at least as extreme) / (draws + 1) (Phipson and Smyth 2010). A specification without an "
        "estimate leaves the median and counts as z = 0. Those through the balance gate are tested likewise "
        "where survival is simulated and no landmark is set, which leaves the arms as they are. P values of "
        "single specifications adjusted for their block (single-step max-T; Westfall and Young 1993) are in "
        f"the data. Draws have seeds of their own, derived from {study.seed}."
    )


def _nulls(study: Study) -> str:
    exposure = in_sentence(study.dose.label)
    return (
        f"Permutation: {exposure} is permuted within {STRATA} groups of equal size by what a linear "
        f"regression on the baseline covariates, {in_sentence(study.gtv.label)} and "
        f"{in_sentence(study.lesions.label)} predicts of it; patients with a gap in these form a group of "
        "their own. Permuting also cuts any tie between it and covariates known only after treatment. "
        "Covariates alone: for each adjustment set with each volume cutoff event times are drawn from a Cox "
        f"model of just these covariates, centred, without {exposure}, and Breslow’s baseline hazard; "
        f"censoring times from their Kaplan-Meier curve; {exposure} and covariates stay as they are. A draw "
        "is one set of patients: each keeps the random numbers that decide event and censoring under all "
        "these models."
    )


def _bootstrap(study: Study) -> str:
    return (
        f"{study.inference.bootstrap_draws:,} draws of patients, with the score and the pairs made anew, and "
        "as many of pairs, with both kept; percentile intervals of each specification and of each block’s "
        "median are in the data."
    )


def _tie_breaks(study: Study) -> str:
    return (
        f"The match is repeated in {study.analysis.tie_break_draws:,} seeded orders of the patients of equal "
        f"score ({study.analysis.few_orders} beyond landmarks); the matched estimate is the median of their "
        "log hazard ratios. Its variance is that of multiple outputation (Follmann, Proschan and Leifer "
        "2003): the mean W of the orders’ variances, clustered by pair, less the variance B between the "
        f"orders, plus B divided by their number, and no less than {VARIANCE_FLOOR:g} W, as drawing other "
        "partners cannot remove the variance of the patients for whom partners are sought. The central 95 % "
        "of the orders’ hazard ratios stands beside it: an arbitrary choice, not sampling error. Tables of "
        "the matched patients, their curves and other tests are those of one order."
    )


def _confounding(study: Study) -> str:
    return (
        "E-value of a hazard ratio and that of the confidence limit nearest 1, which is 1 if the interval "
        "holds 1 (VanderWeele and Ding 2017); the hazard ratio is taken as a risk ratio where the risk of "
        f"the population at the end of follow-up is below {100 * RARE_RISK:g} %, else through an approximate "
        "risk ratio. Rosenbaum’s Γ (2002, chapter 4) from the pairs’ differences of Prentice-Wilcoxon scores "
        "(Prentice 1978), taken as normal and on the assumption that the members of a pair are censored "
        "alike, in the direction in which the pairs point: the largest Γ at which its one-sided P stays at "
        f"or below {ALPHA:g}. Beside it the exact sign test of who of a pair had the event first, where that "
        "is known."
    )


def _selected(study: Study) -> str:
    low, high = (f"{100 * share:g} %" for share in SELECTED_RANGE)
    return (
        f"Maximally selected log-rank statistic over all cutoffs with {low} to {high} of the patients below "
        f"(Lausen and Schumacher 1992); its P value is the share of {study.inference.draws:,} permutations, "
        "the observed order counted among them, whose own maximum is at least as large."
    )


def _attribution() -> str:
    return (
        "Exact sums of squares of the log hazard ratio over the full factorial of the choices, every cell "
        "weighted equally (Hoeffding 1948): each choice’s own share, and the rest that comes from "
        "interactions between choices. Of matched analyses the variance between the orders of equal scores "
        "is a component of its own, summed over the same cells. Where a cell has no estimate, the level that "
        "lacks most is dropped, again and again, until none is missing."
    )


def _limits(study: Study) -> str:
    return (
        f"A specification with fewer than {study.analysis.minimum_events} {study.terms.events} in an arm, "
        "without pairs, with separated or constant data gets a reason instead of a number and stays in the "
        "counts. Missing values: "
        + (
            "each analysis uses the patients complete for it."
            if study.missing_values == "complete_case"
            else "a cohort with gaps is refused."
        )
        + f" {class_words(study.minimum_count)} Tests of small counts are not printed."
    )
