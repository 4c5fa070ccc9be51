"""The sections `expect` and `published` to claims and facts, each with its place, and what is malformed in them.

expect:
  params: 138_357_544
  macs: {value: 15.5G, source: "..."}
  layers:
    conv1: {output: 55x55x96, params: {value: 35K, source: CS231n, lecture 9}}
published:
  top5_error: {value: 7.3%, source: "...", note: ensemble of 7}
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction

from archcalc.claims import figure as figures
from archcalc.claims.facts import FACTS
from archcalc.claims.figure import Figure, FigureError
from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, closest, did_you_mean
from archcalc.language.document import Document
from archcalc.language.expression import unknown_names
from archcalc.language.source import Mapping, Scalar, Sequence, Value
from archcalc.quantities.registry import Quantity, quantities
from archcalc.records import Record
from archcalc.units import BYTES, EXTENT, VOLUME

#: What a claim may say beside its value.
CLAIM_KEYS = ("value", "source", "note", "erratum", "truncated", "tolerance", "with", "over", "under")
#: What it may say in a list of figures, where it stands beside no network and under no quantity.
LISTED_KEYS = ("spec", "quantity", "layer", *CLAIM_KEYS)
FACT_KEYS = ("value", "source", "note", "erratum")


#: Keys that other tools have for bounds.
_BOUNDS = {"max": "<=", "maximum": "<=", "most": "<=", "min": ">=", "minimum": ">=", "least": ">="}


def _hint(key: Scalar, value: Value, keys: tuple[str, ...]) -> str:
    """What to write in place of a key that claims do not have."""
    from archcalc.memory.setup import WORDS

    given = value.text[:40] if isinstance(value, Scalar) else "..."
    if key.text in _BOUNDS:
        return f"a bound is a value: `{_BOUNDS[key.text]} {given}`"
    if key.text in WORDS and "with" in keys:
        return f"how the network is run stands in `with`, beside `value`: `{key.text}` too"
    return did_you_mean(key.text, keys) or f"it has {', '.join(keys)}"


class Other(Record):
    """The spec that a ratio is taken to: `over` divides this spec's figure by its, `under` its by this one's."""

    relation: str
    spec: str
    place: Place


class Setting(Record):
    """A parameter of the spec that a claim sets, as text."""

    name: str
    value: str
    place: Place


class Claim(Record):
    """A figure that a spec claims of itself, or a list of figures of the network that `spec` names: of the whole
    network, or of the layers that `layer` names."""

    quantity: Quantity
    figure: Figure
    place: Place
    layer: str | None = None
    layer_place: Place | None = None
    source: str = ""
    note: str = ""
    #: Why the claim is known to be wrong, with the right arithmetic; empty for one that should be true.
    erratum: str = ""
    settings: tuple[Setting, ...] = ()
    other: Other | None = None
    #: The network, as a list of figures names it; empty in a spec.
    spec: str = ""
    spec_place: Place | None = None


class Fact(Record):
    """A fact that archcalc cannot compute: an error rate, in percent, or a year."""

    name: str
    value: Fraction
    unit: str
    text: str
    place: Place
    source: str = ""
    note: str = ""
    erratum: str = ""


def claims(document: Document) -> tuple[list[Claim], list[Diagnostic]]:
    """The claims of a spec in the order of the file, and what is malformed among them."""
    return claims_in(document.source, document.expect, [parameter.name for parameter in document.parameters])


def claims_in(
    source: Source, stated: Mapping | None, parameters: Collection[str]
) -> tuple[list[Claim], list[Diagnostic]]:
    """The claims of a map that stands in any text, about a network with parameters of these names."""
    return Reader(source, parameters).claims(stated or _NOTHING)


def facts(document: Document) -> tuple[list[Fact], list[Diagnostic]]:
    """The published facts of a spec in the order of the file, and what is malformed among them."""
    return Reader(document.source, ()).facts(document.published or _NOTHING)


def unknown_parameters(figure: Figure, parameters: Collection[str], place: Place) -> Iterator[Diagnostic]:
    """A finding for each name in the arithmetic of a figure that is not one of these parameters."""
    for name in unknown_names(figure.expression, parameters) if figure.expression else ():
        message = f"`{figure.text}` is not a figure, and there is no parameter `{name.text}`"
        yield Diagnostic("bad-claim", message, place, help=did_you_mean(name.text, parameters) or figures.HELP)


class Malformed(Exception):
    """A finding that ends the claim it is in."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


_NOTHING = Mapping([], 0, 0)


class Reader:
    """The reader of one text. `parameters` are the names that arithmetic may use, None where they are not known yet."""

    def __init__(self, source: Source, parameters: Collection[str] | None) -> None:
        self.source = source
        self.parameters = parameters
        self.problems: list[Diagnostic] = []

    def place(self, value: Value) -> Place:
        return Place(self.source, value.start, value.end)

    def malformed(self, message: str, value: Value, *, rule: str = "bad-claim", help: str | None = None) -> Malformed:
        return Malformed(Diagnostic(rule, message, self.place(value), help=help))

    @contextmanager
    def finding(self) -> Iterator[None]:
        """What is malformed inside ends here and is kept, so that one run shows all findings."""
        try:
            yield
        except Malformed as malformed:
            self.problems.append(malformed.diagnostic)

    def entries(self, mapping: Mapping, source: str) -> Iterator[tuple[Scalar, Value, str]]:
        """The entries of a map of claims, without its `source`, which stands for all of them."""
        stated = mapping.get("source")
        source = self.text(stated) if stated is not None else source
        for key, value in mapping.entries:
            if key.text != "source":
                yield key, value, source

    # --- expect

    def claims(self, stated: Mapping) -> tuple[list[Claim], list[Diagnostic]]:
        found: list[Claim] = []
        with self.finding():
            for key, value, source in self.entries(stated, ""):
                if key.text == "layers":
                    found += self.of_layers(value, source)
                else:
                    found += self.of_quantity(key, value, source, None)
        return found, self.problems

    def of_layers(self, value: Value, source: str) -> list[Claim]:
        found: list[Claim] = []
        with self.finding():
            if not isinstance(value, Mapping):
                raise self.malformed("layers is a map of layers, each with its quantities", value)
            for layer, given, inherited in self.entries(value, source):
                found += self.of_layer(layer, given, inherited)
        return found

    def of_layer(self, layer: Scalar, given: Value, source: str) -> list[Claim]:
        found: list[Claim] = []
        with self.finding():
            if not isinstance(given, Mapping):
                hint = f"write `{layer.text[:60]}: {{output: 55x55x96}}`"
                raise self.malformed("a layer's claims are a map of quantities and values", given, help=hint)
            if not given.entries:
                raise self.malformed("a quantity and its value are missing here", given)
            for key, claimed, own in self.entries(given, source):
                found += self.of_quantity(key, claimed, own, layer)
        return found

    def of_quantity(self, key: Scalar, value: Value, source: str, layer: Scalar | None) -> list[Claim]:
        found: list[Claim] = []
        with self.finding():
            known = self.quantity(key, layer)
            if known.unit == VOLUME and _is_shape(value):
                return [self.claim(known, {"value": value}, source, layer)]
            for item in self.stated(value):
                with self.finding():
                    found.append(self.claim(known, self.said(item, CLAIM_KEYS, "claim"), source, layer))
        return found

    def quantity(self, key: Scalar, layer: Scalar | None) -> Quantity:
        known = quantities().get(key.text)
        if known is None:
            name, of, path = key.text.partition(" of ")
            hint = did_you_mean(name, quantities()) or "`archcalc quantities` lists them"
            if of:
                meant = closest(name, quantities()) or "QUANTITY"
                hint = f"write a figure of a layer as `layers: {{{path[:80]}: {{{meant}: ...}}}}`"
            if key.text in FACTS:
                hint = f"{key.text} cannot be computed: it belongs in `published`"
            raise self.malformed(f"there is no quantity `{key.text[:80]}`", key, rule="unknown-quantity", help=hint)
        if layer is not None and known.of == "network":
            raise self.malformed(f"{known.name} is a figure of a whole network, not of some of its layers", key)
        if layer is None and known.of == "layers":
            raise self.malformed(f"{known.name} is a figure of a layer: it belongs under `layers`", key)
        return known

    def claim(self, known: Quantity, said: dict[str, Value], source: str, layer: Scalar | None) -> Claim:
        value = said["value"]
        figure = self.figure(value, _is_shape(value))
        other = self.other(said)
        self.check_unit(known, figure, other, layer, value)
        if "truncated" in said and self.flag(said["truncated"]):
            figure = self.refined(figure, None, said["truncated"])
        if "tolerance" in said:
            figure = self.refined(figure, self.figure(said["tolerance"]), said["tolerance"])
        return Claim(
            known,
            figure,
            self.place(value),
            layer=None if layer is None else layer.text,
            layer_place=None if layer is None else self.place(layer),
            source=self.text(said["source"]) if "source" in said else source,
            note=self.text(said["note"]) if "note" in said else "",
            erratum=self.reason(said["erratum"]) if "erratum" in said else "",
            settings=self.settings(said["with"]) if "with" in said else (),
            other=other,
        )

    def check_unit(self, known: Quantity, figure: Figure, other: Other | None, layer: Scalar | None, at: Value) -> None:
        """The unit of the value must be one that the quantity can have."""
        if _fits(known, figure, other is not None, layer is not None):
            if known.unit == BYTES and other is None and figure.forgotten is not None:
                raise self.malformed(f"{known.name}: {figure.forgotten}", at, rule="claim-unit")
            return
        hint = None
        if other is not None:
            what = f"a ratio where it is compared {other.relation} {other.spec[:60]}"
        else:
            what = _UNITS.get(known.unit.name, "a plain number")
            hint = _UNIT_HELP.get(figure.unit) or figure.billions
        raise self.malformed(f"{known.name} is {what}: {figure.text} is not", at, rule="claim-unit", help=hint)

    def refined(self, figure: Figure, tolerance: Figure | None, at: Value) -> Figure:
        try:
            return figures.truncated(figure) if tolerance is None else figures.within(figure, tolerance)
        except FigureError as error:
            raise self.malformed(str(error), at) from None

    def other(self, said: dict[str, Value]) -> Other | None:
        stated = [key for key in ("over", "under") if key in said]
        if len(stated) > 1:
            raise self.malformed("a claim is a ratio over one spec or under one, not both", said["under"])
        if not stated:
            return None
        value = said[stated[0]]
        return Other(stated[0], self.reason(value), self.place(value))

    def settings(self, value: Value) -> tuple[Setting, ...]:
        if not isinstance(value, Mapping):
            hint = "write `with: {image: 192}`"
            raise self.malformed("`with` is a map of the spec's parameters and values", value, help=hint)
        return tuple(Setting(key.text, self.raw(given), self.place(key)) for key, given in value.entries)

    # --- published

    def facts(self, stated: Mapping) -> tuple[list[Fact], list[Diagnostic]]:
        found: list[Fact] = []
        with self.finding():
            for key, value, source in self.entries(stated, ""):
                for item in self.stated(value):
                    with self.finding():
                        found.append(self.fact(key, item, source))
        return found, self.problems

    def fact(self, key: Scalar, given: Value, source: str) -> Fact:
        if key.text not in FACTS:
            hint = did_you_mean(key.text, FACTS) or f"the facts are {', '.join(FACTS)}"
            if key.text in quantities():
                hint = f"{key.text} can be computed: it belongs in `expect`"
            raise self.malformed(f"there is no published fact `{key.text[:80]}`", key, rule="unknown-fact", help=hint)
        said = self.said(given, FACT_KEYS, "fact")
        figure = self.figure(said["value"])
        unit = FACTS[key.text].unit
        if figure.value is None or figure.unit not in ("", unit):
            message = f"{key.text} is a {'percentage' if unit else 'plain number'}: {figure.text} is not"
            raise self.malformed(message, said["value"], rule="claim-unit")
        return Fact(
            key.text,
            figure.value,
            unit,
            figure.text,
            self.place(said["value"]),
            source=self.text(said["source"]) if "source" in said else source,
            note=self.text(said["note"]) if "note" in said else "",
            erratum=self.reason(said["erratum"]) if "erratum" in said else "",
        )

    # --- the small questions

    def stated(self, value: Value) -> list[Value]:
        """The values that a name stands for: one, or a list of them that may not be empty, or nothing is checked."""
        if not isinstance(value, Sequence):
            return [value]
        if not value.items:
            raise self.malformed("a value is missing here", value, help=figures.HELP)
        return list(value.items)

    def said(self, given: Value, keys: tuple[str, ...], what: str) -> dict[str, Value]:
        """What a claim or a fact says, by key; a bare value says only its value."""
        if not isinstance(given, Mapping):
            return {"value": given}
        said = {}
        for key, value in given.entries:
            if key.text not in keys:
                hint = _hint(key, value, keys)
                raise self.malformed(f"a {what} has no `{key.text[:80]}`", key, help=hint)
            said[key.text] = value
        if "value" not in said:
            raise self.malformed(f"this {what} has no value", given, help="write `{value: 138M, source: ...}`")
        return said

    def figure(self, value: Value, is_shape: bool = False) -> Figure:
        if is_shape and isinstance(value, Sequence):
            sizes = [self.figure(item) for item in value.items]
            channels, *space = (int(size.value or 0) for size in sizes)
            return Figure(f"[{', '.join(size.text for size in sizes)}]", volume=(*space, channels))
        try:
            figure = figures.read(self.raw(value))
        except FigureError as error:
            raise self.malformed(str(error), value, help=figures.HELP) from None
        if self.parameters is not None:
            for problem in unknown_parameters(figure, self.parameters, self.place(value)):
                raise Malformed(problem)
        return figure

    def raw(self, value: Value) -> str:
        """The text of a value; of a list, the text between its brackets."""
        if isinstance(value, Scalar):
            return value.text.strip()
        return self.source.text[value.start : value.end]

    def text(self, value: Value) -> str:
        """Words, or a list of them."""
        if isinstance(value, Scalar):
            return " ".join(value.text.split())
        if isinstance(value, Sequence):
            return "; ".join(self.text(item) for item in value.items)
        raise self.malformed("this must be text", value)

    def reason(self, value: Value) -> str:
        """Words that may not be missing."""
        text = self.text(value)
        if not text or text in ("true", "false"):
            raise self.malformed("this must say something in words", value)
        return text

    def flag(self, value: Value) -> bool:
        if isinstance(value, Scalar) and value.text in ("true", "false"):
            return value.text == "true"
        raise self.malformed("this must be true or false", value)


_UNITS = {"volume": "a volume", "extent": "a size", "bytes": "in bytes"}
_UNIT_HELP = {
    "x": "a ratio is to another spec: 12x needs `over: SPEC` or `under: SPEC`",
    "%": "a share is claimed of a layer, of a quantity that adds up; a ratio to a spec needs `over: SPEC`",
}


def _fits(known: Quantity, figure: Figure, is_ratio: bool, of_layer: bool) -> bool:
    """Whether a figure can be the value of a quantity, or of a ratio of two of them."""
    is_volume = figure.volume is not None
    if known.unit == VOLUME:
        return not is_ratio and (is_volume or (figure.exact and figure.unit == ""))
    if known.unit == EXTENT:
        return not is_ratio and (is_volume or (figure.unit == "" and figure.expression is None))
    if is_ratio:
        return not is_volume and figure.unit in ("", "x", "%")
    if figure.unit == "%":
        return known.sums and of_layer
    return not is_volume and figure.unit in (("", "bytes") if known.unit == BYTES else ("",))


def _is_shape(value: Value) -> bool:
    """Whether a value is a list of whole numbers: a volume, channels first, as `input` writes it."""
    return (
        isinstance(value, Sequence)
        and len(value.items) > 1
        and all(isinstance(item, Scalar) and item.text.isascii() and item.text.isdigit() for item in value.items)
    )
