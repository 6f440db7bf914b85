# Reference values for test_delayed_entry.py: Rscript delayed_entry.R delayed_entry.csv > delayed_entry.json
# R 4.2.2, survival 3.5-3. The patients (rounded times, so that there are ties) are committed beside it.
library(survival)

d <- read.csv(commandArgs(TRUE)[1])
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
# The exact test goes through all subsets of a risk set: at most two deaths tied.
d$fewer_ties <- d$time + ave(d$time, d$time, FUN = function(x) 0.01 * ((seq_along(x) - 1) %/% 2))
sets <- list(some = d, small = d[d$small == 1, ])

number <- function(x) ifelse(is.finite(x), sprintf("%.15g", x), "null")
array <- function(x) paste0("[", paste(number(as.vector(x)), collapse = ", "), "]")
object <- function(x) {
  inner <- mapply(function(name, value) paste0("\"", name, "\": ", value), names(x), x)
  paste0("{", paste(inner, collapse = ",\n "), "}")
}

models <- list(
  arm = "arm",
  several = "arm + age + stage"
)

cox_of <- function(d, formula, ties, weighted, clustered) {
  d$w <- if (weighted) d$weight else rep(1, nrow(d))
  d$who <- if (clustered) d$pair else seq_len(nrow(d))
  f <- as.formula(paste("Surv(entry, time, event) ~", formula))
  fit <- coxph(f, d, ties = ties, weights = w, cluster = who, robust = TRUE, control = control)
  plain <- coxph(f, d, ties = ties, weights = w, robust = FALSE, control = control)
  zph <- cox.zph(plain, transform = "km", terms = FALSE)$table
  object(list(
    beta = array(coef(fit)), model = array(sqrt(diag(plain$var))), robust = array(sqrt(diag(fit$var))),
    loglik = array(plain$loglik), zph = array(zph[, "chisq"])
  ))
}

cox_all <- function(d) {
  parts <- list()
  for (name in names(models)) for (ties in c("efron", "breslow"))
    for (weighted in c(FALSE, TRUE)) for (clustered in c(FALSE, TRUE)) {
      key <- paste(name, ties, if (weighted) "weighted" else "plain",
                   if (clustered) "clustered" else "rows", sep = "_")
      parts[[key]] <- cox_of(d, models[[name]], ties, weighted, clustered)
    }
  object(parts)
}

curve_of <- function(d, at) {
  parts <- list()
  for (type in c("log-log", "log", "plain")) {
    fit <- survfit(Surv(entry, time, event) ~ 1, d, conf.type = type)
    q <- quantile(fit, 0.5)
    last <- max(fit$time)
    s <- summary(fit, times = at)
    parts[[type]] <- object(list(
      time = array(fit$time), n_risk = array(fit$n.risk), n_event = array(fit$n.event),
      survival = array(fit$surv), std_error = array(fit$std.err), lower = array(fit$lower),
      upper = array(fit$upper), median = array(c(q$quantile, q$lower, q$upper)),
      at = array(s$surv), at_error = array(s$std.err)
    ))
  }
  means <- survival:::survmean(survfit(Surv(entry, time, event) ~ 1, d), rmean = 10)$matrix
  parts[["rmean"]] <- array(means[c("rmean", "se(rmean)")])
  object(parts)
}

log_rank_of <- function(d, formula) {
  fit <- coxph(as.formula(paste("Surv(entry, fewer_ties, event) ~", formula)), d, ties = "exact",
               control = control)
  array(c(fit$score, sum(!is.na(coef(fit)))))
}

one <- function(d) {
  test <- coxph(Surv(entry, time, event) ~ arm * age, d, control = control)
  null <- coxph(Surv(entry, time, event) ~ arm + age, d, control = control)
  base <- basehaz(coxph(Surv(entry, time, event) ~ arm + age, d, ties = "breslow", control = control),
                  centered = FALSE)
  stratified <- coxph(Surv(entry, time, event) ~ arm + age + strata(stage), d, cluster = pair, control = control)
  object(list(
    cox = cox_all(d),
    curve = curve_of(d, c(2, 5, 10)),
    log_rank = object(list(
      arm = log_rank_of(d, "arm"), stage = log_rank_of(d, "factor(stage)"),
      pairs = log_rank_of(d, "arm + strata(pair)")
    )),
    interaction = array(2 * (test$loglik[2] - null$loglik[2])),
    stratified = array(c(coef(stratified), sqrt(diag(stratified$naive.var)), sqrt(diag(stratified$var)))),
    hazard = array(base$hazard), hazard_time = array(base$time)
  ))
}

cat(object(lapply(sets, one)), "\n")
