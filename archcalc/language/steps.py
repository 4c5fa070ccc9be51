"""Steps: what each calls, and the step's own keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy

from archcalc.diagnostics.diagnostic import Place, did_you_mean
from archcalc.language.arguments import block_arguments, layer_arguments
from archcalc.language.document import (
    HEAD,
    INPUT,
    MAX_LAYERS,
    OUTPUT,
    Argument,
    Block,
    Branch,
    Brought,
    Step,
)
from archcalc.language.findings import Findings
from archcalc.language.formulas import read_formula
from archcalc.language.keys import STEP_KEYS
from archcalc.language.names import Known, check_identifier, step_name
from archcalc.language.reading import Reading
from archcalc.language.source import Mapping, Scalar, Sequence, Value, is_empty
from archcalc.layers.registry import Layer, layers

#: What a branch that has a condition is written with.
_BRANCH_KEYS = ("when", "steps")


def read_steps(reading: Reading, value: Value, known: Known) -> tuple[Step, ...]:
    """A list of steps, which can use the known names."""
    if is_empty(value):
        return ()
    if not isinstance(value, Sequence):
        hint = "begin each step with `- `"
        reading.findings.add("not-a-list", "this must be a list of steps", reading.place(value), help=hint)
        return ()
    if len(value.items) > MAX_LAYERS:
        message = f"the network has more than {MAX_LAYERS:,} layers"
        reading.findings.add("too-many-layers", message, reading.place(value.items[MAX_LAYERS]))
        return ()
    made = (_step(reading, item, known) for item in value.items)
    return tuple(step for step in made if step is not None)


def _step(reading: Reading, value: Value, known: Known) -> Step | None:
    if is_empty(value):
        reading.findings.add("missing-value", "a step is missing here", reading.place(value))
        return None
    beside = _Entries()
    if isinstance(value, Scalar):
        key, given, own = value, None, {}
    elif isinstance(value, Mapping):
        own = {k.text: (k, v) for k, v in value.entries if k.text in STEP_KEYS}
        called, beside = _beside_join([(k, v) for k, v in value.entries if k.text not in STEP_KEYS])
        if len(called) != 1:
            if called:
                names = " and ".join(f"`{k.text}`" for k, _ in called[:3])
                message, place = f"a step has one layer, and here are {names}", reading.place(called[1][0])
                hint = "attributes go inside the layer: `- conv: {out: 64, kernel: 3}`"
            else:
                message, place, hint = "this step names no layer", reading.place(value), None
            reading.findings.add("one-layer-a-step", message, place, help=hint)
            return None
        key, given = called[0]
    else:
        reading.findings.add("one-layer-a-step", "a step is a layer, not a list", reading.place(value))
        return None
    step = Step(key.text, reading.place(key))
    known = _own_keys(reading, step, own, known)
    if key.text == HEAD:
        _join(reading, step, given, known, least=1)
    elif (callee := _callee(reading, key, known)) is not None:
        _call(reading, step, callee, given, known, beside)
    elif key.text in known:
        step.bind = _choice(reading, step, given, known)
    if step.brought and (isinstance(step.callee, Layer) or key.text == HEAD):
        message = f"{step.name} is not a block: `from` takes a name, or a list of them"
        reading.findings.add("wrong-inputs", message, _first_place(step))
    return step


_Entries = list[tuple[Scalar, Value]]


def _beside_join(called: _Entries) -> tuple[_Entries, _Entries]:
    """What a step calls, and the attributes beside it: those of a join stand there, since below it are its branches."""
    for key, given in called if len(called) > 1 else ():
        found = layers().get(key.text)
        if found is not None and found.joins:
            others = [(other, value) for other, value in called if other is not key]
            if all(other.text in found.attributes for other, _ in others):
                return [(key, given)], others
    return called, []


def _call(
    reading: Reading, step: Step, callee: Layer | Block, given: Value | None, known: Known, beside: _Entries
) -> None:
    """Fill in what a step calls, and with which arguments; those of a join stand beside it."""
    step.callee = callee
    if isinstance(callee, Block):
        block_arguments(reading, step, callee, given, known)
    elif callee.joins:
        _join(reading, step, given, known, least=2)
        layer_arguments(reading, step, callee, Mapping(beside, step.place.start, step.place.end), known)
    else:
        layer_arguments(reading, step, callee, given, known)


def _choice(reading: Reading, step: Step, given: Value | None, known: Known) -> Callable[[Layer | Block], Step]:
    """What makes the step that calls a given layer or block: which one, a parameter says. SpecError if the arguments
    are not for it."""
    if given is not None and not is_empty(given):  # names are right or wrong whatever is called
        named = [(k.text, v) for k, v in given.entries] if isinstance(given, Mapping) else [("", given)]
        step.arguments = tuple(Argument(name, read_formula(reading, value, known)) for name, value in named)

    def bind(callee: Layer | Block) -> Step:
        apart = reading._replace(findings=Findings())
        bound = copy(step)
        bound.name = callee.name
        _call(apart, bound, callee, given, known, [])
        apart.findings.stop()
        return bound

    return bind


def _callee(reading: Reading, key: Scalar, known: Known) -> Layer | Block | None:
    name = key.text
    found = reading.document.block(name) or layers().get(name)
    if found is None and name not in reading.document.missing and name not in known:
        callable_names = [*layers(), *reading.document.blocks, *reading.document.imported, HEAD]
        from archcalc.layers.other_names import other_name

        hint = other_name(name) or did_you_mean(name, callable_names)
        if hint is None and ":" in name:
            hint = "write a space after the colon"
        elif hint is None and " - " in name:
            hint = "align the dashes: a step that stands deeper than the one above is read as part of it"
        elif "[" in name and name.partition("[")[0] in known:
            hint = "a step is a name: make the layer an argument of a block, `edge(act):` with the step `- act`"
        elif hint is None:
            hint = (
                "`archcalc help say-what-has-no-layer` shows how to write an operation that the language does not have"
            )
        message = f"there is no layer or block `{name[:80]}`"
        reading.findings.add("unknown-layer", message, reading.place(key), help=hint)
    return found


def _own_keys(reading: Reading, step: Step, own: dict[str, tuple[Scalar, Value]], known: Known) -> Known:
    """Fill in the step's own keys; returns the names known inside the step (its index is one more)."""
    if "as" in own:
        step.label = step_name(reading, own["as"][1])
        step.label_place = reading.place(own["as"][1])
        if step.label == INPUT:
            message = f"`{INPUT}` is the network's input already"
            reading.findings.add("bad-name", message, step.label_place)
    if "weights" in own:
        step.weights = step_name(reading, own["weights"][1])
    if "from" in own:
        _inputs(reading, step, own["from"][1])
    if "when" in own:
        step.when = read_formula(reading, own["when"][1], known)
    if "trainable" in own:
        step.trainable = read_formula(reading, own["trainable"][1], known)
    if "repeat" in own:
        known = _repeat(reading, step, own["repeat"][1], known)
    return known


def _inputs(reading: Reading, step: Step, value: Value) -> None:
    """`from` is a name, a list of names, or a map of what a block calls its inputs to their names here."""
    if isinstance(value, Mapping) and value.entries:
        for key, item in value.entries:
            check_identifier(reading, key.text, reading.place(key), "an input")
            step.brought[key.text] = _brought(reading, key, item)
        return
    items = value.items if isinstance(value, Sequence) else [value] if isinstance(value, Scalar) else []
    if not items:
        reading.findings.add("wrong-inputs", "`from` is empty: name a step, or leave it out", reading.place(value))
    step.inputs = _names(reading, items)


def _brought(reading: Reading, key: Scalar, value: Value) -> Brought:
    """An input of a block: the name of a step, or several of them as a list."""
    items: list[Value] = value.items if isinstance(value, Sequence) else [value]
    if not items:
        reading.findings.add("wrong-inputs", f"`{key.text}` is empty: name a step", reading.place(value))
    names = _names(reading, items)
    several = isinstance(value, Sequence) or any("*" in name for name, _ in names)
    if several and key.text == INPUT:
        message = "the input that a block begins with is one step: this is a list"
        hint = f"give the list another name: `from: {{{INPUT}: stem, maps: [stem, layer.*]}}`"
        reading.findings.add("wrong-inputs", message, reading.place(value), help=hint)
    return Brought(names, several)


def _first_place(step: Step) -> Place:
    """Where the first name of a block's inputs stands."""
    return next((place for brought in step.brought.values() for _, place in brought.names), step.place)


def _names(reading: Reading, items: Iterable[Value]) -> tuple[tuple[str, Place], ...]:
    """Names of steps, with their places; `wave.*` stands for all copies of a repeated step."""
    named = ((step_name(reading, item, copies=True), reading.place(item)) for item in items)
    return tuple((name, place) for name, place in named if name)


def _repeat(reading: Reading, step: Step, value: Value, known: Known) -> Known:
    if isinstance(value, Mapping):
        if len(value.entries) != 1:
            message = "repeat takes a number, or one index and a number: `repeat: {i: 3}`"
            reading.findings.add("bad-repeat", message, reading.place(value))
            return known
        key, times = value.entries[0]
        check_identifier(reading, key.text, reading.place(key), "an index")
        step.index = key.text
        value = times
    step.repeat = read_formula(reading, value, known)
    return Known([step.index], known) if step.index else known


def _join(reading: Reading, step: Step, given: Value | None, known: Known, *, least: int) -> None:
    if isinstance(given, Mapping) and (stray := _attribute_of_join(given)) is not None:
        listed = next((v.items for _, v in given.entries if isinstance(v, Sequence)), [])
        names = ", ".join(item.text for item in listed if isinstance(item, Scalar)) or "low, high"
        message = f"{step.name} has no attribute `{stray.text}`"
        hint = f"a join lists names, `{step.name}: [{names}]`, or holds branches by names of their own"
        reading.findings.add("bad-branches", message, reading.place(stray), help=hint)
        return
    if isinstance(given, Mapping):
        step.branches = tuple(_branch(reading, step, key, value, known) for key, value in given.entries)
        count, place = len(given.entries), reading.place(given)
        if len(step.inputs) > 1:
            message = f"all branches begin at one input, and `from` names {len(step.inputs)}"
            reading.findings.add("wrong-inputs", message, step.inputs[1][1])
    elif isinstance(given, Sequence) and not step.inputs and step.name != HEAD:
        if any(not isinstance(item, Scalar) for item in given.items):
            hint = "give each branch a name: `residual:` and below it the list of its steps"
            message = f"{step.name} takes a map of branches, or a list of names"
            reading.findings.add("bad-branches", message, reading.place(given), help=hint)
            return
        step.inputs = _names(reading, given.items)
        count, place = len(given.items), reading.place(given)
    elif (given is None or is_empty(given)) and step.name != HEAD:
        count, place = len(step.inputs), step.place
    else:
        reading.findings.add(
            "bad-branches",
            f"{step.name} takes a map of branches" + ("" if step.name == HEAD else ", or a list of names"),
            reading.place(given) if given is not None else step.place,
        )
        return
    if count < least and not any("*" in name for name, _ in step.inputs):
        help_text = "a branch that changes nothing is written `shortcut: []`" if step.name != HEAD else None
        reading.findings.add(
            "bad-branches", f"{step.name} needs at least {least} branches, and has {count}", place, help=help_text
        )


def _attribute_of_join(given: Mapping) -> Scalar | None:
    """The key of a join that other tools have as an attribute, where no branch is meant by it."""
    for key, value in given.entries:
        names = value.items if isinstance(value, Sequence) else [value]
        plain = all(isinstance(name, Scalar) and name.text not in layers() for name in names)
        if key.text in ("branches", "inputs", "layers", "axis", "dim") and plain and not is_empty(value) and names:
            return key
    return None


def _branch_name(reading: Reading, step: Step, key: Scalar) -> str:
    if step.name == HEAD and key.text == OUTPUT:
        message = f"`{OUTPUT}` is the network's own output: a head needs another name"
        reading.findings.add("bad-name", message, reading.place(key))
    return step_name(reading, key)


def _branch(reading: Reading, step: Step, key: Scalar, value: Value, known: Known) -> Branch:
    """A branch: the list of its steps, or a map of that list and the condition under which the branch is there."""
    name = _branch_name(reading, step, key)
    when = None
    if isinstance(value, Mapping) and value.get("when") is not None and step.name != HEAD:
        for other, _ in value.entries:
            if other.text not in _BRANCH_KEYS:
                hint = did_you_mean(other.text, _BRANCH_KEYS) or "a branch has `when`, and its `steps`"
                message = f"a branch has no key `{other.text[:80]}`"
                reading.findings.add("bad-branches", message, reading.place(other), help=hint)
        when = read_formula(reading, next(v for k, v in value.entries if k.text == "when"), known)
        listed = value.get("steps")
        if listed is None:
            return Branch(name, (), when)
        value = listed
    if isinstance(value, Sequence) or is_empty(value):
        return Branch(name, read_steps(reading, value, known), when)
    hint = "a branch is a list: begin each of its steps with `- `"
    reading.findings.add("not-a-list", "a branch must be a list of steps", reading.place(value), help=hint)
    return Branch(name, (), when)
