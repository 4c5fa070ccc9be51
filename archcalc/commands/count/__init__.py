"""`archcalc count`: the operations of a network by the rules of every tool."""
