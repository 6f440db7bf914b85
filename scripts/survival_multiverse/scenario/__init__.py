"""One scenario and its rows of results; job panels of scenarios."""
