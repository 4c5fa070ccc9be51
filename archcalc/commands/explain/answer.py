"""The arithmetic of any figure: a layer's rule run on numbers that remember how they were made.

Nothing is computed here that the rule, the receptive field or the training step does not compute; this file only
chooses what to show, in the order of the lecture: output, parameters, operations, memory, receptive field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from archcalc.analysis.receptive_field import ITSELF, Span
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.analysis.tree import copies
from archcalc.counting.training import backward, wants_input_gradient
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.network import INPUT_INDEX, is_input
from archcalc.language.paths import NoSuchPath, selected
from archcalc.layers.attributes import decimal
from archcalc.layers.outcome import WEIGHTS, Outcome, Saved
from archcalc.memory.gradients import gradients
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, quantities, summing
from archcalc.records import Record
from archcalc.sizes.kinds import total
from archcalc.sizes.traced import arithmetic, remembered
from archcalc.sizes.volume import Volume, axis_names

#: Attributes that are shown even where the spec leaves them at their default, as the lecture's formula has them.
_ALWAYS_SHOWN = ("stride", "padding")
#: Where the definition of a receptive field is from.
_FIELD_SOURCE = "Araujo, Norris & Sim 2019, doi:10.23915/distill.00021"


class Explained(Record):
    """One step of a figure's arithmetic: the quantity that it belongs to ("" for none), what it is called here, the
    arithmetic in one line, its value (None where it is not one number) and its unit."""

    quantity: str
    label: str
    text: str
    value: Any = None
    unit: str = ""


class Contribution(Record):
    """What one layer adds to a total, or so many equal layers together."""

    name: str
    amount: int
    layers: int = 1


def find(analysis: Analysis, path: str) -> list[AnalysedLayer]:
    """The layers that a path names, one or a whole block; UsageError with a suggestion if there is none."""
    try:
        return [analysis.layers[index] for index in selected([row.name for row in analysis.layers], path)]
    except NoSuchPath as error:
        if path in quantities():
            raise UsageError(f"{error.message}, it is a quantity: --quantity {path}") from None
        raise


def traced_outcome(analysis: Analysis, row: AnalysedLayer) -> Outcome:
    """The outcome of the layer's rule, run on numbers that remember."""
    layer = row.node.layer
    volumes = [_remembered(analysis, index) for index in row.node.inputs]
    attributes = {}
    for name, attribute in layer.attributes.items():
        value = row.node.attributes.get(name, attribute.default)
        if name in row.node.attributes or name in _ALWAYS_SHOWN:
            value = remembered(value)
        attributes[name] = None if value is None else attribute.kind.fit(value, volumes[0].rank)
    return layer.function(*volumes, **attributes)


def _remembered(analysis: Analysis, index: int) -> Volume:
    """What a layer reads: where a view has put axes of a map together, with the sizes that these had."""
    volume = analysis.interpretation.volume(index)
    if not is_input(index):
        row = analysis.layers[index]
        before = analysis.input_volumes(row)
        if row.outcome.storage == "view" and len(before) == 1 and before[0].rank > volume.rank:
            return traced_outcome(analysis, row).output
    return Volume(remembered(volume.channels), remembered(volume.space))


def explain_layer(analysis: Analysis, row: AnalysedLayer) -> list[Explained]:
    """Every figure of one layer with its arithmetic."""
    outcome = traced_outcome(analysis, row)
    known: set[int] = set()
    return [
        *_output(analysis, row, outcome, known),
        *_parameters(row, outcome, known),
        *_operations(outcome, known),
        *_memory(row, outcome, known),
        *_saved(analysis, row, outcome, known),
        *_backward(analysis, row),
        *_receptive_field(analysis, row, outcome),
        Explained("", "source", f"{_paragraph(row, 'Source:')} Receptive field: {_FIELD_SOURCE}"),
    ]


def _equation(number: int, known: set[int], unit: str = "") -> str:
    """`arithmetic = value unit`; the value alone where there is no arithmetic to show."""
    made, value = arithmetic(number, known), format(int(number), ",")
    known.add(id(number))
    return f"{value if made == value else f'{made} = {value}'}{f' {unit}' if unit else ''}"


def _output(analysis: Analysis, row: AnalysedLayer, outcome: Outcome, known: set[int]) -> Iterator[Explained]:
    volumes = analysis.input_volumes(row)
    inputs = ", ".join(f"{v}, {_origin(name)}" for v, name in zip(volumes, analysis.inputs(row), strict=True))
    yield Explained("input", "input", inputs)
    output = outcome.output
    sizes = list(zip(axis_names(output.rank), output.space, strict=False))
    shown: dict[str, list[str]] = {}
    for axis, size in sizes:
        text = _equation(size, known)
        if " = " in text:
            shown.setdefault(text, []).append(axis)
    for text, axes in shown.items():
        yield Explained("output", f"output {' and '.join(axes)}", text, int(text.rpartition(" = ")[2].replace(",", "")))
    channels = _equation(output.channels, known)
    if " = " in channels:
        yield Explained("output", "output channels", channels, int(output.channels))
    yield Explained(
        "output", "output", f"{output}: {_equation(output.elements, known, 'values')}", int(output.elements), "values"
    )


def _origin(name: str) -> str:
    return "the network's input" if name == "input" else f"from `{name}`"


def _parameters(row: AnalysedLayer, outcome: Outcome, known: set[int]) -> Iterator[Explained]:
    if outcome.params:
        parts = [_equation(tensor.elements, known, _plural(tensor.name)) for tensor in outcome.params]
        value = int(total(tensor.elements for tensor in outcome.params))
        text = " + ".join(parts) + (f" = {value:,}" if len(parts) > 1 else "")
        if row.shares:
            text += ": shared with a layer before it, and counted there"
        yield Explained("params", "parameters", text, value, "parameters")
    if outcome.buffers:
        parts = [_equation(tensor.elements, known, tensor.name) for tensor in outcome.buffers]
        value = int(total(tensor.elements for tensor in outcome.buffers))
        yield Explained("buffers", "buffers", f"{' + '.join(parts)} = {value:,}, not learned", value, "values")


def _plural(name: str) -> str:
    plain = name.replace("_", " ")
    for one, many in (("weight", "weights"), ("bias", "biases")):
        if plain.endswith(one):
            return plain.removesuffix(one) + many
    return f"{plain} values"


def _operations(outcome: Outcome, known: set[int]) -> Iterator[Explained]:
    if outcome.macs:
        yield Explained("macs", "MACs", _equation(outcome.macs, known), int(outcome.macs), "MACs")
    for role, kind, amount in outcome.operations:
        if amount:
            yield Explained(
                "operations", f"{role}, {kind}", _equation(amount, known, "operations"), int(amount), "operations"
            )
    operations = total(operation.amount for operation in outcome.operations)
    if outcome.macs or operations:
        value = int(2 * outcome.macs + operations)
        text = f"2*{int(outcome.macs):,} + {int(operations):,} = {value:,}" if outcome.macs else f"{value:,}"
        yield Explained("flops", "FLOPs", text, value, "FLOPs")


def _memory(row: AnalysedLayer, outcome: Outcome, known: set[int]) -> Iterator[Explained]:
    elements, where = int(outcome.output.elements), outcome.storage
    said = {
        "inplace": "none of its own: it overwrites its input",
        "view": "none of its own: it shares its input's",
        "training": "none of its own at inference: it returns its input; in training ",
        "parameter": "none of its own: its output is stored with the network",
        "constant": f"{elements:,} values * 4 bytes, once for all samples",
    }.get(where, "")
    if where in ("new", "training"):
        said += f"{elements:,} values * 4 bytes = {4 * elements:,} bytes in float32"
    yield Explained(
        "activation_bytes", "activations", said, 4 * elements if where in ("new", "training") else 0, "bytes"
    )


def _saved(analysis: Analysis, row: AnalysedLayer, outcome: Outcome, known: set[int]) -> Iterator[Explained]:
    """What is saved for the backward pass, and for which gradient; on a CPU."""
    wanted = gradients(analysis.interpretation, Setup())
    parameters = {tensor.name for tensor in outcome.params}  # these are there anyway
    said = Counter(
        f"{_tensor(analysis, row, saved, known)}{_purpose(saved)}"
        for saved in outcome.saved
        if saved.what not in parameters
        if saved.device in (None, "cpu") and wanted.wanted(row.node, saved.needed_by)
    )
    text = "; ".join(f"{each}{f', {times:,} times' * (times > 1)}" for each, times in said.items())
    yield Explained("saved_bytes", "saved", text or "nothing")
    yield Explained("saved_bytes", "saved in general", _paragraph(row, "Saved for backward:"))


def _tensor(analysis: Analysis, row: AnalysedLayer, saved: Saved, known: set[int]) -> str:
    if saved.what == "input":
        volume = analysis.input_volumes(row)[saved.of]
        return f"{_origin(analysis.inputs(row)[saved.of])}: {int(volume.elements):,} values"
    if saved.what == "output":
        return f"the output: {int(row.output.elements):,} values"
    once = ", once for the batch" if saved.per == "batch" else ""
    size = " of 64 bits" if saved.dtype == "int64" else " of one byte" if saved.dtype == "bool" else ""
    name = saved.kind  # of the positions of a recurrence, one stands for all
    return f"{name}: {_equation(saved.elements, known, 'values')}{size}{once}"


def _purpose(saved: Saved) -> str:
    """For which gradients, where not for all of them."""
    if not saved.needed_by:
        return ""
    by = [
        "weight" if need == WEIGHTS else "input" if not need else f"input {int(need) + 1}" for need in saved.needed_by
    ]
    return f", for the {' and '.join(by)} gradient{'s' * (len(by) > 1)}"


def _backward(analysis: Analysis, row: AnalysedLayer) -> Iterator[Explained]:
    if not row.outcome.macs:
        return
    wanted = wants_input_gradient(row, gradients(analysis.interpretation, Setup()))
    part = backward(row, wanted)
    unwanted = "" if wanted else " (no trained layer precedes it)"
    products = f" + {part.by_products:,} for the gradients of its products' operands" if part.by_products else ""
    weight, of_input = (
        f"{macs:,} for the {name} gradient" for macs, name in ((part.by_weights, "weight"), (part.by_input, "input"))
    )
    text = f"{weight} + {of_input}{unwanted}{products} = {part.macs:,}"
    yield Explained("training_macs", "MACs backward", text, int(part.macs), "MACs")


def _receptive_field(analysis: Analysis, row: AnalysedLayer, outcome: Outcome) -> Iterator[Explained]:
    field = analysis.receptive_fields[row.node.index]
    if field.whole and field.union is None:
        yield Explained("receptive_field", "receptive field", "the whole input")
        return
    if field.union is None or field.size is None:
        yield Explained(
            "receptive_field",
            "receptive field",
            "not followed: branches of different strides meet, or a map is enlarged too much",
        )
        return
    before = _spans_before(analysis, row)
    texts: dict[str, list[str]] = {}
    for number, (axis, span) in enumerate(zip(axis_names(row.output.rank), field.union, strict=False)):
        window = outcome.windows[number] if outcome.windows else None
        texts.setdefault(_growth(before[number] if before else None, window, span), []).append(axis)
    for text, axes in texts.items():
        along = "" if len(texts) == 1 else f" along the {' and '.join(axes)}"
        size = field.size[axis_names(row.output.rank).index(axes[0])]
        yield Explained("receptive_field", f"receptive field{along}", text, size, "input positions")
    if field.whole:
        yield Explained("receptive_field", "beside it", "through a gate or a statistic it sees the whole input")


def _spans_before(analysis: Analysis, row: AnalysedLayer) -> tuple[Span, ...] | None:
    """What the layer's only input sees; None for a join."""
    if len(row.node.inputs) != 1:
        return None
    index = row.node.inputs[0]
    if is_input(index):
        return (ITSELF,) * row.output.rank if index == INPUT_INDEX else None
    return analysis.receptive_fields[index].union


def _growth(before: Span | None, window: Any, span: Span) -> str:
    """How the window grew: `51 + (3 - 1)*8 = 67`, stride and padding, where all positions have the same one."""
    size, stride, padding = max(span.sizes), decimal(span.stride), span.padding
    if before is None or window is None or before.period > 1 or span.period > 1 or window.scale != 1:
        smallest = f" (at some positions {min(span.sizes):,})" if min(span.sizes) != size else ""
        how = "" if before is None or span != before else ", as before it"
        return f"{size:,}{smallest}, stride {stride}, padding {padding}{how}"
    extent, jump, front = window.last - window.first + 1, before.stride, 0 - window.first
    reach, step = arithmetic(extent), decimal(jump)
    return (
        f"{before.sizes[0]:,} + ({reach} - 1)*{step} = {size:,}, "
        f"stride {step}*{int(window.stride)} = {stride}, "
        f"padding {before.padding} + {_front(front)}*{step} = {padding}"
    )


def _front(front: int) -> str:
    text = arithmetic(front)
    return text if text.lstrip("-").replace(",", "").isdigit() else f"({text})"


def _paragraph(row: AnalysedLayer, start: str) -> str:
    """What the rule's documentation says after some words, up to the next thing that it names."""
    _, found, rest = " ".join(row.node.layer.doc.split()).partition(start)
    for other in ("Source:", "Saved for backward:"):
        rest = rest.partition(other)[0]
    return rest.strip() if found else ""


#: The totals that are explained where none is asked for by name.
TOTALS = ("params", "macs", "activation_bytes_without_input")


def contributions(part: Part, name: str) -> list[Contribution]:
    """What each layer adds to a total, and the network's input if it counts, the largest first. UsageError if the
    quantity does not add up over layers."""
    return _largest_first([*_of_input(part, name), *((row.name, _amount(part, name, row), 1) for row in part.layers)])


def contributions_of_copies(part: Part, name: str) -> list[Contribution]:
    """The same, with what equal layers of neighbouring copies add in one sum: `stage3/block.2 x 5/conv`."""
    alike = copies(part.layers, lambda row: _amount(part, name, row))
    found = ((each.path, each.times * _amount(part, name, each.layer), each.times) for each in alike)
    return _largest_first([*_of_input(part, name), *found])


def _amount(part: Part, name: str, row: AnalysedLayer) -> int:
    amount = summing(name).amount
    assert amount is not None
    added: int = amount(part, row)
    return added


def _of_input(part: Part, name: str) -> list[tuple[str, int, int]]:
    """What the network's input adds."""
    beside = summing(name).beside
    return [("input", beside(part), 1)] if beside is not None and part.whole else []


def _largest_first(found: list[tuple[str, int, int]]) -> list[Contribution]:
    return sorted((Contribution(*each) for each in found if each[1]), key=lambda each: -each.amount)


def growth(analysis: Analysis) -> list[Explained]:
    """The layers, up to the last spatial map, whose window is larger than that of every input, and how it grew."""
    from archcalc.analysis.receptive_field import last_map

    fields = analysis.receptive_fields
    last = last_map(analysis.interpretation, fields)
    steps = []
    for row in analysis.layers[: 0 if last is None else last.node + 1]:
        size = fields[row.node.index].size
        before = [(1,) * row.output.rank if is_input(i) else fields[i].size for i in row.node.inputs]
        if size is not None and size not in before:
            grown = _receptive_field(analysis, row, traced_outcome(analysis, row))
            text = "; ".join(f"{one.text}{one.label.removeprefix('receptive field')}" for one in grown)
            steps.append(Explained("receptive_field", row.name, text, max(size), "input positions"))
    return steps
