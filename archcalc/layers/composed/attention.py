"""Attention as it is built today: of linear layers, and a fused kernel or operations of their own."""

from __future__ import annotations

from typing import Literal, TypeAlias

from archcalc.layers.arithmetic import of_normalisation, of_rms_normalisation, of_softmax
from archcalc.layers.composed.heads import repeated, rotated
from archcalc.layers.composed.tape import Tape, Undo, Value
from archcalc.layers.layout import Needs, rows
from archcalc.layers.outcome import EVERYTHING, STATISTIC, VALUE, Composition, Instead, Outcome, Tensor, Way
from archcalc.records import Record
from archcalc.sizes.conditions import divides
from archcalc.sizes.kinds import Size, certainly_equal, product, undecided
from archcalc.sizes.volume import Volume

Kernel = Literal["fused", "separate"]


class Options(Record):
    """What an attention of linear layers is. `biases` has a switch for query, key, value and output; `masked` says that
    a mask other than the causal one is an operand, and `relative` how many rows a table of biases has."""

    heads: Size
    kv_heads: Size
    width: Size
    biases: tuple[bool, ...]
    causal: bool
    masked: bool
    rotary: bool
    norm: str
    relative: Size | None
    softcap: bool
    dropout: bool
    kernel: Kernel


def linear_attention(x: Volume, memory: Volume | None, options: Options) -> Outcome:
    """Attention whose query, key, value and output are linear layers."""
    heads, kv_heads, width, kernel = options.heads, options.kv_heads, options.width, options.kernel
    other = x if memory is None else memory
    tape, output = _followed(x, memory, options, Way())
    message = "the heads of keys and values must divide the heads of queries"
    return Outcome(
        x,
        params=tuple(tape.params.values()),
        buffers=() if options.relative is None else (Tensor("index", x.space[-1] * other.space[-1], "int64"),),
        macs=tape.macs,
        products=tape.products,
        inner=x.channels * heads * width * x.positions,
        operations=tuple(tape.operations),
        saved=tape.saved(),
        composition=_composition(tape, output, options),
        lies="channels last",
        needs=rows(x.rank),
        ways=_Ways(x, memory, options),  # type: ignore[arg-type]  # mypy does not see that a record is callable
        windows=EVERYTHING,
        conditions=(
            divides("heads-divide", kv_heads, heads, message, "kv_heads"),
            *(
                (divides("heads-divide", 2, width, "rotary positions need pairs of channels", "width"),)
                if options.rotary
                else ()
            ),
        ),
        undecided=undecided(((heads, kv_heads), (kv_heads, 1))) if kernel == "separate" else (),
        form=kernel if options.norm == "none" else f"{kernel} normalised",
    )


class _Ways(Record):
    """What is saved and done in each way."""

    x: Volume
    memory: Volume | None
    options: Options

    def __call__(self, way: Way) -> Instead:
        tape, output = _followed(self.x, self.memory, self.options, way)
        return Instead(tape.saved(), _composition(tape, output, self.options))


def _composition(tape: Tape, output: Value, options: Options) -> Composition:
    """What is done; the result of a linear layer with a bias is a view of a matrix."""
    return tape.composition(output)._replace(viewed=options.biases[3])


def _followed(x: Volume, memory: Volume | None, options: Options, way: Way) -> tuple[Tape, Value]:
    """The operations, and their result."""
    heads, kv_heads, width, norm = options.heads, options.kv_heads, options.width, options.norm
    other = x if memory is None else memory
    tape = Tape()
    own = tape.input(x)
    read = own if memory is None else tape.input(memory, 1)
    inner = heads * width

    def projected(source: Value, volume: Volume, number: int, name: str, count: Size) -> Value:
        outputs = count * width
        weight = tape.param(f"{name}_weight", outputs, volume.channels)
        bias = tape.param(f"{name}_bias", outputs) if options.biases[number] else None
        of = 0 if source is own else 1
        if of in way.rearranged:
            made = _of_a_copy(tape, source, rows(volume.rank), of, weight, bias, volume.positions * outputs, name)
        else:
            made = tape.linear(source, volume.positions, volume.channels, outputs, weight, bias, name)
        comes_by_head = options.kernel == "separate" or (norm != "none" and name != "value")
        if not comes_by_head or _is_one(count, volume.space[-1]):
            return made
        return tape.seen(made, f"heads of the {name}")  # whose gradient comes head by head

    query = projected(own, x, 0, "query", heads)
    key = projected(read, other, 1, "key", kv_heads)
    value = projected(read, other, 2, "value", kv_heads)
    if norm != "none":
        before = query, key
        query = _normalised(tape, query, "query", (width, heads, x), norm, way)
        key = _normalised(tape, key, "key", (width, kv_heads, other), norm, way)
        tape.hold(*before)
    if options.rotary:
        before = query, key
        query, key = rotated(tape, query, "turned query"), rotated(tape, key, "turned key")
        tape.hold(*before)
    scores = _scores(x, other, heads)
    tape.count("activation", multiply=scores, **of_softmax(scores, heads * x.positions))
    attend = _fused if options.kernel == "fused" else _separate
    values, named = attend(tape, (query, key, value), x, other, options, way)
    weight = tape.param("out_weight", x.channels, inner)
    bias = tape.param("out_bias", x.channels) if options.biases[3] else None
    output = tape.linear(values, x.positions, inner, x.channels, weight, bias, "output")
    tape.hold(*named)
    return tape, output


def _is_one(heads: Size, positions: Size) -> bool:
    """Whether heads by positions lie as positions by heads do."""
    return certainly_equal(heads, 1) or certainly_equal(positions, 1)


def _scores(x: Volume, other: Volume, heads: Size) -> Size:
    """How many pairs of a query and a key there are, in all heads."""
    return heads * product(x.space) * other.space[-1]


#: Queries, keys and values.
_Three: TypeAlias = tuple[Value, Value, Value]
#: The attended values, position by position, and what has a name until the function returns.
_Attended: TypeAlias = tuple[Value, tuple[Value, ...]]


def _fused(tape: Tape, three: _Three, x: Volume, other: Volume, options: Options, way: Way) -> _Attended:
    """By one kernel."""
    query, heads = three[0], options.heads
    masks = x.space[-1] * other.space[-1] if options.masked else None
    made = fused_kernel(tape, *three, heads * x.positions, masks, query.elements, "attended values", way.half)
    products = 2 * options.width * _scores(x, other, heads)
    tape.macs, tape.products = tape.macs + products, tape.products + products
    values = made
    if options.norm != "none" and not _is_one(heads, x.space[-1]):
        # Normalised queries lie head by head, and so does what the kernel makes of them.
        values = tape.copy(made, "attended values by position")
    return values, (*three, made)


def _separate(tape: Tape, three: _Three, x: Volume, other: Volume, options: Options, way: Way) -> _Attended:
    """By operations of their own: scores, their softmax, and sums of values."""
    query, key, value = three
    heads, attended, inner = options.heads, other.space[-1], options.heads * options.width
    by_head, normalised = other.positions * inner, options.norm != "none"
    fewer = not certainly_equal(heads, options.kv_heads)
    as_copies = fewer and not certainly_equal(options.kv_heads, 1)
    if as_copies:
        key, value = (repeated(tape, each, by_head, f"repeated {each.base}") for each in (key, value))
        three = query, key, value
    elif fewer:  # a single head is repeated as a view, and copied where it is multiplied
        key, value = (tape.spread(each, by_head, f"spread {each.base}") for each in (key, value))

    def in_order(x: Value, positions: Size) -> Value:
        """Each head's positions one after the other, as a product of several samples needs them."""
        is_spread = fewer and x is not query
        lies_so = way.one_sample or (_is_one(heads, positions) and not is_spread)
        return x if lies_so else tape.copy(x, f"{x.base} by head")

    ordered = query if normalised else in_order(query, x.space[-1])  # what is normalised lies in order
    if not as_copies and (not normalised or fewer):
        key = in_order(key, attended)
    scores = tape.matmul(ordered, key, options.width, _scores(x, other, heads), "scores")
    table = None if options.relative is None else (options.relative, heads, x.space[-1] * attended)
    weights, entering = _softmax(tape, scores, options.causal or options.masked, table, options)
    value = value if as_copies else in_order(value, attended)
    made = values = tape.matmul(weights, value, attended, x.positions * inner, "values by head")
    if not _is_one(heads, x.space[-1]):
        copied = "attended values"
        values = tape.copy(made, copied) if way.one_sample else tape.map("clone", made, copied, back="clone")
    return values, (*three, entering, made)


def _of_a_copy(
    tape: Tape, x: Value, needs: Needs, of: int, weight: Value, bias: Value | None, elements: Size, name: str
) -> Value:
    """A linear layer of an input that is not contiguous: a product of the copy of its rows, and the bias added."""
    copied = tape.rows(x, needs, weight, bias, f"rows for the {name}", of)
    if bias is None:
        return tape.product(copied, weight, None, elements, name, called="linear")
    product = tape.product(copied, weight, None, elements, f"product for the {name}", called="linear")
    return tape.shift(product, bias, name, called="linear")


def fused_kernel(
    tape: Tape,
    query: Value,
    key: Value,
    value: Value,
    rows: Size,
    masked: Size | None,
    elements: Size,
    name: str,
    half: str | None = None,
) -> Value:
    """The fused kernel. A mask that is not just causal is an operand, of the values' type and one for the batch; `half`
    is that type where it is one of 16 bits."""
    values = tape.result(name, elements, query, key, value)
    sums = Tensor("log of the softmax sums", rows, "float32")
    masks = () if masked is None else (Tensor("mask", masked, half or VALUE, per="batch"),)
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
    tape: Tape, scores: Value, masked: bool, relative: tuple[Size, Size, Size] | None, options: Options
) -> tuple[Value, Value]:
    """Scores to weights: scaled, kept within a limit, biased, masked, the softmax, and dropout; and the scores as they
    enter the softmax."""
    n = scores.elements
    made = scaled = tape.map("mul", scores, "scaled scores", back="mul")
    if options.softcap:
        # limit * tanh(score / limit)
        made = tape.map("div", made, "scores over the limit", back="div")
        made = tape.map("tanh", made, "tangents of the scores", saved="result")
        made = tape.map("mul", made, "scores within the limit", back="mul")
        tape.hold(scaled)
        tape.count("elementwise", divide=2 * n, multiply=2 * n, exponential=n, add=2 * n)
    if relative is not None:
        rows, heads, pairs = relative
        made = _biased(tape, made, tape.param("relative_table", rows, heads), heads * pairs)
        tape.count("elementwise", add=n)
    if masked:
        made = tape.map("masked_fill", made, "masked scores", back="masked_fill")
        tape.count("elementwise", add=n)
    entering = made
    made = tape.map("softmax", made, "weights", saved="result")
    if not options.dropout:
        return made, entering
    left = tape.result("weights that are left", n, made)
    mask = Tensor("dropout mask", n)
    tape.run("bernoulli", (made,), mask, training=True)
    tape.run("mul", (made,), left, training=True)
    tape.keep_own(mask, made.needs, "cpu")
    tape.keep_own(mask._replace(dtype="bool"), made.needs, "cuda")
    tape.record(left, Undo("mul", ("gradient", mask.name), (made,)))
    return left, entering


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


def _normalised(tape: Tape, x: Value, name: str, of: tuple[Size, Size, Volume], norm: str, way: Way) -> Value:
    """Queries or keys normalised head by head, with a scale (and with `layer` a shift) that all heads share; their
    positions follow one another then."""
    width, heads, volume = of
    n, rows = x.elements, volume.positions * heads
    scale = tape.param(f"{name}_scale", width)
    if norm == "rms":
        tape.count("normalisation", **of_rms_normalisation(n, rows, True))
        if way.device == "cuda":
            return _by_one_kernel(tape, x, name, scale, rows)
        made = _of_simple_operations(tape, x, name, scale, rows, way)
        if not _is_one(heads, volume.space[-1]):
            made = tape.copy(made, f"normalised {name}")
        return made if way.half is None else tape.to(made, way.half, f"normalised {name} in {way.half}", "float32")
    tape.count("normalisation", **of_normalisation(n, rows, True))
    shift = tape.param(f"{name}_shift", width)
    made = tape.result(f"normalised {name}", n, x, scale, shift)
    statistics = tuple(Tensor(f"{each} of {name}", rows, STATISTIC) for each in ("mean", "inverse deviation"))
    tape.run("native_layer_norm", (x, scale, shift), made, *statistics)
    tape.keep(x, made.needs)
    for each in statistics:
        tape.keep_own(each, made.needs)
    tape.keep(scale, x.needs)
    reads = ("gradient", x.base, *(each.name for each in statistics))
    tape.record(made, Undo("native_layer_norm_backward", reads, (x, scale, shift)))
    return made


def _by_one_kernel(tape: Tape, x: Value, name: str, scale: Value, rows: Size) -> Value:
    """Root-mean-square normalisation by one kernel."""
    made = tape.result(f"normalised {name}", x.elements, x, scale)
    root = Tensor(f"reciprocal root of {name}", rows, "float32")
    tape.run("fused_rms_norm", (x, scale), made, root)
    tape.keep(x, made.needs)
    tape.keep_own(root, made.needs)
    tape.keep(scale, x.needs)
    tape.record(made, Undo("fused_rms_norm_backward", ("gradient", x.base, root.name), (x, scale)))
    return made


def _of_simple_operations(tape: Tape, x: Value, name: str, scale: Value, rows: Size, way: Way) -> Value:
    """Root-mean-square normalisation as a CPU runs it: x / sqrt(mean(x^2)) * scale, in float32."""
    n, wide = x.elements, VALUE if way.half is None else "float32"

    def own(what: str, elements: Size = n) -> Tensor:
        return Tensor(f"{what} of {name}", elements, wide)

    given = x
    if way.half is not None:
        x = tape.to(given, wide, f"{name} in {wide}", way.half)
    squares = tape.result(f"squares of {name}", n, x, dtype=wide)
    tape.run("pow", (x,), squares)
    tape.keep(x, x.needs)
    power, twice = own("power"), own("twice the power")
    tape.record(
        squares,
        Undo("pow", (x.base,), (power,)),
        Undo("mul", (power.name,), (twice,)),
        Undo("mul", ("gradient", twice.name), (x,)),
    )
    mean = tape.result(f"mean square of {name}", rows, squares, dtype=wide)
    tape.run("mean", (squares,), mean)
    tape.record(mean, Undo("div", ("gradient",), (squares,)))
    root = tape.result(f"reciprocal root of {name}", rows, mean, dtype=wide)
    tape.run("rsqrt", (mean,), root)
    tape.hold(squares)
    tape.keep(root, x.needs)
    cube, half = own("cube of the root", rows), own("half the gradient of the root", rows)
    tape.record(
        root,
        Undo("pow", (root.base,), (cube,)),
        Undo("mul", ("gradient",), (half,)),
        Undo("mul", (half.name, cube.name), (mean,)),
    )
    held = (root,) if x is given else (root, x)
    unscaled = tape.result(f"unscaled {name}", n, x, root, dtype=wide)
    tape.run("mul", (x, root), unscaled)
    tape.hold(*held)
    products = own("products with the values")
    tape.record(
        unscaled,
        Undo("mul", ("gradient", x.base), (products,)),
        Undo("mul", ("gradient", root.base), (x,)),
        Undo("sum", (products.name,), (root,)),
    )
    made = tape.result(f"scaled {name}", n, unscaled, scale, dtype=wide)
    tape.run("mul", (unscaled, scale), made)
    tape.hold(*held)
    tape.keep(unscaled, scale.needs)
    tape.keep(scale, unscaled.needs)
    product = own("product")
    tape.record(
        made,
        Undo("mul", ("gradient", unscaled.base), (product,)),
        Undo("mul", ("gradient", scale.base), (unscaled,)),
        Undo("sum", (product.name,), (scale,)),
    )
    return made
