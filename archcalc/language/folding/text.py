"""Steps and blocks as the text of a spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archcalc.language.document import HEAD, INPUT, OUTPUT
from archcalc.language.folding.arguments import usual_values
from archcalc.language.folding.items import Block, Item, Steps
from archcalc.language.folding.names import branch_names, step_label
from archcalc.language.network import INPUT_INDEX, Network
from archcalc.language.write import in_braces, input_lines, quoted
from archcalc.layers.attributes import shown
from archcalc.layers.registry import layers
from archcalc.records import Record


class Inputs(Record):
    """What goes in: the shape of each input, which may be formulas over the spec's parameters."""

    shapes: Mapping[str, tuple[Any, ...]]
    parameters: Mapping[str, int]


def shapes(network: Network) -> dict[str, tuple[Any, ...]]:
    """The shapes of a network's inputs by name."""
    return {name: volume.shape for name, volume in network.inputs.items()}


def spec_lines(
    network: Network, steps: Steps, blocks: list[Block], notes: Iterable[str], taken: Inputs
) -> Iterator[str]:
    """The lines of the spec, each with its line break."""
    for note in notes:
        yield f"# {note}\n"
    for line in _lines(network, steps, blocks, taken):
        yield f"{line}\n"


def _lines(network: Network, steps: Steps, blocks: list[Block], taken: Inputs) -> Iterator[str]:
    document = network.document
    yield f"architecture: {quoted(document.architecture or 'unnamed')}"
    if document.citation:
        yield f"source: {quoted(document.citation)}"
    yield ""
    if taken.parameters:
        yield f"parameters: {{{', '.join(f'{name}: {value}' for name, value in taken.parameters.items())}}}"
    yield from input_lines(taken.shapes)
    yield ""
    end = network.outputs[OUTPUT]
    main = [item for item in steps if not item.head]
    ends_elsewhere = not main or main[-1].output != end
    if blocks or ends_elsewhere:
        yield "blocks:"
        for number, block in enumerate(reversed(blocks)):
            if number:
                yield ""
            yield f"  {_signature(block)}:"
            yield from _Writer(network, block.steps, block.source).steps(block.steps, block.source, 4)
        if ends_elsewhere:  # a block without steps leads to the end
            yield f"  {OUTPUT}: []"
        yield ""
    yield "layers:"
    inputs = {INPUT_INDEX - number: name for number, name in enumerate(network.inputs)}
    writer = _Writer(network, steps, INPUT_INDEX, end if ends_elsewhere else None, inputs=inputs)
    yield from writer.steps(steps, INPUT_INDEX, 2)
    if ends_elsewhere:
        yield f"  - {OUTPUT}:"
        yield f"    from: {writer.name(end)}"


def _signature(block: Block) -> str:
    if not block.parameters:
        return block.name
    written = [f"{name}={shown(block.defaults[name])}" if name in block.defaults else name for name in block.parameters]
    text = f"{block.name}({', '.join(written)})"
    return text if "[" not in text else f'"{text}"'


#: What a block that reads all copies before it calls their list.
_EARLIER = "earlier"


class _Writer:
    """Writes the steps of one block, or of the network with its `inputs` by number: within them names are known."""

    def __init__(
        self,
        network: Network,
        steps: Steps,
        source: int,
        *named: int | None,
        inputs: Mapping[int, str] | None = None,
    ) -> None:
        self.network = network
        self.inputs = inputs or {source: INPUT}
        wanted = _named(steps, source) | {index for index in named if index is not None}
        # A layer that is called as an input is needs another name.
        wanted |= {item.output for item in _all(steps) if item.layer in self.inputs.values()}
        self.labels: dict[int, str] = {}
        taken = {INPUT, *self.inputs.values()}
        for item in _all(steps):
            if item.output in wanted and item.output not in self.labels and item.output not in self.inputs:
                self.labels[item.output] = step_label(network, item, taken)
                taken.add(self.labels[item.output])

    def name(self, index: int) -> str:
        """The name of a value."""
        return self.inputs.get(index) or self.labels[index]

    def steps(self, steps: Steps, previous: int, indent: int) -> Iterator[str]:
        """The lines of steps that begin with a value."""
        for item in steps:
            yield from self.step(item, previous, indent)
            if not item.head:
                previous = item.output

    def step(self, item: Item, previous: int, indent: int) -> Iterator[str]:
        """The lines of one step."""
        margin = " " * indent
        own = list(self.own_keys(item, previous))
        if item.branches:
            yield f"{margin}- {item.layer or HEAD}:"
            names = [_quoted_key(item.head)] if item.head else branch_names(self.network, item)
            for name, branch in zip(names, item.branches, strict=True):
                yield f"{margin}    {name}:{'' if branch else ' []'}"
                if branch:
                    assert item.source is not None
                    yield from self.steps(branch, item.source, indent + 6)
        else:
            given = self.given(item)
            yield f"{margin}- {given}{':' if own and ': ' not in given else ''}"
        for line in own:
            yield f"{margin}  {line}"

    def own_keys(self, item: Item, previous: int) -> Iterator[str]:
        """The step's own keys."""
        if item.layer and layers()[item.layer].joins:
            yield from (f"{name}: {_value(value)}" for name, value in _differing(item).items())
        if item.output in self.labels and not item.head:
            yield f"as: {self.labels[item.output]}"
        if item.grows and item.block is not None:
            yield f"from: {{{_EARLIER}: [{self.copies(item)}]}}"
        elif item.source is not None and item.source != previous:
            yield f"from: {self.name(item.source)}"
        elif item.refs and not layers()[item.layer].joins:
            yield f"from: [{', '.join(map(self.name, item.refs))}]"
        if item.repeat != 1:
            yield f"repeat: {item.repeat}"
        if item.tied is not None:
            tied = self.network.nodes[item.output].tied
            assert tied is not None
            yield f"weights: {tied}"
        if item.frozen:
            yield "trainable: false"

    def copies(self, item: Item) -> str:
        """What a step reads that takes all copies of a repeated one."""
        if item.source is not None:
            return f"{self.name(item.source)}, {self.labels[item.output]}.*"
        return f"{self.name(item.refs[0])}, {self.labels[item.refs[-1]]}.*" if item.refs else f"{_EARLIER}.*"

    def given(self, item: Item) -> str:
        """The layer or block with its attributes."""
        if item.grows and item.block is None:
            return f"{item.layer}: [{self.copies(item)}]"
        if item.refs and layers()[item.layer].joins:
            return f"{item.layer}: [{', '.join(map(self.name, item.refs))}]"
        name = item.block.name if item.block else item.layer
        first = item.names[0] if item.names else None
        given = _differing(item)
        if not given:
            return name
        if first is not None and list(given) == [first]:
            return f"{name}: {_value(given[first])}"
        return f"{name}: {{{', '.join(f'{key}: {in_braces(value)}' for key, value in given.items())}}}"


def _differing(item: Item) -> dict[str, Any]:
    """The attributes or arguments that are not what they are by default."""
    usual = usual_values(item)
    return {
        name: value
        for name, value in zip(item.names, item.values, strict=True)
        if not (name in usual and type(value) is type(usual[name]) and value == usual[name])
    }


def _all(steps: Steps) -> Iterator[Item]:
    for item in steps:
        for branch in item.branches:
            yield from _all(branch)
        if not item.head:
            yield item


def _named(steps: Steps, source: int) -> set[int]:
    """The values that steps read by name."""
    found: set[int] = set()
    previous = source
    for item in steps:
        if item.grows and item.source is not None:
            found.add(item.output)
        found.update((*item.refs[:1], *item.refs[-1:]) if item.grows else item.refs)
        if item.source is not None:
            if item.source != previous or item.grows:
                found.add(item.source)
            for branch in item.branches:
                found |= _named(branch, item.source)
        if not item.head:
            previous = item.output
    return found


def _value(value: Any) -> str:
    """A value behind a colon."""
    text = shown(value)
    return f'"{text}"' if "," in text and not isinstance(value, tuple) else text


def _quoted_key(text: str) -> str:
    return text if text.replace("_", "").isalnum() and text.isascii() else quoted(text)
