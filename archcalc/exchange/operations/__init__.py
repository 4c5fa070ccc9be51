"""The operations of PyTorch that can be read: a rule each, in a file per family, found by `registry`.

A rule asks the translation for values and emits steps. It raises `Refusal` for arguments of which no layer is known.
"""
