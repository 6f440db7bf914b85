"""Patients: checked, encoded, simulated, and shown without giving one away."""
