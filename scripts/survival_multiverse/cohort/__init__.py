"""Patients: checked, encoded, simulated, and shown without disclosing any of them."""
