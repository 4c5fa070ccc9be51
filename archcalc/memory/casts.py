"""Mixed precision inside a layer: in which type each of its tensors is, and which operands are converted before which
operation. Source: torch.autocast, whose lists are in `precision`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from archcalc.layers.outcome import OF_INPUT, Step
from archcalc.memory.precision import AUTOCAST, FLOATING, PROMOTING, storage_type
from archcalc.records import Record

#: Operations that save no operand for the backward pass.
_SAVE_NOTHING = frozenset(
    {
        *("add", "add_", "mul_", "sub", "neg", "cat", "stack", "clone", "to", "mean", "sum"),
        *("constant_pad_nd", "index", "repeat", "where"),
    }
)


#: Operations that save their result, also where what reads it converts it.
_SAVE_RESULT = frozenset({"softmax"})


class Cast(Record):
    """A conversion before the step of that number: of what is read under that name, and the name of the copy."""

    before: int
    name: str
    copy: str


class Typed(Record):
    """The types of a layer's tensors in the forward pass, by the names that its steps give them.

    `reads` are the copies that steps read instead, by step and name; `versions` what is saved under a name, in order,
    where that is not the tensor of that name alone: what operations that save an operand read under it.
    """

    types: dict[str, str]
    casts: tuple[Cast, ...]
    reads: dict[tuple[int, str], str]
    versions: dict[str, tuple[str, ...]]


def typed(steps: Sequence[Step], types: dict[str, str], parameters: Collection[str], device: str) -> Typed:
    """Follow the steps. `types` are those of inputs, parameters and buffers; a parameter is converted once."""
    lists = AUTOCAST[device]
    types = dict(types)
    casts: list[Cast] = []
    reads: dict[tuple[int, str], str] = {}
    versions: dict[str, dict[str, None]] = {}
    converted: dict[str, str] = {}
    whole: dict[str, str] = {}
    of_parameters = next((types[name] for name in parameters if types[name] in FLOATING), None)
    for number, step in enumerate(steps):
        if step.view:
            [read], [made] = step.reads, step.makes
            types[made.name], whole[made.name] = types[read], whole.get(read, read)
            continue
        function = step.called or step.operation
        seen = {name: converted.get(name, name) for name in step.reads}
        floating = [name for name in step.reads if types[seen[name]] in FLOATING]
        target = _target(function, [types[seen[name]] for name in floating], device)
        for name in floating if function in lists.to_widest else reversed(floating):
            if target is None or types[converted.get(name, name)] == target:
                continue
            copy = f"{name} in {target}"
            if copy in types:  # only parameters are converted once
                copy = f"{copy} ({len(casts)})"
            casts.append(Cast(number, name, copy))
            types[copy] = target
            seen[name] = copy
            if name in parameters:
                converted[name] = copy
        for name in floating:
            if seen[name] != name:
                reads[number, name] = seen[name]
            if seen[name] != name or step.operation not in _SAVE_NOTHING:
                saved = whole.get(name, name)
                versions.setdefault(saved, {})[saved if seen[name] == name else seen[name]] = None
        values = target or _result(step.operation, function in lists.into_float32, [types[seen[n]] for n in floating])
        for tensor in step.makes:
            own = types["input"] if tensor.dtype == OF_INPUT else values
            types[tensor.name] = storage_type(tensor.dtype, own, of_parameters, device)
            if step.operation in _SAVE_RESULT:
                versions.setdefault(tensor.name, {})[tensor.name] = None
    told = {name: tuple(names) for name, names in versions.items() if list(names) != [name]}
    return Typed(types, tuple(casts), reads, told)


def _target(function: str, types: Sequence[str], device: str) -> str | None:
    """The type that a function's operands are converted to; None where it takes them as they are."""
    lists = AUTOCAST[device]
    if function in lists.to_half:
        return lists.half
    if function in lists.to_float32:
        return "float32"
    return _widest(types) if function in lists.to_widest else None


def _result(operation: str, into_float32: bool, types: Sequence[str]) -> str:
    if into_float32 or not types:
        return "float32"
    return _widest(types) if operation in PROMOTING else types[0]


def _widest(types: Sequence[str]) -> str:
    return "float32" if "float32" in types else types[0]


def made_in(operation: str, types: Sequence[str], otherwise: str) -> str:
    """The type of what an operation of the backward pass makes of operands of these types: there, nothing converts."""
    floating = [dtype for dtype in types if dtype in FLOATING]
    if not floating:
        return otherwise
    return _widest(floating) if operation in PROMOTING else floating[0]
