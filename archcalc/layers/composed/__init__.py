"""Layers that PyTorch computes by several operations: what each runs, saves and undoes, in their order.

A rule loads these when it is applied: most networks have few of such layers.
"""
