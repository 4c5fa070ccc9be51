"""`archcalc list`: the catalogue."""
