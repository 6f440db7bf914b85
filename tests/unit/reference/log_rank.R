# Reference values for test_log_rank.py: Rscript log_rank.R GBSG2.csv > log_rank.json
# GBSG2.csv holds the columns time, cens, horTh, menostat, tgrade of lifelines.datasets.load_gbsg2().
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

test <- function(time, event, group, stratum = NULL) {
  fit <- if (is.null(stratum)) survdiff(Surv(time, event) ~ group)
         else survdiff(Surv(time, event) ~ group + strata(stratum))
  df <- sum(rowSums(as.matrix(fit$exp)) > 0) - 1
  list(chisq = fit$chisq, df = df, p = pchisq(fit$chisq, df, lower.tail = FALSE), n = as.vector(fit$n),
       obs = rowSums(as.matrix(fit$obs)), exp = rowSums(as.matrix(fit$exp)))
}

tiny <- function(seed) {
  set.seed(seed)
  n <- sample(6:20, 1)
  d <- data.frame(time = sample(1:8, n, TRUE), event = rbinom(n, 1, 0.7), group = sample(0:2, n, TRUE),
                  stratum = sample(c(-3, 5, 90), n, TRUE))
  run <- function(...) tryCatch(test(...), error = function(e) list())
  c(as.list(d), list(plain = run(d$time, d$event, d$group),
                     stratified = run(d$time, d$event, d$group, d$stratum)))
}

gbsg2 <- read.csv(commandArgs(TRUE)[1])
sets <- list(
  veteran = data.frame(time = veteran$time, event = veteran$status, two = veteran$trt - 1,
                       many = as.integer(veteran$celltype) - 1, stratum = as.integer(veteran$karno >= 60),
                       pair = rep(1:69, each = 2)[1:137]),
  lung = data.frame(time = lung$time, event = lung$status - 1, two = lung$sex - 1,
                    many = ifelse(is.na(lung$ph.ecog), -1, lung$ph.ecog),
                    stratum = as.integer(lung$age >= 65), pair = rep(1:114, each = 2)),
  gbsg2 = data.frame(time = gbsg2$time, event = gbsg2$cens, two = as.integer(gbsg2$horTh == "yes"),
                     many = as.integer(factor(gbsg2$tgrade, c("I", "II", "III"))) - 1,
                     stratum = as.integer(gbsg2$menostat == "Post"), pair = rep(1:343, each = 2))
)
tests <- lapply(sets, function(d) {
  known <- d[d$many >= 0, ]
  list(two = test(d$time, d$event, d$two), many = test(known$time, known$event, known$many),
       stratified = test(d$time, d$event, d$two, d$stratum), pairs = test(d$time, d$event, d$two, d$pair),
       many_stratified = test(known$time, known$event, known$many, known$stratum))
})
cat(json(list(data = lapply(sets[1:2], as.list), tests = tests, tiny = lapply(1:40, tiny))), "\n", sep = "")
