"""Writes a list of published figures anew, from what its authors ship.

    python tests/published/make.py torchvision
    python tests/published/make.py pytorchcv pytorchcv-0.0.74-py3-none-any.whl
    python tests/published/make.py mmpretrain mmpretrain-1.2.0-py2.py3-none-any.whl
    python tests/published/make.py keras_hub keras_hub-0.32.0-py3-none-any.whl
    python tests/published/make.py timm pytorch-image-models/results/benchmark-infer-amp-nchw-pt291-cu128-4090.csv

Wheels (`pip download --no-deps NAME`) are read as archives, and nothing in them is run; torchvision must be installed.
A list holds facts: the model's name in the package, the figure as it is printed, and the quantity of ours that counts
what its authors count. An erratum, which is written by hand, stays where the figure does.
"""

from __future__ import annotations

import ast
import csv
import io
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parent


class Fact(NamedTuple):
    """A figure in print: the file that its model is exported to, the quantity, and the value to its precision."""

    spec: str
    quantity: str
    value: str


class Table(NamedTuple):
    """The figures of a package: where they are from (package, version, licence, file), and what they count."""

    source: str
    counts: str
    facts: list[Fact]


def torchvision(_: Path | None) -> Table:
    """The metadata of the default weights of the classifiers."""
    import torchvision as package
    from torchvision.models import get_model_weights, list_models

    facts = []
    for name in list_models(module=package.models):
        weights: Any = get_model_weights(name).DEFAULT
        facts.append(Fact(f"{name}.pt2", "params", exact(weights.meta["num_params"])))
        facts.append(Fact(f"{name}.pt2", "torchvision_macs", f"{weights.meta['_ops']:.3f}G"))
    version = package.__version__.partition("+")[0]
    source = f"torchvision {version} (BSD-3-Clause), torchvision.models, meta of the default weights"
    counts = "parameters without those of auxiliary heads, and what torchvision calls GFLOPS: multiply-accumulates"
    return Table(source, counts, facts)


def pytorchcv(wheel: Path | None) -> Table:
    """The table of all models of pytorchcv, which its own tests hold it to."""
    name = "pytorchcv/models/common/model_metainfos.csv"
    rows = csv.DictReader(io.StringIO(member(wheel, name)))
    # i-RevNet-301 stands there twice.
    facts = {Fact(f"{row['model_name']}.pt2", "trainable_params", exact(int(row["net_weights"]))): None for row in rows}
    return Table(f"pytorchcv {version(wheel)} (MIT), {name}", "parameters that are trained", list(facts))


def mmpretrain(wheel: Path | None) -> Table:
    """The metafiles of MMPreTrain's configurations."""
    facts = []
    for name in members(wheel, "metafile.yml"):
        for model in yaml.safe_load(member(wheel, name)).get("Models", ()):
            said = model.get("Metadata") or {}
            for key, quantity in (("Parameters", "params"), ("FLOPs", "fvcore_macs")):
                if said.get(key):
                    unit = "G" if key == "FLOPs" else "M"
                    facts.append(Fact(f"{model['Name']}.pt2", quantity, rounded(int(said[key]), unit)))
    counts = "parameters, and FLOPs that are multiply-accumulates as fvcore counts them, of a network without its head"
    return Table(f"mmpretrain {version(wheel)} (Apache-2.0), mmpretrain/.mim/configs/*/metafile.yml", counts, facts)


def keras_hub(wheel: Path | None) -> Table:
    """The metadata of KerasHub's presets."""
    facts = []
    for name in members(wheel, "_presets.py"):
        for node in ast.walk(ast.parse(member(wheel, name))):
            for key, preset in items(node):
                said = dict(items(dict(items(preset)).get("metadata")))
                if isinstance(params := getattr(said.get("params"), "value", None), int):
                    facts.append(Fact(f"{key}.json", "params", rounded(params, "G" if params >= 10**9 else "M")))
    counts = "all weights of the backbone: parameters and, of batch normalisation, running statistics, without the head"
    return Table(f"keras-hub {version(wheel)} (Apache-2.0), keras_hub/src/models/*/*_presets.py", counts, facts)


def timm(path: Path | None) -> Table:
    """A table of results in timm's repository, of every architecture at every size once."""
    assert path is not None
    facts: dict[Fact, None] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            spec = f"{row['model'].partition('.')[0]}-{row['infer_img_size']}.pt2"
            facts[Fact(spec, "trainable_params", f"{row['param_count']}M")] = None
            facts[Fact(spec, "fvcore_macs", f"{row['infer_gmacs']}G")] = None
            facts[Fact(spec, "activations", f"{row['infer_macts']}M")] = None
    source = f"github.com/huggingface/pytorch-image-models at aa4b5850 (Apache-2.0), results/{path.name}"
    counts = "parameters, multiply-accumulates and activations as fvcore counts them; a file is named ARCHITECTURE-SIZE"
    return Table(source, counts, list(facts))


TABLES = {table.__name__: table for table in (torchvision, pytorchcv, mmpretrain, keras_hub, timm)}


def members(wheel: Path | None, ending: str) -> list[str]:
    """The files of a wheel with this ending, in order of their names."""
    assert wheel is not None
    with zipfile.ZipFile(wheel) as archive:
        return sorted(name for name in archive.namelist() if name.endswith(ending))


def member(wheel: Path | None, name: str) -> str:
    """The text of a file in a wheel."""
    assert wheel is not None
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


def version(wheel: Path | None) -> str:
    """The version in the name of a wheel."""
    assert wheel is not None
    return wheel.name.split("-")[1]


def items(node: ast.AST | None) -> Iterator[tuple[Any, ast.AST]]:
    """The keys and values of a dict in Python's text; none of anything else."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant):
                yield key.value, value


def exact(value: int) -> str:
    """A number in full."""
    return f"{value:_}"


def rounded(value: int, unit: str) -> str:
    """A number in full, or, where it ends with four zeros or more, in the unit of its table to the last digit."""
    power = {"M": 6, "G": 9}[unit]
    return exact(value) if value % 10_000 else f"{Decimal(value).scaleb(-power).normalize():f}{unit}"


def kept(path: Path) -> dict[tuple[str, str], str]:
    """What was written by hand in a list: the errata, by spec and quantity."""
    if not path.exists():
        return {}
    figures = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)["figures"]
    return {(each["spec"], each["quantity"]): each["erratum"] for each in figures if "erratum" in each}


def write(name: str, given: Path | None) -> None:
    """Write the list of a table."""
    table, path = TABLES[name](given), FOLDER / f"{name}.yaml"
    errata = kept(path)
    lines = [f"# {table.counts}", f"source: {quoted(table.source)}", "figures:"]
    for fact in table.facts:
        erratum = errata.get((fact.spec, fact.quantity))
        more = f", erratum: {quoted(erratum)}" if erratum else ""
        lines.append(f"  - {{spec: {fact.spec}, quantity: {fact.quantity}, value: {fact.value}{more}}}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    print(f"{path.name}: {len(table.facts):,} figures of {len({fact.spec for fact in table.facts}):,} models")


def quoted(text: str) -> str:
    """A text as YAML in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]) if sys.argv[2:] else None)
