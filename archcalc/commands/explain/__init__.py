"""`archcalc explain`: the arithmetic of a figure, or the meaning of a rule."""
