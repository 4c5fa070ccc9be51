"""What the guide takes from the code, by name: between `<!-- generated: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import click


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(titles)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _layers() -> str:
    """A table of the layers for each family."""
    from archcalc.commands.layers.reference import index

    families: dict[str, list[tuple[str, ...]]] = {}
    for name, family, attributes, summary in index().tables[0].rows:
        families.setdefault(family, []).append((f"`{name}`", f"`{attributes}`" if attributes else "", summary))
    return "\n".join(
        f"## {family}\n\n{_table(('layer', 'attributes', 'what it does'), rows)}" for family, rows in families.items()
    )


def _quantities() -> str:
    from archcalc.quantities.registry import quantities

    asked_of = {"any": "network, part", "network": "network", "layers": "part"}
    return _table(
        ("quantity", "unit", "of", "what it counts"),
        ((f"`{q.name}`", q.unit.name, asked_of[q.of], q.doc) for _, q in sorted(quantities().items())),
    )


def _profiles() -> str:
    """A section for each counting profile: what prints it, what it includes, which faults of the tool it repeats."""
    from archcalc.commands.count.tables import index

    report = index()
    sections = []
    for name, unit, tool, includes in report.tables[0].rows:
        faults = [line.removeprefix(f"{name}: ") for line in report.notes if line.startswith(f"{name}: ")]
        lines = [f"## {name}", f"{tool}; in {unit}s.", f"Includes: {includes}."]
        if faults:
            lines.append("Faults of the tool, reproduced here only:")
            lines.append("\n".join(f"* {fault}" for fault in faults))
        sections.append("\n\n".join(lines) + "\n")
    return "\n".join(sections)


def _rules() -> str:
    from archcalc.diagnostics.rules import rules

    return "\n".join(
        f"## {rule.name}\n\n{rule.severity}. {rule.meaning}\n\nFix: {rule.fix}\n" for rule in rules().values()
    )


def _commands() -> str:
    """The help of every command, as `archcalc NAME --help` prints it at 80 columns."""
    from archcalc.cli import group

    sections = []
    context = click.Context(group, info_name="archcalc", **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name, terminal_width=80, max_content_width=80)
        sections.append(f"## {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(sections)


#: A request for each command that writes JSON, small enough that its object is read at once.
_REQUESTS = (
    "report lenet5",
    "list",
    "compare lenet5 alexnet",
    "diff vgg16 vgg19",
    "explain lenet5",
    "explain alexnet conv1",
    "count lenet5",
    "roofline lenet5 --gpu v100",
    "memory lenet5",
    "fit lenet5 --memory 10kB,1MB --batch 1000",
    "formula lenet5 --free classes",
    "sweep lenet5 --over classes=[10,20]",
    "solve lenet5 --for classes --target 'params <= 100K'",
    "check lenet5",
    "layers",
)


def _json_keys() -> str:
    """For each command, the keys of the object that it writes, with the types of their values."""
    import json

    import readme

    sections = []
    for request in _REQUESTS:
        written = json.loads(readme.run(f"archcalc {request} --format json", Path.cwd()))
        keys: dict[str, set[str]] = {}
        _gather(written, "", keys)
        rows = ((f"`{key}`", ", ".join(sorted(types)) or "list") for key, types in keys.items())
        sections.append(f"### {request}\n\n{_table(('key', 'value'), rows)}")
    return "\n".join(sections)


_TYPES = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}


#: Maps whose keys are names of layers, parameters, quantities or profiles, not of the format.
_OPEN = ("attributes", "counters", "counted_twice", "figures", "fixed", "operations", "parameters", "profiles")
_OPEN += ("quantities", "settings", "operation_classes")


def _gather(value: object, path: str, keys: dict[str, set[str]]) -> None:
    """Note the types of a JSON value under its path, and of everything in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            step = "NAME" if path.rpartition(".")[2] in _OPEN else key
            _gather(inner, f"{path}.{step}" if path else step, keys)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for item in value:
            _gather(item, f"{path}[]", keys)
    elif isinstance(value, list):
        inner = sorted({_TYPES[type(item)] for item in value})
        keys.setdefault(path, set()).update({f"list of {' or '.join(inner)}"} if inner else set())
    else:
        keys.setdefault(path, set()).add(_TYPES[type(value)])


def _a_layer() -> str:
    """The source of a short rule."""
    import inspect

    from archcalc.layers.registry import layers

    return f"```py\n{inspect.getsource(layers()['layer_scale'].function)}```\n"


#: Networks of torchvision, and the catalogue's specs of the same.
READ_BACK = {"vgg16": "vgg16", "resnet50": "resnet50", "googlenet": "googlenet_bn", "densenet121": "densenet121"}


def read_back(archive: str) -> Path:
    """The spec that is made of one's archive."""
    return Path(__file__).parent / "data" / "exchange" / "folded" / f"{archive}.yaml"


def _read_back() -> str:
    """For each network the spec that is read of torchvision's archive, and the catalogue's own."""
    from archcalc import catalogue

    found = []
    for archive, name in READ_BACK.items():
        document, _ = catalogue.load(name)
        spec = Path(__file__).parent.parent / "architectures" / document.source.name
        read = read_back(archive).read_text(encoding="utf-8")
        written = _with_blocks(spec.read_text(encoding="utf-8"), spec.parent / "blocks.yaml")
        found += [f"## {archive}\n", f"```yaml\n{read.strip()}\n```\n", f"The catalogue's `{name}`:\n"]
        found.append(f"```yaml\n{written}\n```\n")
    return "\n".join(found)


def _with_blocks(spec: str, blocks: Path) -> str:
    """A spec without its claims, the blocks that it imports in the place of the import."""
    spec = re.split(r"^(?:expect|published):", spec, maxsplit=1, flags=re.MULTILINE)[0]
    asked = re.search(r"^import: \{blocks.yaml: \[(.*)\]\}\n", spec, re.MULTILINE)
    if asked is None:
        return spec.strip()
    below = blocks.read_text(encoding="utf-8").partition("blocks:\n")[2]
    parts = re.split(r"\n\n(?=  [\w#])", below)
    known = {re.findall(r"^  (\w+)", part, re.MULTILINE)[0]: part for part in parts}
    wanted: set[str] = set()
    waiting = asked[1].split(", ")
    while waiting:
        name = waiting.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            waiting += re.findall(r"\w+", known[name])
    kept = "\n\n".join(known[name].strip("\n") for name in known if name in wanted)
    return spec.replace(asked[0], f"blocks:\n{kept}\n").strip()


PARTS: dict[str, Callable[[], str]] = {
    "a-layer": _a_layer,
    "commands": _commands,
    "json-keys": _json_keys,
    "layers": _layers,
    "profiles": _profiles,
    "quantities": _quantities,
    "read-back": _read_back,
    "rules": _rules,
}
