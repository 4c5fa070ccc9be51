"""Formats that only a solution has."""
