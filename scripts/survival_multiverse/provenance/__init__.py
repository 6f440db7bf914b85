"""What is known of how a result was made: records, audit, signatures, crate, lineage."""
