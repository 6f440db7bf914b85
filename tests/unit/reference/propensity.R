# Logistic regressions of survival's data sets by glm at full convergence, printed as JSON; veteran carries its data.
suppressMessages(library(survival))

number <- function(x) ifelse(is.na(x), "null", sprintf("%.17g", x))
array <- function(x) paste0("[", paste(number(as.numeric(x)), collapse = ", "), "]")

fit_json <- function(data, response, columns) {
  formula <- reformulate(columns, response)
  fit <- glm(formula, binomial, data, control = glm.control(epsilon = 1e-14, maxit = 100))
  eta <- predict(fit)
  a <- model.response(model.frame(fit))
  ranks <- rank(round(eta, 9))
  n1 <- sum(a)
  auc <- (sum(ranks[a == 1]) - n1 * (n1 + 1) / 2) / (n1 * sum(1 - a))
  sprintf('{"coefficients": %s, "logit_range": %s, "deviance": %s, "c_statistic": %s}',
    array(coef(fit)), array(range(eta)), number(deviance(fit)), number(auc))
}

lung_data <- transform(na.omit(lung[, c("age", "sex", "ph.ecog", "ph.karno", "wt.loss")]), a = as.numeric(sex == 2))
veteran_data <- transform(veteran, a = as.numeric(trt == 2), squamous = as.numeric(celltype == "squamous"),
  large = as.numeric(celltype == "large"))
gbsg_data <- transform(gbsg, grade2 = as.numeric(grade == 2), grade3 = as.numeric(grade == 3))
veteran_columns <- c("karno", "diagtime", "age", "prior", "squamous", "large")

cat("{\n")
cat('"lung": ', fit_json(lung_data, "a", c("age", "ph.ecog", "ph.karno", "wt.loss")), ",\n", sep = "")
cat('"gbsg2": ', fit_json(gbsg_data, "hormon", c("age", "meno", "size", "grade2", "grade3", "nodes", "pgr", "er")),
  ",\n", sep = "")
cat('"veteran": ', fit_json(veteran_data, "a", veteran_columns), ",\n", sep = "")
cat('"veteran_arm": ', array(veteran_data$a), ",\n", sep = "")
cat('"veteran_columns": [\n', paste(sapply(veteran_columns, function(x) array(veteran_data[[x]])), collapse = ",\n"),
  "\n]\n}\n", sep = "")
