"""What makes arms comparable: propensity score, matching, weighting, balance."""
