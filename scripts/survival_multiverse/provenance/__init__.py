"""Provenance of results: records, audit, signatures, crate, lineage."""
