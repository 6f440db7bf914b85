# Reference values for test_doubly_robust.py: Rscript doubly_robust.R > doubly_robust.json
# Needs riskRegression (Debian: r-cran-riskregression). Standardised and doubly robust risks of the lung cohort,
# its times moved apart, since riskRegression and survfit treat ties of deaths and censorings differently.
suppressMessages({library(survival); library(riskRegression)})
d <- na.omit(lung[c("time", "status", "sex", "age", "ph.ecog")])
d <- d[order(d$time), ]
d$time <- d$time + seq_len(nrow(d)) / 1000
d$event <- as.integer(d$status == 2)
d$arm <- factor(as.integer(d$sex == 2))
times <- c(90, 183, 365)
outcome <- coxph(Surv(time, event) ~ arm + age + ph.ecog, d, x = TRUE, y = TRUE,
                 control = coxph.control(eps = 1e-12))
treatment <- glm(arm ~ age + ph.ecog, binomial, d, control = glm.control(epsilon = 1e-14))
censoring <- coxph(Surv(time, event == 0) ~ strata(arm), d, x = TRUE, y = TRUE)
answer <- function(estimator, known) {
  found <- ate(event = outcome, treatment = treatment, censor = censoring, data = d, times = times, cause = 1,
               estimator = estimator, known.nuisance = known, verbose = FALSE, iid = TRUE)
  risk <- found$meanRisk[found$meanRisk$estimator == estimator]
  difference <- found$diffRisk[found$diffRisk$estimator == estimator]
  list(risk_0 = risk$estimate[risk$treatment == 0], risk_1 = risk$estimate[risk$treatment == 1],
       se_0 = risk$se[risk$treatment == 0], se_1 = risk$se[risk$treatment == 1],
       difference = difference$estimate, se = difference$se)
}
cat(jsonlite::toJSON(list(
  data = list(time = d$time, event = d$event, arm = as.integer(d$arm) - 1L, age = d$age, ecog = d$ph.ecog),
  probability = unname(fitted(treatment)), times = times,
  standardised = answer("GFORMULA", FALSE), doubly_robust = answer("AIPTW", TRUE),
  estimated = answer("AIPTW", FALSE)), digits = NA, pretty = 1))
