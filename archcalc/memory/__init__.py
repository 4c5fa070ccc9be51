"""Memory: what a framework holds for a network, forward and backward.

`setup` says under which circumstances. What happens in one layer is decided once for all layers for which it is the
same, on a `draft`: `placement` which tensors there are and which are saved, `forward` and `backward` the operations on
them. `storages` and `steps` put the layers of a network together, `liveness` says what is alive at each step, and
`peaks` where that is most. The other files ask questions of these.
"""
