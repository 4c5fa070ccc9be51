"""Attention: every position looks at every other."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from archcalc.layers.arithmetic import of_softmax
from archcalc.layers.attributes import OptionalLimit, OptionalPositive, OptionalSwitch, Positive, Rate, Switch, Word
from archcalc.layers.layout import POSITIONS_FIRST
from archcalc.layers.outcome import EVERYTHING, Outcome, operations
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import Condition, divides, equal
from archcalc.sizes.kinds import Size, undecided
from archcalc.sizes.volume import Volume

#: The biases of query, key, value and output.
_BIASES = ("query_bias", "key_bias", "value_bias", "out_bias")

#: Of what torch.nn.MultiheadAttention does not have, what a fused kernel does not have either.
_SEPARATE = ("relative", "softcap", "dropout")


def _beyond_module(options: Mapping[str, Any], biases: tuple[bool, ...]) -> list[str]:
    """The attributes given that torch.nn.MultiheadAttention does not have."""
    given = (
        *((name, options[name] is not None) for name in ("kv_heads", "width", "sliding_window")),
        *((name, options[name]) for name in ("mask", "rotary")),
        ("norm", options["norm"] != "none"),
        ("relative", options["relative"] is not None),
        ("softcap", options["softcap"] is not None),
        ("dropout", options["dropout"]),
        ("bias", len(set(biases)) > 1),
        ("windows", options["windows"]),
    )
    return [name for name, is_given in given if is_given]


def _own_or(bias: bool, own: tuple[bool | None, ...]) -> tuple[bool, ...]:
    return tuple(bias if each is None else each for each in own)


def _mode(beyond: list[str]) -> str:
    """How attention is computed where it is not said."""
    return "separate" if any(name in _SEPARATE for name in beyond) else "fused" if beyond else "module"


def _resolved(x: Volume, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The mode, and what follows from other attributes: biases, heads of keys and values, and how wide a head is. A
    sequence is no set of windows."""
    biases = _own_or(attributes["bias"], tuple(attributes[name] for name in _BIASES))
    mode = attributes["mode"] or _mode(_beyond_module(attributes, biases))
    resolved = {**dict(zip(_BIASES, biases, strict=True)), "bias": biases[-1], "mode": mode}
    if mode == "module":
        return resolved
    heads, kv_heads, width = (attributes[name] for name in ("heads", "kv_heads", "width"))
    return {
        **resolved,
        "kv_heads": heads if kv_heads is None else kv_heads,
        "width": x.channels // heads if width is None else width,
        "windows": attributes["windows"] and x.rank > 1,
    }


@layer(ranks=range(1, 6), resolve=_resolved)
def attention(
    x: Volume,
    memory: Volume | None = None,
    /,
    *,
    heads: Positive,
    kv_heads: OptionalPositive = None,
    width: OptionalPositive = None,
    bias: Switch = True,
    query_bias: OptionalSwitch = None,
    key_bias: OptionalSwitch = None,
    value_bias: OptionalSwitch = None,
    out_bias: OptionalSwitch = None,
    causal: Switch = False,
    sliding_window: OptionalPositive = None,
    mask: Switch = False,
    windows: Switch = False,
    rotary: Switch = False,
    norm: Annotated[str, Word("none", "layer", "rms")] = "none",
    relative: OptionalPositive = None,
    softcap: OptionalLimit = None,
    dropout: Rate = 0,
    mode: Annotated[Any, Word("module", "fused", "separate")] = None,
) -> Outcome:
    """Multi-head attention of a sequence over itself, or over a second sequence: `from: [decoder, encoder]`.

    With `windows: true` there are axes before the positions, and each window is a sequence of its own.
    `kv_heads` heads of keys and values serve all heads of queries; `width` is that of a head (the channels over the
    heads, if it is not given). `bias` is that of the four projections, unless one has its own. `causal` hides later
    positions, `sliding_window` those that are further away, `mask` any others (those of shifted windows, say);
    `rotary` turns queries and keys by their positions; `norm` normalises them, head by head, with a learned scale;
    `relative` adds a learned bias of so many rows by relative position; `softcap` keeps scores within a limit.

    `mode` is how it is computed. `module`: as torch.nn.MultiheadAttention, one weight for the three projections and a
    fused kernel; the default where nothing but `heads`, `bias` and `causal` is given. `fused`: a linear layer each for
    query, key, value and output, and a fused kernel. `separate`: the same linear layers, and scores, softmax and sum as
    operations of their own, which keep the scores; the default with `relative`,
    `softcap` or `dropout`.

    With L positions of width E, S positions attended to, H heads of width D and K heads of keys and values:
    MACs: E*H*D for each of L queries and L outputs, E*K*D for each of S keys and S values, and H*L*S*D for each of the
    two matrix products; what a mask hides is counted too, as dense products compute it.
    Operations: bias additions, the scaling of the scores and their softmax, rotation, normalisation, bias of scores.
    Saved for backward: the input(s), query, key and value, the attended values; fused, the logarithm of each softmax's
    sum; separate, the scores after their softmax, and with dropout its mask and what it leaves of them; of normalised
    queries and keys what their normalisation saves. Mixed precision computes the softmax in 32 bits on CUDA, and in 16
    on a CPU.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; torch.nn.MultiheadAttention;
    torch.nn.functional.scaled_dot_product_attention.
    """
    biases = _own_or(bias, (query_bias, key_bias, value_bias, out_bias))
    options = {
        "kv_heads": kv_heads,
        "width": width,
        "sliding_window": sliding_window,
        "mask": mask,
        "rotary": rotary,
        "norm": norm,
        "relative": relative,
        "softcap": softcap,
        "dropout": dropout,
        "windows": windows,
    }
    beyond_module = _beyond_module(options, biases)
    if mode is None:
        mode = _mode(beyond_module)
    beyond_kernel = [name for name in beyond_module if name in _SEPARATE]
    beyond = {"module": beyond_module, "fused": beyond_kernel}.get(mode, [])
    message = f"attributes that `mode: {mode}` does not know ({', '.join(beyond)})"
    known = () if not beyond else (equal("attention-mode", len(beyond), 0, message, "mode"),)
    if not windows:
        one = "attention needs an input with 1 spatial axis, or `windows: true` and axes before it"
        known = (*known, *(equal("wrong-axes", volume.rank, 1, one) for volume in (x, memory) if volume is not None))
    if mode == "module":
        outcome = _multihead(x, memory, heads, bias)
        return outcome._replace(conditions=(*outcome.conditions, *known))
    from archcalc.layers.composed.attention import Options, linear_attention

    made = Options(
        heads=heads,
        kv_heads=heads if kv_heads is None else kv_heads,
        width=x.channels // heads if width is None else width,
        biases=biases,
        causal=causal,
        masked=mask or sliding_window is not None,
        rotary=rotary,
        norm=norm,
        relative=relative,
        softcap=softcap is not None,
        dropout=bool(dropout),
        kernel="fused" if mode == "fused" else "separate",
    )
    outcome = linear_attention(x, memory, made)
    divided = () if width is not None else (divides("heads-divide", heads, x.channels, _DIVIDE, "heads"),)
    return outcome._replace(conditions=(*divided, *outcome.conditions, *known))


_DIVIDE = "heads must divide the channels"


def _multihead(x: Volume, memory: Volume | None, heads: Size, bias: bool) -> Outcome:
    """As torch.nn.MultiheadAttention has it: one weight for all three projections, one fused kernel."""
    from archcalc.layers.composed.multihead import multihead

    other = x if memory is None else memory
    e, length, attended = x.channels, x.space[0], other.positions
    projections = (2 * length * e + 2 * attended * other.channels) * e
    products = 2 * length * attended * e
    scores = heads * length * attended
    rows = heads * length
    projected = length * e + 2 * attended * e
    module = multihead(x, memory, heads, bias)
    return Outcome(
        x,
        params=module.params,
        macs=projections + products,
        operations=(
            *(operations("bias", add=projected + length * e) if bias else ()),
            *operations(
                "activation",
                multiply=scores,
                **of_softmax(scores, rows),
            ),
        ),
        saved=module.saved,
        composition=module.composition._replace(viewed=True),
        rearranged=module.rearranged,
        needs=POSITIONS_FIRST,
        lies="positions first",
        undecided=() if memory is None else undecided([(memory.channels, e)]),
        windows=EVERYTHING,
        products=products,
        inner=e * e * length,
        conditions=(divides("heads-divide", heads, e, _DIVIDE, "heads"),),
    )


@layer(ranks=range(1, 7))
def dot_product_attention(
    query: Volume, key: Volume, value: Volume, /, *, causal: Switch = False, mask: Switch = False
) -> Outcome:
    """Scaled dot-product attention by a fused kernel, head by head: `from: [query, key, value]`.

    The channels are those of a head, the last axis the positions, the axes before it heads and others; heads of keys
    and values may be fewer than those of queries if they divide them. `causal` hides later positions, `mask` others.
    MACs: for each query and each of S keys, the channels of the keys and those of the values, whatever is hidden.
    Operations: the scaling of the scores and their softmax.
    Saved for backward: query, key, value, the output, and the logarithm of each softmax's sum; a mask, once.
    Source: torch.nn.functional.scaled_dot_product_attention; derivatives.yaml.
    """
    from archcalc.layers.composed.attention import fused_kernel
    from archcalc.layers.composed.tape import Tape

    attended = key.space[-1]
    rows = query.positions
    scores = rows * attended
    tape = Tape()
    reads = (tape.input(query), tape.input(key, 1), tape.input(value, 2))
    output = Volume(value.channels, query.space)
    pairs = query.space[-1] * attended
    made = fused_kernel(tape, *reads, rows, pairs if mask else None, output.elements, "output")
    macs = scores * (query.channels + value.channels)
    return Outcome(
        output,
        macs=macs,
        products=macs,
        operations=operations("activation", multiply=scores, **of_softmax(scores, rows)),
        saved=tape.saved(),
        composition=tape.composition(made),
        windows=EVERYTHING,
        function="scaled_dot_product_attention",
        lies="alike",  # its output lies like the query
        conditions=tuple(_attends(query, key, value)),
    )


def _attends(query: Volume, key: Volume, value: Volume) -> Iterator[Condition]:
    """Keys are as wide as queries, there is a value for each key, and the heads of both divide those of queries."""
    yield equal("branches-agree", key.channels, query.channels, "keys must have as many channels as queries")
    yield equal("branches-agree", key.rank, query.rank, "queries and keys must have the same number of spatial axes")
    yield equal("branches-agree", value.rank, key.rank, "keys and values must have the same number of spatial axes")
    for ours, theirs in zip(key.space, value.space, strict=False):
        yield equal("branches-agree", theirs, ours, "keys and values must agree in every spatial axis")
    for ours, theirs in zip(query.space[:-1], key.space[:-1], strict=False):
        yield divides("heads-divide", theirs, ours, "the heads of keys must divide the heads of queries")
