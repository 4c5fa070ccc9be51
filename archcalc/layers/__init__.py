"""The layers: one function each, in a file per family, found by `registry`.

A rule takes volumes and attributes and returns an `Outcome`. It knows nothing of YAML, of places or of reports.
To add a layer, write one function with `@layer` in the file of its family; everything else follows from it.
"""
