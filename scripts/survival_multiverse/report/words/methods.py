"""The methods in short, written from the settings, so that the text says only what was done."""

import re

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.cutpoints import SELECTED_RANGE
from survival_multiverse.inference.empirical_calibration import MINIMUM_CONTROLS
from survival_multiverse.inference.null_models import STRATA
from survival_multiverse.kernels.tie_breaks import VARIANCE_FLOOR
from survival_multiverse.report.words.controls import sizes_in_words
from survival_multiverse.report.words.decisions import apart, grid_size, grid_words, joined, primary_words
from survival_multiverse.report.words.delayed_entry import delayed_entry
from survival_multiverse.report.words.immortal_time import treatment_methods
from survival_multiverse.report.words.labels import (
    arm_labels,
    decision_words,
    in_sentence,
    judged_forms,
    named_arms,
    variable_label,
    with_more,
    with_unit,
)
from survival_multiverse.report.words.measures import measures_in_sentence
from survival_multiverse.scenario.sensitivity import ALPHA, RARE_RISK
from survival_multiverse.settings.measures import MEDIAN_DIFFERENCE
from survival_multiverse.settings.study import EQUIVALENT, NON_EQUIVALENT, UNCERTAIN, Decision, Study
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
    "Lin DY, Psaty BM, Kronmal RA. Assessing the sensitivity of regression results to unmeasured confounders "
    "in observational studies. Biometrics 1998;54:948–963.",
    "Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the American "
    "Statistical Association 1989;84:1074–1078.",
    "Phipson B, Smyth GK. Permutation P-values should never be zero. Statistical Applications in Genetics "
    "and Molecular Biology 2010;9:39.",
    "Prentice RL. Linear rank tests with right censored data. Biometrika 1978;65:167–179.",
    "Rosenbaum PR. Observational Studies. 2nd ed. New York: Springer; 2002.",
    "Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio for the design "
    "and analysis of randomized trials with a time-to-event outcome. BMC Medical Research Methodology "
    "2013;13:152.",
    "Schneeweiss S. Sensitivity analysis and external adjustment for unmeasured confounders in epidemiologic "
    "database studies of therapeutics. Pharmacoepidemiology and Drug Safety 2006;15:291–303.",
    "Shu D, Young JG, Toh S, Wang R. Variance estimation in inverse probability weighted Cox models. "
    "Biometrics 2021;77:1101–1117.",
    "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour "
    "2020;4:1208–1214.",
    "Stefanski LA, Boos DD. The calculus of M-estimation. The American Statistician 2002;56:29–38.",
    "VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value. Annals "
    "of Internal Medicine 2017;167:268–274.",
    "Westfall PH, Young SS. Resampling-Based Multiple Testing. New York: Wiley; 1993.",
)
"""Works that the text names by author and year, whatever was decided."""
OCCASIONAL = (
    "Crowley J, Hu M. Covariance analysis of heart transplant survival data. Journal of the American "
    "Statistical Association 1977;72:27–36.",
    "Schuemie MJ, Ryan PB, DuMouchel W, Suchard MA, Madigan D. Interpreting observational studies: why "
    "empirical calibration is needed to correct p-values. Statistics in Medicine 2014;33:209–218.",
    "Lindeman RH, Merenda PF, Gold RZ. Introduction to bivariate and multivariate analysis. Glenview: Scott, "
    "Foresman; 1980.",
    "Maringe C, Benitez Majano S, Exarchakou A, et al. Reflection on modern methods: trial emulation in the "
    "presence of immortal-time bias. International Journal of Epidemiology 2020;49:1719–1729.",
    "Zeng D, Lin DY. Efficient resampling for nonsmooth estimating functions. Biostatistics 2008;9:355–363.",
    "Suissa S. Immortal time bias in pharmacoepidemiology. American Journal of Epidemiology "
    "2008;167:492–499.",
)
"""Works that it names in some studies: negative controls, gaps in the grid, treatment after time zero."""


def methods(study: Study) -> list[tuple[str, str]]:
    """Return pairs of heading and text."""
    return [
        ("Decisions", _decisions(study)),
        ("Contrast", _contrast(study)),
        ("Propensity score and matching", _matching(study)),
        ("Weights and adjusted models", _others()),
        ("Survival", _survival(study)),
        *([("Measures", _measures(study))] if study.differences else []),
        *([("Delayed entry", late)] if (late := delayed_entry(study)) else []),
        ("Landmarks", _landmarks(study)),
        *([("Immortal time", treated)] if (treated := treatment_methods(study)) else []),
        ("Balance", _balance(study)),
        ("Joint tests", _joint_tests(study)),
        ("Null models", _nulls(study)),
        *([("Bootstrap", _bootstrap(study))] if study.inference.bootstrap_draws else []),
        ("Tie-breaks", _tie_breaks(study)),
        ("Unmeasured confounding", _confounding(study)),
        *([("Negative controls", _controls(study))] if study.negative_controls else []),
        *([("Selected cutoffs", _selected(study))] if measured(study) and not study.exposure_levels else []),
        ("Spread by choice", _attribution(study)),
        ("What is not estimated", _limits(study)),
    ]


def _decisions(study: Study) -> str:
    """Say of which type each decision is, what follows of it, and how many scenarios there are."""
    kinds = {
        EQUIVALENT: "Options of an equivalent decision estimate the same thing equally well and are "
        "summarised together",
        NON_EQUIVALENT: "Options of a non-equivalent decision each estimate something else and are shown "
        "apart",
        UNCERTAIN: "Of an uncertain decision nobody can say which of the two it is. Its options are shown "
        "apart and pooled",
    }
    varying = [name for name, decision in study.decisions.items() if len(decision.values) > 1]
    settled = [name for name in study.decisions if name not in varying]
    sentences = []
    for kind, text in kinds.items():
        names = [name for name in varying if study.decisions[name].type == kind]
        if names:
            sentences.append(f"{text}: {joined([decision_words(study, name) for name in names])}.")
    if sentences:
        sentences.insert(0, "Each decision is of a declared type (Del Giudice and Gangestad 2021).")
    if settled:
        sentences.append(
            f"With one option only: {joined([decision_words(study, name) for name in settled])}."
        )
    return " ".join([*sentences, f"Analysed: {grid_words(study)}."])


def _measures(study: Study) -> str:
    """Say what every analysis estimates, and how differences come off the curves."""
    pairs = (
        "errors are summed by pair and combined over the orders of equal scores like those of hazard ratios"
    )
    sentences = [
        f"Every analysis estimates: {measures_in_sentence(study)}.",
        "Each measure is a question of its own, and none is pooled with another.",
        "Differences are of the higher exposure less the lower, read off survival curves.",
        f"After matching these are Kaplan-Meier curves of the pairs; {pairs}.",
        "Under weights they are weighted Kaplan-Meier curves, whose errors allow for the estimated score.",
        "The adjusted model gives everybody a curve in either arm, and these are averaged (g-computation).",
        "A limit or a time beyond either arm’s follow-up leaves an analysis without an estimate.",
    ]
    if any(measure.kind == MEDIAN_DIFFERENCE for measure in study.measures):
        sentences += [
            "So does a curve that does not fall to one half.",
            "The error of a median rests on the slope of its curve there, found by perturbation (Zeng and "
            "Lin 2008).",
        ]
    sentences += [
        "Where some analyses have no estimate for that reason, no median is given; the rest is selected.",
        "Beyond a landmark differences count from time zero, among those alive at the landmark.",
    ]
    return " ".join(sentences)


def _contrast(study: Study) -> str:
    exposure = in_sentence(study.dose.label)
    sentences = [f"Every hazard ratio compares {exposure} at or above the cutoff with {exposure} below it."]
    if named_arms(study):
        names = arm_labels(study)
        sentences = [f"Every hazard ratio compares {names[1]} with {names[0]} ({exposure})."]
    if study.lesions is not None:
        counted = in_sentence(study.lesions.label)
        sentences.append(f"The primary population are patients with at least the threshold of {counted}.")
    if any(decision.varies in ("lesions", "dose", "gtv") for decision in study.decisions.values()):
        sentences.append("A value at a cutoff counts as above it.")
    return " ".join(
        [
            *sentences,
            "Any limit of a number or a time is met to a billionth of it, so that rounding decides nothing.",
        ]
    )


def _matching(study: Study) -> str:
    scale = CALIPER_SD.get(study.analysis.caliper_sd, study.analysis.caliper_sd)
    sets = " ".join(_set_words(study, name) for name in study.adjustment_sets)
    return (
        "Propensity scores come from unpenalised logistic regression. The distance of two patients is the "
        "difference of their logits. Matching is 1:1, greedy nearest neighbour without replacement. Partners "
        "are sought for the patients of the smaller arm. The patient with the highest logit of being in that "
        f"arm comes first. The caliper is a multiple of the SD of the logit {scale} (Austin 2011), "
        f"inclusive. Patients of equal logit are ordered by seed {study.seed}. {sets}{_cuts(study)}"
    )


def _set_words(study: Study, name: str) -> str:
    """Return what an adjustment set holds."""
    entry = study.adjustment_sets[name]
    text = f"Adjustment set “{entry.label}”: {', '.join(_names(study, entry.covariates))}."
    if entry.covariates_in_all:
        text += f" Among all patients it also holds {', '.join(_names(study, entry.covariates_in_all))}."
    if study.flags(entry.covariates):
        text += " It holds covariates known only after treatment began."
    return text


def _cuts(study: Study) -> str:
    """Say which covariates of a score are measured, and enter it by a cut."""
    used = {name for entry in study.adjustment_sets.values() for name in entry.covariates}
    cut = [
        f"{in_sentence(covariate.label)} at {with_unit(covariate.cut, covariate.unit)}"
        for name, covariate in study.covariates.items()
        if name in used and covariate.cut is not None
    ]
    if "gtv" in used and study.gtv is not None:
        cut.append(f"{in_sentence(study.gtv.label)} at its cutoff")
    return f" Measured covariates enter the score in two groups: {', '.join(cut)}." if cut else ""


def _names(study: Study, names: tuple[str, ...]) -> list[str]:
    return [variable_label(study, name) for name in names]


def _others() -> str:
    return (
        "Overlap weights (Li, Morgan and Zaslavsky 2018) and stabilised inverse probability weights (Cole "
        "and Hernán 2008) use the same scores. No weight is truncated. Standard errors account for the "
        "estimated score by stacked estimating equations (Stefanski and Boos 2002; Shu, Young, Toh and Wang "
        "2021). Robust errors, with the weights taken as known, are in the data. The adjusted Cox model "
        "holds the covariates themselves and gives a conditional hazard ratio. That is not the marginal one, "
        "even without confounding (Austin 2013). Estimands therefore never share a summary (Del Giudice and "
        "Gangestad 2021)."
    )


def _survival(study: Study) -> str:
    analysis = study.analysis
    return (
        f"Kaplan-Meier curves have {100 * analysis.confidence_level:g}% limits on the "
        f"{CONF_TYPES.get(analysis.survival_conf_type, analysis.survival_conf_type)} scale. Cox models treat "
        "ties as in Efron (1977). Breslow’s treatment of ties is in the data. P values are Wald’s. Standard "
        "errors are model-based before matching and clustered by pair after it (Lin and Wei 1989). "
        "Proportional hazards are tested as in Grambsch and Therneau (1994). Log-rank tests use the "
        "hypergeometric variance. One multivariable model is pre-specified. Another selects factors with a "
        f"univariate P < {analysis.selection_p:g}. Restricted means (Royston and Parmar 2013) go up to "
        f"{with_unit(analysis.rmst_horizon, study.time.unit)}."
    )


def _landmarks(study: Study) -> str:
    if not study.analysis.landmarks:
        return "None."
    times = ", ".join(canonical_text(value) for value in study.analysis.landmarks)
    return (
        "An exposure can take time to complete. Those who die first cannot reach it, which flatters its "
        "higher levels (Anderson, Cain and Gelber 1983). Landmark analyses count only patients with at least "
        f"so much survival: {times} {study.time.unit}. Each landmark is another population, hence another "
        "estimand. The page counts these analyses apart. Where patients are matched first, a partner may not "
        "reach the landmark. The other patient of the pair then stays in the Cox model and leaves the tests "
        f"within pairs. Joint tests beyond landmarks are those of the {primary_words(study)}, matched anew "
        "beyond the landmark."
    )


def _balance(study: Study) -> str:
    gates = " and ".join(f"{value:g}" for value in study.analysis.balance_thresholds)
    after = any(covariate.role == "post_treatment" for covariate in study.covariates.values())
    late = "Covariates known only after treatment are judged only where the score includes them. "
    late = late if after else ""
    return (
        "Standardised mean differences use the SD pooled over the unmatched arms (Austin 2009). A factor of "
        f"several levels counts by its largest difference. The limits of balance are {gates}. They are "
        f"applied to the covariates of the score and to all baseline covariates. {_included(study)}{late}"
        f"{judged_forms(study)}"
    )


def _included(study: Study) -> str:
    """Say which roles are baseline covariates, too; nothing without any."""
    labels = [in_sentence(role.label) for role in (study.gtv, study.lesions) if role is not None]
    return f"Baseline covariates include {joined(labels)}. " if labels else ""


def _joint_tests(study: Study) -> str:
    inference = study.inference
    return (
        "All analyses that estimate the same thing are tested together, after Simonsohn, Simmons and Nelson "
        f"(2020). They share {_shared(study)}. {_pooled(study)}"
        "The primary test is two-sided, of the median log hazard ratio. A second one is of the mean z. Both "
        "are also made one-sided. So is the test of the share of analyses significant in the predicted "
        f"direction ({100 * study.analysis.confidence_level:g}% interval). Predicted: {inference.predicted} "
        f"survival {with_more(study)}. Each null model is drawn "
        f"{inference.draws:,} times, and every draw goes through every analysis. Draws are matched in the "
        f"same {study.analysis.few_orders} orders of equal scores as the cohort itself. P = (1 + draws at "
        "least as extreme) / (draws + 1) (Phipson and Smyth 2010). An analysis without an estimate leaves "
        "the median and counts as z = 0. Analyses that balance every baseline covariate are tested likewise. "
        "This needs arms that stay as they are: simulated survival, and no landmark. P values of single "
        "analyses, adjusted for all others of their test, are in the data (single-step max-T; Westfall and "
        f"Young 1993). Draws have seeds of their own, derived from {study.seed}."
    )


def _shared(study: Study) -> str:
    """Return what the analyses of a block have in common."""
    nouns = {"lesions": "threshold", "dose": "exposure cutoff"}
    options = [nouns.get(own.varies, f"option of “{in_sentence(own.label)}”") for own in apart(study)]
    split = ["population"] if len(study.populations) > 1 else []
    return joined([*split, *options, "adjustment set", "estimator", "landmark"])


def _pooled(study: Study) -> str:
    names = [f"“{in_sentence(own.label)}”" for own in apart(study) if own.type == UNCERTAIN]
    return f"Over the options of {joined(names)} they are tested together, too. " if names else ""


def _nulls(study: Study) -> str:
    exposure = in_sentence(study.dose.label)
    labels = [in_sentence(role.label) for role in (study.gtv, study.lesions) if role is not None]
    included = f"These include {joined(labels)}. " if labels else ""
    models = [decision_words(study, own.name) for own in _changing_models(study)]
    each = f"There is one for each option of {joined(models)}. " if models else ""
    if [own.varies for own in _changing_models(study)] == ["gtv"]:
        each = f"There is one for each {models[0].removeprefix('the ')}. "
    return (
        f"Permutation: {exposure} is permuted within {STRATA} groups of equal size. The groups follow what a "
        f"linear regression on the baseline covariates predicts. {included}Patients with a gap in "
        f"these form a group of their own. {_cut_ties(study)}"
        "Covariates alone: event times are drawn from a Cox model with Breslow’s "
        f"baseline hazard. The model holds the covariates of one adjustment set, centred, without "
        f"{exposure}. {each}Censoring times are "
        f"drawn from their Kaplan-Meier curve. The covariates and {exposure} stay as they are. A draw is one "
        "set of patients. Each patient keeps the random numbers that decide event and censoring under all "
        "these models."
    )


def _cut_ties(study: Study) -> str:
    if all(covariate.role == "baseline" for covariate in study.covariates.values()):
        return ""
    return "Permuting also cuts any tie between the exposure and covariates known only after treatment. "


def _changing_models(study: Study) -> list[Decision]:
    """Return the decisions whose options change the covariates of a model, or whom it is fitted to."""
    changing = {"gtv", "coding", "keep", "endpoint", "compare", "complete_cases"}
    return [
        decision
        for decision in study.decisions.values()
        if len(decision.values) > 1 and decision.kinds & changing
    ]


def _bootstrap(study: Study) -> str:
    return (
        f"{study.inference.bootstrap_draws:,} draws of patients make the score and the pairs anew. As many "
        "draws of pairs keep both. Percentile intervals of each analysis, and of each median, are in the "
        "data."
    )


def _tie_breaks(study: Study) -> str:
    return (
        f"The match is repeated in {study.analysis.tie_break_draws:,} seeded orders of the patients of equal "
        f"score ({study.analysis.few_orders} beyond landmarks). The matched estimate is the median of their "
        "log hazard ratios. Its variance is that of multiple outputation (Follmann, Proschan and Leifer "
        "2003). W is the mean of the orders’ variances, clustered by pair; B is the variance between orders. "
        f"The variance is W − B, plus B divided by the number of orders, and at least {VARIANCE_FLOOR:g} W. "
        "Drawing other partners cannot remove the variance of the patients for whom partners are sought. The "
        "page also shows the central 95% of the orders’ hazard ratios. It is the spread of an arbitrary "
        "choice, not sampling error. Tables of the matched patients, their curves and other tests are those "
        "of one order."
    )


def _confounding(study: Study) -> str:
    return (
        "E-values are given for a hazard ratio and for the confidence limit nearest 1 (VanderWeele and Ding "
        "2017). The latter is 1 if the interval holds 1. The hazard ratio is taken as a risk ratio where "
        f"fewer than {100 * RARE_RISK:g}% have the event by the end of follow-up. Elsewhere an approximate "
        "risk ratio is used. Rosenbaum’s Γ (2002, chapter 4) is the largest at which the one-sided P stays "
        f"at or below {ALPHA:g}. The test uses the pairs’ differences of Prentice-Wilcoxon scores (Prentice "
        "1978), in the direction in which the pairs point. It takes the scores’ sum as normal and assumes "
        "that both members of a pair are censored alike. The exact sign test stands beside it. It asks who "
        "of a pair had the event first, where that is known. "
        f"{_hidden_confounder(study)}"
    )


def _controls(study: Study) -> str:
    return (
        "A negative control is an outcome that the exposure cannot affect, or an exposure that cannot affect "
        "the outcome. Each takes the place of the study’s own. It goes through the same decisions, except "
        "those about what it replaces. Its analyses are not pooled with those of the study, and there are no "
        f"joint tests. With {MINIMUM_CONTROLS} or more controls P values are calibrated (Schuemie et al. "
        "2014). The log hazard ratio of a control is taken as normal about its systematic error. The errors "
        "of all controls are taken as normal, too. Their mean and spread are fitted by maximum likelihood, "
        "for each estimator and adjustment set, to the primary scenario. A calibrated P value adds the "
        "spread to the standard error and counts from the mean. It takes both as known and the controls as "
        f"independent, which makes it too small if controls are few. {sizes_in_words()}"
    )


def _hidden_confounder(study: Study) -> str:
    return (
        "The bias surface is the array approach for a binary confounder (Lin, Psaty and Kronmal 1998; "
        "Schneeweiss 2006). The confounder has hazard ratio g and the shares p0 and p1 in the two arms. The "
        "corrected hazard ratio is the estimate times [1 + (g − 1) p0] / [1 + (g − 1) p1]. The mean of p0 "
        f"and p1 is fixed at {100 * study.analysis.confounder_prevalence:g}%, and their difference varies. "
        "The formula is exact for a rare event and approximate for a common one. If most patients have the "
        "event, it overstates the bias of a strong confounder. Measured covariates that divide the patients "
        "in two stand on the surface. Their shares are those before matching and weighting. Their hazard "
        "ratio is from the covariate-adjusted Cox model of the primary set, if that holds them. Otherwise it "
        "is from a Cox model of the covariate alone."
    )


def _selected(study: Study) -> str:
    low, high = (f"{100 * share:g}%" for share in SELECTED_RANGE)
    return (
        f"The log-rank statistic is maximised over all cutoffs with {low} to {high} of the patients below "
        "(Lausen and Schumacher 1992). Its P value is the share of "
        f"{study.inference.draws:,} permutations whose own maximum is at least as large. The observed order "
        "counts among them."
    )


def _attribution(study: Study) -> str:
    count, whole = grid_size(study)
    if count < whole:
        return _attribution_with_gaps(study)
    return (
        "The sum of squares of the log hazard ratio is split exactly over all combinations of choices "
        "(Hoeffding 1948). Every combination has equal weight. Each choice has its own share. The rest comes "
        "from interactions between choices. For matched analyses, the variance between the orders of equal "
        "scores is a component of its own, over the same combinations. Where a combination has no estimate, "
        "the level that lacks most is dropped. This is repeated until none is missing."
    )


def _attribution_with_gaps(study: Study) -> str:
    """Say how the spread is shared out where the combinations of options have gaps."""
    level = f"{100 * study.analysis.confidence_level:g}%"
    drawn = (
        f" Its {level} limits are percentiles of a bootstrap of the analyses drawn. In a small sample the "
        "share of a weak choice is too large."
    )
    drawn = drawn if study.sampled else ""
    return (
        "Not every combination of choices was analysed, so that the sum of squares of the log hazard ratio "
        "cannot be split exactly. Each choice has its Shapley share of what the main effects of all explain: "
        f"its gain in R², averaged over the orders in which choices can enter (Lindeman, Merenda and Gold "
        f"1980).{drawn} What main effects leave comes from interactions between choices. For matched "
        "analyses, the variance between the orders of equal scores is a component of its own. Where the "
        "analyses of an estimator cover every combination, shares are exact (Hoeffding 1948)."
    )


def references(study: Study) -> list[str]:
    """Return the works that the methods of a study name."""
    text = " ".join(words for _, words in methods(study))
    return [entry for entry in (*REFERENCES, *OCCASIONAL) if re.search(rf"\b{_author(entry)}\b", text)]


def _author(entry: str) -> str:
    """Return the family name with which a reference begins."""
    return re.split(r" (?=[A-Z]{1,3}\b)", entry, maxsplit=1)[0]


def _limits(study: Study) -> str:
    return (
        f"An analysis needs {study.analysis.minimum_events} {study.terms.events} in each arm, pairs, and "
        "data that are neither separated nor constant. Otherwise it gets a reason instead of a number and "
        "stays in the counts. "
        + (
            "Missing values: each analysis uses the patients complete for it."
            if study.missing_values == "complete_case"
            else "Missing values: a cohort with gaps is refused."
        )
        + f" {class_words(study.minimum_count)} Tests of small counts are not printed."
    )
