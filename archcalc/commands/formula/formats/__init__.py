"""Formats that only formulas have."""
