"""Trials emulated where treatment starts after time zero: what immortal time does to a hazard ratio."""
