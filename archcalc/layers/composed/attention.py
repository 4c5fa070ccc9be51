"""Attention as it is built today: of linear layers, and a fused kernel or operations of their own."""

from __future__ import annotations

from typing import Literal

from archcalc.layers.arithmetic import of_normalisation, of_rms_normalisation, of_softmax
from archcalc.layers.composed.heads import repeated, rotated
from archcalc.layers.composed.tape import Tape, Undo, Value
from archcalc.layers.outcome import EVERYTHING, Outcome, Tensor
from archcalc.sizes.conditions import divides
from archcalc.sizes.kinds import Size, certainly_equal, product, undecided
from archcalc.sizes.volume import Volume

Kernel = Literal["fused", "separate"]


def linear_attention(
    x: Volume,
    memory: Volume | None,
    *,
    heads: Size,
    kv_heads: Size,
    width: Size,
    biases: tuple[bool, ...],
    causal: bool,
    masked: bool,
    rotary: bool,
    norm: str,
    relative: Size | None,
    softcap: bool,
    dropout: bool,
    kernel: Kernel,
) -> Outcome:
    """Attention whose query, key, value and output are linear layers. `biases` has one switch for each of the four;
    `masked` says that a mask other than the causal one is an operand."""
    other = x if memory is None else memory
    tape = Tape()
    own = tape.input(x)
    read = own if memory is None else tape.input(memory, 1)
    inner, shared = heads * width, kv_heads * width

    def projected(source: Value, volume: Volume, number: int, name: str, outputs: Size) -> Value:
        weight = tape.param(f"{name}_weight", outputs, volume.channels)
        bias = tape.param(f"{name}_bias", outputs) if biases[number] else None
        return tape.linear(source, volume.positions, volume.channels, outputs, weight, bias, name)

    query = projected(own, x, 0, "query", inner)
    key = projected(read, other, 1, "key", shared)
    value = projected(read, other, 2, "value", shared)
    if norm != "none":
        query = _normalised(tape, query, "query", width, x.positions * heads, norm)
        key = _normalised(tape, key, "key", width, other.positions * kv_heads, norm)
    if rotary:
        query, key = rotated(tape, query, "turned query"), rotated(tape, key, "turned key")
    heads_apart = query, key, value
    batch, attended = product(x.space[:-1]), other.space[-1]
    pairs = x.space[-1] * attended
    rows, scores = heads * x.positions, heads * batch * pairs
    tape.count("activation", multiply=scores, **of_softmax(scores, rows))
    if kernel == "fused":
        masks = pairs if masked else None
        values = fused_kernel(tape, query, key, value, rows, masks, query.elements, "attended values")
        if norm != "none":
            # Normalised queries lie head by head, and so does what the kernel makes of them.
            values = tape.copy(values, "attended values by position")
        products = 2 * width * scores
        tape.macs, tape.products = tape.macs + products, tape.products + products
    else:
        by_head = other.positions * inner
        if not certainly_equal(heads, kv_heads) and not certainly_equal(kv_heads, 1):
            # A single head is repeated as a view, and copied where it is multiplied.
            key, value = (repeated(tape, each, by_head, f"repeated {each.name}") for each in (key, value))
        if norm == "none":  # what is normalised lies in order
            query = _in_order(tape, query, query.elements)
        if norm == "none" or not certainly_equal(key.elements, by_head):
            key = _in_order(tape, key, by_head)
        made = tape.matmul(query, key, width, scores, "scores")
        table = None if relative is None else (relative, heads, pairs)
        made = _softmax(tape, made, causal or masked, table, softcap, dropout)
        values = tape.matmul(made, _in_order(tape, value, by_head), attended, x.positions * inner, "values by head")
        values = _copied(tape, values, "attended values")
    weight = tape.param("out_weight", x.channels, inner)
    bias = tape.param("out_bias", x.channels) if biases[3] else None
    output = tape.linear(values, x.positions, inner, x.channels, weight, bias, "output")
    tape.hold(*heads_apart)
    message = "the heads of keys and values must divide the heads of queries"
    return Outcome(
        x,
        params=tuple(tape.params.values()),
        buffers=() if relative is None else (Tensor("index", pairs, "int64"),),
        macs=tape.macs,
        products=tape.products,
        inner=weight.elements * x.positions,
        operations=tuple(tape.operations),
        saved=tape.saved(),
        composition=tape.composition(output),
        windows=EVERYTHING,
        conditions=(
            divides("heads-divide", kv_heads, heads, message, "kv_heads"),
            *(
                (divides("heads-divide", 2, width, "rotary positions need pairs of channels", "width"),)
                if rotary
                else ()
            ),
        ),
        undecided=undecided(((heads, kv_heads), (kv_heads, 1))) if kernel == "separate" else (),
        form=kernel if norm == "none" else f"{kernel} normalised",
    )


def _copied(tape: Tape, x: Value, name: str) -> Value:
    """The values in another order; the gradient is copied back."""
    return tape.map("clone", x, name, back="clone")


def _in_order(tape: Tape, x: Value, elements: Size) -> Value:
    """A copy of queries, keys or values in which each head's positions follow one another; repeated ones are that."""
    if x.name.startswith("repeated"):
        return x
    if not certainly_equal(x.elements, elements):
        return repeated(tape, x, elements, f"{x.name} by head")
    return _copied(tape, x, f"{x.name} by head")


def fused_kernel(
    tape: Tape, query: Value, key: Value, value: Value, rows: Size, masked: Size | None, elements: Size, name: str
) -> Value:
    """The fused kernel. A mask that is not just causal is an operand, of the values' type and one for the batch."""
    values = tape.result(name, elements, query, key, value)
    sums = Tensor("log of the softmax sums", rows, "float32")
    masks = () if masked is None else (Tensor("mask", masked, per="batch"),)
    for mask in masks:
        tape.run("where", (), mask)
    tape.run("scaled_dot_product_attention", (query, key, value, *masks), values, sums)
    for kept in (query, key, value, values):
        tape.keep(kept, values.needs)
    for own in (*masks, sums):
        tape.keep_own(own, values.needs)
    reads = ("gradient", *(kept.base for kept in (query, key, value, values)), *(own.name for own in (*masks, sums)))
    tape.record(values, Undo("scaled_dot_product_attention_backward", reads, (query, key, value)))
    return values


def _softmax(
    tape: Tape, scores: Value, masked: bool, relative: tuple[Size, Size, Size] | None, softcap: bool, dropout: bool
) -> Value:
    """Scores to weights: scaled, kept within a limit, biased, masked, the softmax, and dropout."""
    n = scores.elements
    made = tape.map("mul", scores, "scaled scores", back="mul")
    if softcap:
        # limit * tanh(score / limit)
        made = tape.map("div", made, "scores over the limit", back="div")
        made = tape.map("tanh", made, "tangents of the scores", saved="result")
        made = tape.map("mul", made, "scores within the limit", back="mul")
        tape.count("elementwise", divide=2 * n, multiply=2 * n, exponential=n, add=2 * n)
    if relative is not None:
        rows, heads, pairs = relative
        made = _biased(tape, made, tape.param("relative_table", rows, heads), heads * pairs)
        tape.count("elementwise", add=n)
    if masked:
        made = tape.map("masked_fill", made, "masked scores", back="masked_fill")
        tape.count("elementwise", add=n)
    made = tape.map("softmax", made, "weights", saved="result")
    if not dropout:
        return made
    left = tape.result("weights that are left", n, made)
    mask = Tensor("dropout mask", n)
    tape.run("bernoulli", (made,), mask, training=True)
    tape.run("mul", (made,), left, training=True)
    tape.keep_own(mask, made.needs, "cpu")
    tape.keep_own(mask._replace(dtype="bool"), made.needs, "cuda")
    tape.record(left, Undo("mul", ("gradient", mask.name), (made,)))
    return left


def _biased(tape: Tape, scores: Value, table: Value, biases: Size) -> Value:
    """Scores with a learned bias by relative position, which an index picks from a table, once for the batch."""
    made = tape.result("biased scores", scores.elements, scores, table)
    picked, in_order = Tensor("biases", biases, per="batch"), Tensor("biases in order", biases, per="batch")
    tape.run("index", (table,), picked)
    tape.run("clone", (picked,), in_order)
    tape.run("add", (scores, in_order), made)
    once = (Tensor("gradient of the biases", biases, per="batch"), Tensor("gradient in order", biases, per="batch"))
    tape.record(
        made,
        Undo("sum", ("gradient",), once[:1]),
        Undo("clone", (once[0].name,), once[1:]),
        Undo("index_put", (once[1].name,), (table,)),
        passes=(scores,),
    )
    return made


def _normalised(tape: Tape, x: Value, name: str, width: Size, rows: Size, norm: str) -> Value:
    """Queries or keys normalised head by head, with a scale (and with `layer` a shift) that all heads share."""
    n = x.elements
    layer = norm == "layer"
    scale = tape.param(f"{name}_scale", width)
    shift = (tape.param(f"{name}_shift", width),) if layer else ()
    made = tape.result(f"normalised {name}", n, x, scale, *shift)
    names = ("mean", "inverse deviation") if layer else ("reciprocal root",)
    statistics = tuple(Tensor(f"{each} of {name}", rows, "float32") for each in names)
    operation = "native_layer_norm" if layer else "fused_rms_norm"
    tape.run(operation, (x, scale, *shift), made, *statistics)
    tape.keep(x, made.needs)
    for each in statistics:
        tape.keep_own(each, made.needs)
    if not layer:
        # A CPU runs it as simple operations, and keeps what the scale multiplies.
        tape.keep_own(Tensor(f"unscaled {name}", n, "float32"), scale.needs, "cpu")
    tape.keep(scale, x.needs)
    reads = ("gradient", x.base, *(each.name for each in statistics))
    tape.record(made, Undo(f"{operation}_backward", reads, (x, scale, *shift)))
    tape.count("normalisation", **(of_normalisation if layer else of_rms_normalisation)(n, rows, True))
    return made
