"""Settings of a study, their checks, and the names and statuses that all packages share."""
