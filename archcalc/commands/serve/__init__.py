"""`archcalc serve`: specs and their reports, live in a browser."""
