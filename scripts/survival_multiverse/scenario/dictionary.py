"""Meaning of the words in a scenario's rows: every analysis with its statistics, and every flag."""

from survival_multiverse.scenario.cautions import WORDS as CAUTIONS

STATISTICS = {
    "descriptive": {
        "patients": "how many; `variable` all or arm",
        "patients_0": "how many in the low-dose arm, by level",
        "patients_1": "how many in the high-dose arm, by level",
        "mean": "mean, by arm",
        "standard_deviation": "standard deviation (n - 1), by arm",
        "quartile_1": "lower quartile, by arm",
        "median": "median, by arm",
        "quartile_3": "upper quartile, by arm",
    },
    "missing": {"patients": "patients whose value is not known"},
    "chi_square": {"chi_square": "Pearson's test of levels by arm, without Yates' correction"},
    "kaplan_meier": {
        "median": "median survival; of weighted patients the curve is weighted",
        "survival_<time>": "share surviving to a time of `analysis.survival_times`",
        "survival_difference_<time>": "high-dose less low-dose arm",
    },
    "follow_up": {
        "reverse_kaplan_meier_median": "median of the potential follow-up (Schemper and Smith 1996)",
        "risk_at_end": "share with the event by the last time observed (Kaplan-Meier)",
        "alive": "patients without the event",
        "alive_minimum": "their shortest follow-up",
        "alive_median": "their median follow-up",
        "alive_maximum": "their longest follow-up",
    },
    "log_rank": {
        "chi_square": (
            "test of the levels of a variable; `model` pair_stratified: within pairs; "
            "weighted: `variance` robust (Xie and Liu 2005, weights as known) or stacked"
        )
    },
    "cox": {
        "hazard_ratio": "of the contrast in `level`",
        "hazard_ratio_inverse": "of the arm the other way round, 0 against 1",
    },
    "selection": {"selected": "1 if the univariate P value is below `analysis.selection_p`, else 0"},
    "interaction": {
        "chi_square": "of arm by variable; likelihood_ratio before matching, wald_clustered after",
    },
    "ph_test": {"chi_square": "Grambsch and Therneau's score test of proportional hazards"},
    "rmst": {
        "restricted_mean": "restricted mean survival to `analysis.rmst_horizon`, by arm",
        "restricted_mean_difference": "high-dose less low-dose arm",
    },
    "standardised": {
        "survival_<time>": "share of everybody surviving in an arm, by the adjusted model (g-computation)",
        "survival_difference_<time>": "high-dose less low-dose arm",
        "restricted_mean_difference": "the same of the restricted mean to `analysis.rmst_horizon`",
        "median_difference": "the same of the median of the standardised curves",
    },
    "doubly_robust": {
        "survival_<time>": "share of everybody surviving in an arm, by score and adjusted model (AIPTW)",
        "survival_difference_<time>": "high-dose less low-dose arm",
        "restricted_mean_difference": "the same of the restricted mean to `analysis.rmst_horizon`",
    },
    "propensity": {
        "c_statistic": "how well the score tells the arms apart",
        "common_support_share": "share with scores that both arms have",
    },
    "matching": {
        "pairs": "pairs made",
        "focal_arm": "arm for which matches were sought",
        "focal_patients": "patients in it",
        "matched_share": "share of them with a match",
        "caliper_width": "greatest distance allowed, in the logit; infinity = none",
        "logit_sd": "standard deviation that the caliper multiplies",
    },
    "weights": {
        "effective_sample_size": "Kish's, of all and by arm",
        "largest_weight": "the largest",
        "extreme_weights": "how many exceed 20",
    },
    "balance": {
        "mean_0": "mean or share in the low-dose arm",
        "mean_1": "mean or share in the high-dose arm",
        "smd": "standardised mean difference by the pooled SD before matching or weighting",
        "smd_att": "the same by the focal arm's SD before matching or weighting",
        "variance_ratio": "high-dose over low-dose arm; continuous variables",
        "ks": "Kolmogorov-Smirnov distance; continuous variables",
    },
    "balance_gate": {
        "max_abs_smd_propensity": "largest absolute difference of the score's covariates, also as measured",
        "max_abs_smd_baseline": "the same of all baseline covariates, volume and count included",
        "passes_propensity_<threshold>": "1 if the former is below a threshold of the balance, else 0",
        "passes_baseline_<threshold>": "1 if the latter is, else 0",
    },
    "tie_break": {
        "hazard_ratio": "the matched estimate: median over the orders in which equal scores are matched",
        "variance_between_orders": "variance of the log hazard ratio between the orders",
        "tie_break_median": "median matched hazard ratio over the orders",
        "tie_break_2.5": "its 2.5th percentile",
        "tie_break_97.5": "its 97.5th percentile",
        "draws_estimated": "orders that gave a hazard ratio",
    },
    "measure": {
        "rmst_difference_<time>": "restricted mean survival up to then, high-dose less low-dose arm",
        "survival_difference_<time>": "survival then, high-dose less low-dose arm",
        "median_difference": "median survival, high-dose less low-dose arm",
    },
    "measure_between_orders": {
        "rmst_difference_<time>": "variance of the matched estimate between the orders",
        "survival_difference_<time>": "the same",
        "median_difference": "the same",
    },
    "rosenbaum": {
        "informative_pairs": "pairs that count: scores differ, or it is known who had the event first",
        "direction": "1: the pairs speak for longer survival with the high dose, -1: for shorter, 0: neither",
        "p_value_without_bias": "one-sided P that way; `model` prentice_wilcoxon (scores) or sign (test)",
        "p_two_sided_without_bias": "two-sided P",
        "gamma": "largest hidden bias with the one-sided P at or below 0.05",
    },
    "fingerprint": {"analysis": "48-bit number of patients, pairs and weights: equal if the same analysis"},
}
"""Meaning of each statistic by analysis; `<time>` and `<threshold>` stand for a number of the settings."""

FLAGS = {
    "post_treatment_covariate": "uses what is known only after treatment began",
    **{flag: f"rests on {words}" for flag, words in CAUTIONS.items()},
    "enters_regardless": "the arm enters the selected model whatever its P value",
    "dropped:<name>": "a covariate of the score that does not vary, or that others determine",
    "dropped_level:<name>=<level>": (
        "a level of a covariate of the score that nobody has, or that others determine; `;` is written %3B"
    ),
}
"""Meaning of each flag."""
