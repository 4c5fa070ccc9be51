"""Attention as torch.nn.MultiheadAttention computes it: on [L, N, E], with its own copies, views and fused kernels.

Query, key and value come from one product where they are of one sequence; key and value from one where the second
sequence is as wide as the first; each from its own otherwise. With several samples an input that lies [N, L, E] is
copied to [L, N, E] and the bias is added apart; one sample lies both ways.
"""

from __future__ import annotations

from archcalc.layers.layout import ONE_SAMPLE, POSITIONS_FIRST
from archcalc.layers.outcome import WEIGHTS, Composition, Need, Saved, Step, Tensor, gradients_of, one_node, saves
from archcalc.records import Record
from archcalc.sizes.kinds import Size, certainly_equal
from archcalc.sizes.volume import Volume

_OF_VALUES = "input of the values"
_ROWS = "rows of the gradient"
_ATTENDED = "attended values"
_SUMS = "log of the softmax sums"


class Multihead(Record):
    """What the module learns and saves, and its operations where the inputs lie as it needs them and where not."""

    params: tuple[Tensor, ...]
    saved: tuple[Saved, ...]
    composition: Composition
    rearranged: Composition


class _Projection(Record):
    """A linear layer on every position; `number` is the input that it is of, None for one inside the layer. `weights`
    and `biases` are parts of the parameter named `whole`, where that is given."""

    read: str
    made: Tensor
    weights: Tensor
    biases: tuple[Tensor, ...]
    gradient: Tensor
    number: int | None
    whole: str = ""
    whole_bias: str = ""

    def forward(self, folded: bool) -> tuple[Step, ...]:
        """One operation, or, where the input had to be copied, the product and the bias added to it."""
        bias = tuple(self.whole_bias or one.name for one in self.biases)
        reads = (self.read, self.whole or self.weights.name, *bias)
        if not (folded and self.biases):
            return (Step("addmm" if self.biases else "mm", reads, (self.made,)),)
        product = Tensor(f"product for {self.made.name}", self.made.elements)
        return (
            Step("mm", reads, (product,), called="linear"),
            Step("add", (product.name, *bias), (self.made,), called="linear"),
        )

    def backward(self, gradient: str, folded: bool) -> tuple[Step, ...]:
        """The gradients of addmm are by input, weights and bias; folded, the bias comes first and the input last."""
        wanted: Need = () if self.number is None else (self.number,)
        by_input = Step("mm", (gradient, self.whole or self.weights.name), (self.gradient,), wanted)
        by_weights = Step("mm", (gradient, self.read), gradients_of(self.weights), (WEIGHTS,))
        by_bias = tuple(Step("sum", (gradient,), gradients_of(bias), (WEIGHTS,)) for bias in self.biases)
        if folded or not by_bias:
            return (*by_bias, *one_node(by_weights, by_input))
        return one_node(by_input, by_weights, *by_bias)


def multihead(x: Volume, memory: Volume | None, heads: Size, bias: bool) -> Multihead:
    """Self-attention of x, or its attention over `memory`."""
    e, n, rows = x.channels, x.elements, heads * x.space[0]
    of_out = (Tensor("out_bias", e),) if bias else ()
    out = _Projection(
        _ATTENDED,
        Tensor("output", n),
        Tensor("out_weight", e * e, shape=(e, e)),
        of_out,
        Tensor("gradient of the attended values", n),
        None,
    )
    if memory is None:
        return _over_itself(x, out, rows, heads, bias)
    if certainly_equal(memory.channels, e):
        return _over_memory(x, memory, out, rows, bias)
    return _over_another_width(x, memory, out, rows, bias)


def _kernel(operands: tuple[str, ...], n: Size, rows: Size) -> Step:
    made = (Tensor(_ATTENDED, n), Tensor(_SUMS, rows, "float32"))
    return Step("scaled_dot_product_attention", operands, made)


def _kernel_backward(out: _Projection, operands: tuple[str, ...], n: Size, of_keys: Size) -> tuple[Step, ...]:
    """From the output's gradient to those of value, key and query. Each of the three lies with the positions between
    batch and heads: with several samples it is copied to be seen head by head, and copied back."""
    made = (Tensor("value", of_keys), Tensor("key", of_keys), Tensor("query", n))
    gradients = tuple(Tensor(f"kernel's gradient of {one.name}", one.elements) for one in made)
    copies = (("heads of {}", "kernel's gradient of {}"), ("gradient of {}", "heads of {}"))
    return (
        Step("clone", ("gradient",), (Tensor(_ROWS, n),), unless=POSITIONS_FIRST),
        *out.backward(_ROWS, folded=False),
        Step(
            "scaled_dot_product_attention_backward",
            ("gradient of the attended values", *operands, _ATTENDED, _SUMS),
            gradients[::-1],
        ),
        *(
            Step(
                "clone",
                (source.format(one.name),),
                (Tensor(target.format(one.name), one.elements),),
                unless=ONE_SAMPLE,
            )
            for target, source in copies
            for one in made
        ),
    )


def _over_itself(x: Volume, out: _Projection, rows: Size, heads: Size, bias: bool) -> Multihead:
    """One projection for all three, whose gradient is put together from three spread over tensors of its size."""
    e, n = x.channels, x.elements
    packed = "query, key and value"
    of_in = (Tensor("in_bias", 3 * e),) if bias else ()
    weights = Tensor("in_weight", 3 * e * e, shape=(3 * e, e))
    projection = _Projection("input", Tensor("projection", 3 * n), weights, of_in, Tensor("gradient of input", n), 0)
    spread = (
        Step("select_backward", ("gradient of value",), (Tensor("spread value", 3 * n),)),
        Step("select_backward", ("gradient of key",), (Tensor("spread key", 3 * n),)),
        Step("add", ("spread value", "spread key"), (Tensor("value and key", 3 * n),)),
        Step("select_backward", ("gradient of query",), (Tensor("spread query", 3 * n),)),
        Step("add", ("value and key", "spread query"), (Tensor("gradient of all three", 3 * n),)),
        Step("clone", ("gradient of all three",), (Tensor("gradient of the projection", 3 * n),)),
    )
    # At inference an even number of heads has a kernel of its own, if there are biases.
    fused = bias and certainly_equal(heads // 2 * 2, heads)

    def composed(folded: bool) -> Composition:
        return Composition(
            (
                *projection.forward(folded),
                Step("clone", ("projection",), (Tensor(packed, 3 * n),)),
                _kernel((packed,), n, rows),
                *out.forward(folded=False),
            ),
            (
                *_kernel_backward(out, (packed,), n, n),
                *spread,
                *projection.backward("gradient of the projection", folded),
            ),
            fused=fused,
        )

    saved = (
        saves("input", WEIGHTS),
        Saved(packed, 3 * n),
        Saved(_ATTENDED, n),
        Saved(_SUMS, rows, "float32"),
        saves("in_weight", 0),
        saves("out_weight"),
    )
    return Multihead((weights, out.weights, *of_in, *out.biases), saved, composed(False), composed(True))


def _over_memory(x: Volume, memory: Volume, out: _Projection, rows: Size, bias: bool) -> Multihead:
    """One projection for the query and one for key and value, by parts of one weight, whose gradients are joined."""
    e, n, of_keys = x.channels, x.elements, memory.positions * x.channels
    packed = "key and value"
    weights = Tensor("in_weight", 3 * e * e, shape=(3 * e, e))
    of_in = (Tensor("in_bias", 3 * e),) if bias else ()
    part, other = Tensor("in_weight of the query", e * e), Tensor("in_weight of key and value", 2 * e * e)
    query_bias = (Tensor("in_bias of the query", e),) if bias else ()
    other_bias = (Tensor("in_bias of key and value", 2 * e),) if bias else ()
    whole = ("in_weight", "in_bias")
    query = _Projection("input", Tensor("query", n), part, query_bias, Tensor("gradient of input", n), 0, *whole)
    of_memory = Tensor("gradient of input 1", memory.elements)
    both = _Projection("input 1", Tensor("projection", 2 * of_keys), other, other_bias, of_memory, 1, *whole)

    def joined(whole: Tensor, *parts: Tensor) -> Step:
        return Step("cat", tuple(f"gradient of {one.name}" for one in parts), gradients_of(whole), (WEIGHTS,))

    def composed(folded: bool) -> Composition:
        return Composition(
            (
                *query.forward(folded),
                *both.forward(folded),
                Step("clone", ("projection",), (Tensor(packed, 2 * of_keys),)),
                _kernel(("query", packed), n, rows),
                *out.forward(folded=False),
            ),
            (
                *_kernel_backward(out, ("query", packed), n, of_keys),
                Step("select_backward", ("gradient of value",), (Tensor("spread value", 2 * of_keys),)),
                Step("select_backward", ("gradient of key",), (Tensor("spread key", 2 * of_keys),)),
                Step("add", ("spread value", "spread key"), (Tensor("value and key", 2 * of_keys),)),
                Step("clone", ("value and key",), (Tensor("gradient of the projection", 2 * of_keys),)),
                *both.backward("gradient of the projection", folded),
                *query.backward("gradient of query", folded),
                *(joined(*ones) for ones in zip(of_in, query_bias, other_bias, strict=True)),
                joined(weights, part, other),
            ),
        )

    saved = (
        saves("input", WEIGHTS),
        saves("input", WEIGHTS, of=1),
        Saved("query", n),
        Saved(packed, 2 * of_keys),
        Saved(_ATTENDED, n),
        Saved(_SUMS, rows, "float32"),
        saves("in_weight", 0, 1),
        saves("out_weight"),
    )
    return Multihead((weights, out.weights, *of_in, *out.biases), saved, composed(False), composed(True))


def _over_another_width(x: Volume, memory: Volume, out: _Projection, rows: Size, bias: bool) -> Multihead:
    """Three projections with weights of their own; key and value each make a copy of the second sequence."""
    e, n, width = x.channels, x.elements, memory.channels
    of_keys = memory.positions * e
    of_in = (Tensor("in_bias", 3 * e),) if bias else ()
    weights = (
        Tensor("q_weight", e * e, shape=(e, e)),
        Tensor("k_weight", e * width, shape=(e, width)),
        Tensor("v_weight", e * width, shape=(e, width)),
    )
    names = ("query", "key", "value")
    parts = tuple((Tensor(f"in_bias of the {name}", e),) if bias else () for name in names)
    whole = ("", "in_bias")
    query = _Projection("input", Tensor("query", n), weights[0], parts[0], Tensor("gradient of input", n), 0, *whole)
    by_key = Tensor("gradient by the keys", memory.elements)
    by_value = Tensor("gradient by the values", memory.elements)
    key = _Projection("input 1", Tensor("key", of_keys), weights[1], parts[1], by_key, 1, *whole)
    value = _Projection(_OF_VALUES, Tensor("value", of_keys), weights[2], parts[2], by_value, 1, *whole)

    def composed(folded: bool) -> Composition:
        return Composition(
            (
                *query.forward(folded),
                *key.forward(folded),
                Step("clone", ("input 1",), (Tensor(_OF_VALUES, memory.elements),), unless=POSITIONS_FIRST),
                *value.forward(folded),
                _kernel(names, n, rows),
                *out.forward(folded=False),
            ),
            (
                *_kernel_backward(out, names, n, of_keys),
                *value.backward("gradient of value", folded),
                *key.backward("gradient of key", folded),
                Step("add", (by_value.name, by_key.name), (Tensor("gradient of input 1", memory.elements),), (1,)),
                *query.backward("gradient of query", folded),
                *(
                    Step(
                        "cat",
                        tuple(f"gradient of {one.name}" for part in parts for one in part),
                        gradients_of(whole),
                        (WEIGHTS,),
                    )
                    for whole in of_in
                ),
            ),
        )

    saved = (
        saves("input", WEIGHTS),
        saves("input", WEIGHTS, of=1),
        Saved(_OF_VALUES, memory.elements, of=1, needed_by=(WEIGHTS,), unless=POSITIONS_FIRST),
        *(Saved(name, n if name == "query" else of_keys) for name in names),
        Saved(_ATTENDED, n),
        Saved(_SUMS, rows, "float32"),
        *(saves(one.name, number) for one, number in zip(weights, (0, 1, 1), strict=True)),
        saves("out_weight"),
    )
    return Multihead((*weights, out.weights, *of_in, *out.biases), saved, composed(False), composed(True))
