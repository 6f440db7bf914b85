# Sensitivity of matched pairs to hidden bias on veteran, for test_sensitivity.py: Rscript rosenbaum.R rosenbaum.json
# Pairs are made by position: row i of a Karnofsky score below 60 with row i of the others, as far as both go.
suppressMessages({library(survival); library(jsonlite)})
path <- commandArgs(trailingOnly = TRUE)[1]
d <- read.csv(file.path(dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE))), "veteran.csv"))
one <- function(scale) {
  high_score <- d$karno >= 60
  m <- min(table(high_score))
  low <- d[!high_score, ][1:m, ]; high <- d[high_score, ][1:m, ]
  time <- ceiling(c(low$time, high$time) / scale); event <- c(low$status, high$status)
  # Prentice (1978): product of (n - d + 1) / (n + 1) over death times.
  curve <- survfit(Surv(time, event) ~ 1)
  product <- cumprod((curve$n.risk - curve$n.event + 1) / (curve$n.risk + 1))
  at <- product[match(time, curve$time)]
  score <- ifelse(event == 1, 2 * at - 1, at - 1)
  difference <- score[1:m] - score[m + 1:m]
  difference <- difference[abs(difference) > 1e-12]
  direction <- sign(sum(difference))
  towards <- sum(abs(difference)[difference * direction > 0])
  p_at <- function(gamma) {
    p <- gamma / (1 + gamma)
    pnorm((towards - p * sum(abs(difference))) / sqrt(p * (1 - p) * sum(difference^2)), lower.tail = FALSE)
  }
  gamma <- if (p_at(1) > .05) NA else
    uniroot(function(g) p_at(g) - .05, c(1, 1000), tol = 1e-12)$root
  list(scale = scale, scores = score, pairs = length(difference), direction = direction, p = p_at(1), gamma = gamma)
}
write_json(lapply(c(1, 30, 100), one), path, digits = NA, auto_unbox = TRUE, pretty = TRUE, na = "null")
