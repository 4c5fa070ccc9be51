"""Attention: Keras's layers where they have what is asked for, else a class with just that."""

from __future__ import annotations

from archcalc.exchange.code.layers import Own, Setting, Site, Unwritten, Written, given
from archcalc.exchange.writers.keras.layers.registry import called, computed, own, written
from archcalc.records import Record

_BIASES = ("query_bias", "key_bias", "value_bias", "out_bias")


@written
def attention(site: Site) -> Written:
    if not site.form:
        return _of_keras(site, site.channels // site["heads"], site["bias"])
    biases = tuple(site["bias"] if site[name] is None else site[name] for name in _BIASES)
    if _is_plain(site) and len(set(biases)) == 1:
        return _of_keras(site, site["width"] or site.channels // site["heads"], biases[0])
    return _of_its_own(site, biases)


def _is_plain(site: Site) -> bool:
    """Whether there is nothing that Keras's layers do not have. They look along one axis alone."""
    return (
        site.rank == 1
        and not (site["rotary"] or site["mask"] or site["windows"] or site["sliding_window"])
        and site["norm"] == "none"
        and site["relative"] is None
        and site["softcap"] is None
    )


def _of_keras(site: Site, width: int, bias: bool) -> Written:
    heads, fewer = site["heads"], site.attributes.get("kv_heads")
    more = (
        Setting("dropout", site.attributes.get("dropout") or 0, 0),
        Setting("use_bias", bias, True),
    )
    memory = "{1}" if len(site.inputs) > 1 else "{0}"
    call = f"{{m}}({{0}}, {memory}{', use_causal_mask=True' if site['causal'] else ''})"
    if fewer in (None, heads):
        settings = (given("num_heads", heads), given("key_dim", width))
        return called("layers.MultiHeadAttention", *settings, *more)._replace(call=call)
    groups = (given("head_dim", width), given("num_query_heads", heads), given("num_key_value_heads", fewer))
    return called("layers.GroupQueryAttention", *groups, *more)._replace(call=call)


# --- what Keras does not have

ROTARY = own(
    "RotaryEmbedding",
    '''
class RotaryEmbedding(layers.Layer):
    """Turn pairs of channels by angles that grow with the position."""

    def __init__(self, base=10_000.0, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    def call(self, x):
        length, width = x.shape[-2:]
        rates = self.base ** (-ops.arange(0, width, 2, dtype="float32") / width)
        angles = ops.outer(ops.arange(length, dtype="float32"), rates)
        angles = ops.concatenate([angles, angles], axis=-1)
        first, second = ops.split(x, 2, axis=-1)
        turned = ops.concatenate([-second, first], axis=-1)
        return x * ops.cos(angles) + turned * ops.sin(angles)
''',
)

_OF_WINDOWS = own(
    "RelativePositionBias",
    '''
class RelativePositionBias(layers.Layer):
    """A learned bias for each head and relative position in a square window."""

    def __init__(self, window, **kwargs):
        super().__init__(**kwargs)
        self.window = window

    def build(self, input_shape):
        shape = ((2 * self.window - 1) ** 2, input_shape[-3])
        self.table = self.add_weight(name="table", shape=shape, initializer="zeros")

    def call(self, scores):
        positions = ops.arange(self.window**2)
        row, column = positions // self.window, positions % self.window
        down = row[:, None] - row + self.window - 1
        right = column[:, None] - column + self.window - 1
        index = down * (2 * self.window - 1) + right
        return scores + ops.transpose(ops.take(self.table, index, axis=0), (2, 0, 1))
''',
)

_OF_SEQUENCES = own(
    "RelativePositionBias",
    '''
class RelativePositionBias(layers.Layer):
    """A learned bias for each head and relative position, far ones being alike."""

    def __init__(self, rows, **kwargs):
        super().__init__(**kwargs)
        self.rows = rows

    def build(self, input_shape):
        shape = (self.rows, input_shape[-3])
        self.table = self.add_weight(name="table", shape=shape, initializer="zeros")

    def call(self, scores):
        queries, keys = scores.shape[-2:]
        distance = ops.arange(queries)[:, None] - ops.arange(keys)
        index = ops.clip(distance + self.rows // 2, 0, self.rows - 1)
        return scores + ops.transpose(ops.take(self.table, index, axis=0), (2, 0, 1))
''',
)


def _relative(rows: int, queries: int, keys: int) -> tuple[Own, Setting]:
    """The bias by relative position: of square windows where the table has a row for each of theirs."""
    side = round(queries**0.5)
    if queries == keys == side**2 and rows == (2 * side - 1) ** 2:
        return _OF_WINDOWS, given("window", side)
    return _OF_SEQUENCES, given("rows", rows)


@written
def relative_position_bias(site: Site) -> Written:
    made, setting = _relative(site["rows"], site.inputs[0].space[-1], site.channels)
    return called(made.name, setting, own=made)


@written
def mask(site: Site) -> Written:
    return called("Mask", own=_MASK)


_MASK = own(
    "Mask",
    '''
class Mask(layers.Layer):
    """A constant added to scores: -inf hides a position. It is to be filled in."""

    def call(self, scores):
        return scores + ops.zeros(scores.shape[-2:])
''',
)


@written
def rotary(site: Site) -> Written:
    return called(ROTARY.name, own=ROTARY)


@written
def dot_product_attention(site: Site) -> Written:
    """Heads before positions, as a spec has them; Keras has them after."""
    query, key, value = site.inputs
    if site["mask"]:
        raise Unwritten("a mask of dot_product_attention")
    if query.rank != 2 or query.space[0] != key.space[0] or value.channels != query.channels:
        raise Unwritten("dot_product_attention of other than heads of a sequence")
    inputs = ", ".join(f"ops.swapaxes({{{number}}}, 1, 2)" for number in range(3))
    causal = ", is_causal=True" if site["causal"] else ""
    return computed(f"ops.swapaxes(ops.dot_product_attention({inputs}{causal}), 1, 2)")


class _Kind(Record):
    """What attention of linear layers has: its class is written with just that."""

    cross: bool
    fewer: bool
    width: bool
    biases: tuple[bool, ...]
    causal: bool
    sliding: bool
    mask: bool
    windows: bool
    rotary: bool
    norm: str
    relative: Own | None
    size: str
    softcap: bool
    dropout: bool


def _of_its_own(site: Site, biases: tuple[bool, ...]) -> Written:
    x, other = site.inputs[0], site.inputs[-1]
    heads = site["heads"]
    relative, size = None, None
    if site["relative"] is not None:
        relative, size = _relative(site["relative"], x.space[-1], other.space[-1])
    kind = _Kind(
        cross=len(site.inputs) > 1,
        fewer=site["kv_heads"] not in (None, heads),
        width=site["width"] not in (None, x.channels // heads),
        biases=biases,
        causal=site["causal"],
        sliding=site["sliding_window"] is not None,
        mask=site["mask"] and not site["windows"],
        windows=site["windows"],
        rotary=site["rotary"],
        norm=site["norm"],
        relative=relative,
        size="" if size is None else size.name,
        softcap=site["softcap"] is not None,
        dropout=bool(site["dropout"]),
    )
    settings = (
        given("heads", heads),
        *((given("kv_heads", site["kv_heads"]),) if kind.fewer else ()),
        *((given("width", site["width"]),) if kind.width else ()),
        *((given("sliding_window", site["sliding_window"]),) if kind.sliding else ()),
        *(() if size is None else (size,)),
        *((given("softcap", site["softcap"]),) if kind.softcap else ()),
        *((given("dropout", site["dropout"]),) if kind.dropout else ()),
        *((Setting("masked", site["mask"], False),) if kind.windows else ()),
    )
    name = "CrossAttention" if kind.cross else "WindowAttention" if kind.windows else "Attention"
    needs = (*((ROTARY,) if kind.rotary else ()), *((relative,) if relative else ()))
    return called(name, *settings, own=own(name, _text(name, kind, settings), *needs))._replace(
        call="{m}([{0}, {1}])" if kind.cross else "{m}({0})"
    )


def _text(name: str, kind: _Kind, settings: tuple[Setting, ...]) -> str:
    """The class of an attention with what it has, and nothing else."""
    parameters = [each.name if each.default is ... else f"{each.name}={each.default}" for each in settings]
    what = "Causal attention" if kind.causal else "Attention"
    over = "of a sequence over another" if kind.cross else "of a sequence over itself"
    lines = [
        f"class {name}(layers.Layer):",
        f'    """{what} {over}."""',
        "",
        f"    def __init__(self, {', '.join(parameters)}, **kwargs):",
        "        super().__init__(**kwargs)",
        *(f"        self.{each.name} = {each.name}" for each in settings),
        "",
        "    def build(self, input_shape):",
        *_built(kind),
        "",
        "    def heads_of(self, x, heads):",
        "        *sizes, channels = x.shape[1:]",
        "        x = ops.reshape(x, (-1, *sizes, heads, channels // heads))",
        "        return ops.swapaxes(x, -3, -2)",
        "",
        f"    def call(self, {'inputs' if kind.cross else 'x'}):",
        *_statements(kind),
    ]
    return "\n".join(lines)


def _built(kind: _Kind) -> list[str]:
    """The layers within, each built for what it reads."""
    shape, memory = ("shape", "memory_shape") if kind.cross else ("input_shape", "input_shape")
    kv_heads = "self.kv_heads" if kind.fewer else "self.heads"
    lines = [f"        {shape}, {memory} = input_shape"] if kind.cross else []
    width = "self.width" if kind.width else "width"
    lines += [f"        channels = {shape}[-1]"]
    lines += [] if kind.width else ["        width = channels // self.heads"]
    lines += [f"        inner = (*{shape}[:-1], self.heads * {width})"]
    for name, units, of, bias in zip(
        ("query", "key", "value", "out"),
        (f"self.heads * {width}", f"{kv_heads} * {width}", f"{kv_heads} * {width}", "channels"),
        (shape, memory, memory, "inner"),
        kind.biases,
        strict=True,
    ):
        more = "" if bias else ", use_bias=False"
        lines += [f"        self.{name} = layers.Dense({units}{more})", f"        self.{name}.build({of})"]
    if kind.norm != "none":
        module = {"layer": "LayerNormalization", "rms": "RMSNormalization"}[kind.norm]
        for name in ("query", "key"):
            lines += [
                f"        self.{name}_norm = layers.{module}()",
                f"        self.{name}_norm.build((None, {width}))",
            ]
    if kind.rotary:
        lines.append("        self.rotary = RotaryEmbedding()")
    if kind.relative:
        scores = f"(None, self.heads, {shape}[-2], {memory}[-2])"
        lines += [
            f"        self.bias = {kind.relative.name}(self.{kind.size})",
            f"        self.bias.build({scores})",
        ]
    if kind.dropout:
        lines.append("        self.drop = layers.Dropout(self.dropout)")
    return lines


def _statements(kind: _Kind) -> list[str]:
    source = "memory" if kind.cross else "x"
    kv_heads = "self.kv_heads" if kind.fewer else "self.heads"
    lines = ["        x, memory = inputs"] if kind.cross else []
    lines += [
        "        query = self.heads_of(self.query(x), self.heads)",
        *(f"        {name} = self.heads_of(self.{name}({source}), {kv_heads})" for name in ("key", "value")),
    ]
    if kind.norm != "none":
        lines.append("        query, key = self.query_norm(query), self.key_norm(key)")
    if kind.rotary:
        lines.append("        query, key = self.rotary(query), self.rotary(key)")
    if kind.fewer:
        lines.append("        shared = [head * self.kv_heads // self.heads for head in range(self.heads)]")
        lines += [f"        {each} = ops.take({each}, shared, axis=-3)" for each in ("key", "value")]
    lines += [
        "        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))",
        "        scores = scores * query.shape[-1] ** -0.5",
    ]
    if kind.softcap:
        lines.append("        scores = ops.tanh(scores / self.softcap) * self.softcap")
    if kind.relative:
        lines.append("        scores = self.bias(scores)")
    lines += _masked(kind)
    weights = "self.drop(ops.softmax(scores))" if kind.dropout else "ops.softmax(scores)"
    return [
        *lines,
        f"        x = ops.swapaxes(ops.matmul({weights}, value), -3, -2)",
        "        *sizes, heads, width = x.shape[1:]",
        "        return self.out(ops.reshape(x, (-1, *sizes, heads * width)))",
    ]


def _masked(kind: _Kind) -> list[str]:
    """What is hidden from a position. What the spec does not say of it is for the user to fill in."""
    lines: list[str] = []
    if kind.causal or kind.sliding:
        lines += [
            "        queries, keys = scores.shape[-2:]",
            "        ahead = ops.arange(keys) - ops.arange(queries)[:, None]",
        ]
        far = "ahead > 0" if kind.causal else "ahead >= self.sliding_window"
        if kind.sliding:
            far = f"({far}) | (ahead <= -self.sliding_window)"
        lines.append(f"        hidden = {far}")
        lines.append('        scores = ops.where(hidden, float("-inf"), scores)')
    said, added = "# To be filled in: -inf hides a position.", "scores = scores + ops.zeros(scores.shape[-2:])"
    if kind.mask:
        lines += [f"        {said}", f"        {added}"]
    if kind.windows:
        lines += ["        if self.masked:", f"            {said}", f"            {added}"]
    return lines
