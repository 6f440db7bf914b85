"""Compiled loops: arrays in, arrays out, sorted by time, no statistics policy."""
