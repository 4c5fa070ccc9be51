"""What arguments and options can name, for shells that complete them. All is looked up when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from archcalc.diagnostics.diagnostic import SpecError, UsageError

if TYPE_CHECKING:
    from archcalc.api import Architecture


def specs(_: click.Context, begun: str) -> Iterator[str]:
    """Names of the catalogue, spec and model files; after a colon the parameters that are not set, with defaults."""
    from archcalc import catalogue
    from archcalc.exchange import ENDINGS

    front, colon, last = _last_setting(begun)
    if colon:
        taken = {setting.partition("=")[0].strip() for setting in front.partition(":")[2].split(",")}
        yield from (f"{front}{colon}{text}" for text in _settings(front.partition(":")[0], last, taken))
        return
    yield from catalogue.names()
    yield from files(begun, (".yaml", ".yml", *ENDINGS))


def groups(_: click.Context, __: str) -> Iterable[str]:
    """Groups of the catalogue."""
    from archcalc import catalogue

    return sorted({catalogue.group_of(path) for path in catalogue.names().values()})


def models(_: click.Context, begun: str) -> Iterator[str]:
    """Model files."""
    from archcalc.exchange import ENDINGS

    yield from files(begun, ENDINGS)


def _last_setting(reference: str) -> tuple[str, str, str]:
    """`resnet50:width=64,im` in three: what is finished, the separator, and the setting that is begun."""
    name, colon, rest = reference.partition(":")
    front, comma, last = rest.rpartition(",")
    return (f"{name}:{front}", comma, last) if comma else (name, colon, rest)


def settings(context: click.Context, begun: str) -> Iterable[str]:
    """`NAME=` for the parameters of the spec that the command line names; behind the sign the default."""
    return _settings(_spec(context), begun, set())


def _settings(spec: str, begun: str, taken: set[str]) -> Iterator[str]:
    from archcalc.layers.attributes import shown

    name, sign, _ = begun.partition("=")
    for parameter, default in _parameters(spec).items():
        if parameter not in taken:
            yield f"{parameter}={shown(default)}" if sign and name == parameter else f"{parameter}="


def parameters(context: click.Context, _: str) -> Iterable[str]:
    """The parameters of the spec that the command line names."""
    return _parameters(_spec(context))


def _parameters(spec: str) -> dict[str, Any]:
    architecture = _load(spec)
    return {} if architecture is None else dict(architecture.expand().parameters)


def layer_paths(context: click.Context, begun: str) -> Iterator[str]:
    """Paths of layers, a name at a time: blocks end in a slash."""
    architecture = _load(_spec(context))
    if architecture is None:
        return
    front = begun[: begun.rfind("/") + 1]
    for node in architecture.expand().nodes:
        if node.name.startswith(front):
            name, slash, _ = node.name[len(front) :].partition("/")
            yield f"{front}{name}{slash}"


def _spec(context: click.Context) -> str:
    """The spec on the command line. While an option still wants its value click reads no arguments: then the first
    word that is a spec, of the words that `cli.shells` hands over."""
    given = context.params.get("spec")
    if isinstance(given, str):
        return given
    words = (word for word in context.obj or () if not word.startswith("-"))
    return next((word for word in words if _load(word) is not None), "")


def _load(spec: str) -> Architecture | None:
    from archcalc import api

    with suppress(SpecError, UsageError):
        architecture = api.load(spec)
        architecture.expand()
        return architecture
    return None


def nothing(_: click.Context, __: str) -> Iterable[str]:
    """No names: amounts and the like, of which there are too many."""
    return ()


def quantities(_: click.Context, __: str) -> Iterable[str]:
    """Every quantity."""
    from archcalc.quantities.registry import quantities

    return quantities()


def sums(_: click.Context, __: str) -> Iterable[str]:
    """The quantities that add up over layers."""
    from archcalc.quantities.registry import quantities

    return [name for name, quantity in quantities().items() if quantity.sums]


def totals(context: click.Context, begun: str) -> Iterable[str]:
    """The quantities that add up over layers, and the receptive field: what `explain` can be asked for."""
    return [*sums(context, begun), "receptive_field"]


def report_columns(_: click.Context, __: str) -> Iterable[str]:
    """The columns of a report."""
    from archcalc.commands.report.columns import names

    return names()


def compared(_: click.Context, __: str) -> Iterable[str]:
    """What a comparison can have as a column: quantities of a network, and published facts."""
    from archcalc.claims.facts import FACTS
    from archcalc.quantities.registry import quantities

    return [*(quantity.name for quantity in quantities().values() if quantity.of != "layers"), *FACTS]


def cards(_: click.Context, __: str) -> Iterable[str]:
    """Graphics cards."""
    from archcalc.devices import CARDS

    return CARDS


def rated_cards(_: click.Context, __: str) -> Iterable[str]:
    """Graphics cards whose rate and bandwidth are known."""
    from archcalc.devices import CARDS

    return [card.name for card in CARDS.values() if card.flops is not None]


def profiles(_: click.Context, __: str) -> Iterable[str]:
    """Counting profiles."""
    from archcalc.counting.profiles import PROFILES

    return PROFILES


def layers(_: click.Context, __: str) -> Iterable[str]:
    """Layers of the language."""
    from archcalc.layers.registry import layers

    return sorted(layers())


def files(begun: str, endings: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Files with one of these endings, and folders with a slash at their end, in the folder that is being written."""
    front = begun[: begun.rfind("/") + 1]
    with suppress(OSError), os.scandir(os.path.expanduser(front) or ".") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") and not begun[len(front) :].startswith("."):
                continue
            if entry.is_dir():
                yield f"{front}{entry.name}/"
            elif entry.name.endswith(endings):
                yield f"{front}{entry.name}"
