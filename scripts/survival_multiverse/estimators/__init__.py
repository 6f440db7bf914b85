"""Survival estimators: Kaplan-Meier, log-rank, Cox, proportional hazards, restricted means, contingency."""
