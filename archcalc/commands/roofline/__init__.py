"""`archcalc roofline`: the least time that a device needs."""
