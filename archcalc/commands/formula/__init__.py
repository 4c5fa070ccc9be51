"""Closed formulas: the figures of a spec whose parameters are free, and the conditions under which they hold."""
