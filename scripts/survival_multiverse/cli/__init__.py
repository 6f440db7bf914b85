"""The commands that a user calls."""
