"""`archcalc diff`: what is different between two networks, and what each difference costs."""
