"""A command with its options, most values sensible and some hostile, and the file that it is run on."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import click
from fuzz.spoilt import EXPRESSIONS, HOSTILE, ROOT, spec, spoilt_bytes

from archcalc import commands
from archcalc.cli.types import Whole
from archcalc.counting import profiles
from archcalc.quantities.registry import quantities

VALUES = ["1", "2", "8", "64", "7", "0.25", "true", "[1, 2]", "1000000"]
RANGES = ["1:64", "8:512:8", "1:300", "[1, 2, 3]", "[0.5, 1]", "1,2", "0:10", "-5:5", "1:1000", "4"]
BOUNDS = ["<= 5M", ">= 1", "== 0", "<= 1e9", "<= 8GB", "> 1kB", "< 3G", "<= 0", "!= 2", "<= 5M and macs <= 300M"]
SETUPS = ["optimizer=adam", "dtype=amp", "device=cuda", "gpu=a100-80gb", "freeze=*", "checkpoint=*", "dtype=int4"]
PATHS = ["*", "*conv*", "conv", "relu", "linear", "stage.*", "*/*", "conv.1", "add", "block"]
CARDS = ["v100", "h100", "a100-80gb", "rtx4090", "gtx580", "v100,h100"]


MODELS = ["pt2", "cfg", "prototxt", "keras", "onnx"]


class Case(NamedTuple):
    """A run: the folder of the catalogue that it is in, the arguments, and the spec (or model file) they name."""

    group: str
    arguments: list[str]
    name: str
    content: bytes


def _value(option: str, parameter: click.Parameter, names: list[str], rng: random.Random) -> str:
    """A value of an option, mostly a sensible one."""
    if rng.random() < 0.04:
        return rng.choice(HOSTILE)
    if isinstance(parameter.type, click.Choice):
        return rng.choice([str(choice) for choice in parameter.type.choices])
    if isinstance(parameter.type, Whole) and option != "--port":
        return rng.choice(("1", "2", "8", "32", "1000", "1000000000"))
    return _sensible(option, names, rng)


def _sensible(option: str, names: list[str], rng: random.Random) -> str:
    name, figure = rng.choice(names), rng.choice(list(quantities()))
    drawn: dict[str, Callable[[], str]] = {
        "--set": lambda: f"{name}={rng.choice(VALUES)}",
        "--let": lambda: f"{name}={rng.choice(EXPRESSIONS)}",
        "--over": lambda: f"{name}={rng.choice(RANGES)}",
        "--within": lambda: rng.choice(RANGES),
        "--for": lambda: name,
        "--free": lambda: ",".join(rng.choices(names, k=rng.choice((1, 1, 2)))),
        "--scale": lambda: f"{name}={rng.choice(('1.2', '2', '1', '0.5'))}",
        "--target": lambda: f"{figure} {rng.choice(BOUNDS)}",
        "--where": lambda: f"{figure} {rng.choice(BOUNDS)}",
        "--with": lambda: rng.choice(SETUPS),
        "--memory": lambda: rng.choice(("1GB", "24GB", "80GiB", "1kB", "1GB,2GB")),
        "--gpu": lambda: rng.choice(CARDS),
        "--headroom": lambda: rng.choice(("10%", "1GB", "0", "99%")),
        "--counting": lambda: rng.choice(profiles_known()),
        "--batch": lambda: rng.choice(("1", "8", "n", "1:8")),
        "--max-growth": lambda: rng.choice(("1%", "params=5%", "0")),
        "--baseline": lambda: rng.choice(("fuzz.yaml", "gone.json", ".")),
        "--base": lambda: rng.choice(("lenet5", "fuzz.yaml", "gone")),
        "--input": lambda: rng.choice(("3,224,224", "3x32x32", "[1, 28, 28]", "10", "x=3,8,8")),
        "--shard": lambda: rng.choice(("1/2", "2/2", "3/2", "1/1000")),
        "--seed": lambda: rng.choice(("0", "-1", "77")),
        "-o": lambda: "out." + rng.choice(("csv", "json", "html", "svg", "md", "yaml", "py", "gone")),
    }
    if option in drawn:
        return drawn[option]()
    if option in ("--columns", "--quantity", "--axes", "--pareto", "--sort", "--heat"):
        return rng.choice(("", "", "-")) + ",".join(rng.sample(list(quantities()), rng.choice((1, 1, 2, 3))))
    return rng.choice(PATHS)


@cache
def profiles_known() -> list[str]:
    """The names of the counting profiles."""
    return sorted(profiles.PROFILES)


#: Runs that are long by what they ask for, that do not end, or that use more than this process.
LEFT_OUT = {"--jobs", "--all", "--catalogue", "--watch", "--port", "--no-open", "--help"}
#: Options without which a command says no more than that.
NEEDED = {"--for", "--to"}


def drawn_case(seed: int) -> Case:
    """The run of a number."""
    rng = random.Random(seed)
    name = rng.choice(commands.names())
    if name in ("list", "layers", "quantities", "help", "completion", "new") and rng.random() < 0.9:
        name = rng.choice(("report", "memory", "fit", "formula", "sweep", "solve", "explain", "check"))
    if name == "import":
        files = [path for path in sorted((ROOT / "tests/data/exchange").rglob("*")) if path.suffix[1:] in MODELS]
        path = rng.choice(files)
        file, content, group = f"fuzz{path.suffix}", spoilt_bytes(path.read_bytes(), rng), "basics"
    else:
        group, text = spec(rng)
        file, content = "fuzz.yaml", text.encode("utf-8", "surrogateescape")
    command = commands.load(name)
    assert command is not None
    names = _parameters(content) or ["n"]
    arguments = [name]
    for parameter in command.params:
        option = parameter.opts[0]
        if isinstance(parameter, click.Argument):
            arguments += _argument(name, parameter, file, names, rng)
        elif option in NEEDED or (option not in LEFT_OUT and (parameter.required or rng.random() < 0.14)):
            for _ in range(rng.choice((1, 1, 2)) if parameter.multiple else 1):
                arguments += (
                    [option]
                    if getattr(parameter, "is_flag", False)
                    else [option, _value(option, parameter, names, rng)]
                )
    return Case(group, arguments, file, content)


def _parameters(content: bytes) -> list[str]:
    """The names that stand under `parameters` of a spec."""
    section = re.search(rb"^parameters:\n((?:  .*\n)+)", content, re.MULTILINE)
    return [name.decode() for name in re.findall(rb"^  (\w+):", section[1], re.MULTILINE)] if section else []


def _argument(command: str, parameter: click.Argument, file: str, names: list[str], rng: random.Random) -> list[str]:
    if parameter.name in ("spec", "old", "new", "model"):
        settings = f":{rng.choice(names)}={rng.choice(VALUES)}" if rng.random() < 0.1 else ""
        other = rng.choice((file, file, "lenet5")) if parameter.name == "new" else file
        if rng.random() < 0.02:
            other = rng.choice(HOSTILE) + rng.choice((".yaml", ".onnx", "", "/"))
        return [other + settings]
    if parameter.name in ("specs", "paths"):
        return [file, *(["lenet5"] if command == "compare" else [])]
    if parameter.required or rng.random() < 0.5:
        return [_value("layer", parameter, names, rng)]
    return []
