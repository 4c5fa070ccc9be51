"""`archcalc new`: a spec to begin with."""
