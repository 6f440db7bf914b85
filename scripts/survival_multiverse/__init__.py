"""Survival analysis over a multiverse of cohort definitions, cutoffs and matchings."""
