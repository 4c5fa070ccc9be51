"""`archcalc layers`: the reference of the layers."""
