"""Attention: a product with a matrix for each projection, and between them the operator, or its parts where it has not
what is asked for."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Unwritten, Value
from archcalc.exchange.writers.onnx.layers.registry import written
from archcalc.exchange.writers.onnx.message import Type


@written
def attention(site: Site) -> Value:
    """Queries from the first sequence, keys and values from the last."""
    if site["dropout"]:
        raise Unwritten("attention with dropout")
    heads = site["heads"]
    groups = heads if site["kv_heads"] is None else site["kv_heads"]
    width = site.channels // heads if site["width"] is None else site["width"]
    of = len(site.inputs) - 1
    query = _projected(site, "query", site.by_position(), site.channels, heads * width)
    key, value = (
        _projected(site, name, site.by_position(of), int(site.inputs[of].volume.channels), groups * width)
        for name in ("key", "value")
    )
    if site["norm"] not in (None, "none"):
        query, key = (_normed(site, *each, width) for each in (("query", query, heads, 0), ("key", key, groups, of)))
    if site["rotary"]:
        query, key = (_rotated(site, *each, width) for each in ((query, heads, 0), (key, groups, of)))
    if site.rank == 1 and site["relative"] is None and site["softcap"] is None:
        attended = _by_operator(site, (query, key, value), heads, groups)
    else:
        attended = _by_parts(site, (query, key, value), heads, groups, width)
    return site.made(_projected(site, "out", attended, heads * width, site.channels), last=True)


def _projected(site: Site, name: str, vectors: str, wide: int, out: int) -> str:
    product = site.node("MatMul", vectors, site.weight(f"{name}.weight", wide, out))
    own = site[f"{name}_bias"]
    if site["bias"] if own is None else own:
        product = site.node("Add", product, site.weight(f"{name}.bias", out))
    return product


def _normed(site: Site, name: str, vectors: str, heads: int, of: int, width: int) -> str:
    """Each head by itself."""
    space = site.inputs[of].volume.space
    apart = site.node("Reshape", vectors, site.numbers(0, *space, heads, width))
    weight = site.weight(f"{name}_norm.weight", width)
    if site["norm"] == "rms":
        site.graph.needs(23)
        made = site.node("RMSNormalization", apart, weight, axis=-1)
    else:
        made = site.node("LayerNormalization", apart, weight, site.weight(f"{name}_norm.bias", width), axis=-1)
    return site.node("Reshape", made, site.numbers(0, *space, heads * width))


def _rotated(site: Site, vectors: str, heads: int, of: int, width: int) -> str:
    if site.rank != 1:
        raise Unwritten("rotary positions over more than one axis")
    return rotated(site, vectors, int(site.inputs[of].volume.space[0]), width, heads)


def rotated(site: Site, vectors: str, length: int, width: int, heads: int) -> str:
    """Positions that turn pairs of channels: `[N, L, heads * width]`, or `[N, heads, L, width]`. The angles are worked
    out by the graph, since a tensor of them would be one of the model's."""
    site.graph.needs(23)
    pairs, positions = (site.node("Cast", _counted(site, n), to=int(Type.FLOAT)) for n in (width // 2, length))
    rates = site.node("Pow", site.number(10_000), site.node("Mul", pairs, site.number(-2 / width)))
    column, row = site.node("Unsqueeze", positions, site.numbers(1)), site.node("Unsqueeze", rates, site.numbers(0))
    angles = site.node("MatMul", column, row)
    batch = site.node("Shape", vectors, start=0, end=1)
    sizes = site.node("Concat", batch, site.numbers(length), axis=0)
    places = site.node("Expand", _counted(site, length), sizes)
    turns = (site.node("Cos", angles), site.node("Sin", angles))
    return site.node("RotaryEmbedding", vectors, *turns, places, num_heads=heads)


def _counted(site: Site, count: int) -> str:
    """The numbers from 0 on."""
    start, end, step = (site.numbers(each, scalar=True) for each in (0, count, 1))
    return site.node("Range", start, end, step)


def _by_operator(site: Site, vectors: tuple[str, str, str], heads: int, groups: int) -> str:
    site.graph.needs(23)
    hidden = (_hidden(site),) if site["mask"] or site["sliding_window"] else ()
    causal = int(site["causal"])
    return site.node("Attention", *vectors, *hidden, q_num_heads=heads, kv_num_heads=groups, is_causal=causal)


def _hidden(site: Site) -> str:
    """A mask, 0 where it hides nothing. What is hidden beside positions that are far away, the spec does not say."""
    queries, keys = (int(site.inputs[of].volume.space[-1]) for of in (0, -1))
    window = site["sliding_window"]
    if window is None:
        return site.node("Expand", site.number(0), site.numbers(queries, keys))
    near = site.node("Less", site.node("Abs", _apart(site, queries, keys)), site.numbers(window, scalar=True))
    return site.node("Where", near, site.number(0), site.number(float("-inf")))


def _by_parts(site: Site, vectors: tuple[str, str, str], heads: int, groups: int, width: int) -> str:
    """Scores, what is added to them, their softmax, and the sum of values."""
    if groups != heads:
        raise Unwritten("attention with kv_heads and a bias, a limit of scores or windows")
    space = [list(map(int, site.inputs[of].volume.space)) for of in (0, -1, -1)]
    query, key, value = (_by_head(site, each, sizes, heads, width) for each, sizes in zip(vectors, space, strict=True))
    rank = site.rank + 3
    turned = site.node("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = site.node("Mul", site.node("MatMul", query, turned), site.number(width**-0.5))
    if site["softcap"] is not None:
        limit = site.number(site["softcap"])
        scores = site.node("Mul", site.node("Tanh", site.node("Div", scores, limit)), limit)
    if site["relative"] is not None:
        scores = biased(site, scores, "relative", site["relative"], heads, space[0][-1], space[1][-1])
    if site["mask"] or site["causal"] or site["sliding_window"]:
        sizes = site.numbers(space[0][-1], space[1][-1])
        scores = site.node("Add", scores, site.node("Expand", site.number(0), sizes))
    attended = site.node("MatMul", site.node("Softmax", scores, axis=-1), value)
    together = site.node("Transpose", attended, perm=[*range(rank - 3), rank - 2, rank - 3, rank - 1])
    return site.node("Reshape", together, site.numbers(0, *space[0], heads * width))


def _by_head(site: Site, vectors: str, space: list[int], heads: int, width: int) -> str:
    """Heads before positions."""
    rank = len(space) + 3
    apart = site.node("Reshape", vectors, site.numbers(0, *space, heads, width))
    return site.node("Transpose", apart, perm=[*range(rank - 3), rank - 2, rank - 3, rank - 1])


def biased(site: Site, scores: str, name: str, rows: int, heads: int, queries: int, keys: int) -> str:
    """Scores and a learned bias for each head and relative position: of square windows where the table has a row for
    each of theirs. The index is worked out by the graph."""
    table = site.weight(f"{name}.weight", rows, heads)
    index = _relative_positions(site, rows, queries, keys)
    bias = site.node("Transpose", site.node("Gather", table, index), perm=[2, 0, 1])
    return site.node("Add", scores, bias)


def _relative_positions(site: Site, rows: int, queries: int, keys: int) -> str:
    side = round(queries**0.5)
    if queries == keys == side**2 and rows == (2 * side - 1) ** 2:
        positions, of = _counted(site, queries), site.numbers(side, scalar=True)
        down, right = (_apart_by(site, site.node(kind, positions, of)) for kind in ("Div", "Mod"))
        offset = site.numbers((side - 1) * 2 * side, scalar=True)
        rowed = site.node("Mul", down, site.numbers(2 * side - 1, scalar=True))
        return site.node("Add", site.node("Add", rowed, right), offset)
    middle = site.node("Add", _apart(site, queries, keys), site.numbers(rows // 2, scalar=True))
    return site.node("Clip", middle, site.numbers(0, scalar=True), site.numbers(rows - 1, scalar=True))


def _apart(site: Site, queries: int, keys: int) -> str:
    """How far each query is behind each key."""
    column = site.node("Unsqueeze", _counted(site, queries), site.numbers(1))
    return site.node("Sub", site.node("Expand", column, site.numbers(queries, keys)), _counted(site, keys))


def _apart_by(site: Site, places: str) -> str:
    """How far each place is from each other."""
    return site.node("Sub", site.node("Unsqueeze", places, site.numbers(1)), places)


@written
def relative_position_bias(site: Site) -> Value:
    heads, queries, keys = int(site.volume.space[-2]), int(site.volume.space[-1]), site.channels
    return site.made(biased(site, site.by_position(), "table", site["rows"], heads, queries, keys), last=True)


@written
def mask(site: Site) -> Value:
    """Zeros, which hide nothing: what is hidden, the spec does not say."""
    sizes = site.numbers(int(site.volume.space[-1]), site.channels)
    zeros = site.node("Expand", site.number(0), sizes)
    return site.made(site.node("Add", site.by_position(), zeros), last=True)


@written
def rotary(site: Site) -> Value:
    *before, length = (int(size) for size in site.volume.space)
    if len(before) > 1:
        raise Unwritten("rotary positions of other than heads of a sequence")
    return site.made(rotated(site, site.by_position(), length, site.channels, before[0] if before else 1), last=True)


@written
def dot_product_attention(site: Site) -> Value:
    """Heads before positions, as the operator takes them too."""
    if site["mask"] or site.rank != 2:
        raise Unwritten("dot_product_attention with a mask, or of other than heads of a sequence")
    site.graph.needs(23)
    inputs = [site.by_position(number) for number in range(3)]
    return site.made(site.node("Attention", *inputs, is_causal=int(site["causal"])), last=True)
