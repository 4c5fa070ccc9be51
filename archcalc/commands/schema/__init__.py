"""`archcalc schema`: the JSON Schema of the language."""
