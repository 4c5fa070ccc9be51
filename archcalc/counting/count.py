"""Counting by name: what one tool or another would print for a network. The profiles themselves are in `profiles`.

A profile says, for each kind of layer, how often each *fact* about the layer is counted. The facts are here; all of
them follow from what the layer's rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.counting.training import backward, wants_input_gradient
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.layers.registry import layers
from archcalc.memory.gradients import gradients
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import Size, total
from archcalc.sizes.volume import Volume


class Subject(Record):
    """A layer as the facts see it: itself, the volumes it reads, and whether a gradient by its input is wanted."""

    row: AnalysedLayer
    inputs: list[Volume]
    wanted: bool


class Fact(Record):
    """A fact about a layer that tools count: in words, the class of work it belongs to (None: that of the layer's
    family), and its measure."""

    words: str
    work: str | None
    measure: Callable[[Subject], Size]


#: How often each fact is counted, for each kind of layer: `*` is any, and the most specific name wins.
Rules: TypeAlias = Mapping[str, Mapping[str, int]]


class Profile(Record):
    """One tool's rules. `counters` are its figures by name; the first is the one it is known for.

    `faults` says which of its rules are errors of the tool, reproduced here under its name only; `doubled` are the
    kinds of layer that it counts twice.
    """

    name: str
    tool: str
    unit: str
    counters: Mapping[str, Rules]
    source: str
    faults: tuple[str, ...] = ()
    doubled: frozenset[str] = frozenset()


class Uncounted(UsageError):
    """What a tool counts for some layer is not known: `layer` is its name in the language, `path` one that is one."""

    def __init__(self, profile: str, layer: str, path: str) -> None:
        super().__init__(f"what {profile} counts for `{layer}` is not known: `{path}` is one")
        self.layer = layer
        self.path = path


class Count(Record):
    """What a profile gives for a network: each counter's total, and the first counter's by class of work.

    `surplus` is what it counts a second time, by class of work; `nothing` the kinds of layer that compute something
    and are counted as nothing.
    """

    profile: Profile
    counters: dict[str, Size]
    works: dict[str, Size]
    surplus: dict[str, Size]
    nothing: tuple[str, ...]

    @property
    def figure(self) -> Size:
        """The figure the tool is known for."""
        return next(iter(self.counters.values()))


#: Classes of work, in the order in which they are told.
WORKS = (
    "multiply-accumulates",
    "attention products",
    "backward",
    "bias",
    "normalisation",
    "activation",
    "pooling",
    "elementwise",
    "attention",
    "resizing",
)
_WORK_OF_FAMILY = {
    "conv": "multiply-accumulates",
    "linear": "multiply-accumulates",
    "norm": "normalisation",
    "activation": "activation",
    "pool": "pooling",
    "merge": "elementwise",
    "regularise": "elementwise",
    "attention": "attention",
    "shape": "resizing",
    "heads": "attention",
    "scores": "attention",
    "tensor": "elementwise",
    "recurrent": "multiply-accumulates",
    "experts": "multiply-accumulates",
    "elementwise": "elementwise",
}


def _operations(subject: Subject, kind: str) -> Size:
    """Operations of a kind, bias additions apart."""
    return total(o.amount for o in subject.row.outcome.operations if o.kind == kind and o.role != "bias")


def _bias(subject: Subject) -> Size:
    return total(o.amount for o in subject.row.outcome.operations if o.role == "bias")


def _has_bias(subject: Subject) -> bool:
    return any(o.role == "bias" for o in subject.row.outcome.operations)


def _weights_at_outputs(subject: Subject) -> Size:
    tensors = subject.row.outcome.params
    return total(t.elements for t in tensors if t.name == "weight") * subject.row.output.positions


def _kept(subject: Subject, name: str) -> Size:
    return total(kept.elements for kept in subject.row.outcome.saved if kept.what == name)


def _weighted(subject: Subject) -> Size:
    return subject.row.outcome.macs - subject.row.outcome.products


def _with_fewer_outputs(subject: Subject, layer: str) -> Subject:
    """A transposed convolution with its groups divided out of the outputs once more, as a layer of the kind named."""
    node = subject.row.node
    rule = layers()[layer]
    given = {name: node.attributes.get(name, a.default) for name, a in node.layer.attributes.items()}
    x = subject.inputs[0]
    fitted = {name: node.layer.attributes[name].kind.fit(value, x.rank) for name, value in given.items()}
    fitted["out"] = fitted["out"] // fitted["groups"]
    outcome = rule.function(x, **{name: value for name, value in fitted.items() if name in rule.attributes})
    return subject._replace(row=AnalysedLayer(node, outcome, 0, 0))


_MAC, _PRODUCT, _BACKWARD, _BIAS = "multiply-accumulates", "attention products", "backward", "bias"

FACTS: dict[str, Fact] = {
    "macs": Fact("multiply-accumulates with weights", _MAC, _weighted),
    "products": Fact("multiply-accumulates of values with values", _PRODUCT, lambda s: s.row.outcome.products),
    "macs_ignoring_groups": Fact(
        "multiply-accumulates as if there were no groups", _MAC, lambda s: _weighted(s) * s.row.outcome.groups
    ),
    "weights_at_outputs": Fact("weights x output positions", _MAC, _weights_at_outputs),
    "weight_gradient_ignoring_groups": Fact(
        "multiply-accumulates of the weight gradient as if there were no groups",
        _BACKWARD,
        lambda s: backward(s.row, s.wanted).by_weights * s.row.outcome.groups,
    ),
    "input_gradient": Fact(
        "multiply-accumulates of the input gradient", _BACKWARD, lambda s: backward(s.row, s.wanted).by_input
    ),
    "product_gradients": Fact(
        "attention's matrix products in the backward pass", _BACKWARD, lambda s: s.row.outcome.products
    ),
    "bias": Fact("bias additions", _BIAS, _bias),
    "parameters": Fact("parameters", None, lambda s: total(tensor.elements for tensor in s.row.outcome.params)),
    "inputs": Fact("input elements", None, lambda s: s.inputs[0].elements),
    "scaled_inputs": Fact(
        "input elements of layers with a learned scale",
        None,
        lambda s: s.inputs[0].elements if s.row.outcome.params else 0,
    ),
    "untracked_inputs": Fact(
        "input elements of batch normalisation without running statistics",
        None,
        lambda s: 0 if s.row.outcome.buffers else s.inputs[0].elements,
    ),
    "outputs": Fact("output elements", None, lambda s: s.row.output.elements),
    "outputs_without_bias": Fact(
        "output elements of layers without a bias", None, lambda s: 0 if _has_bias(s) else s.row.output.elements
    ),
    "outputs_of_owners": Fact(
        "output elements of layers with parameters",
        None,
        lambda s: s.row.output.elements if s.row.outcome.params else 0,
    ),
    "projections": Fact("elements of query, key and value", None, lambda s: _kept(s, "query, key and value")),
    "padded_squares": Fact("elements of the padded squares", None, lambda s: _kept(s, "padded squares")),
    "window_values": Fact(
        "values in all windows",
        None,
        lambda s: s.row.output.elements + _operations(s, "add") + _operations(s, "compare"),
    ),
    "additions": Fact("additions", None, lambda s: _operations(s, "add")),
    "comparisons": Fact("comparisons", None, lambda s: _operations(s, "compare")),
    "divisions": Fact("divisions", None, lambda s: _operations(s, "divide")),
    "exponentials": Fact("exponentials", None, lambda s: _operations(s, "exponential")),
    "other_operations": Fact("all other operations", None, lambda s: s.row.operations - _bias(s)),
    "macs_divided_by_groups_again": Fact(
        "multiply-accumulates with the groups divided out twice",
        _MAC,
        lambda s: _with_fewer_outputs(s, "conv_transpose").row.outcome.macs,
    ),
    "bias_of_an_ordinary_convolution": Fact(
        "bias additions at the output size of an ordinary convolution",
        _BIAS,
        lambda s: _bias(_with_fewer_outputs(s, "conv")),
    ),
}


def subjects(analysis: Analysis) -> list[Subject]:
    """The layers as the facts see them."""
    wanted = gradients(analysis.interpretation, Setup())
    return [Subject(row, analysis.input_volumes(row), wants_input_gradient(row, wanted)) for row in analysis.layers]


def count(profile: Profile, analysis: Analysis) -> Count:
    """What the profile gives for a network. UsageError for a layer whose counting by the tool is not known."""
    seen = subjects(analysis)
    first, *others = profile.counters
    works: dict[str, Size] = {}
    surplus: dict[str, Size] = {}
    nothing: dict[str, None] = {}
    for subject in seen:
        for fact, amount in _amounts(profile, first, subject):
            work = FACTS[fact].work or _WORK_OF_FAMILY[subject.row.node.layer.family]
            works[work] = works.get(work, 0) + amount
            if subject.row.layer in profile.doubled and amount:
                surplus[work] = surplus.get(work, 0) + amount // 2
        computes = subject.row.macs or subject.row.operations
        if computes and not any(a for name in profile.counters for _, a in _amounts(profile, name, subject)):
            nothing[subject.row.layer] = None
    counters = {first: total(works.values())}
    for name in others:
        counters[name] = total(amount for subject in seen for _, amount in _amounts(profile, name, subject))
    ordered = {work: works[work] for work in WORKS if works.get(work)}
    return Count(profile, counters, ordered, surplus, tuple(sorted(nothing)))


def count_layers(profile: Profile, analysis: Analysis) -> list[Size]:
    """What the profile's first counter gives for each layer."""
    first = next(iter(profile.counters))
    return [total(a for _, a in _amounts(profile, first, subject)) for subject in subjects(analysis)]


def _amounts(profile: Profile, counter: str, subject: Subject) -> list[tuple[str, Size]]:
    """What a counter adds for a layer, fact by fact."""
    rules = profile.counters[counter]
    name = next((name for name in _names(subject) if name in rules), None)
    if name is None:
        _known(profile, subject)
        return []
    return [(fact, times * FACTS[fact].measure(subject)) for fact, times in rules[name].items()]


def _names(subject: Subject) -> tuple[str, ...]:
    """What rules may call a layer, the most specific name first."""
    row = subject.row
    if form := row.outcome.form:  # what is known of one form says nothing of another
        return (f"{row.layer} {form}", "*")
    axes = f"{subject.inputs[0].rank}d"
    mode = row.node.layer.attributes.get("mode")
    plain = (f"{row.layer} {axes}", row.layer, "*")
    if mode is None or mode.default is None:
        return plain
    name = f"{row.layer} {row.node.attributes.get('mode', mode.default)}"
    return (f"{name} {axes}", name, *plain)


def _known(profile: Profile, subject: Subject) -> None:
    from archcalc.counting.profiles import ASKED

    layer = subject.row.layer
    if layer not in ASKED or subject.row.outcome.form:
        raise Uncounted(profile.name, layer, subject.row.name)
