"""`archcalc compare`: which network costs what."""
