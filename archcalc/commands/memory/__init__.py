"""`archcalc memory`: what training needs, and where it peaks."""
