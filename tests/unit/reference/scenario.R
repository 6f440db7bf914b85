# One scenario of a cohort of tests/unit/cohorts.py or tests/unit/more_cohorts.py recomputed with R survival.
# Usage: Rscript scenario.R breast|veteran|lung cohort.csv > scenario_breast.json
# cohort.csv: the canonical frame and the column `rank`, the tie-break of survival_multiverse.balancing.matching.priority.
# "population|set|estimator|landmark|order|subgroup": {"analysis|model|ties|variance|variable|level|statistic":
# [estimate, standard error, CI limits, P, df, n, events]}, without nulls at the end and without what can't be estimated.
suppressMessages(library(survival))
options(warn = -1)
caliper <- 0.2; least_events <- 5
# `levels`: factors with their levels, the reference first. `cuts`: numbers that are grouped at a cut, with the
# name of the group. `linear`: numbers that enter models as they are. `late`: known only after treatment began.
studies <- list(
  breast = list(
    threshold = 3, dose_cutoff = 20, volume_cutoff = 25, times = c(24, 60, 88), horizon = 48, landmarks = c(12, 24),
    multivariable = c("volume", "grade", "hormone"), interactions = c("hormone", "grade"),
    sets = list(late = c("hormone", "volume", "estrogen"),
                early = c("hormone", "age_group", "menopause", "grade", "volume")),
    levels = list(hormone = c("no", "yes"), menopause = c("Pre", "Post"), grade = c("I", "II", "III")),
    cuts = list(age_group = list("age", 50)), linear = "estrogen", late = "estrogen"),
  veteran = list(
    threshold = 60, dose_cutoff = 60, volume_cutoff = 5, times = c(13, 26, 52), horizon = 26, landmarks = 4,
    multivariable = c("volume", "cell", "therapy"), interactions = c("therapy", "cell"),
    sets = list(late = c("prior", "volume"), early = c("cell", "therapy", "volume")),
    levels = list(cell = c("squamous", "smallcell", "adeno", "large"), therapy = c("standard", "test"),
                  prior = c("no", "yes")),
    cuts = list(), linear = character(), late = "prior"),
  lung = list(
    threshold = 1, dose_cutoff = 63, volume_cutoff = 975, times = c(183, 365, 731), horizon = 365, landmarks = 91,
    multivariable = c("sex", "weight_loss"), interactions = c("sex", "volume"),
    sets = list(late = c("sex", "volume", "weight_loss"), early = c("sex", "karno_group", "own_group", "volume")),
    levels = list(sex = c("male", "female")),
    cuts = list(karno_group = list("karno", 90), own_group = list("own_karno", 80)),
    linear = "weight_loss", late = character()))
arguments <- commandArgs(TRUE)
study <- studies[[arguments[1]]]
for (setting in setdiff(names(study), "levels")) assign(setting, study[[setting]])
groups <- c(names(study$levels), names(cuts), "volume")
cut_numbers <- vapply(cuts, `[[`, "", 1)
numbers <- c(unname(cut_numbers), linear, "gtv", "lesions")
shown <- c(cut_numbers, volume = "gtv")
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
z <- qnorm(0.975)

patients <- read.csv(arguments[2], na.strings = "")
patients <- within(patients, {
  arm <- as.integer(dose >= dose_cutoff)
  volume <- factor(gtv >= volume_cutoff, c(FALSE, TRUE), c("below cutoff", "at or above cutoff"))
  state <- factor(lesions >= threshold, c(FALSE, TRUE), c("oligometastatic", "non_oligometastatic"))
  pair <- NA
})
for (v in names(study$levels)) patients[[v]] <- factor(patients[[v]], study$levels[[v]])
for (v in names(cuts)) {
  cut <- cuts[[v]][[2]]
  patients[[v]] <- factor(patients[[cut_numbers[[v]]]] >= cut, c(FALSE, TRUE), paste0(c("<", ">="), cut))
}
name_of <- function(variable) if (variable %in% names(shown)) shown[[variable]] else variable

rows <- list()
context <- character(6)
put <- function(analysis, statistic, estimate, variable = "arm", level = "", model = "", ties = "", variance = "",
                se = NA, lower = NA, upper = NA, p = NA, df = NA, n = NA, events = NA) {
  if (!is.finite(estimate)) return(invisible())
  key <- paste(c(context, analysis, model, ties, variance, name_of(variable), level, statistic), collapse = "|")
  if (!is.null(rows[[key]])) stop("twice: ", key)
  rows[[key]] <<- c(estimate, se, lower, upper, p, df, n, events)
}
on <- function(population, set = "", estimator = "unadjusted", landmark = 0, order = "", subgroup = "") {
  context <<- c(population, set, estimator, landmark, order, subgroup)
}

# Design columns with their variable and contrast, as a user reads them.
design <- function(variables, data) {
  columns <- list(); variable <- level <- character()
  for (v in variables) {
    x <- data[[v]]
    if (is.factor(x)) for (l in levels(x)[-1]) {
      columns[[length(columns) + 1]] <- as.numeric(x == l)
      variable <- c(variable, v); level <- c(level, paste(l, "vs", levels(x)[1]))
    } else {
      columns[[length(columns) + 1]] <- as.numeric(x)
      variable <- c(variable, v); level <- c(level, if (v == "arm") "1 vs 0" else "per unit")
    }
  }
  list(X = do.call(cbind, columns), variable = variable, level = level)
}
enough <- function(data) all(c(sum(data$event[data$arm == 1]), sum(data$event[data$arm == 0])) >= least_events)
naive <- function(fit) if (is.null(fit$naive.var)) fit$var else fit$naive.var
estimable <- function(fit, X) {
  beta <- coef(fit)
  # A likelihood without a maximum shows as a standard error beyond any that data can give.
  all(is.finite(beta)) && all(abs(beta) * apply(X, 2, sd) <= 10) && all(sqrt(diag(naive(fit))) < 100)
}
fit_cox <- function(X, data, ties = "efron", ...) {
  fit <- try(coxph(Surv(time, event) ~ X, data, ties = ties, control = control, ...), silent = TRUE)
  if (inherits(fit, "try-error") || !estimable(fit, X)) NULL else fit
}
ratios <- function(model, variables, data, variances, weights = NULL, both = TRUE) {
  data <- data[complete.cases(data[variables]), ]
  if ("arm" %in% variables && !enough(data)) return()
  d <- design(variables, data)
  for (ties in c("efron", if (both) "breslow")) for (variance in variances) {
    fit <- switch(variance,
      model = fit_cox(d$X, data, ties),
      clustered = fit_cox(d$X, data, ties, cluster = data$pair),
      robust = fit_cox(d$X, data, ties, weights = weights, robust = TRUE))
    if (is.null(fit)) next
    beta <- unname(coef(fit)); se <- sqrt(diag(fit$var))
    for (j in seq_along(beta))
      put("cox", "hazard_ratio", exp(beta[j]), d$variable[j], d$level[j], model, ties, variance, se[j],
          exp(beta[j] - z * se[j]), exp(beta[j] + z * se[j]), 2 * pnorm(-abs(beta[j] / se[j])),
          n = nrow(data), events = sum(data$event))
  }
}
# Stacked estimating equations: `residual` is the derivative of an estimate (or a score) in a patient's weight, and
# the weights depend on the score and on the arm's share (reference/stacked.R differentiates numerically instead).
stacked_influence <- function(residual, data, set, estimator, p, w) {
  a <- data$arm
  X <- cbind(1, scale(design(set, data)$X))
  slope <- if (estimator == "overlap") ifelse(a == 1, -1, 1) * p * (1 - p) else ifelse(a == 1, -w * (1 - p), w * p)
  on_score <- (a - p) * X %*% solve(crossprod(X, p * (1 - p) * X), crossprod(X, slope * residual))
  share <- mean(a)
  on_share <- if (estimator == "overlap") 0 else
    (a - share) / length(a) * sum(residual * ifelse(a == 1, 1 / p, -1 / (1 - p)))
  w * residual + drop(on_score) + on_share
}
# The weighted model of the arm.
stacked_ratio <- function(data, set, estimator, p, w) {
  if (!enough(data)) return()
  fit <- fit_cox(design("arm", data)$X, data, "efron", weights = w, robust = TRUE)
  if (is.null(fit)) return()
  beta <- unname(coef(fit))
  influence <- stacked_influence(unname(residuals(fit, type = "score")), data, set, estimator, p, w)
  se <- sqrt(sum(influence^2)) * fit$naive.var[1, 1]
  put("cox", "hazard_ratio", exp(beta), "arm", "1 vs 0", "arm_only", "efron", "stacked", se, exp(beta - z * se),
      exp(beta + z * se), 2 * pnorm(-abs(beta / se)), n = nrow(data), events = sum(data$event))
}
# Weighted curves: survfit's influence values, which it has multiplied by the weights.
weighted_curves <- function(data, set, estimator, p, w) {
  for (a in 0:1) {
    own <- data$arm == a
    rows <- data[own, ]
    fit <- survfit(Surv(time, event) ~ 1, rows, weights = w[own], id = seq_len(sum(own)), robust = TRUE,
                   influence = TRUE)
    label <- list(level = a, variance = "stacked", n = nrow(rows), events = sum(rows$event))
    put_arm <- function(...) do.call(put, c(list("kaplan_meier", ...), label))
    put_arm("median", unname(quantile(fit, 0.5, conf.int = FALSE)))
    for (t in times[times <= max(rows$time)]) {
      step <- findInterval(t, fit$time)
      s <- if (step) fit$surv[step] else 1
      residual <- numeric(nrow(data))
      if (step) residual[own] <- fit$influence.surv[, step] / w[own]
      se <- sqrt(sum(stacked_influence(residual, data, set, estimator, p, w)^2))
      half <- z * se / s / log(s)
      ci <- if (s < 1) exp(-exp(log(-log(s)) + c(-1, 1) * half)) else c(NA, NA)
      put_arm(paste0("survival_", t), s, se = if (s > 0) se else NA, lower = min(ci), upper = max(ci))
    }
  }
}
# Xie and Liu (2005), and the score test of the weighted Cox model by its stacked influence.
weighted_log_rank <- function(data, set, estimator, p, w) {
  if (!enough(data)) return()
  score <- variance <- 0
  for (t in unique(data$time[data$event == 1])) {
    risk <- data$time >= t
    dies <- risk & data$time == t & data$event == 1
    share <- sum(w[risk & data$arm == 1]) / sum(w[risk])
    score <- score + sum(w[dies] * (data$arm[dies] - share))
    n <- sum(risk); d <- sum(dies)
    variance <- variance + d * (n - d) / (n * max(n - 1, 1)) * sum((w[risk] * (data$arm[risk] - share))^2)
  }
  null <- coxph(Surv(time, event) ~ arm, data, weights = w, init = 0, ties = "breslow",
                control = coxph.control(iter.max = 0))
  residual <- unname(residuals(null, type = "score"))
  stacked <- sum(stacked_influence(residual, data, set, estimator, p, w)^2)
  for (kind in c("robust", "stacked")) {
    chi2 <- score^2 / if (kind == "robust") variance else stacked
    put("log_rank", "chi_square", chi2, "arm", variance = kind, p = pchisq(chi2, 1, lower.tail = FALSE), df = 1,
        n = nrow(data), events = sum(data$event))
  }
}
log_rank <- function(variable, data, by_pair = FALSE) {
  data <- data[!is.na(data[[variable]]), ]
  if (variable == "arm" && !enough(data)) return()
  # A patient whose partner is gone takes no part in a test within pairs.
  counted <- if (by_pair) data[data$pair %in% data$pair[duplicated(data$pair)], ] else data
  n <- nrow(counted); events <- sum(counted$event)
  formula <- if (by_pair) reformulate(c(variable, "strata(pair)"), "Surv(time, event)") else
    reformulate(variable, "Surv(time, event)")
  # Levels that never share a stratum's risk set leave the variance singular.
  test <- tryCatch(survdiff(formula, data), error = function(e) NULL)
  if (is.null(test)) return()
  expected <- if (is.matrix(test$exp)) rowSums(test$exp) else test$exp
  df <- sum(expected > 0) - 1
  p <- pchisq(test$chisq, df, lower.tail = FALSE)
  put("log_rank", "chi_square", test$chisq, variable, model = if (by_pair) "pair_stratified" else "",
      p = p, df = df, n = n, events = events)
  p
}

describe <- function(data) {
  put("descriptive", "patients", nrow(data), "all", "all", n = nrow(data), events = sum(data$event))
  for (a in 0:1) {
    of <- data[data$arm == a, ]
    put("descriptive", "patients", nrow(of), "arm", a, n = nrow(of), events = sum(of$event))
  }
  for (v in c(groups, if (context[1] == "all") "state")) {
    known <- data[!is.na(data[[v]]), ]
    counts <- table(known[[v]], known$arm)
    for (l in rownames(counts)) for (a in colnames(counts))
      put("descriptive", paste0("patients_", a), counts[l, a], v, l, n = nrow(known))
    test <- chisq.test(counts[rowSums(counts) > 0, ], correct = FALSE)
    put("chi_square", "chi_square", unname(test$statistic), v, p = test$p.value, df = unname(test$parameter),
        n = nrow(known))
    if (nrow(known) < nrow(data))
      put("missing", "patients", nrow(data) - nrow(known), v, n = nrow(data))
  }
  for (v in numbers) {
    for (a in 0:1) {
      x <- na.omit(data[[v]][data$arm == a])
      values <- c(mean = mean(x), standard_deviation = sd(x), quartile_1 = unname(quantile(x, 0.25)),
                  median = median(x), quartile_3 = unname(quantile(x, 0.75)))
      for (s in names(values)) put("descriptive", s, values[[s]], v, paste("arm", a), n = length(x))
    }
    absent <- sum(is.na(data[[v]]))
    if (absent && v %in% linear) put("missing", "patients", absent, v, n = nrow(data))
  }
}
curve <- function(data, variable, level) {
  n <- nrow(data); events <- sum(data$event)
  fit <- survfit(Surv(time, event) ~ 1, data, conf.type = "log-log")
  at <- quantile(fit, 0.5)
  put("kaplan_meier", "median", at$quantile, variable, level, lower = at$lower, upper = at$upper, n = n, events = events)
  result <- list()
  for (t in times) {
    s <- summary(fit, times = t, extend = TRUE)
    beyond <- t > max(data$time) && s$surv > 0
    result[[as.character(t)]] <- if (beyond) c(NA, NA) else c(s$surv, s$std.err)
    put("kaplan_meier", paste0("survival_", t), if (beyond) NA else s$surv, variable, level, se = s$std.err,
        lower = s$lower, upper = s$upper, n = n, events = events)
  }
  result
}
follow_up <- function(data, variable, level) {
  n <- nrow(data); events <- sum(data$event)
  at <- quantile(survfit(Surv(time, 1 - event) ~ 1, data, conf.type = "log-log"), 0.5)
  put("follow_up", "reverse_kaplan_meier_median", at$quantile, variable, level, lower = at$lower, upper = at$upper,
      n = n, events = events)
  alive <- data$time[data$event == 0]
  values <- c(alive = length(alive), alive_minimum = min(alive), alive_median = median(alive),
              alive_maximum = max(alive))
  for (s in names(values)) put("follow_up", s, values[[s]], variable, level, n = n, events = events)
  curve <- survfit(Surv(time, event) ~ 1, data)
  put("follow_up", "risk_at_end", 1 - tail(curve$surv, 1), variable, level, n = n, events = events)
}
curves <- function(data) {
  curve(data, "all", "all"); follow_up(data, "all", "all")
  by_arm <- lapply(0:1, function(a) {
    of <- data[data$arm == a, ]
    follow_up(of, "arm", a)
    curve(of, "arm", a)
  })
  for (t in as.character(times)) {
    difference <- by_arm[[2]][[t]][1] - by_arm[[1]][[t]][1]
    se <- sqrt(by_arm[[2]][[t]][2]^2 + by_arm[[1]][[t]][2]^2)
    put("kaplan_meier", paste0("survival_difference_", t), difference, "arm", "1 vs 0", se = se,
        lower = difference - z * se, upper = difference + z * se, p = 2 * pnorm(-abs(difference / se)),
        n = nrow(data), events = sum(data$event))
  }
  for (v in c(groups, if (context[1] == "all") "state")) for (l in levels(data[[v]])) {
    of <- data[which(data[[v]] == l), ]
    if (nrow(of)) curve(of, v, l)
  }
}
restricted_mean <- function(data) {
  one <- function(of) {
    event_times <- sort(unique(of$time[of$event == 1]))
    at_risk <- sapply(event_times, function(t) sum(of$time >= t))
    deaths <- sapply(event_times, function(t) sum(of$time == t & of$event == 1))
    survival <- function(x) prod((1 - deaths / at_risk)[event_times <= x])
    area <- function(from) {
      knots <- c(from, event_times[event_times > from & event_times < horizon], horizon)
      sum(diff(knots) * sapply(head(knots, -1), survival))
    }
    before <- event_times <= horizon & at_risk > deaths
    c(area(0), sum(sapply(event_times[before], area)^2 * (deaths / (at_risk * (at_risk - deaths)))[before]))
  }
  low <- data[data$arm == 0, ]; high <- data[data$arm == 1, ]
  m0 <- one(low); m1 <- one(high)
  put("rmst", "restricted_mean", m0[1], "arm", 0, se = sqrt(m0[2]), n = nrow(low), events = sum(low$event))
  put("rmst", "restricted_mean", m1[1], "arm", 1, se = sqrt(m1[2]), n = nrow(high), events = sum(high$event))
  d <- m1[1] - m0[1]; se <- sqrt(m1[2] + m0[2])
  put("rmst", "restricted_mean_difference", d, "arm", "1 vs 0", se = se, lower = d - z * se, upper = d + z * se,
      p = 2 * pnorm(-abs(d / se)), n = nrow(data), events = sum(data$event))
}
hazards <- function(data, variances) {
  matched <- "clustered" %in% variances
  factors <- c(groups, if (context[1] == "all") "state")
  p <- c(arm = log_rank("arm", data), sapply(factors, log_rank, data))
  if (matched) for (v in c("arm", factors)) log_rank(v, data, by_pair = TRUE)
  ratios("arm_only", "arm", data, variances)
  # What a cut groups enters as it was measured, too.
  for (v in c(factors, linear, setdiff(numbers, linear))) ratios("univariate", v, data, variances)
  for (v in linear) {
    known <- data[!is.na(data[[v]]), ]
    fit <- fit_cox(as.matrix(known[v]), known)
    p[v] <- 2 * pnorm(-abs(coef(fit) / sqrt(fit$var)))
  }
  ratios("pre_specified", c("arm", multivariable), data, variances)
  for (v in names(p)) put("selection", "selected", as.integer(p[v] < 0.05), v, model = "selected", p = p[[v]])
  ratios("selected", c("arm", setdiff(names(p)[p < 0.05], "arm")), data, variances)
  for (v in interactions) {
    known <- data[!is.na(data[[v]]), ]
    d <- design(c("arm", v), known)
    X <- cbind(d$X, known$arm * d$X[, -1])
    extra <- (ncol(d$X) + 1):ncol(X)
    fit <- if (matched) fit_cox(X, known, cluster = known$pair) else fit_cox(X, known)
    if (is.null(fit)) next
    chisq <- if (matched) drop(coef(fit)[extra] %*% solve(fit$var[extra, extra], coef(fit)[extra])) else
      2 * (fit$loglik[2] - fit_cox(d$X, known)$loglik[2])
    put("interaction", "chi_square", chisq, v, model = if (matched) "wald_clustered" else "likelihood_ratio",
        ties = "efron", p = pchisq(chisq, length(extra), lower.tail = FALSE), df = length(extra), n = nrow(known),
        events = sum(known$event))
  }
  for (model in c("arm_only", "pre_specified")) {
    terms <- c("arm", if (model == "pre_specified") multivariable)
    known <- data[complete.cases(data[terms]), ]
    fit <- coxph(reformulate(terms, "Surv(time, event)"), known, control = control)
    table <- cox.zph(fit, "km")$table
    for (v in rownames(table))
      put("ph_test", "chi_square", table[v, 1], if (v == "GLOBAL") "global" else v, model = model, ties = "efron",
          p = table[v, 3], df = table[v, 2], n = nrow(known), events = sum(known$event))
  }
  restricted_mean(data)
}
comparison <- function(data, variances) {
  log_rank("arm", data)
  if ("clustered" %in% variances) log_rank("arm", data, by_pair = TRUE)
  ratios("arm_only", "arm", data, variances, both = FALSE)
}
subgroups <- function(data, variances) {
  kept <- context
  for (v in interactions) for (l in levels(data[[v]])) {
    context[6] <<- paste0(name_of(v), "=", l)
    comparison(data[which(data[[v]] == l), ], variances)
  }
  context <<- kept
}

# Indicator columns whose balance is judged: the second of two levels, every one of three.
indicators <- function(data) {
  out <- list()
  for (v in c(groups, if (context[1] == "all") "state")) {
    l <- levels(data[[v]])
    for (x in if (length(l) == 2) l[2] else l) out[[paste(v, x, sep = "|")]] <- as.numeric(data[[v]] == x)
  }
  out
}
balance <- function(data, weight, whole, set, focal, details = TRUE) {
  largest <- list()
  judge <- function(v, level, x, before, binary) {
    n <- sum(!is.na(x))
    side <- function(a) {
      use <- data$arm == a & weight > 0 & !is.na(x)
      w <- weight[use]; x <- x[use]
      m <- sum(w * x) / sum(w)
      list(x = x, w = w, mean = m, var = sum(w) / (sum(w)^2 - sum(w^2)) * sum(w * (x - m)^2))
    }
    spread <- function(a) {
      u <- before[whole$arm == a & !is.na(before)]
      if (binary) mean(u) * (1 - mean(u)) else var(u)
    }
    one <- side(1); zero <- side(0)
    smd <- (one$mean - zero$mean) / sqrt((spread(1) + spread(0)) / 2)
    key <- if (binary) paste0(v, "#") else v
    largest[[key]] <<- max(largest[[key]], abs(smd))
    if (!details) return()
    shown_as <- list(variable = v, level = level, n = n)
    show <- function(statistic, value) do.call(put, c(list("balance", statistic, value), shown_as))
    show("mean_0", zero$mean); show("mean_1", one$mean); show("smd", smd)
    show("smd_att", (one$mean - zero$mean) / sqrt(spread(focal)))
    if (binary) return()
    show("variance_ratio", one$var / zero$var)
    at <- sort(unique(c(one$x, zero$x)))
    cumulative <- function(s) sapply(at, function(t) sum(s$w[s$x <= t]) / sum(s$w))
    show("ks", max(abs(cumulative(one) - cumulative(zero))))
  }
  now <- indicators(data); before <- indicators(whole)
  for (key in names(now)) {
    parts <- strsplit(key, "|", fixed = TRUE)[[1]]
    judge(parts[1], parts[2], now[[key]], before[[key]], TRUE)
  }
  for (v in numbers) judge(v, "continuous", data[[v]], whole[[v]], FALSE)
  # A variable counts by its levels and as measured; the count and the state are one.
  forms <- function(v) c(paste0(v, "#"), name_of(v), if (v == "lesions") "state#")
  of <- function(variables) {
    max(unlist(largest[intersect(unlist(lapply(variables, forms)), names(largest))]))
  }
  known_before <- setdiff(c(groups, linear), late)
  worst <- c(propensity = of(set), baseline = of(c(known_before, "lesions")))
  for (gate in names(worst)) {
    put("balance_gate", paste0("max_abs_smd_", gate), worst[[gate]], "all")
    for (t in c("0.1", "0.25"))
      put("balance_gate", paste0("passes_", gate, "_", t), as.integer(worst[[gate]] < as.numeric(t)), "all")
  }
}
propensity <- function(data, set) {
  d <- design(set, data)
  X <- scale(d$X)
  if (any(apply(d$X, 2, sd) == 0)) return(NULL)
  fit <- glm(data$arm ~ X, family = binomial, control = list(epsilon = 1e-15, maxit = 100))
  # Without a maximum glm goes on until the scores of some patients are 0 or 1 to the last digit.
  if (any(abs(coef(fit)[-1]) > 10) || any(pmin(fitted(fit), 1 - fitted(fit)) < 1e-10)) return(NULL)
  unname(fit$linear.predictors)
}
greedy <- function(data, logit) {
  score <- round(logit * 1e9)
  focal <- as.integer(sum(data$arm) <= sum(1 - data$arm))
  width <- round(caliper * sd(score / 1e9) * 1e9)
  sign <- if (focal == 1) 1 else -1
  takers <- which(data$arm == focal)
  takers <- takers[order(-sign * score[takers], data$rank[takers])]
  free <- which(data$arm != focal)
  pair <- rep(NA, nrow(data)); number <- 0
  for (i in takers) {
    distance <- abs(score[free] - score[i])
    best <- order(distance, data$rank[free])[1]
    if (!length(free) || distance[best] > width) next
    number <- number + 1
    pair[c(i, free[best])] <- number
    free <- free[-best]
  }
  list(pair = pair, focal = focal, width = width / 1e9, sd = sd(score / 1e9), pairs = number,
       focal_patients = length(takers))
}
report_match <- function(data, logit, m) {
  scored <- list(pairs = m$pairs, focal_arm = m$focal, focal_patients = m$focal_patients,
                 matched_share = m$pairs / m$focal_patients, caliper_width = m$width, logit_sd = m$sd)
  for (s in names(scored)) put("matching", s, scored[[s]], n = nrow(data))
}
report_score <- function(data, logit) {
  by_arm <- split(round(logit, 9), data$arm)
  wins <- outer(by_arm[["1"]], by_arm[["0"]], function(a, b) (a > b) + (a == b) / 2)
  put("propensity", "c_statistic", mean(wins), n = nrow(data))
  inside <- function(x) x >= max(sapply(by_arm, min)) & x <= min(sapply(by_arm, max))
  put("propensity", "common_support_share", mean(inside(round(logit, 9))), level = "all", n = nrow(data))
  for (a in names(by_arm))
    put("propensity", "common_support_share", mean(inside(by_arm[[a]])), level = a, n = nrow(data))
}

analyse <- function(population, everything) {
  data <- if (population == "all") patients else patients[which(patients$state == population), ]
  at_landmark <- function(of, landmark) of[of$time >= landmark, ]
  if (everything) {
    on(population)
    describe(data); curves(data); hazards(data, "model"); subgroups(data, "model")
    for (l in landmarks) { on(population, landmark = l); comparison(at_landmark(data, l), "model") }
  }
  for (name in names(sets)) {
    set <- c(sets[[name]], if (population == "all" && name == "early") "lesions")
    candidates <- data[complete.cases(data[set]), ]
    for (l in c(0, landmarks)) {
      here <- at_landmark(candidates, l)
      on(population, name, "adjusted", l); ratios("adjusted", c("arm", set), here, "model")
      logit <- propensity(here, set)
      if (l == 0) {
        on(population, name)
        balance(here, rep(1, nrow(here)), here, set, as.integer(mean(here$arm) <= 0.5))
      }
      if (is.null(logit)) next
      on(population, name, "unadjusted", l); report_score(here, logit)
      p <- plogis(logit)
      weights <- list(overlap = ifelse(here$arm == 1, 1 - p, p),
                      iptw = ifelse(here$arm == 1, mean(here$arm) / p, mean(1 - here$arm) / (1 - p)))
      for (estimator in names(weights)) {
        on(population, name, estimator, l)
        w <- weights[[estimator]]
        ratios("arm_only", "arm", here, "robust", w, both = FALSE)
        stacked_ratio(here, set, estimator, p, w)
        weighted_log_rank(here, set, estimator, p, w)
        if (l == 0) weighted_curves(here, set, estimator, p, w)
        size <- function(w) sum(w)^2 / sum(w^2)
        put("weights", "effective_sample_size", size(w), level = "all", n = nrow(here))
        for (a in 0:1) put("weights", "effective_sample_size", size(w[here$arm == a]), level = a, n = nrow(here))
        put("weights", "largest_weight", max(w), n = nrow(here))
        put("weights", "extreme_weights", sum(w > 20), n = nrow(here))
        balance(here, w, here, set, as.integer(mean(here$arm) <= 0.5), l == 0)
      }
      m <- greedy(here, logit)
      on(population, name, "matched", l, if (l) "landmark_then_match" else "")
      report_match(here, logit, m)
      here$pair <- m$pair
      matched <- here[!is.na(here$pair), ]
      balance(matched, rep(1, nrow(matched)), here, set, m$focal, l == 0)
      if (l > 0) { comparison(matched, c("model", "clustered")); next }
      if (everything) {
        describe(matched); curves(matched); hazards(matched, c("model", "clustered"))
        subgroups(matched, c("model", "clustered"))
      } else {
        log_rank("arm", matched); log_rank("arm", matched, by_pair = TRUE)
        ratios("arm_only", "arm", matched, c("model", "clustered"))
      }
      for (later in landmarks) {
        on(population, name, "matched", later, "match_then_landmark")
        comparison(at_landmark(matched, later), c("model", "clustered"))
        balance(at_landmark(matched, later), rep(1, sum(matched$time >= later)), here, set, m$focal, FALSE)
      }
    }
  }
}
analyse("non_oligometastatic", TRUE)
analyse("oligometastatic", FALSE)
analyse("all", FALSE)

number <- function(x) ifelse(is.finite(x), sprintf("%.11g", x), "null")
width <- attr(regexpr("([^|]*[|]){6}", names(rows)), "match.length")
heads <- substring(names(rows), 1, width - 1)
entries <- mapply(function(tail, values) {
  values <- values[seq_len(max(which(is.finite(values))))]
  sprintf('"%s": [%s]', tail, paste(number(values), collapse = ", "))
}, substring(names(rows), width + 1), rows)
blocks <- vapply(unique(heads), function(head)
  sprintf('"%s": {\n%s\n}', head, paste(entries[heads == head], collapse = ",\n")), "")
cat("{\n", paste(blocks, collapse = ",\n"), "\n}\n", sep = "")
