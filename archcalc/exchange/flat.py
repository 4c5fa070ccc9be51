"""A flat network as a reader makes it, and its text as a spec: one step for each layer, in their order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from archcalc.diagnostics.diagnostic import plain
from archcalc.language.document import INPUT, OUTPUT
from archcalc.language.write import end_lines, input_lines, quoted, step_lines
from archcalc.layers.registry import layers
from archcalc.records import Record

#: The number of the network's first input, where a step's number could stand.
SOURCE = -1


class FlatStep(Record):
    """One layer: attributes as a spec gives them, the numbers of the steps it reads, and its path in the model.

    `owned` are the paths of the parameters it computes with: two steps that own the same share them. `parameters` is
    how many values those have, and `volume` the shape of the output, where they are known before the spec is read:
    from the file, or worked out from it. `modules` are the paths and classes of the modules around it, outermost first,
    and `node` is the file's name for what the step is made of, if it has one.
    """

    layer: str
    attributes: dict[str, Any]
    inputs: tuple[int, ...]
    path: str
    owned: tuple[str, ...] = ()
    parameters: int | None = 0
    volume: tuple[int, ...] | None = None
    modules: tuple[tuple[str, str], ...] = ()
    node: str = ""
    trainable: bool = True


class Flat(Record):
    """A network: its inputs (channels first) by name, its steps, and the numbers of those that end it, by name.

    The first input has the number `SOURCE`, the next one less, and so on.
    """

    name: str
    notes: tuple[str, ...]
    inputs: dict[str, tuple[Any, ...]]
    steps: list[FlatStep]
    outputs: dict[str, int]
    #: Sizes that are open, with what they were in the file.
    parameters: dict[str, int] = {}  # noqa: RUF012  a record's default is never changed


#: Layers that move values and compute nothing: where nothing reads what they make, the network is the same without.
MOVING = frozenset(("reshape", "transpose", "flatten", "tokens", "split_heads", "take", "select", "slice", "expand"))


#: Layers that do not read what comes before them.
_READING_NOTHING = frozenset(("learned", "constant"))


def without_needless(steps: list[FlatStep], ends: Iterable[int]) -> tuple[list[FlatStep], dict[int, int]]:
    """The steps without those that move values for nobody, and the new number of each."""
    read: Counter[int] = Counter(ends)
    for step in steps:
        if step.layer not in _READING_NOTHING:
            read.update(step.inputs)
    left: set[int] = set()
    for number in range(len(steps) - 1, -1, -1):
        made_anew = steps[number].layer == "constant" and steps[number].attributes.get("buffer") is False
        if not read[number] and (steps[number].layer in MOVING or made_anew):
            left.add(number)
            if steps[number].layer in MOVING:
                read.subtract(steps[number].inputs)
    numbers: dict[int, int] = {}
    kept: list[FlatStep] = []
    for number, step in enumerate(steps):
        if number in left:
            continue
        if step.layer in _READING_NOTHING:
            inputs: tuple[int, ...] = (len(kept) - 1,)
        else:
            inputs = tuple(numbers.get(index, index) for index in step.inputs)
        numbers[number] = len(kept)
        kept.append(step._replace(inputs=inputs))
    return kept, numbers


def module_names(flat: Flat) -> dict[tuple[int, int], str]:
    """The runs of steps that are one module each, and names after the modules' classes: `BasicBlock`, `basic_block`.

    A framework's own classes name nothing that its layers do not.
    """
    runs: dict[str, tuple[int, int, str]] = {}
    broken: set[str] = set()
    for number, step in enumerate(flat.steps):
        for path, class_ in step.modules:
            known = runs.get(path)
            if known is None:
                runs[path] = (number, number, class_)
            elif known[1] == number - 1:
                runs[path] = (known[0], number, class_)
            else:
                broken.add(path)
    named: dict[tuple[int, int], str] = {}
    for path, (first, last, class_) in runs.items():  # inner modules come later, and say more
        if path and path not in broken and not class_.startswith("torch.nn."):
            name = _snake(class_.rpartition(".")[2])
            if name.isidentifier():
                named[first, last] = name
    return named


def _snake(name: str) -> str:
    """A class's name as a block's: `InvertedResidual` becomes `inverted_residual`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().strip("_")[:60]


def head_names(ends: Mapping[str, int], steps: Iterable[FlatStep]) -> dict[str, int]:
    """The outputs of a network that ends with these values: the last is its output, the others are heads by name."""
    values = {value: name for name, value in ends.items()}
    *heads, output = list(values) or [SOURCE]
    taken = {step.path.partition(".")[0] for step in steps}
    named = {OUTPUT: output}
    for value in heads:
        name = re.sub(r"\W", "_", values[value], flags=re.ASCII) or "head"
        while name in named or name in taken:
            name += "_output"
        named[name] = value
    return named


def spec_text(flat: Flat) -> str:
    """The network as a spec."""
    return "\n".join(_lines(flat)) + "\n"


def _lines(flat: Flat) -> Iterator[str]:
    yield f"architecture: {quoted(plain(flat.name))}"
    for note in flat.notes:
        yield f"# {note}"
    if flat.parameters:
        yield f"parameters: {{{', '.join(f'{name}: {value}' for name, value in flat.parameters.items())}}}"
    yield from input_lines(flat.inputs)
    end = flat.outputs[OUTPUT]
    ends_elsewhere = end != len(flat.steps) - 1
    if ends_elsewhere:  # the last layer belongs to a head, or there is none: a block without steps leads to the end
        yield "blocks:"
        yield f"  {OUTPUT}: []"
    yield "layers:"
    names = unique_names([step.path for step in flat.steps], flat.inputs)
    sources = {SOURCE - number: name for number, name in enumerate(flat.inputs)}
    shared = _shared(flat.steps)
    for number, step in enumerate(flat.steps):
        attributes = {name: exact(value) for name, value in step.attributes.items()}
        inputs = [sources.get(i) or names[i] for i in step.inputs]
        yield from step_lines(layers()[step.layer], attributes, names[number], inputs, step.inputs == (number - 1,))
        if step.owned in shared:
            yield f"    weights: {shared[step.owned]}"
        if not step.trainable:
            yield "    trainable: false"
    ends = {name: sources.get(index) or names[index] for name, index in flat.outputs.items()}
    yield from end_lines(ends, ends_elsewhere)


def _shared(steps: list[FlatStep]) -> dict[tuple[str, ...], str]:
    """The name of the weights that several steps own."""
    uses = Counter(step.owned for step in steps if step.owned)
    return {owned: step_name(owned[0]) for owned, times in uses.items() if times > 1}


def exact(value: Any) -> Any:
    """A value in which a float is the number that was written, to ten digits, and no sum of powers of two."""
    if isinstance(value, tuple):
        return tuple(map(exact, value))
    return Fraction(format(value, ".10g")) if isinstance(value, float) else value


#: Of a module's path, so many last characters are used.
_LONGEST_PATH = 300
_UNFIT = re.compile(r"[^\w.]", re.ASCII)


def step_name(path: str) -> str:
    """A module's path as the name of a step: `layer1.0.conv1` becomes `layer1.0/conv1`."""
    name = ""
    for part in _UNFIT.sub("_", path[-_LONGEST_PATH:]).split("."):
        if part.isdigit() and name:
            name += f".{part}"
        elif part:
            name += f"/{part}" if name else part
    if not name or not (name[0].isalpha() or name[0] == "_"):
        name = f"layers.{name}" if name else "layers"
    return f"{name}_" if name in (INPUT, OUTPUT) else name


def unique_names(paths: list[str], inputs: Iterable[str] = ()) -> list[str]:
    """A name for each path, and none that an input has; those that several have are numbered."""
    wanted = [f"{name}_" if (name := step_name(path)) in inputs else name for path in paths]
    uses = Counter(wanted)
    taken = {name for name, times in uses.items() if times == 1}
    numbers: Counter[str] = Counter()
    names = []
    for name in wanted:
        chosen = name
        while uses[name] > 1:
            numbers[name] += 1
            chosen = f"{name}.{numbers[name]}"
            if chosen not in taken:
                break
        taken.add(chosen)
        names.append(chosen)
    return names
