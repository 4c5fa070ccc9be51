"""The reference of the layers, from their rules: signatures, kinds of value, documentation."""

from __future__ import annotations

from typing import Any

from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.language.document import HEAD
from archcalc.language.keys import STEP_KEYS
from archcalc.layers.attributes import shown
from archcalc.layers.other_names import other_name
from archcalc.layers.registry import Attribute, Layer, layers
from archcalc.output.layout import Column, Report, Table


def index() -> Report:
    """Every layer with its family, its attributes and what it does."""
    columns = (
        Column("layer", "layer", right=False),
        Column("family", "family", right=False, rank=2),
        Column("attributes", "attributes", right=False, rank=3, breaks=" "),
        Column("summary", "summary", right=False, rank=1, breaks=" "),
    )
    ordered = sorted(layers().values(), key=lambda layer: (layer.family, layer.name))
    rows = [(layer.name, layer.family, _signature(layer), layer.summary) for layer in ordered]
    note = "archcalc layers NAME shows one of them in full"
    return Report("", (), (Table(columns, rows),), (note,), {"layers": [_data(layer) for layer in ordered]})


def page(name: str) -> Report:
    """The reference page of one layer; UsageError if there is none of that name."""
    if name not in layers():
        hint = other_name(name) or did_you_mean(name, layers()) or "`archcalc layers` lists them"
        if name in (HEAD, *STEP_KEYS):
            hint = "it is a key of steps, see `archcalc help language`"
        raise UsageError(f"there is no layer `{name}`: {hint}")
    layer = layers()[name]
    columns = (
        Column("attribute", "attribute", right=False),
        Column("default", "default", right=False),
        Column("value", "value", right=False, breaks=" "),
    )
    rows = [(a.name, _default(layer, a), a.kind.said) for a in layer.attributes.values()]
    facts = (("in a spec", _example(layer)), ("input", _input(layer)), ("family", layer.family))
    table = Table(columns, rows)
    tables = (table,) if rows else ()
    notes = tuple(layer.doc.split("\n")[2:])
    return Report(f"{layer.name}: {layer.summary}", facts, tables, notes, _data(layer), table)


def _signature(layer: Layer) -> str:
    """The attributes as a block would declare them: `scale | to, mode=nearest`, where one of two is given."""
    signature = [
        a.name if a.required else f"{a.name}={_default(layer, a)}"
        for a in layer.attributes.values()
        if a.name not in layer.one_of
    ]
    return ", ".join([*([" | ".join(layer.one_of)] if layer.one_of else []), *signature])


def _default(layer: Layer, attribute: Attribute) -> str:
    if attribute.required:
        return "required"
    if attribute.name in layer.one_of:
        return f"or {' or '.join(name for name in layer.one_of if name != attribute.name)}"
    if attribute.default is None:
        return "as the kernel" if attribute.name == "stride" else "none"
    return shown(attribute.default)


def _example(layer: Layer) -> str:
    if layer.joins:
        return f"- {layer.name}: {{left: [...], right: []}}, or - {layer.name}: [first, second]"
    required = [a.name for a in layer.attributes.values() if a.required]
    if layer.one_of:
        return " or ".join(f"- {layer.name}: {{{name}: {name.upper()}}}" for name in layer.one_of)
    if not required:
        return f"- {layer.name}"
    if len(required) == 1 and required[0] == layer.first:
        return f"- {layer.name}: {required[0].upper()}"
    return f"- {layer.name}: {{{', '.join(f'{name}: {name.upper()}' for name in required)}}}"


def _input(layer: Layer) -> str:
    numbers = {
        (1, 1): "one volume",
        (1, 2): "one or two volumes",
        (1, 3): "one to three volumes",
        (3, 3): "three volumes",
    }
    count = "any number of branches" if layer.most is None else numbers[layer.least, layer.most]
    if layer.ranks is None:
        return f"{count}, of any shape"
    ranks = layer.ranks
    axes = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
    return f"{count}, with {axes} spatial {'axis' if ranks == (1,) else 'axes'}"


def _data(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "family": layer.family,
        "summary": layer.summary,
        "documentation": layer.doc,
        "attributes": [
            {"name": a.name, "required": a.required, "default": a.default, "value": a.kind.said}
            for a in layer.attributes.values()
        ],
    }
