# Weighted Cox models whose errors account for the estimated score, printed as JSON. The weighted score is differentiated
# numerically in the parameters of the weights. Usage: Rscript stacked.R > stacked.json
suppressMessages(library(survival))

cohorts <- list(
  veteran = with(veteran, data.frame(time, event = status, arm = as.numeric(trt == 2), karno, diagtime, age, prior,
    squamous = as.numeric(celltype == "squamous"), large = as.numeric(celltype == "large"))),
  lung = with(na.omit(lung[, c("time", "status", "age", "sex", "ph.ecog", "ph.karno", "wt.loss")]), data.frame(time,
    event = status - 1, arm = as.numeric(sex == 2), age, ph.ecog, ph.karno, wt.loss)))

weights_of <- function(kind, a, design, theta) {
  p <- plogis(drop(design %*% theta[-1]))
  if (kind == "overlap") return(ifelse(a == 1, 1 - p, p))
  ifelse(a == 1, theta[1] / p, (1 - theta[1]) / (1 - p))
}

stacked <- function(name, kind, month) {
  data <- cohorts[[name]]
  if (month > 0) data$time <- ceiling(data$time / month)
  columns <- setdiff(names(data), c("time", "event", "arm"))
  a <- data$arm
  design <- cbind(1, scale(as.matrix(data[columns])))
  score <- glm.fit(design, a, family = binomial(), control = glm.control(epsilon = 1e-14, maxit = 100))
  theta <- c(mean(a), score$coefficients)
  p <- score$fitted.values
  fit_at <- function(theta, start, iterations) {
    data$w <- weights_of(kind, a, design, theta)
    control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = iterations)
    coxph(Surv(time, event) ~ arm, data, weights = w, robust = TRUE, init = start, control = control)
  }
  fit <- fit_at(theta, 0, 50)
  total <- function(theta) sum(residuals(fit_at(theta, coef(fit), 0), type = "score", weighted = TRUE))
  central <- function(j, h) {
    e <- replace(0 * theta, j, h)
    (total(theta + e) - total(theta - e)) / (2 * h)
  }
  derivative <- sapply(seq_along(theta), function(j) (4 * central(j, 5e-4) - central(j, 1e-3)) / 3)
  information <- crossprod(design, p * (1 - p) * design)
  on_theta <- cbind((a - theta[1]) / length(a), (a - p) * design %*% solve(information))
  influence <- (residuals(fit, type = "score", weighted = TRUE) + drop(on_theta %*% derivative)) * fit$naive.var[1, 1]
  sprintf('{"cohort": "%s", "kind": "%s", "month": %.17g, "beta": %.17g, "robust": %.17g, "stacked": %.17g}',
    name, kind, month, coef(fit), sqrt(fit$var[1, 1]), sqrt(sum(influence^2)))
}

lines <- character()
for (name in names(cohorts)) for (kind in c("overlap", "iptw")) for (month in c(0, 30.4375))
  lines <- c(lines, stacked(name, kind, month))
cat("[\n", paste(lines, collapse = ",\n"), "\n]\n", sep = "")
