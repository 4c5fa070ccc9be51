"""`archcalc help`: a command's help, or a page of the guide."""
