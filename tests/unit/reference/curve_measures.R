# Reference values for test_curve_measures.py: Rscript curve_measures.R > curve_measures.json
# Contrasts of weighted, clustered and late-entering Kaplan-Meier curves, from survfit's influence values.
suppressMessages(library(survival))

d <- lung[order(lung$time), ]
d <- data.frame(time = d$time, event = as.integer(d$status == 2), arm = as.integer(d$sex == 2), age = d$age)
n <- nrow(d)
d$weight <- 0.5 + (seq_len(n) * 7 %% 11) %% 11 / 4
d$pair <- (seq_len(n) * 5) %% (n %/% 2)
d$entry <- (seq_len(n) * 13) %% 40
d$entry[d$entry >= d$time] <- 0
horizons <- c(200, 365)
times <- c(90, 183, 365)

# The influence of each row on S at the steps of its curve; survfit has multiplied it by the weight.
response <- function(rows, late) {
  if (late) Surv(rows$entry, rows$time, rows$event) else Surv(rows$time, rows$event)
}
curve <- function(rows, late) {
  fit <- survfit(response(rows, late) ~ 1, weights = rows$weight, id = seq_len(nrow(rows)), robust = TRUE,
                 influence = TRUE)
  list(fit = fit, influence = fit$influence.surv)
}

read_at <- function(own, when) {
  step <- findInterval(when, own$fit$time)
  list(value = own$fit$surv[step], influence = own$influence[, step])
}

area_to <- function(own, tau) {
  inside <- own$fit$time < tau
  widths <- diff(c(own$fit$time[inside], tau))
  list(value = own$fit$time[inside][1] + sum(own$fit$surv[inside] * widths),
       influence = as.vector(own$influence[, inside, drop = FALSE] %*% widths))
}

contrast <- function(d, read, late, cluster) {
  parts <- lapply(0:1, function(a) {
    rows <- d[d$arm == a, ]
    c(read(curve(rows, late)), list(rows = rows))
  })
  moves <- c(-parts[[1]]$influence, parts[[2]]$influence)
  rows <- rbind(parts[[1]]$rows, parts[[2]]$rows)
  c(estimate = parts[[2]]$value - parts[[1]]$value,
    se = sqrt(sum(tapply(moves, rows[[cluster]], sum)^2)))
}

cases <- list(
  weighted = list(late = FALSE, weight = d$weight, cluster = "row"),
  clustered = list(late = FALSE, weight = rep(1, n), cluster = "pair"),
  plain = list(late = FALSE, weight = rep(1, n), cluster = "row"),
  late = list(late = TRUE, weight = d$weight, cluster = "pair")
)
d$row <- seq_len(n)
answers <- lapply(cases, function(case) {
  own <- transform(d, weight = case$weight)
  means <- sapply(horizons, function(tau) contrast(own, function(c) area_to(c, tau), case$late, case$cluster))
  points <- sapply(times, function(when) contrast(own, function(c) read_at(c, when), case$late, case$cluster))
  medians <- sapply(0:1, function(a) {
    rows <- own[own$arm == a, ]
    unname(quantile(survfit(response(rows, case$late) ~ 1, weights = rows$weight), 0.5, conf.int = FALSE))
  })
  list(estimate = unname(c(means[1, ], points[1, ], medians[2] - medians[1])),
       se = unname(c(means[2, ], points[2, ])))
})
# What survfit prints itself, of arm 1: no influence of ours in between.
one <- d[d$arm == 1, ]
robust <- summary(survfit(Surv(time, event) ~ 1, one, weights = weight, id = row, robust = TRUE), times = times)
cat(jsonlite::toJSON(list(data = as.list(d), horizons = horizons, times = times, answers = answers,
                          robust = list(surv = robust$surv, se = robust$std.err)),
                     digits = NA, auto_unbox = FALSE, pretty = 1))
