"""The methods in short, written from the settings, so that the text cannot say what was not done."""

from survival_multiverse.labels import in_sentence, variable_label, with_unit
from survival_multiverse.study import Study, spelling

CONF_TYPES = {"log-log": "complementary log-log", "log": "log", "plain": "plain"}
CALIPER_SD = {"all": "over all patients", "within_arm": "pooled within arms"}


def methods(study: Study) -> list[tuple[str, str]]:
    """Pairs of heading and text."""
    return [
        ("Contrast", _contrast(study)),
        ("Propensity score and matching", _matching(study)),
        ("Weights and adjusted models", _others(study)),
        ("Survival", _survival(study)),
        ("Landmarks", _landmarks(study)),
        ("Balance", _balance(study)),
        ("What is not estimated", _limits(study)),
    ]


def _contrast(study: Study) -> str:
    return (
        f"Arm A = 1 is {in_sentence(study.dose.label)} at or above the cutoff, A = 0 below it; every hazard "
        "ratio compares A = 1 with A = 0. The primary population are patients with at least the "
        f"threshold of {in_sentence(study.lesions.label)}; a value at a cutoff always counts as above it."
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
        "neighbour without replacement for the smaller arm, in descending logit; the caliper is a "
        "multiple of the SD of the logit "
        f"{CALIPER_SD.get(study.analysis.caliper_sd, study.analysis.caliper_sd)}, inclusive. Ties are "
        f"broken by seed {study.seed}. Adjustment sets: {sets}."
    )


def _names(study: Study, names: tuple[str, ...]) -> list[str]:
    return [variable_label(study, name) for name in names]


def _others(study: Study) -> str:
    return (
        "Overlap weights and stabilised inverse probability weights from the same scores, untruncated, "
        "robust standard errors; the adjusted Cox model holds the covariates themselves and gives a "
        "conditional hazard ratio, which is not the marginal one even without confounding. Estimands "
        "therefore never share a summary."
    )


def _survival(study: Study) -> str:
    analysis = study.analysis
    return (
        f"Kaplan-Meier with {100 * analysis.confidence_level:g} % limits on the "
        f"{CONF_TYPES.get(analysis.survival_conf_type, analysis.survival_conf_type)} scale. Cox models "
        "with Efron's ties (Breslow's beside them in the data), Wald P; standard errors are model-based "
        "before matching and clustered by pair after it. Log-rank tests with the hypergeometric "
        "variance. Multivariable models: pre-specified, and selected by univariate P < "
        f"{analysis.selection_p:g}. Restricted means up to "
        f"{with_unit(analysis.rmst_horizon, study.time.unit)}."
    )


def _landmarks(study: Study) -> str:
    if not study.analysis.landmarks:
        return "None."
    times = ", ".join(spelling(value) for value in study.analysis.landmarks)
    return (
        "Where the exposure takes time to complete, those who die first cannot reach it, which flatters "
        f"its higher levels. Landmark analyses of patients with at least {times} {study.time.unit} of "
        "survival are in the data; each is another population, hence another estimand, and they are "
        "counted apart here."
    )


def _balance(study: Study) -> str:
    gates = " and ".join(f"{value:g}" for value in study.analysis.balance_thresholds)
    return (
        "Standardised mean differences with the SD pooled over the unmatched arms; a factor of several "
        f"levels counts by its largest. Gates at {gates}, on the covariates of the score and on all "
        "baseline covariates; covariates known only after treatment are shown, never gated."
    )


def _limits(study: Study) -> str:
    return (
        f"A specification with fewer than {study.analysis.minimum_events} deaths in an arm, without "
        "pairs, with separated or constant data gets a reason instead of a number and stays in the "
        "counts. Missing values: "
        + (
            "each analysis uses the patients complete for it."
            if study.missing_values == "complete_case"
            else "a cohort with gaps is refused."
        )
        + f" Counts below {study.minimum_cell}, and those from which one could be worked out, are not "
        "printed in the tables of patients."
    )
