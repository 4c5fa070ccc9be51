"""`archcalc solve`: the largest value of a parameter under which bounds hold."""
