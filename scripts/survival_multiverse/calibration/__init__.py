"""Simulated cohorts of known truth, and the error rates of the methods on them."""
