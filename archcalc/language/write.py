"""A flat network as a spec again: no repeats, no parameters, the same names and the same figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archcalc.language.document import HEAD, INPUT, OUTPUT
from archcalc.language.network import INPUT_INDEX, Network, Node
from archcalc.layers.attributes import shown


def resolve(network: Network) -> Iterator[str]:
    """The lines of a spec in which every node is a step, named by its path."""
    for line in _lines(network):
        yield f"{line}\n"


def _lines(network: Network) -> Iterator[str]:
    document = network.document
    yield f"architecture: {_quoted(document.architecture or 'unnamed')}"
    if document.citation:
        yield f"source: {_quoted(document.citation)}"
    if document.inputs.keys() == {INPUT}:
        yield f"input: {shown(network.input.shape)}"
    else:
        yield "inputs:"
        yield from (f"  {name}: {shown(volume.shape)}" for name, volume in network.inputs.items())
    yield ""
    end = network.outputs[OUTPUT]
    ends_elsewhere = not network.nodes or end != network.nodes[-1].index
    if ends_elsewhere:  # the last layer belongs to a head, or there is none: a block without steps leads to the end
        yield "blocks:"
        yield f"  {OUTPUT}: []"
        yield ""
    yield "layers:"
    previous = INPUT_INDEX
    for node in network.nodes:
        yield from _step(network, node, previous)
        previous = node.index
    for name, index in network.outputs.items():
        if name != OUTPUT:
            yield f"  - {HEAD}: {{{_quoted(name)}: []}}"
            yield f"    from: {network.name_of(index)}"
    if ends_elsewhere:
        yield f"  - {OUTPUT}:"
        yield f"    from: {network.name_of(end)}"


def _step(network: Network, node: Node, previous: int) -> Iterator[str]:
    if node.layer.joins:
        yield f"  - {node.layer.name}: [{', '.join(network.name_of(i) for i in node.inputs)}]"
        yield from (f"    {name}: {_value(value)}" for name, value in node.attributes.items())
    elif node.attributes:
        given = ", ".join(f"{name}: {_value(value)}" for name, value in node.attributes.items())
        yield f"  - {node.layer.name}: {{{given}}}"
    else:
        yield f"  - {node.layer.name}:"
    yield f"    as: {node.name}"
    if not node.layer.joins and node.inputs != (previous,):
        names = [network.name_of(i) for i in node.inputs]
        yield f"    from: {names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}"
    if node.tied is not None:
        inner = "/".join(f"{base}.{ordinal}" for base, ordinal in node.tied.key)
        yield f"    weights: {node.tied.name}{'/' + inner if inner else ''}"
    if not node.trainable:
        yield "    trainable: false"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    text = shown(value)
    return f'"{text}"' if "," in text else text  # a call with two values, which a comma would split


def _quoted(text: str) -> str:
    """Text as a YAML scalar that is read back as it is."""
    import json

    return json.dumps(text, ensure_ascii=False)
