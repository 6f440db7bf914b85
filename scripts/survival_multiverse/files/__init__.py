"""The only place that opens files: tables, archives, configuration, patients, paths of scenarios."""
