# Estimates of many cohorts for tests/fuzz: Rscript check.R in.csv out.csv
# Rows of in.csv: cohort, time, event, arm, and columns x1, x2, ... of the adjusted model (empty where unused).
suppressMessages(library(survival))
paths <- commandArgs(trailingOnly = TRUE)
all <- read.csv(paths[1], colClasses = "numeric")
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
one <- function(d) {
  columns <- grep("^x", names(d), value = TRUE)
  columns <- columns[colSums(!is.na(d[columns])) > 0]
  fit <- function(formula) {
    warned <- FALSE
    model <- withCallingHandlers(
      tryCatch(coxph(formula, d, control = control), error = function(e) NULL),
      warning = function(w) { warned <<- TRUE; invokeRestart("muffleWarning") })
    if (is.null(model) || warned || !("arm" %in% names(coef(model)))) return(c(NA, NA))
    c(coef(model)[["arm"]], sqrt(vcov(model)["arm", "arm"]))
  }
  adjusted <- as.formula(paste("Surv(time, event) ~ arm", paste(c("", columns), collapse = " + ")))
  chi <- tryCatch(survdiff(Surv(time, event) ~ arm, d)$chisq, error = function(e) NA)
  curve <- survfit(Surv(time, event) ~ 1, d)
  alive <- if (max(d$time) >= 12 * (1 - 1e-9)) summary(curve, times = 12, extend = TRUE)$surv else NA
  c(d$cohort[1], fit(Surv(time, event) ~ arm), fit(adjusted), chi, alive)
}
found <- as.data.frame(do.call(rbind, lapply(split(all, all$cohort), one)))
names(found) <- c("cohort", "coef", "se", "adjusted_coef", "adjusted_se", "log_rank", "alive_12")
write.csv(found, paths[2], row.names = FALSE)
