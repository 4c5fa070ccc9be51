"""Formats that only findings have, and text, which for a check is quieter than for a report."""
