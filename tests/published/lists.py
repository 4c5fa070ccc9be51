"""The lists of published figures in this folder, and what of ours each figure is held against."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from archcalc.records import Record

FOLDER = Path(__file__).parent
TABLES = ("torchvision", "pytorchcv", "timm", "mmpretrain", "keras_hub")

#: What the end of a model's name says of its spec.
_ENDINGS = {
    "pytorchcv": (("_cifar100", "classes=100"), ("_cifar10", ""), ("_svhn", ""), ("_cub", "classes=200")),
    "timm": ((r"-(\d+)", r"image=\1"),),
    "mmpretrain": ((r"-(\d+)px", r"image=\1"),),
}


class Figure(Record):
    """A figure of a list: its model, as the file of it is named, the quantity and the value; the erratum, if any."""

    spec: str
    quantity: str
    value: str
    erratum: str = ""

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.spec.rpartition(".")[0]


class Ours(Record):
    """A spec of the catalogue, the quantity, what the figure leaves out, and parameters that are set for it alone, as
    YAML."""

    spec: str
    quantity: str
    plus: str = ""
    settings: str = ""


class List(Record):
    """A list of figures, and where they are from."""

    name: str
    source: str
    figures: list[Figure]


def _texts(path: Path) -> Any:
    """A file of YAML whose scalars are texts."""
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CBaseLoader", yaml.BaseLoader))


@cache
def listed(name: str) -> List:
    """The list of a table."""
    data = _texts(FOLDER / f"{name}.yaml")
    return List(name, data["source"], [Figure(**figure) for figure in data["figures"]])


@cache
def _catalogue() -> dict[str, Any]:
    return dict(_texts(FOLDER / "catalogue.yaml"))


def in_catalogue(table: str, figure: Figure) -> Ours | None:
    """The spec of the catalogue that a figure of a table is about; None if there is none that can be compared."""
    found = _spec_of(table, figure.model)
    if found is None:
        return None
    said, spec = found
    convention = _catalogue()["conventions"][said["convention"]] if "convention" in said else {}
    if figure.quantity not in convention.get("only", figure.quantity).split():
        return None
    plus, settings, counted = (convention.get(key, {}).get(figure.quantity) for key in ("plus", "with", "counts"))
    if plus and not figure.value.replace("_", "").isdigit():  # nothing can be added to a rounded figure
        return None
    added = (plus or "").replace("features", said.get("features", ""))
    return Ours(spec, counted or figure.quantity, added, _mapping(settings) if settings else "")


@cache
def _spec_of(table: str, model: str) -> tuple[dict[str, Any], str] | None:
    name, settings = model, []
    for ending, setting in _ENDINGS.get(table, ()):
        if match := re.search(f"{ending}$", name):
            name, settings = name[: match.start()], [match.expand(setting)] if setting else []
            break
    for pattern, entry in _patterns(table):
        if match := pattern.fullmatch(name):
            said = entry if isinstance(entry, dict) else {"spec": entry}
            spec = name if said["spec"] == "=" else said["spec"].replace("*", match.group(1) if match.groups() else "")
            return said, _resolved(spec, settings)
    return None


@cache
def _patterns(table: str) -> list[tuple[re.Pattern[str], Any]]:
    """The names of a table's models as patterns; what `*` and `?` stand for are their groups."""
    return [(_pattern(name), said) for name, said in _catalogue()[table].items()]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.escape(name).replace(r"\*", "(.*)").replace(r"\?", "(.)"))


def _resolved(spec: str, more: list[str]) -> str:
    """A spec with the name from `ours`, if it is one, and more settings."""
    name, _, own = spec.partition(":")
    base, _, inherited = _catalogue()["ours"].get(name, name).partition(":")
    settings = [each for each in (inherited, own, *more) if each]
    return f"{base}:{','.join(settings)}" if settings else str(base)


def _mapping(settings: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in settings.items()) + "}"


def write_configs(folder: Path) -> None:
    """Write each configuration of configs.yaml as the file of its name in `configs/`, where catalogue.yaml names it."""
    folder = folder / "configs"
    folder.mkdir(exist_ok=True)
    for name, config in yaml.safe_load((FOLDER / "configs.yaml").read_text(encoding="utf-8")).items():
        (folder / f"{name}.json").write_text(json.dumps(config), encoding="utf-8")


def of_models(table: str) -> list[Figure]:
    """The figures of a table that an exported model can be held to, without those that catalogue.yaml leaves out."""
    left_out = [(_pattern(name), said) for name, said in _catalogue()["left_out"].get(table, {}).items()]
    return [
        figure
        for figure in listed(table).figures
        if not any(pattern.fullmatch(figure.model) and figure.quantity in said for pattern, said in left_out)
    ]


def against_catalogue(table: str) -> str:
    """The text of a list of figures for `archcalc check`: those of a table that specs of the catalogue have."""
    lines = [f"source: '{listed(table).source}'", "figures:"]
    for figure in listed(table).figures:
        ours = in_catalogue(table, figure)
        if ours is None:
            continue
        value = f"{figure.value} + {ours.plus}" if ours.plus else figure.value
        said = [f"spec: '{ours.spec}'", f"quantity: {ours.quantity}", f"value: {value}", f"note: '{figure.model}'"]
        said += [f"with: {ours.settings}"] if ours.settings else []
        said += [f"erratum: '{figure.erratum}'"] if figure.erratum else []
        lines.append(f"  - {{{', '.join(said)}}}")
    return "\n".join([*lines, ""])
