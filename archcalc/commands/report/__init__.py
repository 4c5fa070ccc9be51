"""`archcalc report`: an architecture layer by layer, and its totals."""
