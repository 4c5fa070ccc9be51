"""What a file computes from its constants and its shapes alone: the sizes that a reshape is given, bounds, factors.

Only small values are computed. What is larger is a weight, of which no more than the shape is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from archcalc.exchange.onnx.nodes import Node

    Array = np.ndarray[Any, Any]
    _Evaluate = Callable[[Node, Sequence[Any]], Any]

#: Values in a constant that is computed.
MAX_VALUES = 4096


def evaluate(node: Node, values: Sequence[Array | None], shapes: Sequence[tuple[Any, ...] | None]) -> list[Array]:
    """The outputs of a node, given its inputs' values (None: absent or not known) and shapes; empty if they are not
    known, or too large."""
    import numpy as np

    if node.kind == "Shape":
        return _shape(node, shapes[0] if shapes else None)
    if node.kind == "CastLike":  # what it is like is a value whose type alone is asked for
        return [values[0]] if values[0] is not None else []
    rule = _RULES.get(node.kind)
    absent = [not name for name in node.inputs]
    if rule is None or any(value is None and not gone for value, gone in zip(values, absent, strict=True)):
        return []
    try:
        with np.errstate(all="ignore"):
            made = rule(node, values)
    except (ValueError, IndexError, TypeError, KeyError, ArithmeticError, AttributeError, MemoryError):
        return []
    found = [np.asarray(each) for each in (made if isinstance(made, list) else [made])]
    return found if all(each.size <= MAX_VALUES for each in found) else []


def _shape(node: Node, shape: tuple[Any, ...] | None) -> list[Array]:
    import numpy as np

    if shape is None:
        return []
    sizes = shape[node.attributes.get("start", 0) : node.attributes.get("end")]
    return [np.array(sizes, np.int64)] if all(type(size) is int for size in sizes) else []


def _bounded(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape, if a constant may have it; ValueError if not."""
    found = tuple(int(size) for size in shape)
    if min(found, default=1) < 0 or prod(found) > MAX_VALUES:
        raise ValueError
    return found


def _of_shape(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    fill = node.attributes.get("value")
    number = np.float32(0) if fill is None else fill.reshape(-1)[0]
    return np.full(_bounded(values[0]), number)


def _expand(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    shape = _bounded(np.broadcast_shapes(values[0].shape, tuple(int(size) for size in values[1])))
    return np.broadcast_to(values[0], shape)


def _range(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    start, end, step = (value.reshape(-1)[0] for value in values)
    _bounded([max(0, int((end - start) / step) + 1)])
    return np.arange(start, end, step)


def _axes(node: Node, values: Sequence[Any]) -> tuple[int, ...] | None:
    """The axes of a squeeze or an unsqueeze: an attribute, in newer files an input."""
    found = values[1] if len(values) > 1 and values[1] is not None else node.attributes.get("axes")
    return None if found is None else tuple(int(each) for each in found)


def _unsqueeze(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    return np.expand_dims(values[0], _axes(node, values) or ())


def _squeeze(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    return np.squeeze(values[0], _axes(node, values))


def _slice(node: Node, values: Sequence[Any]) -> Any:
    data = values[0]
    keys = ("starts", "ends", "axes", "steps")
    bounds: list[Any] = [
        values[number] if number < len(values) and values[number] is not None else node.attributes.get(key)
        for number, key in enumerate(keys, 1)
    ]
    starts, ends, axes, steps = bounds
    count = len(starts)
    taken: list[Any] = [slice(None)] * data.ndim
    for start, end, axis, step in zip(
        starts, ends, range(count) if axes is None else axes, [1] * count if steps is None else steps, strict=True
    ):
        taken[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(taken)]


def _reshape(node: Node, values: Sequence[Any]) -> Any:
    sizes: Any = node.attributes.get("shape") if len(values) == 1 else values[1]
    kept = node.attributes.get("allowzero", 0)
    shape = [int(n) if n or kept else values[0].shape[axis] for axis, n in enumerate(sizes)]
    return values[0].reshape(shape)


def _cast(node: Node, values: Sequence[Any]) -> Any:
    from onnx import helper

    return values[0].astype(helper.tensor_dtype_to_np_dtype(node.attributes["to"]))


def _constant(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    for key, kind in (("value_int", np.int64), ("value_ints", np.int64), ("value_float", np.float32)):
        if key in node.attributes:
            return np.array(node.attributes[key], kind)
    if "value_floats" in node.attributes:
        return np.array(node.attributes["value_floats"], np.float32)
    found = node.attributes["value"]
    if found is None:
        raise ValueError
    return found


def _divide(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    one, other = values
    if one.dtype.kind != "i":
        return one / other
    quotient = np.abs(one) // np.abs(other)  # of whole numbers towards 0, as in C
    return quotient * np.sign(one) * np.sign(other)


def _numpy(name: str) -> _Evaluate:
    """The function of NumPy of that name."""

    def rule(node: Node, values: Sequence[Any]) -> Any:
        import numpy as np

        return getattr(np, name)(*values)

    return rule


def _gather(node: Node, values: Sequence[Any]) -> Any:
    return values[0].take(values[1], axis=node.attributes.get("axis", 0))


def _concat(node: Node, values: Sequence[Any]) -> Any:
    import numpy as np

    _bounded([sum(value.size for value in values)])
    return np.concatenate(values, axis=node.attributes["axis"])


def _places(indices: Any) -> tuple[Any, ...]:
    """Indices of NumPy's for ONNX's, whose last axis names the place along each axis."""
    import numpy as np

    return tuple(np.moveaxis(indices, -1, 0))


def _gather_nd(node: Node, values: Sequence[Any]) -> Any:
    if node.attributes.get("batch_dims", 0):
        raise ValueError
    return values[0][_places(values[1])]


def _scatter_nd(node: Node, values: Sequence[Any]) -> Any:
    if node.attributes.get("reduction", "none") != "none":
        raise ValueError
    made = values[0].copy()
    made[_places(values[1])] = values[2]
    return made


_RULES: Mapping[str, _Evaluate] = {
    "Constant": _constant,
    "ConstantOfShape": _of_shape,
    "Expand": _expand,
    "Range": _range,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "Identity": lambda node, values: values[0],
    "Div": _divide,
    "Mod": lambda node, values: values[0] % values[1],
    "Reciprocal": lambda node, values: 1 / values[0],
    "Transpose": lambda node, values: values[0].transpose(node.attributes.get("perm")),
    **{
        kind: _numpy(name)
        for kind, name in {
            "Add": "add",
            "Sub": "subtract",
            "Mul": "multiply",
            "Pow": "power",
            "Neg": "negative",
            "Abs": "abs",
            "Sqrt": "sqrt",
            "Exp": "exp",
            "Floor": "floor",
            "Ceil": "ceil",
            "Equal": "equal",
            "Greater": "greater",
            "Less": "less",
            "Not": "logical_not",
            "And": "logical_and",
            "Or": "logical_or",
            "Where": "where",
        }.items()
    },
}
