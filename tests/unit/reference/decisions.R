# Options of decisions on GBSG2 (lifelines' columns, given as CSV): log hazard ratios and their errors.
suppressMessages({library(survival); library(splines); library(jsonlite)})
everybody <- read.csv(commandArgs(TRUE)[1])
everybody$er <- everybody$estrec >= 20
everybody$big <- everybody$tsize >= 21

fitted <- function(formula, data, ...) {
  fit <- coxph(formula, data, ties = "efron", ...)
  c(unname(coef(fit)["arm"]), sqrt(vcov(fit)["arm", "arm"]))
}
women <- subset(everybody, tgrade != "I" & pnodes >= 4)
women$arm <- as.integer(women$progrec >= 20)
spline <- function(age) ns(age, knots = 53, Boundary.knots = c(35, 68))
results <- list(
  linear = fitted(Surv(time, cens) ~ arm + big + tgrade + age + menostat + er, women),
  spline = fitted(Surv(time, cens) ~ arm + big + tgrade + spline(age) + menostat + er, women))

# Knots of the score are quantiles of all women whom the option keeps.
knots <- quantile(subset(everybody, tgrade != "I")$age, c(.1, .5, .9))
score <- glm(arm ~ big + tgrade + ns(age, knots = knots[2], Boundary.knots = knots[c(1, 3)]) + menostat + er,
  binomial, women, control = list(epsilon = 1e-14, maxit = 50))
women$weight <- ifelse(women$arm == 1, 1 - fitted.values(score), fitted.values(score))
results$overlap <- unname(coef(coxph(Surv(time, cens) ~ arm, women, weights = weight, ties = "efron")))

# Grades I and III compared, grade II left out.
groups <- subset(everybody, tgrade != "II" & pnodes >= 4)
groups$arm <- as.integer(groups$tgrade == "III")
results$compared <- fitted(Surv(time, cens) ~ arm + big + age + menostat + er, groups)
# Recurrence looked for during the first three years only: another endpoint.
early <- subset(everybody, pnodes >= 4)
early$arm <- as.integer(early$progrec >= 20)
early$cens <- early$cens * (early$time <= 1095); early$time <- pmin(early$time, 1095)
results$endpoint <- fitted(Surv(time, cens) ~ arm, early)
cat(toJSON(results, digits = NA, auto_unbox = TRUE))
