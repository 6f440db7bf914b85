"""A published paper: its numbers, their consistency, and a cohort reconstructed from them."""
