"""Rows of the table for what transformers are built of: windows, heads, scores, attention of linear layers, experts."""

from __future__ import annotations

import math
from typing import Any

import torch
from oracle.translate import Layer, Site, Untranslated, Value, translation
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula


def _values(site: Site) -> torch.Tensor:
    """A tensor of the output's volume, its channels last."""
    return torch.zeros(*site.output.space, site.output.channels)


@translation
def learned(site: Site) -> Layer:
    last = bool(site.output.rank)

    def call(self: Any, _: Value) -> Value:
        # A view of a parameter wants a gradient even where none is made, which counters of operations trip over.
        values = self.values if torch.is_grad_enabled() else self.values.detach()
        return Value(values[None], last)

    return Layer(call, values=nn.Parameter(_values(site)))


@translation
def constant(site: Site) -> Layer:
    """Of indices where an embedding looks them up, with the channels where they are in a volume of indices: first."""
    last = bool(site.output.rank) and not site.indices

    def values() -> torch.Tensor:
        return torch.zeros(site.output.shape, dtype=torch.int64) if site.indices else _values(site)

    if site["buffer"]:
        return Layer(lambda self, _: Value(self.values[None], last), values=values())
    return Layer(lambda self, _: Value(values()[None], last))


@translation
def window_partition(site: Site) -> Layer:
    window, space = site["window"], site.inputs[0].space
    counts = [n // w for n, w in zip(space, window, strict=True)]

    def call(_: Layer, x: Value) -> Value:
        split = [size for pair in zip(counts, window, strict=True) for size in pair]
        tensor = x.by_position.reshape(len(x.tensor), *split, site.channels)
        order = [*range(1, 2 * len(window), 2), *range(2, 2 * len(window) + 1, 2)]
        tensor = tensor.permute(0, *order, tensor.dim() - 1)
        return Value(tensor.reshape(len(tensor), math.prod(counts), math.prod(window), site.channels), last=True)

    return Layer(call)


@translation
def window_reverse(site: Site) -> Layer:
    """Of two axes; the windows are the nearest to squares that come out even, since the spec does not say which."""
    if len(site["size"]) != 2:
        raise Untranslated("windows of two axes are put together again")
    (height, width), positions = site["size"], site.inputs[0].space[1]
    even = [h for h in range(1, positions + 1) if positions % h == height % h == width % (positions // h) == 0]
    tall = min(even, key=lambda h: abs(h - positions // h))
    wide = positions // tall

    def call(_: Layer, x: Value) -> Value:
        tensor = x.by_position.unflatten(1, (height // tall, width // wide)).unflatten(3, (tall, wide))
        return Value(tensor.transpose(2, 3).reshape(len(tensor), height, width, site.channels), last=True)

    return Layer(call)


def repeated(x: torch.Tensor, times: int) -> torch.Tensor:
    """Each head, the third axis from the end, so many times."""
    shape = list(x.shape)
    shape.insert(-2, times)
    return x.unsqueeze(-3).expand(shape).flatten(-4, -3)


@translation
def repeat_heads(site: Site) -> Layer:
    return Layer(lambda _, x: Value(repeated(x.by_position, site["times"]), last=True))


def register(module: nn.Module, name: str, constant: torch.Tensor) -> None:
    """A constant of the network, in the types that values may have: decoders make theirs in the type at hand."""
    module.register_buffer(name, constant, persistent=False)
    module.register_buffer(f"{name}_in_16_bits", constant.to(torch.bfloat16), persistent=False)


def in_type_of(module: nn.Module, name: str, x: torch.Tensor) -> torch.Tensor:
    """It in the type of x."""
    return module.get_buffer(name if x.dtype == torch.float32 else f"{name}_in_16_bits")


def turned(module: nn.Module, x: torch.Tensor, which: str = "") -> torch.Tensor:
    """Rotary positions, as decoders write them."""
    first, second = x.chunk(2, -1)
    cos, sin = (in_type_of(module, f"{which}{name}", x) for name in ("cos", "sin"))
    return x * cos + torch.cat((-second, first), -1) * sin


@translation
def rotary(site: Site) -> Layer:
    table = torch.ones(site.inputs[0].space[-1], site.channels)
    layer = Layer(lambda self, x: Value(turned(self, x.by_position), last=True))
    register(layer, "cos", table)
    register(layer, "sin", table.clone())
    return layer


def biased(table: torch.Tensor, index: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Biases by relative position, of shape heads x positions x positions."""
    return table[index].view(*size, -1).permute(2, 0, 1).contiguous()


@translation
def relative_position_bias(site: Site) -> Layer:
    volume = site.inputs[0]
    size = (volume.space[-1], volume.channels)
    return Layer(
        lambda self, x: Value(x.by_position + biased(self.table, self.index, size), last=True),
        table=nn.Parameter(torch.zeros(site["rows"], volume.space[-2])),
        index=torch.zeros(math.prod(size), dtype=torch.int64),
    )


@translation
def mask(site: Site) -> Layer:
    layer = Layer(lambda self, x: Value(x.by_position + in_type_of(self, "mask", x.tensor), last=True))
    register(layer, "mask", torch.zeros(site.inputs[0].space[-1], site.channels))
    return layer


# --- attention of linear layers


class Attention(nn.Module):
    """Query, key, value and output as linear layers; a fused kernel, or scores, softmax and sum. Names are reused, as
    the code that `export` writes does: they decide how long eager lifetimes are."""

    def __init__(self, site: Site, *, fused: bool) -> None:
        super().__init__()
        x, other = site.inputs[0], site.inputs[-1]
        self.heads = site["heads"]
        self.kv_heads = site["kv_heads"] or self.heads
        self.width = site["width"] or x.channels // self.heads
        self.fused, self.site = fused, site
        biases = [
            site["bias"] if site[f"{name}_bias"] is None else site[f"{name}_bias"]
            for name in ("query", "key", "value", "out")
        ]
        inner, shared = self.heads * self.width, self.kv_heads * self.width
        self.query = nn.Linear(x.channels, inner, bias=biases[0])
        self.key = nn.Linear(other.channels, shared, bias=biases[1])
        self.value = nn.Linear(other.channels, shared, bias=biases[2])
        self.out = nn.Linear(inner, x.channels, bias=biases[3])
        kind = {"none": nn.Identity, "layer": nn.LayerNorm, "rms": nn.RMSNorm}[site["norm"]]
        self.query_norm, self.key_norm = (kind(self.width) for _ in range(2))
        self.dropped = nn.Dropout(float(site["dropout"]))
        length, attended = x.space[-1], other.space[-1]
        self.size = (length, attended)
        masked = torch.zeros(length, attended, dtype=torch.bool)
        self.register_buffer("masked", masked, persistent=False)
        self.register_buffer("seen", ~masked, persistent=False)
        if site["rotary"]:
            for name, positions in (("query", length), ("key", attended)):
                for table in ("cos", "sin"):
                    register(self, f"{name}_{table}", torch.ones(positions, self.width))
        if site["relative"]:
            self.table = nn.Parameter(torch.zeros(site["relative"], self.heads))
            self.register_buffer("index", torch.zeros(length * attended, dtype=torch.int64))

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        key = self.key(memory).unflatten(-1, (self.kv_heads, -1)).transpose(-3, -2)
        value = self.value(memory).unflatten(-1, (self.kv_heads, -1)).transpose(-3, -2)
        if self.site["norm"] != "none":
            query, key = self.query_norm(query), self.key_norm(key)
        if self.site["rotary"]:
            query, key = turned(self, query, "query_"), turned(self, key, "key_")
        hidden = self.site["mask"] or self.site["sliding_window"] is not None
        if self.fused:
            x = functional.scaled_dot_product_attention(
                query,
                key,
                value,
                attn_mask=self.seen if hidden else None,
                is_causal=self.site["causal"] and not hidden,
                enable_gqa=self.kv_heads != self.heads,
            )
            return self.out(x.transpose(-3, -2).flatten(-2))  # type: ignore[no-any-return]
        if self.kv_heads != self.heads:
            key = repeated(key, self.heads // self.kv_heads)
            value = repeated(value, self.heads // self.kv_heads)
        scores = query @ key.transpose(-2, -1) * self.width**-0.5
        if self.site["softcap"]:
            scores = (scores / float(self.site["softcap"])).tanh() * float(self.site["softcap"])
        if self.site["relative"]:
            scores = scores + biased(self.table, self.index, self.size)
        if self.site["causal"] or hidden:
            scores = scores.masked_fill(self.masked, -math.inf)
        x = self.dropped(scores.softmax(-1)) @ value
        return self.out(x.transpose(-3, -2).flatten(-2))  # type: ignore[no-any-return]


def attention_of_linear_layers(site: Site) -> Layer:
    """The row of attention, where it is no torch.nn.MultiheadAttention."""
    module = Attention(site, fused=site.form.startswith("fused"))

    def call(self: Any, x: Value, memory: Value | None = None) -> Value:
        return Value(self.module(x.by_position, (memory or x).by_position), last=True)

    return Layer(call, module=module)


# --- experts


@torch.library.custom_op("oracle::expert_product", mutates_args=())
def expert_product(rows: torch.Tensor, weights: torch.Tensor, picks: torch.Tensor) -> torch.Tensor:
    """Each row times the matrix of its own expert: as one operation, as torch._grouped_mm is. The rows are sorted by
    their experts, of whom `picks` has how many rows each has."""
    counts = torch.bincount(picks.flatten(), minlength=len(weights)).tolist()
    return torch.cat([part @ weight.mT for part, weight in zip(rows.split(counts), weights, strict=True)])


@torch.library.custom_op("oracle::expert_product_of_gradients", mutates_args=())
def of_weights(gradient: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor, picks: torch.Tensor) -> torch.Tensor:
    """The gradient of the matrices."""
    counts = torch.bincount(picks.flatten(), minlength=len(weights)).tolist()
    parts = zip(gradient.split(counts), rows.split(counts), strict=True)
    return torch.stack([part.mT @ row for part, row in parts])


def _saved(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    rows, weights, _ = inputs
    ctx.save_for_backward(rows if ctx.needs_input_grad[1] else None, weights, inputs[2])


def _undone(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    rows, weights, picks = ctx.saved_tensors
    by_rows, by_weights = ctx.needs_input_grad[:2]
    made = of_weights(gradient, rows, weights, picks) if by_weights else None
    return expert_product(gradient, weights.mT, picks) if by_rows else None, made, None


expert_product.register_autograd(_undone, setup_context=_saved)


@register_flop_formula(torch.ops.oracle.expert_product)
def _operations(rows: torch.Size, weights: torch.Size, picks: torch.Size, **_: Any) -> int:
    return 2 * rows[0] * weights[1] * weights[2]


class Hidden(nn.Module):
    """One expert."""

    def __init__(self, width: int, hidden: int, *, gated: bool, activation: str) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False) if gated else None
        self.down = nn.Linear(hidden, width, bias=False)
        self.activation = getattr(functional, activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.activation(self.first(x))
        return self.down(made if self.up is None else made * self.up(x))  # type: ignore[no-any-return]


class Experts(nn.Module):
    """All rows that were routed to some expert at once, sorted by their experts."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        settings = {"gated": site["gated"], "activation": site["activation"]}
        self.router = nn.Linear(site.channels, site["count"], bias=False)
        count, hidden, width = site["count"], site["hidden"], site.channels
        self.first = nn.Parameter(torch.randn(count, hidden, width))
        self.up = nn.Parameter(torch.randn(count, hidden, width)) if site["gated"] else None
        self.down = nn.Parameter(torch.randn(count, width, hidden))
        self.activation = getattr(functional, site["activation"])
        self.top_k = site["top_k"]
        self.shared = Hidden(site.channels, site["hidden"] * site["shared"], **settings) if site["shared"] else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        weights, picked = functional.softmax(self.router(rows), -1).topk(self.top_k, -1)
        weights = weights / weights.sum(-1, keepdim=True)
        order = picked.flatten().argsort()
        row = order // self.top_k
        routed = rows[row]
        made = self.activation(expert_product(routed, self.first, picked))
        if self.up is not None:
            made = made * expert_product(routed, self.up, picked)
        made = expert_product(made, self.down, picked) * weights.flatten()[order, None]
        made = torch.zeros_like(rows).index_add(0, row, made)
        if self.shared is not None:
            made = made + self.shared(rows)
        return made.view_as(x)


@translation
def experts(site: Site) -> Layer:
    return Layer(lambda self, x: Value(self.module(x.by_position), x.tensor.dim() > 2), module=Experts(site))


@translation
def dot_product_attention(site: Site) -> Layer:
    def call(self: Any, query: Value, key: Value, value: Value) -> Value:
        q, k, v = (each.by_position for each in (query, key, value))
        fewer = q.dim() > 3 and q.shape[-3] != k.shape[-3]
        causal = site["causal"] and not site["mask"]
        seen = self.seen if site["mask"] else None
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal, enable_gqa=fewer)
        return Value(attended, last=True)

    layer = Layer(call)
    query, key = site.inputs[:2]
    seen = torch.ones(query.space[-1], key.space[-1], dtype=torch.bool)
    layer.register_buffer("seen", seen, persistent=False)
    return layer
