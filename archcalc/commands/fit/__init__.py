"""`archcalc fit`: the largest batch that fits a memory."""
