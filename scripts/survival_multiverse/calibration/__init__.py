"""Cohorts of known truth, and how often the methods err on them."""
