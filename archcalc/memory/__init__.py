"""Memory: what a framework holds for a network, forward and backward.

`conditions` says under which circumstances, `storages` which tensors there are and which are saved, `steps` in what
order they are made and read, `liveness` what is alive at each step. The other files ask questions of these four.
"""
