"""`python -m archcalc` is `archcalc`."""

from archcalc.cli import main

main()
