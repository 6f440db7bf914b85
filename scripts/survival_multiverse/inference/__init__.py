"""All scenarios together: summaries, attribution, cutpoints, null models, resampling, joint tests."""
