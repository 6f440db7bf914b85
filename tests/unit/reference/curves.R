# Reference values for test_curves.py: Rscript curves.R GBSG2.csv > curves.json
# GBSG2.csv holds the columns time, cens, horTh of lifelines.datasets.load_gbsg2().
suppressMessages(library(survival))

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[", paste(parts, collapse = ",\n"), "]"))
    return(paste0("{", paste0('"', names(x), '": ', parts, collapse = ",\n"), "}"))
  }
  numbers <- ifelse(is.finite(x), sprintf("%.17g", as.numeric(x)), "null")
  paste0("[", paste(numbers, collapse = ","), "]")
}

conf_types <- c("log-log", "log", "plain")
probabilities <- c(0.25, 0.5, 0.75)
by_conf_type <- function(f) sapply(conf_types, f, simplify = FALSE)
quantiles <- function(fit) lapply(quantile(fit, probabilities), unname)

full_curve <- function(d) {
  fit <- survfit(Surv(time, event) ~ 1, d)
  limits <- by_conf_type(function(type) {
    fit <- survfit(Surv(time, event) ~ 1, d, conf.type = type)
    list(lower = fit$lower, upper = fit$upper)
  })
  c(unclass(fit)[c("time", "n.risk", "n.event", "n.censor", "surv", "std.err")], list(limits = limits))
}

readings <- function(d, at, taus) {
  at <- at[at <= max(d$time)]
  by_type <- by_conf_type(function(type) {
    fit <- survfit(Surv(time, event) ~ 1, d, conf.type = type)
    s <- summary(fit, times = at)
    list(quantiles = quantiles(fit), lower = s$lower, upper = s$upper)
  })
  fit <- survfit(Surv(time, event) ~ 1, d)
  s <- summary(fit, times = at)
  means <- sapply(taus, function(tau) summary(fit, rmean = tau)$table[c("rmean", "se(rmean)")])
  list(at = at, surv = s$surv, std.err = s$std.err, n.risk = s$n.risk, by_type = by_type,
       level99 = quantiles(survfit(Surv(time, event) ~ 1, d, conf.type = "log-log", conf.int = 0.99)),
       reverse = quantiles(survfit(Surv(time, 1 - event) ~ 1, d, conf.type = "log-log")),
       taus = taus, rmean = means[1, ], rmean.se = means[2, ])
}

difference <- function(a, b, at, tau) {
  fit_a <- survfit(Surv(time, event) ~ 1, a)
  fit_b <- survfit(Surv(time, event) ~ 1, b)
  s_a <- summary(fit_a, times = at)
  s_b <- summary(fit_b, times = at)
  wald <- function(estimate, se) {
    list(estimate = estimate, se = se, lower = estimate - qnorm(0.975) * se,
         upper = estimate + qnorm(0.975) * se, p = 2 * pnorm(-abs(estimate / se)))
  }
  mean_a <- unname(summary(fit_a, rmean = tau)$table[c("rmean", "se(rmean)")])
  mean_b <- unname(summary(fit_b, rmean = tau)$table[c("rmean", "se(rmean)")])
  list(at = at, survival = wald(s_a$surv - s_b$surv, sqrt(s_a$std.err^2 + s_b$std.err^2)), tau = tau,
       mean = wald(mean_a[1] - mean_b[1], sqrt(mean_a[2]^2 + mean_b[2]^2)))
}

tiny <- function(seed) {
  set.seed(seed)
  n <- sample(2:12, 1)
  d <- data.frame(time = sample(1:7, n, TRUE), event = rbinom(n, 1, 0.7))
  by_type <- by_conf_type(function(type) {
    fit <- survfit(Surv(time, event) ~ 1, d, conf.type = type)
    list(quantiles = quantiles(fit), lower = fit$lower, upper = fit$upper)
  })
  list(time = d$time, event = d$event, by_type = by_type)
}

gbsg2 <- read.csv(commandArgs(TRUE)[1])
sets <- list(
  veteran = data.frame(time = veteran$time, event = veteran$status, arm = veteran$trt - 1),
  lung = data.frame(time = lung$time, event = lung$status - 1, arm = lung$sex - 1),
  gbsg2 = data.frame(time = gbsg2$time, event = gbsg2$cens, arm = as.integer(gbsg2$horTh == "yes"))
)
at <- list(veteran = c(0, 0.5, 1, 30, 52, 100.5, 365, 999), lung = c(5, 100, 365.25, 600, 1022),
           gbsg2 = c(8, 300, 720, 1500, 2500))
taus <- list(veteran = c(20, 180, 999), lung = c(180, 365, 800), gbsg2 = c(720, 1500, 2000))
cohorts <- unlist(lapply(names(sets), function(name) {
  d <- sets[[name]]
  parts <- list(d, d[d$arm == 0, ], d[d$arm == 1, ])
  names(parts) <- paste(name, c("all", "0", "1"))
  lapply(parts, readings, at[[name]], taus[[name]])
}), recursive = FALSE)
differences <- sapply(names(sets), function(name) {
  d <- sets[[name]]
  difference(d[d$arm == 1, ], d[d$arm == 0, ], at[[name]][3:4], taus[[name]][2])
}, simplify = FALSE)

near <- list(c(1, 1 + 1e-9, 2), c(100, 100 + 1e-6, 100 + 2e-6, 300), c(100, 100 + 1e-5, 300),
             c(0, 1e-9, 5), c(3, 1.1 - 0.2, 0.9, 3), c(1e-9, 2e-9, 3e-8), c(7, 7, 7),
             c(2.4, 24 / 10, 0.1 + 0.2, 0.3, 1e6, 1e6 + 0.004))
timefix <- lapply(near, function(x) list(time = x, fixed = aeqSurv(Surv(x, rep(1, length(x))))[, 1]))

# Times in tenths of a month, follow-up closed after 24 months, each a little less or more by rounding (35 tenths
# added up are not 3.5). R reads the tenths.
set.seed(24)
months <- pmin(sample(30:400, 60, TRUE), 240)
months[1:8] <- 120
rounding <- data.frame(time = months / 10 * (1 + rep(-1:1, 20) * 2^-52), true = months / 10, arm = rep(0:1, 30),
                       event = ifelse(months < 240, rbinom(60, 1, 0.6), 0))
rounded <- lapply(0:1, function(arm) {
  fit <- survfit(Surv(true, event) ~ 1, rounding[rounding$arm == arm, ])
  s <- summary(fit, times = c(12, 24), extend = TRUE)
  list(surv = s$surv, std.err = s$std.err, n.risk = s$n.risk,
       mean = unname(summary(fit, rmean = 24)$table[c("rmean", "se(rmean)")]))
})

cat(json(list(data = lapply(sets[1:2], as.list), veteran_curve = full_curve(sets$veteran), cohorts = cohorts,
              differences = differences, tiny = lapply(1:40, tiny), timefix = timefix,
              rounding = as.list(rounding[c("time", "event", "arm")]), rounded = rounded)), "\n", sep = "")
