"""Attention that is written out of linear layers, put together: found in a graph from its last linear layer on.

What is put together is operation for operation what the layer `attention` is composed of, so that every figure stays.
"""

from __future__ import annotations

from archcalc.exchange.graph import Name, Operation
from archcalc.exchange.matching import Found, Made

_SHAPED = ("unflatten", "view", "reshape")
_MERGED = ("flatten", "view", "reshape")


def causal_attention(made: Made, last: Operation) -> Found | None:
    """One weight for query, key and value, the kernel with a causal mask, and a projection of what it makes."""
    merged = _merged(made, last)
    core = made.by(merged[-1].arguments.get("self"), "scaled_dot_product_attention") if merged else None
    if core is None or core.arguments.get("is_causal") is not True or _has_more(core):
        return None
    heads = made.graph.tensors[core.outputs[0]].sizes[1]
    parts = [_heads(made, core.arguments.get(name), heads) for name in ("query", "key", "value")]
    split = _split(made, [part[-1].arguments.get("self") if part else None for part in parts])
    into = made.by(split.arguments.get("self"), "linear") if split is not None else None
    if split is None or into is None or _is_biased(into) is not _is_biased(last):
        return None
    channels = made.graph.tensors[str(into.arguments["input"])].sizes[-1]
    weights = [made.graph.tensors[str(each.arguments["weight"])].sizes for each in (into, last)]
    owned = all(made.is_parameter(each.arguments["weight"]) for each in (into, last))
    if not owned or weights != [(3 * channels, channels), (channels, channels)]:
        return None
    arguments = {
        "input": into.arguments["input"],
        "heads": heads,
        "causal": True,
        "weights": [into.arguments["weight"], last.arguments["weight"]],
        "biases": [each.arguments["bias"] for each in (into, last) if _is_biased(each)],
    }
    inner = [*merged, core, *(each for part in parts for each in part), split, into]
    return Found(last._replace(target="multi_head_attention", arguments=arguments), inner)


def _has_more(core: Operation) -> bool:
    """Whether the kernel has a mask, a dropout, a scale of its own, or heads that share keys."""
    asked = ("attn_mask", "scale", "dropout_p", "enable_gqa")
    return any(core.arguments.get(name) for name in asked)


def _is_biased(linear: Operation) -> bool:
    return isinstance(linear.arguments.get("bias"), Name)


def _merged(made: Made, last: Operation) -> list[Operation]:
    """What makes one axis of heads and their channels, in front of a linear layer, last to first; or nothing."""
    if last.target != "linear":
        return []
    merged = made.by(last.arguments.get("input"), *_MERGED)
    if merged is None:
        return []
    copied = made.by(merged.arguments.get("self"), "contiguous")
    turned = made.by((copied or merged).arguments.get("self"), "transpose")
    if turned is None or not _exchanges(turned) or not _divides(made, turned.outputs[0], merged.outputs[0]):
        return []
    return [each for each in (merged, copied, turned) if each is not None]


def _heads(made: Made, argument: object, heads: object) -> list[Operation]:
    """What shares channels out to heads, last to first; nothing if a value is not made so."""
    turned = made.by(argument, "transpose")
    divided = made.by(turned.arguments.get("self"), *_SHAPED) if turned is not None else None
    if turned is None or divided is None or not _exchanges(turned):
        return []
    after = made.graph.tensors[divided.outputs[0]].sizes
    alike = after[2:3] == (heads,) and _divides(made, divided.outputs[0], str(divided.arguments["self"]))
    return [turned, divided] if alike else []


def _exchanges(turned: Operation) -> bool:
    """Whether a transposition exchanges the two middle axes of four."""
    return sorted(turned.arguments[name] % 4 for name in ("dim0", "dim1")) == [1, 2]


def _divides(made: Made, four: str, three: str) -> bool:
    """Whether the last axis of a value of three axes is the last two of one of four."""
    divided, whole = (made.graph.tensors[name].sizes for name in (four, three))
    if len(divided) != 4 or len(whole) != 3 or divided[:2] != whole[:2]:
        return False
    return divided[2] * divided[3] == whole[2]  # type: ignore[operator]


def _split(made: Made, parts: list[object]) -> Operation | None:
    """What divides the last axis of a value into these three parts of one size, in order."""
    found = made.by(parts[0], "chunk", "split", "split_with_sizes")
    if found is None or list(found.outputs) != parts or any(made.uses[name] != 1 for name in found.outputs):
        return None
    sizes = {made.graph.tensors[name].sizes for name in found.outputs}
    return found if len(parts) == 3 and len(sizes) == 1 and found.arguments.get("dim") in (-1, 2) else None
