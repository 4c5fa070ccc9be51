"""The words that names may not be in code of Keras."""

from __future__ import annotations

from collections.abc import Container

from archcalc.exchange.code.names import identifier

#: What the code itself uses.
RESERVED = frozenset(
    {"float", "i", "inputs", "keras", "layers", "len", "max", "min", "name", "ops", "range", "sum", "super", "zip"}
)

#: What Keras calls an operation of the code that takes no name.
OF_OPERATIONS = frozenset(
    {
        *("absolute", "clip", "divide", "dot_product_attention", "exp", "gelu", "get_item", "log", "matmul", "max"),
        *("maximum", "mean", "minimum", "norm", "pad", "repeat", "roll", "split", "sqrt", "square", "squeeze", "sum"),
        "swapaxes",
    }
)


def function_name(name: str, taken: Container[str]) -> str:
    """A name as that of a function."""
    return identifier(name, RESERVED, taken, "block")
