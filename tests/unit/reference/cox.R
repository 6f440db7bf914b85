# Reference values of Cox models from R survival. Usage: Rscript cox.R gbsg2.csv > cox.json
suppressMessages(library(survival))
control <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 50)
json <- function(x) {
  if (is.list(x)) {
    body <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[", paste(body, collapse = ",\n"), "]"))
    return(paste0("{", paste0('"', names(x), '": ', body, collapse = ",\n"), "}"))
  }
  text <- if (is.character(x)) paste0('"', x, '"') else if (is.logical(x)) tolower(as.character(x))
          else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (is.matrix(x) || length(x) != 1 || inherits(x, "AsIs")) paste0("[", paste(text, collapse = ", "), "]") else text
}
veteran <- with(survival::veteran, data.frame(
  time, event = status, arm = as.integer(trt == 2), karno60 = as.integer(karno >= 60), age, karno,
  small = as.integer(celltype == "smallcell"), adeno = as.integer(celltype == "adeno"),
  large = as.integer(celltype == "large")))
veteran$pair <- rep(1:69, each = 2)[1:137]
veteran$cell <- veteran$small + 2 * veteran$adeno + 3 * veteran$large
lung <- na.omit(survival::lung)
lung <- with(lung, data.frame(time, event = status - 1, age, female = sex - 1, ecog = ph.ecog, wt = wt.loss, inst))
data <- list(veteran = veteran, lung = lung, gbsg2 = read.csv(commandArgs(TRUE)[1]))
for (name in names(data)) data[[name]]$w <- 0.25 + 0.25 * (seq_len(nrow(data[[name]])) %% 7)

zph_of <- function(fit, terms, transform) {
  table <- cox.zph(fit, transform, terms = terms)$table
  list(chi2 = I(unname(table[, 1])), df = I(unname(table[, 2])), p = I(unname(table[, 3])))
}
case <- function(name, columns, ties = "efron", weighted = FALSE, cluster = "", robust = FALSE,
                 stratum = "", month = 0, terms = list()) {
  frame <- data[[name]]
  if (month > 0) frame$time <- ceiling(frame$time / month)
  parts <- columns
  if (length(terms)) parts <- vapply(terms, function(j)
    if (length(j) == 1) columns[j + 1] else paste0("cbind(", paste(columns[j + 1], collapse = ","), ")"), "")
  if (stratum != "") parts <- c(parts, paste0("strata(", stratum, ")"))
  formula <- reformulate(parts, "Surv(time, event)")
  arguments <- list(formula, quote(frame), ties = ties, control = quote(control), x = TRUE)
  if (weighted) arguments$weights <- quote(frame$w)
  plain <- do.call(coxph, c(arguments, robust = FALSE))
  out <- list(data = name, columns = I(columns), ties = ties, weighted = weighted, cluster = cluster,
    robust = robust, stratum = stratum, month = month, terms = terms, coefficients = I(unname(coef(plain))),
    variance_model = I(c(vcov(plain))), loglik_null = plain$loglik[1], loglik = plain$loglik[2], score = plain$score)
  if (cluster != "") arguments$cluster <- frame[[cluster]]
  if (robust) arguments$robust <- TRUE
  if (cluster != "" || robust) {
    fit <- do.call(coxph, arguments)
    out$variance_robust <- I(c(vcov(fit)))
    out$coefficients_robust <- I(unname(coef(fit)))
    last <- length(coef(fit)) - 0:1
    out$wald_robust <- drop(coef(fit)[last] %*% solve(vcov(fit)[last, last], coef(fit)[last]))
  }
  for (transform in c("km", "identity", "rank", "log"))
    out$zph[[transform]] <- zph_of(plain, length(terms) > 0, transform)
  if (stratum == "" && name != "gbsg2") {
    newdata <- as.data.frame(as.list(setNames(0.5 + 0 * coef(plain), columns)))
    if (!length(terms)) {
      curve <- survfit(plain, newdata = newdata, ctype = 1, stype = 2)
      died <- curve$n.event > 0
      out$baseline <- list(times = I(curve$time[died]), cumulative_hazard = I(c(curve$cumhaz)[died]))
    }
  }
  out
}
v <- c("arm", "karno60", "age", "small", "adeno", "large")
l <- c("age", "female", "ecog", "wt")
g <- c("horm", "age", "tsize", "grade2", "grade3", "pnodes", "progrec", "postmeno")
cases <- list(
  case("veteran", c("arm", "karno60"), cluster = "pair"),
  case("veteran", c("arm", "karno60"), "breslow", cluster = "pair"),
  case("veteran", c("arm", "karno60"), robust = TRUE),
  case("veteran", v, terms = list(0, 1, 2, 3:5), cluster = "pair"),
  case("veteran", v, weighted = TRUE, robust = TRUE),
  case("veteran", v, "breslow", weighted = TRUE, cluster = "pair"),
  case("veteran", c("arm", "karno", "age"), stratum = "cell", cluster = "pair"),
  case("veteran", c("arm", "karno", "age"), "breslow", stratum = "cell", weighted = TRUE, robust = TRUE),
  # The last of the pairs has one patient.
  case("veteran", c("karno", "age"), stratum = "pair", month = 30.4375, cluster = "pair"),
  case("veteran", c("karno", "age"), "breslow", stratum = "pair", weighted = TRUE, month = 30.4375, robust = TRUE),
  case("veteran", c("arm", "karno60"), month = 30.4375, cluster = "pair"),
  case("veteran", c("arm", "karno60"), month = 30.4375, weighted = TRUE, cluster = "pair"),
  case("lung", l, robust = TRUE), case("lung", l, "breslow", cluster = "inst"),
  case("lung", l, weighted = TRUE, cluster = "inst"),
  case("lung", l, month = 30.4375, stratum = "inst", robust = TRUE),
  case("gbsg2", g, robust = TRUE, terms = list(0, 1, 2, 3:4, 5, 6, 7)),
  case("gbsg2", g, "breslow", robust = TRUE),
  case("gbsg2", g, weighted = TRUE, robust = TRUE, month = 30.4375),
  case("gbsg2", g[1:7], weighted = TRUE, stratum = "postmeno", robust = TRUE, month = 91.3125))
cat(json(list(data = lapply(data[c("veteran", "lung")], function(d) lapply(d, I)), cases = cases)), "\n")
