"""Comparability of arms: propensity score, matching, weighting, balance."""
