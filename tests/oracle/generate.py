"""Random networks as specs: layers of every kind that fits, branches, groups, ties, heads, in place or not.

A spec is data, so that the shrinker can take pieces out of it: a step is `{layer: attributes}` with the step's own
keys beside it, exactly as YAML has it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from oracle.figures import Question

from archcalc.analysis.interpret import Interpretation
from archcalc.analysis.totals import analyse
from archcalc.diagnostics.diagnostic import Source, SpecError
from archcalc.language.expand import expand
from archcalc.language.read import read_document
from archcalc.memory.checkpoint import units

Step: TypeAlias = dict[str, Any]
#: The shape of a value, channels first.
Shape: TypeAlias = tuple[int, ...]


class Spec(NamedTuple):
    """A network: its input, channels first, and its steps."""

    input: Shape
    steps: tuple[Step, ...]

    def text(self) -> str:
        """It as YAML."""
        lines = "".join(f"  - {step_text(step)}\n" for step in self.steps)
        return f"input: {flow(list(self.input))}\nlayers:\n{lines}"


def step_text(step: Step) -> str:
    """A step in one line."""
    if len(step) == 1:
        [(layer, value)] = step.items()
        return layer if value is None else f"{layer}: {flow(value)}"
    return flow(step)


def flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value.values())) is None:
            return str(next(iter(value)))
        return "{" + ", ".join(f"{key}: {'{}' if each is None else flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def network(spec: Spec) -> Interpretation:
    """The network of a spec. SpecError where its layers do not fit together."""
    made = analyse(expand(read_document(Source("random.yaml", spec.text()), Path("random.yaml"))))
    assert made.layers  # tied weights that differ are found only here
    return made.interpretation


def output_shape(input_shape: Shape, steps: list[Step]) -> Shape | None:
    """The shape after these steps; None if they do not fit the input."""
    if not steps:
        return input_shape
    try:
        made = network(Spec(input_shape, tuple(steps)))
    except SpecError:
        return None
    return tuple(map(int, made.volume(made.network.outputs["output"]).shape))


class Case(NamedTuple):
    """A spec and the way in which it is run."""

    spec: Spec
    question: Question


def random_case(seed: int, dtypes: tuple[str, ...] = ("float32",)) -> Case:
    """The case of that number: the same on every machine."""
    rng = random.Random(seed)
    while True:
        spec = _Draft(rng).spec()
        try:
            made = network(spec)
        except SpecError:
            continue
        return Case(spec, _question(rng, made, dtypes))


def _question(rng: random.Random, made: Interpretation, dtypes: tuple[str, ...]) -> Question:
    batch = rng.choice([1, 2, 2, 3])
    dtype = rng.choice(dtypes)
    owners = [index for index, outcome in enumerate(made.outcomes) if outcome.params]
    frozen = tuple(sorted(rng.sample(owners, rng.randint(1, len(owners) - 1)))) if chance(rng, 0.2, owners) else ()
    closed = stretches(made)
    checkpoints = (rng.choice(closed),) if chance(rng, 0.15, closed) else ()
    return Question(batch, dtype, frozen, checkpoints)


def stretches(made: Interpretation) -> list[tuple[int, int]]:
    """The stretches that can be checkpointed, by their first and last layers: nothing inside is used outside."""
    ends = set(made.network.outputs.values())
    chain = units(made.network)
    return [
        (chain[i].first, chain[j].last)
        for i in range(len(chain))
        for j in range(i, len(chain))
        if not any(chain[i].first <= end < chain[j].last for end in ends)
    ]


def chance(rng: random.Random, probability: float, from_: list[Any]) -> bool:
    """Whether it happens; never where there are not two to choose from."""
    return len(from_) > 1 and rng.random() < probability


class _Draft:
    """A network in the making: a step is proposed until one fits."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names = 0

    def spec(self) -> Spec:
        rng = self.rng
        shape = rng.choice(
            [self.a_map(), self.a_map(), self.a_map(), self.a_sequence(), self.a_vector(), self.a_solid()]
        )
        steps: list[Step] = []
        if rng.random() < 0.08:
            shape = (rng.randint(3, 6),)
            steps = [{"embedding": {"count": 10, "out": rng.choice([4, 6, 8])}}]
        for _ in range(rng.randint(1, 7)):
            steps.append(self.step(shape, steps, depth=0))
        end = output_shape(shape, steps)
        if rng.random() < 0.7 and end is not None:
            steps += [*([{"flatten": None}] if len(end) > 1 else []), {"linear": 5}]
        return Spec(shape, tuple(steps))

    def a_map(self) -> Shape:
        return (self.rng.choice([2, 3, 4, 6, 8]), self.rng.randint(4, 9), self.rng.randint(4, 9))

    def a_sequence(self) -> Shape:
        return (self.rng.choice([4, 6, 8]), self.rng.randint(3, 8))

    def a_vector(self) -> Shape:
        return (self.rng.choice([6, 8, 12]),)

    def a_solid(self) -> Shape:
        return (self.rng.choice([2, 4]), *(self.rng.randint(3, 5) for _ in range(3)))

    def step(self, source: Shape, before: list[Step], depth: int) -> Step:
        """A step that fits what the steps before it make of the source."""
        shape = output_shape(source, before)
        assert shape is not None
        while True:
            step = self.proposed(shape, depth)
            if output_shape(source, [*before, step]) is not None:
                return step

    def steps(self, shape: Shape, most: int, depth: int) -> list[Step]:
        """A few steps for a branch that begins with this shape."""
        made: list[Step] = []
        for _ in range(self.rng.randint(0, most)):
            made.append(self.step(shape, made, depth))
        return made

    def keeping(self, shape: Shape, depth: int) -> list[Step]:
        """Steps that end in the shape that they begin with."""
        while True:
            made = self.steps(shape, 3, depth)
            if not made or output_shape(shape, made) == shape:
                return made
            repaired = [*made, self.back_to(shape)]
            if output_shape(shape, repaired) == shape:
                return repaired

    def back_to(self, shape: Shape) -> Step:
        if len(shape) == 1:
            return {"linear": shape[0]}
        if self.rng.random() < 0.5 and len(shape) == 2:
            return {"linear": {"out": shape[0], "each_position": True}}
        return {"conv": {"out": shape[0], "kernel": 1}}

    def proposed(self, shape: Shape, depth: int) -> Step:
        rng = self.rng
        kinds = [*ANYWHERE, *BY_RANK[len(shape) - 1]]
        if depth < 2:
            kinds += [_Draft.residual, _Draft.residual, _Draft.stacked, _Draft.gated, _Draft.averaged, _Draft.head]
        step = rng.choice(kinds)(self, shape, depth)
        if rng.random() < 0.06 and len(step) == 1 and next(iter(step)) in WITH_WEIGHTS:
            step["repeat"] = 2
            step["weights"] = f"shared{self.number()}"
        return step

    def number(self) -> int:
        self.names += 1
        return self.names

    # --- joins

    def residual(self, shape: Shape, depth: int) -> Step:
        branches = {"one": self.keeping(shape, depth + 1), "two": self.keeping(shape, depth + 1)}
        if self.rng.random() < 0.5:
            branches["two"] = []
        if self.rng.random() < 0.15:
            branches["three"] = self.keeping(shape, depth + 1)
        return {"add": branches}

    def averaged(self, shape: Shape, depth: int) -> Step:
        return {"mean": {"one": self.keeping(shape, depth + 1), "two": self.keeping(shape, depth + 1)}}

    def stacked(self, shape: Shape, depth: int) -> Step:
        return {
            "concat": {
                name: self.keeping(shape, depth + 1) for name in ("one", "two", "three")[: self.rng.randint(2, 3)]
            }
        }

    def gated(self, shape: Shape, depth: int) -> Step:
        """Squeeze and excitation, a gated unit, or a product of equals."""
        rng = self.rng
        gate: list[Step] = [{rng.choice(["sigmoid", "hardsigmoid", "tanh"]): None}]
        if len(shape) > 1 and rng.random() < 0.6:
            inside = {"conv": {"out": shape[0], "kernel": 1}} if rng.random() < 0.5 else {"linear": shape[0]}
            squeeze: list[Step] = [{"global_avgpool": None}]
            gate = [*squeeze, *([] if "conv" in inside else [{"flatten": None}]), inside, *gate]
        else:
            gate = [*self.keeping(shape, depth + 1), *gate]
        branches = {"values": self.keeping(shape, depth + 1) if rng.random() < 0.4 else [], "gate": gate}
        if rng.random() < 0.15:
            branches["more"] = self.keeping(shape, depth + 1)
        if rng.random() < 0.3:
            branches = dict(reversed(branches.items()))
        return {"multiply": branches}

    def head(self, shape: Shape, depth: int) -> Step:
        return {"head": {f"aux{self.number()}": [*([{"flatten": None}] if len(shape) > 1 else []), {"linear": 3}]}}


Proposal = Callable[[_Draft, Shape, int], Step]


def plain(*layers: str) -> list[Proposal]:
    """Layers without attributes."""
    return [lambda draft, shape, depth, name=layer: {name: None} for layer in layers]  # type: ignore[misc]


def given(layer: str, **attributes: Callable[[random.Random, Shape], Any]) -> Proposal:
    """A layer whose attributes are drawn; None leaves one out."""

    def proposal(draft: _Draft, shape: Shape, depth: int) -> Step:
        drawn = {name: draw(draft.rng, shape) for name, draw in attributes.items()}
        return {layer: {name: value for name, value in drawn.items() if value is not None} or None}

    return proposal


def among(*values: Any) -> Callable[[random.Random, Shape], Any]:
    return lambda rng, shape: rng.choice(values)


def per_axis(*values: Any) -> Callable[[random.Random, Shape], Any]:
    """One value for all axes, or one for each."""
    return lambda rng, shape: rng.choice(values) if rng.random() < 0.7 else [rng.choice(values) for _ in shape[1:]]


def sides(most: int, *words: str) -> Callable[[random.Random, Shape], Any]:
    """An amount at every side of every axis."""

    def draw(rng: random.Random, shape: Shape) -> Any:
        if words and rng.random() < 0.3:
            return rng.choice(words)
        if rng.random() < 0.8:
            return rng.randint(0, most)
        return [[rng.randint(0, most), rng.randint(0, most)] for _ in shape[1:]]

    return draw


def order_of_axes(rng: random.Random, shape: Shape) -> list[int]:
    return rng.sample(range(len(shape)), len(shape))


def another_shape(rng: random.Random, shape: Shape) -> list[int]:
    total = 1
    for size in shape:
        total *= size
    sizes = [size for size in range(1, total + 1) if total % size == 0]
    first = rng.choice(sizes)
    return [first, total // first] if rng.random() < 0.7 else [total]


_widths = among(2, 4, 6, 8)
_flag = among(True, False, None, None)
_places = among(True, False, None)

ANYWHERE: list[Proposal] = [
    *plain("gelu", "sigmoid", "tanh", "softplus", "softmax", "identity"),
    *(given(name, inplace=_places) for name in ("relu", "relu", "relu6", "leaky_relu", "elu", "selu", "silu", "mish")),
    *(given(name, inplace=_places) for name in ("hardsigmoid", "hardswish")),
    given("prelu", per_channel=_flag),
    *plain("abs", "square", "exp", "normalize"),
    given("clamp", least=among(0, None), most=among(1)),
    given("gelu", approximate=among("tanh")),
    given("dropout", rate=among("0.5", "0.1", 0, None)),
    given("drop_path", rate=among("0.5", "0.1", 0)),
    given("batch_norm", affine=_flag, track=_flag),
    given("batch_norm"),
    given("layer_norm", affine=_flag, over=among(None, None, "channels", "volume")),
    given("rms_norm", affine=_flag),
    given("standardized_conv", out=_widths, kernel=per_axis(1, 2, 3), padding=among(0, 1), bias=_flag, gain=_flag),
    given("group_norm", groups=among(1, 2), affine=_flag, bias=_flag),
    given("affine", scale=_flag),
    given("affine", bias=_flag),
    given("scale", factor=among("0.5", 2)),
    *plain("layer_scale", "position_embedding", "zero"),
    given("select", start=among(0, 1), count=among(1, 2, 3)),
    given("split", parts=among(1, 2, 2, 3), part=among(0, 1, None)),
    given("pad_channels", out=lambda rng, shape: shape[0] + rng.randint(0, 3)),
]
_SPATIAL: list[Proposal] = [
    *[
        given(
            "conv",
            out=_widths,
            kernel=per_axis(1, 2, 3),
            stride=among(None, None, 1, 2),
            padding=sides(1, "same"),
            groups=among(None, None, 1, 2),
            bias=_flag,
        )
    ]
    * 4,
    given("conv", out=_widths, kernel=per_axis(1, 3), dilation=among(1, 2), padding=sides(2)),
    given("depthwise_conv", kernel=per_axis(1, 3), padding=sides(1, "same"), multiplier=among(None, None, 2)),
    given(
        "conv_transpose",
        out=_widths,
        kernel=per_axis(1, 2, 3),
        stride=among(None, 2),
        padding=sides(1),
        groups=among(None, 2),
        output_padding=among(None, None, 1),
    ),
    given("maxpool", kernel=among(2, 3), stride=among(None, 1, 2), padding=sides(1, "same"), ceil_mode=_flag),
    given(
        "avgpool",
        kernel=among(2, 3),
        stride=among(None, 1, 2),
        padding=sides(1, "same"),
        ceil_mode=_flag,
        count_include_pad=_flag,
    ),
    *plain("global_avgpool", "global_maxpool", "flatten"),
    given("adaptive_avgpool", size=per_axis(1, 2, 3)),
    given("adaptive_maxpool", size=per_axis(1, 2, 3)),
    given("instance_norm", affine=_flag),
    given("lrn", size=among(1, 3, 5)),
    given("pad", size=sides(2), mode=among(None, "zero", "reflect", "replicate")),
    given("crop", size=sides(1)),
    given("subsample", stride=per_axis(1, 2)),
    given("upsample", scale=per_axis(1, 2), mode=among(None, "nearest", "linear")),
    given("upsample", scale=per_axis(1, 2), mode=among("linear", "cubic"), antialias=_flag),
    given("transpose", order=order_of_axes),
    given("reshape", shape=another_shape),
    given("linear", out=_widths, bias=_flag, each_position=among(True)),
]
_SEQUENCES: list[Proposal] = [
    *(
        given(name, out=_widths, layers=among(None, None, 2), bidirectional=_flag, bias=_flag)
        for name in ("rnn", "gru", "lstm")
    ),
    given("lstm", out=_widths, layers=among(None, 2), bidirectional=_flag, bias=_flag, projection=among(1)),
    given(
        "experts",
        count=among(2, 3, 4),
        hidden=among(3, 7),
        top_k=among(1, 2),
        gated=_flag,
        activation=among("silu", "gelu", "relu"),
        shared=among(None, None, 1),
    ),
    given("reduce_mean", over=among("length")),
    *[given("linear", out=_widths, bias=_flag, each_position=among(True))] * 2,
    *[given("attention", heads=among(1, 2, 3, 4), bias=_flag)] * 3,
    *(
        given(
            "attention",
            heads=among(1, 2, 4),
            kv_heads=among(None, 1, 2),
            width=among(None, None, 2),
            bias=_flag,
            causal=_flag,
            rotary=_flag,
            norm=among(None, "layer", "rms"),
            mode=among(mode),
            **options,
        )
        for mode, options in (
            ("fused", {"mask": _flag}),
            ("separate", {"relative": among(None, 9), "softcap": among(None, 5), "dropout": among(None, 0.1)}),
        )
    ),
    given("class_token", count=among(None, 2)),
    given("select_token", index=among(0, 1)),
]
_OF_MAPS: list[Proposal] = [
    given("reduce_mean", over=among("height", "width", "channels"), keep=_flag),
    given("reduce_max", over=among("height", "width", "channels"), keep=_flag),
    given("roll", over=among("height", "width"), by=among(1, 2)),
    given("slice", axis=among("height", "width"), start=among(0, 1), step=among(1, 2)),
    given("softmax", over=among("height", "width")),
]
BY_RANK: list[list[Proposal]] = [
    [*[given("linear", out=_widths, bias=_flag)] * 5, given("rbf", out=_widths), given("reshape", shape=another_shape)],
    [*_SPATIAL, *_SEQUENCES, *_SEQUENCES],
    [
        *_SPATIAL,
        *plain("tokens"),
        given("pixel_shuffle", scale=among(1, 2)),
        given("channel_shuffle", groups=among(1, 2)),
    ],
    [*_SPATIAL, *plain("tokens")],
]
WITH_WEIGHTS = frozenset({"conv", "depthwise_conv", "linear", "batch_norm", "layer_norm", "attention", "prelu"})
