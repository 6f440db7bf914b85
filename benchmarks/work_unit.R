# The work unit by R's survival and glm, with a greedy matcher that respects calipers.
#   Rscript work_unit.R COHORT.csv estimates   prints them: a line for each caliper and state, before then after
#   Rscript work_unit.R COHORT.csv             times as many rounds of all calipers as each line of stdin asks for
suppressMessages(library(survival))

calipers <- c(0.05, 0.1, 0.2, 0.25, 0.5, Inf)
survival_times <- c(12, 24, 36)
landmark <- 8

# Logit in units of 1e-9, so that patients with the same covariates tie.
propensity_score <- function(d) {
  fit <- glm(arm ~ score1 + score2 + score3 + score4, binomial, d, control = glm.control(1e-12, 100))
  round(fit$linear.predictors * 1e9)
}

# Rows matched 1:1, greedily from the hardest to match, to the nearest patient still free.
match_rows <- function(score, arm, priority, width) {
  focal <- if (2 * sum(arm) <= length(arm)) 1 else 0
  takers <- order(if (focal == 1) -score else score, priority)
  takers <- takers[arm[takers] == focal]
  # By priority, so that the first of equally near patients is the one who comes first.
  others <- which(arm != focal)
  others <- others[order(priority[others])]
  free <- score[others]
  partner <- integer(length(takers))
  for (i in seq_along(takers)) {
    distance <- abs(free - score[takers[i]])
    nearest <- which.min(distance)
    if (distance[nearest] <= width && is.finite(free[nearest])) {
      partner[i] <- others[nearest]
      free[nearest] <- Inf
    }
  }
  sort(c(takers[partner > 0], partner[partner > 0]))
}

log_rank <- function(time, event, group) survdiff(Surv(time, event) ~ group)$chisq

describe <- function(d) {
  groups <- c("arm", paste0("factor", 1:8))
  tests <- vapply(groups, function(g) log_rank(d$time, d$event, d[[g]]), 0)
  curves <- summary(survfit(Surv(time, event) ~ arm, d, se.fit = FALSE), times = survival_times, extend = TRUE)
  model <- coxph(Surv(time, event) ~ arm + factor1 + factor2 + factor3 + factor4, d, ties = "efron")
  late <- d[d$time >= landmark, ]
  c(tests, curves$surv, coef(model), log_rank(late$time, late$event, late$arm))
}

work_unit <- function(d, caliper) {
  score <- propensity_score(d)
  width <- if (is.finite(caliper)) round(caliper * sd(score)) else Inf
  rows <- match_rows(score, d$arm, d$priority, width)
  rbind(describe(d), describe(d[rows, ]))
}

arguments <- commandArgs(TRUE)
d <- read.csv(arguments[1])
if (length(arguments) > 1) {
  for (caliper in calipers) {
    estimates <- work_unit(d, caliper)
    for (state in 1:2) cat(sprintf("%.17g", estimates[state, ]), sep = ",", fill = 10000)
  }
} else {
  invisible(work_unit(d, calipers[3]))
  cat("ready\n")
  asked <- file("stdin", "r")
  while (length(line <- readLines(asked, 1)) > 0) {
    least <- as.numeric(line)
    units <- 0
    start <- proc.time()[["elapsed"]]
    repeat {
      for (caliper in calipers) work_unit(d, caliper)
      units <- units + length(calipers)
      seconds <- proc.time()[["elapsed"]] - start
      if (seconds >= least) break
    }
    cat(sprintf('{"units": %d, "seconds": %.6f}\n', units, seconds))
  }
}
