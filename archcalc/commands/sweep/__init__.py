"""Sweeps: the same figures for every combination of some parameters' values, as columns."""
