"""`archcalc import`: a model as a spec."""
