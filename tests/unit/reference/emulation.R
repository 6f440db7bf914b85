# Treatment that starts after time zero, on the Stanford heart transplants, printed as JSON: naive, landmark,
# time-dependent, and clones censored and weighted, all with age and surgery. Usage: Rscript emulation.R > emulation.json
suppressMessages(library(survival))
options(digits = 17)
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
X <- c("age", "surgery")

# Days from acceptance; `jasa` in days as dated, `heart` as its authors coded it (a day later, ties with death undone).
as_dated <- with(jasa, data.frame(id = seq_along(age), time = pmax(as.numeric(fu.date - accept.dt), 0.5), event = fustat,
  start = pmax(ifelse(transplant == 1, as.numeric(tx.date - accept.dt), NA), 0.25), age, surgery))
as_coded <- do.call(rbind, lapply(split(heart, heart$id), function(d) data.frame(id = d$id[1], time = max(d$stop),
  event = max(d$event), start = if (any(d$transplant == 1)) d$start[d$transplant == 1] else NA, age = d$age[1],
  surgery = d$surgery[1])))
# Coarse: many starts and deaths at one time.
in_months <- transform(as_dated, time = ceiling(time / 30), start = floor(start / 30))

line <- function(cohort, method, parameter, fit, robust, extra = "") {
  j <- grep("^arm$", names(coef(fit)))
  sprintf('{"cohort": "%s", "method": "%s", "parameter": %s, "log_hazard_ratio": %.17g, "std_error": %.17g, "n": %d%s}',
    cohort, method, if (is.na(parameter)) "null" else sprintf("%.17g", parameter), coef(fit)[j],
    sqrt(fit$var[j, j]), fit$n.patients, extra)
}
numbered <- function(fit, n) { fit$n.patients <- n; fit }
model <- function(left, data, more = "") as.formula(paste(left, "~", paste(c(X, "arm"), collapse = "+"), more))

naive <- function(d) {
  d$arm <- as.numeric(!is.na(d$start))
  numbered(coxph(model("Surv(time, event)"), d, control = control), nrow(d))
}
landmark <- function(d, at) {
  d <- d[d$time >= at, ]
  d$arm <- as.numeric(!is.na(d$start) & d$start <= at)
  numbered(coxph(model("Surv(time, event)"), d, control = control), nrow(d))
}
time_dependent <- function(d) {
  n <- nrow(d)
  d <- tmerge(d, d, id = id, dead = event(time, event), arm = tdc(start))
  numbered(coxph(model("Surv(tstart, tstop, dead)"), d, control = control), n)
}

# Weights are P(untreated so far)^-1. `stype` 1: the product limit of Kalbfleisch and Prentice, in which who dies at a time
# at which others start is no longer among those who could (`first` sets deaths first); 2: exp(-Breslow).
untreated <- function(d, started, grace, stype, ties, first) {
  d$until <- ifelse(started, d$start, ifelse(d$time > grace, grace, d$time - first))
  d$started <- started
  fit <- coxph(as.formula(paste("Surv(until, started) ~", paste(X, collapse = "+"))), d, ties = ties, control = control)
  curves <- survfit(fit, newdata = d, stype = stype, ctype = 1)
  function(row, at) mapply(function(i, t) c(1, curves$surv[, i])[findInterval(t, curves$time) + 1], row, at)
}
# In arm 1: P(started by the end of grace | alive then, covariates), or (wrong) the Cox model of a leap.
by_logistic <- function(d, started, alive) {
  fit <- glm(as.formula(paste("started ~", paste(X, collapse = "+"))), binomial, cbind(d, started)[alive, ],
    control = list(epsilon = 1e-14, maxit = 100))
  predict(fit, d, type = "response")
}
by_breslow <- function(d, started, alive, grace) {
  clone <- transform(d, until = ifelse(started, time, pmin(time, grace)), censored = as.integer(!started & alive))
  fit <- coxph(as.formula(paste("Surv(until, censored) ~", paste(X, collapse = "+"))), clone, ties = "breslow",
    control = control)
  hazard <- basehaz(fit, centered = FALSE)
  exp(-hazard$hazard[match(TRUE, hazard$time >= grace)] * exp(drop(as.matrix(d[X]) %*% coef(fit))))
}
clones <- function(d, grace, stype = 1, ties = "efron", in_time = by_logistic, first = 1e-4) {
  started <- !is.na(d$start) & d$start <= grace
  alive <- d$time > grace
  weight <- 1 / in_time(d, started, alive)
  remaining <- untreated(d, started, grace, stype, ties, first)
  row <- seq_len(nrow(d))
  one <- data.frame(row, stop = ifelse(started, d$time, pmin(d$time, grace)), dead = ifelse(started | !alive, d$event, 0))
  # Nobody untreated is followed in arm 1 if there is no grace, and nobody treated at time zero in arm 0.
  one <- one[one$stop > 0, ]
  one <- if (grace > 0) survSplit(Surv(stop, dead) ~ ., one, cut = grace) else transform(one, tstart = 0)
  one <- transform(one, w = ifelse(tstart >= grace, weight[row], 1), arm = 1)
  zero <- data.frame(row, stop = ifelse(started, d$start, d$time), dead = ifelse(started, 0, d$event))
  cuts <- sort(unique(d$start[started & d$start > 0]))
  zero <- zero[zero$stop > 0, ]
  zero <- if (length(cuts)) survSplit(Surv(stop, dead) ~ ., zero, cut = cuts) else transform(zero, tstart = 0)
  zero$w <- 1 / remaining(zero$row, zero$tstart)
  zero$arm <- 0
  fit <- coxph(Surv(tstart, stop, dead) ~ arm, rbind(one[names(zero)], zero), weights = w, cluster = row, control = control)
  rest <- which(alive & !started)
  fit$extra <- sprintf(', "alive": %d, "sum_in_time": %.17g, "sum_unstarted": %.17g, "largest_weight": %.17g',
    sum(alive), sum(weight[alive & started]), sum(1 / remaining(rest, rep(grace, length(rest)))), max(one$w, zero$w))
  numbered(fit, nrow(d))
}
all_methods <- function(name, d, landmarks, graces) c(
  line(name, "naive", NA, naive(d)),
  sapply(landmarks, function(at) line(name, "landmark", at, landmark(d, at))),
  line(name, "time_dependent", NA, time_dependent(d)),
  sapply(graces, function(grace) { fit <- clones(d, grace); line(name, "clone_censor_weight", grace, fit, extra = fit$extra) }))

# Two kinds of weights that are not to be used, for one grace period: both arms by exp(-Breslow), and arm 0 alone.
leap <- function(d, started, alive) by_breslow(d, started, alive, 30)
wrong <- clones(as_dated, 30, stype = 2, ties = "breslow", in_time = leap, first = 0)
half <- clones(as_dated, 30, stype = 2, ties = "breslow", first = 0)

results <- c(all_methods("dated", as_dated, c(15, 30, 60), c(15, 30, 60)), all_methods("coded", as_coded, c(30, 60), c(30, 60)),
  all_methods("months", in_months, c(1, 2), c(0, 1, 2)), line("dated", "exp(-Breslow) in both arms", 30, wrong, extra = wrong$extra),
  line("dated", "exp(-Breslow) in arm 0", 30, half, extra = half$extra))

# Weighted intervals with ties, several covariates and clusters: the model itself.
set.seed(4)
rows <- survSplit(Surv(time, event) ~ ., as_dated, cut = c(10, 30, 50, 100, 400))
rows <- transform(rows, tstart = ceiling(tstart / 5), time = ceiling(time / 5) + 1, w = round(rexp(nrow(rows)) + 0.1, 2))
fit <- coxph(Surv(tstart, time, event) ~ age + surgery, rows, weights = w, cluster = id, control = control)
vector <- function(values) sprintf("[%s]", paste(ifelse(is.na(values), "null", sprintf("%.17g", values)), collapse = ", "))
table <- function(frame, columns)
  sprintf("{%s}", paste(sprintf('"%s": %s', columns, sapply(frame[columns], vector)), collapse = ", "))
cat('{"results": [\n', paste(results, collapse = ",\n"), '\n],\n"intervals": {"coefficients": ', vector(coef(fit)),
  ', "robust": ', vector(fit$var), ', "model": ', vector(fit$naive.var), ', "loglik": ', vector(fit$loglik), ',\n"rows": ',
  table(rows, c("id", "tstart", "time", "event", "w", X)), '},\n"dated": ',
  table(as_dated, c("time", "event", "start", X)), '}\n', sep = "")
