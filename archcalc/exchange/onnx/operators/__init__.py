"""The operators of ONNX that can be read: a rule each, in a file per family, found by `registry`.

A rule says an operator in PyTorch's words, as one operation or several, for the rules that read those.
"""
