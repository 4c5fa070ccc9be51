"""Attention: torch.nn's module where it has what is asked for, else a class with just that."""

from __future__ import annotations

from archcalc.exchange.code.layers import Own, Setting, Unwritten, Written, given
from archcalc.exchange.writers.pytorch.layers.registry import Site, written
from archcalc.records import Record


@written
def attention(site: Site) -> Written:
    if site.form:
        return _of_linear_layers(site)
    x = site.batched(site.by_position(), 0)
    memory = site.batched(site.by_position(1), 1) if len(site.inputs) > 1 else x
    read = site.inputs[-1].channels
    heads, bias = given("num_heads", site["heads"]), Setting("bias", site["bias"], True)
    if site["causal"]:
        causal = (given("channels", site.channels), given("heads", site["heads"]), bias)
        return Written(f"{{m}}({x})", "CausalAttention", causal, last=True, own=_CAUSAL)
    settings = (
        given("embed_dim", site.channels),
        heads,
        bias,
        *(Setting(name, read) for name in ("kdim", "vdim") if read != site.channels),
        Setting("batch_first", True, False),
    )
    call = f"{{m}}({x}, {memory}, {memory}, need_weights=False)"
    return Written(call, "nn.MultiheadAttention", settings, last=True, pairs=True)


_CAUSAL = Own(
    "CausalAttention",
    '''
class CausalAttention(nn.Module):
    """Attention in which no position sees a later one."""

    def __init__(self, channels, heads, bias=True):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(channels, 3 * channels, bias=bias)
        self.out = nn.Linear(channels, channels, bias=bias)

    def forward(self, x):
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for part in self.query_key_value(x).chunk(3, -1)
        )
        x = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(x.transpose(-3, -2).flatten(-2))
''',
)

ROTARY = Own(
    "RotaryEmbedding",
    '''
class RotaryEmbedding(nn.Module):
    """Turn pairs of channels by angles that grow with the position."""

    def __init__(self, length, width, base=10_000.0):
        super().__init__()
        rates = base ** (-torch.arange(0, width, 2) / width)
        angles = torch.outer(torch.arange(length), rates).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x):
        first, second = x.chunk(2, -1)
        return x * self.cos + torch.cat([-second, first], -1) * self.sin
''',
)

_OF_WINDOWS = '''
class RelativePositionBias(nn.Module):
    """A learned bias for each head and relative position in a square window."""

    def __init__(self, heads, window):
        super().__init__()
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        positions = torch.arange(window**2)
        row, column = positions // window, positions % window
        down = row[:, None] - row + window - 1
        right = column[:, None] - column + window - 1
        self.register_buffer("index", down * (2 * window - 1) + right)

    def forward(self, scores):
        return scores + self.table[self.index].permute(2, 0, 1).contiguous()
'''

_OF_SEQUENCES = '''
class RelativePositionBias(nn.Module):
    """A learned bias for each head and relative position, far ones being alike."""

    def __init__(self, heads, rows, queries, keys):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(rows, heads))
        distance = torch.arange(queries)[:, None] - torch.arange(keys)
        self.register_buffer("index", (distance + rows // 2).clamp(0, rows - 1))

    def forward(self, scores):
        return scores + self.table[self.index].permute(2, 0, 1).contiguous()
'''


def _relative(rows: int, heads: int, queries: int, keys: int) -> tuple[Own, tuple[Setting, ...]]:
    """The bias by relative position: of square windows where the table has a row for each of theirs."""
    side = round(queries**0.5)
    if queries == keys == side**2 and rows == (2 * side - 1) ** 2:
        return Own("RelativePositionBias", _OF_WINDOWS), (given("heads", heads), given("window", side))
    settings = (given("heads", heads), given("rows", rows), given("queries", queries), given("keys", keys))
    return Own("RelativePositionBias", _OF_SEQUENCES), settings


@written
def relative_position_bias(site: Site) -> Written:
    volume = site.inputs[0]
    own, settings = _relative(site["rows"], volume.space[-2], volume.space[-1], volume.channels)
    return Written(f"{{m}}({site.by_position()})", own.name, settings, last=True, own=own)


@written
def mask(site: Site) -> Written:
    settings = (given("queries", site.inputs[0].space[-1]), given("keys", site.channels))
    return Written(f"{{m}}({site.by_position()})", "Mask", settings, last=True, own=_MASK)


_MASK = Own(
    "Mask",
    '''
class Mask(nn.Module):
    """A constant added to scores: -inf hides a position. Nothing is hidden at first."""

    def __init__(self, queries, keys):
        super().__init__()
        self.register_buffer("mask", torch.zeros(queries, keys), persistent=False)

    def forward(self, scores):
        return scores + self.mask
''',
)


@written
def rotary(site: Site) -> Written:
    settings = (given("length", site.inputs[0].space[-1]), given("width", site.channels))
    return Written(f"{{m}}({site.by_position()})", ROTARY.name, settings, last=True, own=ROTARY)


@written
def dot_product_attention(site: Site) -> Written:
    query, key, _ = site.inputs
    more = ""
    if site["mask"]:
        raise Unwritten("a mask of dot_product_attention")
    if site["causal"]:
        more += ", is_causal=True"
    if query.rank > 1 and query.space[-2] != key.space[-2]:
        more += ", enable_gqa=True"
    inputs = ", ".join(site.batched(site.by_position(number), number) for number in range(3))
    return Written(f"functional.scaled_dot_product_attention({inputs}{more})", last=True)


# --- attention of linear layers


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
    relative_names: tuple[str, ...]
    softcap: bool
    dropout: bool
    fused: bool

    @property
    def masked(self) -> bool:
        """Whether a mask is a tensor: the fused kernel has a switch for the causal one."""
        return self.mask or self.sliding or (self.causal and not self.fused)


def _of_linear_layers(site: Site) -> Written:
    x, other = site.inputs[0], site.inputs[-1]
    heads, cross = site["heads"], len(site.inputs) > 1
    biases = tuple(
        site["bias"] if site[f"{name}_bias"] is None else site[f"{name}_bias"]
        for name in ("query", "key", "value", "out")
    )
    relative, sizes = (None, ()) if site["relative"] is None else _bias(site)
    kind = _Kind(
        cross=cross,
        fewer=site["kv_heads"] not in (None, heads),
        width=site["width"] not in (None, x.channels // heads),
        biases=biases,
        causal=site["causal"],
        sliding=site["sliding_window"] is not None,
        mask=site["mask"] or site["windows"],
        windows=site["windows"],
        rotary=site["rotary"],
        norm=site["norm"],
        relative=relative,
        relative_names=tuple(each.name for each in sizes),
        softcap=site["softcap"] is not None,
        dropout=bool(site["dropout"]),
        fused=site.form.startswith("fused"),
    )
    settings = (
        given("channels", x.channels),
        *((given("read", other.channels),) if cross else ()),
        given("heads", heads),
        *((given("kv_heads", site["kv_heads"]),) if kind.fewer else ()),
        *((given("width", site["width"]),) if kind.width else ()),
        *((given("length", x.space[-1]),) if kind.rotary or kind.masked else ()),
        *((given("read_length", other.space[-1]),) if cross and (kind.rotary or kind.masked) else ()),
        *((given("sliding_window", site["sliding_window"]),) if kind.sliding else ()),
        *sizes,
        *((given("softcap", site["softcap"]),) if kind.softcap else ()),
        *((given("dropout", site["dropout"]),) if kind.dropout else ()),
        *((Setting("masked", site["mask"], False),) if site["windows"] else ()),
    )
    name = "CrossAttention" if cross else "WindowAttention" if site["windows"] else "Attention"
    needs = (*((ROTARY,) if kind.rotary else ()), *((relative,) if relative else ()))
    own = Own(name, _text(name, kind, [_parameter(setting) for setting in settings]), needs)
    inputs = ", ".join(site.batched(site.by_position(number), number) for number in range(1 + cross))
    return Written(f"{{m}}({inputs})", name, settings, last=True, own=own)


def _parameter(setting: Setting) -> str:
    return setting.name if setting.default is ... else f"{setting.name}={setting.default}"


def _bias(site: Site) -> tuple[Own, tuple[Setting, ...]]:
    own, settings = _relative(site["relative"], site["heads"], site.inputs[0].space[-1], site.inputs[-1].space[-1])
    return own, settings[1:]  # the heads are the attention's own


def _text(name: str, kind: _Kind, names: list[str]) -> str:
    """The class of an attention with what it has, and nothing else."""
    lines = [
        f"class {name}(nn.Module):",
        f'    """{_title(kind)}."""',
        "",
        f"    def __init__(self, {', '.join(names)}):",
        "        super().__init__()",
        *_members(kind),
        "",
        f"    def forward(self, x{', memory' if kind.cross else ''}):",
        *_statements(kind),
    ]
    return "\n" + "\n".join(lines) + "\n"


def _title(kind: _Kind) -> str:
    what = "Causal attention" if kind.causal else "Attention"
    over = "of a sequence over another" if kind.cross else "of a sequence over itself"
    return f"{what} {over}"


def _members(kind: _Kind) -> list[str]:
    kv_heads = "kv_heads" if kind.fewer else "heads"
    read = "read" if kind.cross else "channels"
    inner = "heads * width" if kind.width else "channels"
    shared = f"{kv_heads} * width" if kind.width or kind.fewer else inner
    lines = ["        self.heads = heads"]
    if kind.softcap:
        lines.append("        self.softcap = softcap")
    if kind.fewer:
        lines.append("        self.kv_heads = kv_heads")
    if not kind.width and (kind.fewer or kind.rotary or kind.norm != "none"):
        lines.append("        width = channels // heads")
    for name, source, target, bias in zip(
        ("query", "key", "value", "out"),
        ("channels", read, read, inner),
        (inner, shared, shared, "channels"),
        kind.biases,
        strict=True,
    ):
        more = "" if bias else ", bias=False"
        lines.append(f"        self.{name} = nn.Linear({source}, {target}{more})")
    if kind.norm != "none":
        module = {"layer": "LayerNorm", "rms": "RMSNorm"}[kind.norm]
        lines += [f"        self.{each}_norm = nn.{module}(width)" for each in ("query", "key")]
    if kind.rotary:
        lines.append("        self.rotary = RotaryEmbedding(length, width)")
        if kind.cross:
            lines.append("        self.read_rotary = RotaryEmbedding(read_length, width)")
    if kind.relative:
        given_sizes = ", ".join(("heads", *kind.relative_names))
        lines.append(f"        self.bias = {kind.relative.name}({given_sizes})")
    if kind.masked:
        lines += _mask_members(kind)
    if kind.dropout:
        lines.append("        self.dropout = nn.Dropout(dropout)")
    return lines


def _mask_members(kind: _Kind) -> list[str]:
    """The mask: for the fused kernel what a position may see, else what is hidden from it. What the spec does not say
    of it is for the caller to fill in."""
    length = "length, read_length" if kind.cross else "length, length"
    name = "seen" if kind.fused else "hidden"
    lines = ["        # What else is hidden from a position is to be filled in."] if kind.mask else []
    start = "torch.zeros" if not (kind.fused or kind.causal or kind.sliding) else "torch.ones"
    lines.append(f"        {name} = {start}({length}, dtype=torch.bool)")
    near = [".tril()"] * kind.causal + [".tril(sliding_window - 1)"] * (kind.sliding and not kind.causal)
    near += [".triu(1 - sliding_window)"] * kind.sliding
    if kind.causal and not (kind.fused or kind.sliding):
        lines[-1] += ".triu(1)"
    elif near:
        lines.append(f"        {name} = {'' if kind.fused else '~'}{name}{''.join(near)}")
    if kind.windows and not (kind.causal or kind.sliding):
        lines.append(f"        mask = {name} if masked else None")
        return [*lines, f'        self.register_buffer("{name}", mask, persistent=False)']
    return [*lines, f'        self.register_buffer("{name}", {name}, persistent=False)']


def _statements(kind: _Kind) -> list[str]:
    source = "memory" if kind.cross else "x"
    kv_heads = "kv_heads" if kind.fewer else "heads"
    lines = [
        f"        {name} = self.{name}({of}).unflatten(-1, (self.{heads}, -1)).transpose(-3, -2)"
        for name, of, heads in (("query", "x", "heads"), ("key", source, kv_heads), ("value", source, kv_heads))
    ]
    if kind.norm != "none":
        lines.append("        query, key = self.query_norm(query), self.key_norm(key)")
    if kind.rotary:
        lines.append(f"        query, key = self.rotary(query), self.{'read_' * kind.cross}rotary(key)")
    lines += _fused(kind) if kind.fused else _separate(kind)
    return [*lines, "        return self.out(x.transpose(-3, -2).flatten(-2))"]


def _fused(kind: _Kind) -> list[str]:
    more = ""
    if kind.masked:
        more += ", attn_mask=self.seen"
    elif kind.causal:
        more += ", is_causal=True"
    if kind.fewer:
        more += ", enable_gqa=True"
    line = f"        x = functional.scaled_dot_product_attention(query, key, value{more})"
    if len(line) <= 88:
        return [line]
    return [
        "        x = functional.scaled_dot_product_attention(",
        f"            query, key, value{more}",
        "        )",
    ]


def _separate(kind: _Kind) -> list[str]:
    lines = []
    if kind.fewer:
        lines += [
            f"        {each} = {each}.repeat_interleave(self.heads // self.kv_heads, -3)" for each in ("key", "value")
        ]
    lines.append("        scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5")
    if kind.softcap:
        lines.append("        scores = (scores / self.softcap).tanh() * self.softcap")
    if kind.relative:
        lines.append("        scores = self.bias(scores)")
    if kind.masked and kind.windows:
        lines.append("        if self.hidden is not None:")
        lines.append("            scores = scores.masked_fill(self.hidden, -torch.inf)")
    elif kind.masked:
        lines.append("        scores = scores.masked_fill(self.hidden, -torch.inf)")
    weights = "self.dropout(scores.softmax(-1))" if kind.dropout else "scores.softmax(-1)"
    return [*lines, f"        x = {weights} @ value"]
