"""One scenario and its rows of results; panels of scenarios."""
