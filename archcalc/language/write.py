"""A flat network as a spec: a step for each layer, no repeats, no parameters, the same names and the same figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.language.document import HEAD, INPUT, OUTPUT
from archcalc.language.network import INPUT_INDEX, Network
from archcalc.layers.attributes import shown
from archcalc.layers.registry import Layer


def resolve(network: Network) -> Iterator[str]:
    """The lines of a spec in which every node is a step, named by its path."""
    for line in _lines(network):
        yield f"{line}\n"


def _lines(network: Network) -> Iterator[str]:
    document = network.document
    yield f"architecture: {quoted(document.architecture or 'unnamed')}"
    if document.citation:
        yield f"source: {quoted(document.citation)}"
    yield from input_lines({name: volume.shape for name, volume in network.inputs.items()})
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
        inputs = [network.name_of(index) for index in node.inputs]
        yield from step_lines(node.layer, node.attributes, node.name, inputs, node.inputs == (previous,))
        if node.tied is not None:
            yield f"    weights: {node.tied}"
        if not node.trainable:
            yield "    trainable: false"
        previous = node.index
    yield from end_lines({name: network.name_of(index) for name, index in network.outputs.items()}, ends_elsewhere)


def input_lines(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The section of a spec that has the shapes of the inputs by name."""
    if inputs.keys() == {INPUT}:
        yield f"input: {shown(inputs[INPUT])}"
    else:
        yield "inputs:"
        yield from (f"  {name}: {shown(shape)}" for name, shape in inputs.items())


def step_lines(
    layer: Layer, attributes: Mapping[str, Any], name: str, inputs: Sequence[str], follows: bool
) -> Iterator[str]:
    """A step of one layer with its name; `follows` says that its input is what comes before it."""
    if layer.joins:
        yield f"  - {layer.name}: [{', '.join(inputs)}]"
        yield from (f"    {key}: {in_braces(value)}" for key, value in attributes.items())
    elif attributes:
        given = ", ".join(f"{key}: {in_braces(value)}" for key, value in attributes.items())
        yield f"  - {layer.name}: {{{given}}}"
    else:
        yield f"  - {layer.name}:"
    yield f"    as: {name}"
    if not layer.joins and not follows:
        yield f"    from: {inputs[0] if len(inputs) == 1 else '[' + ', '.join(inputs) + ']'}"


def end_lines(outputs: Mapping[str, str], ends_elsewhere: bool) -> Iterator[str]:
    """The steps behind the last layer: a head for each output that has a name, and what leads to the end of a network
    that does not end with its last layer. `outputs` has the name of what each ends with."""
    for name, end in outputs.items():
        if name != OUTPUT:
            yield f"  - {HEAD}: {{{quoted(name)}: []}}"
            yield f"    from: {end}"
    if ends_elsewhere:
        yield f"  - {OUTPUT}:"
        yield f"    from: {outputs[OUTPUT]}"


def in_braces(value: Any) -> str:
    """A value that YAML reads back as it is between braces, where a comma or a bracket would split it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(in_braces, value))}]"
    text = shown(value)
    return f'"{text}"' if any(sign in text for sign in ",[]{}") else text


def quoted(text: str) -> str:
    """Text as a YAML scalar that is read back as it is."""
    return json.dumps(text, ensure_ascii=False)
