"""Specs of the catalogue and random networks, changed as trees and as texts; model files changed as bytes."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from oracle.generate import random_case

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = [
    "", " ", "0", "-1", "1", "1_000", "010", "1e3", "0.5", "-0.1", "1/3", "nan", "inf", "true", "null", "~", "none",
    str(2**31), str(2**63), str(10**30), "9" * 5000, "-" * 300, "x" * 3000, "[]", "{}", "[1, [2, [3]]]", "[" * 200,
    "(" * 200 + "1" + ")" * 200, "2 ** 2 ** 2 ** 100", "10 ** 400 * 10 ** 400", "1 // 0", "5 % 0", "min()", "a.b",
    "__import__('os')", "image[0]", "channels[", "[x for x in y]", "1 if", "lambda: 0", "é", "\u202e", "\x1b[31m",
    "\x85", "\udcff", "😀", "a: b", "- x", "&a [1]", "*a", "!!python/object:os.system", "%", "@", "`", "'", '"',
    "\t", "a\nb",
    "..", "../../x", "a/b", "*", "**", "a,b", ",", "=", "n=", "=1", "n=1,n=2", ":", "1:2:3:4", "1:0", "1:10:0",
    "5:1:-1",
    "1:" + "9" * 30, "width", "height", "channels", "positions", "same", "valid",
]  # fmt: skip
EXPRESSIONS = [
    "n", "2 * n", "n // 2", "n % 3", "-n", "n ** 9", "n / 2", "0.75 * n", "channels", "2 * channels", "channels // 2",
    "height", "width // 2", "positions", "round_to(n, 8)", "max(n, 4)", "min([n, 3])", "floor(n / 2)", "ceil(n * 1.5)",
    "n if n > 4 else 8", "[n, n]", "[n, -1]", "n > 3", "not n", "n and 0", "n[0]", "len([n])", "channels - n",
]  # fmt: skip


class _Plain(yaml.SafeDumper):
    """Writes a text as it is, whatever it looks like: numbers are texts here."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


@cache
def _catalogue() -> list[tuple[str, str]]:
    """Specs of the catalogue, small networks only: their groups and texts."""
    large = ("1202", "1001", "201", "264", "269", "110", "mixtral", "fractal", "efficientnet_b7")
    paths = sorted((ROOT / "architectures").glob("*/*.yaml"))
    return [
        (path.parent.name, path.read_text("utf-8")) for path in paths if not any(name in path.stem for name in large)
    ]


@cache
def _steps() -> list[Any]:
    """Steps of the catalogue."""
    return [
        node for _, text in _catalogue() for node in _nodes(_tree(text)) if isinstance(node, dict) and len(node) < 3
    ]


def _tree(text: str) -> Any:
    return yaml.load(text, yaml.BaseLoader)


def _nodes(tree: Any) -> Iterator[Any]:
    yield tree
    for inside in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(inside)


def _spots(tree: Any) -> list[tuple[Any, Any]]:
    """Every place of a tree: what holds it, and its key there."""
    holders = [node for node in _nodes(tree) if isinstance(node, dict | list)]
    return [(node, key) for node in holders for key in (list(node) if isinstance(node, dict) else range(len(node)))]


def spec(rng: random.Random) -> tuple[str, str]:
    """A group and a spoilt spec."""
    if rng.random() < 0.5:
        group, text = rng.choice(_catalogue())
    else:
        group, text = "basics", random_case(rng.randrange(10**9)).spec.text()
    tree = _tree(text)
    if isinstance(tree, dict):
        if rng.random() < 0.9:
            _name_a_number(tree, rng)
        for _ in range(rng.choice((0, 0, 1, 1, 1, 1, 2, 3, 5))):
            if spots := _spots(tree):
                rng.choice(CHANGES)(*rng.choice(spots), rng, tree)
        text = _written(tree)
    if rng.random() < 0.1:
        text = _spoilt_text(text, rng)
    return group, text


def _written(tree: Any) -> str:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * limit)
    try:
        return yaml.dump(tree, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=10**6)
    finally:
        sys.setrecursionlimit(limit)


def _name_a_number(tree: dict[str, Any], rng: random.Random) -> None:
    """A number of the spec becomes a parameter, for commands that change one."""
    spots = [
        (node, key) for node, key in _spots(tree) if isinstance(node[key], str) and re.fullmatch(r"\d+", node[key])
    ]
    if spots and isinstance(tree.setdefault("parameters", {}), dict):
        node, key = rng.choice(spots)
        tree["parameters"]["n"], node[key] = node[key], "n"


def _another_value(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    node[key] = rng.choice(HOSTILE)


def _expression(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    node[key] = rng.choice(EXPRESSIONS)


def _another_number(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    if isinstance(node[key], str) and re.fullmatch(r"\d+", node[key]):
        number = int(node[key][:20])
        node[key] = str(
            rng.choice((number + 1, number - 1, 0, -number, 2 * number, number * 1000, number**6, number / 3))
        )


def _removed(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    del node[key]


def _twice(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    if isinstance(node, list):
        node.insert(rng.randrange(len(node) + 1), _copied(node[key]))


def _renamed(node: Any, key: Any, rng: random.Random, tree: Any) -> None:
    if isinstance(node, dict):
        keys = [other for each in _nodes(tree) if isinstance(each, dict) for other in each]
        node[rng.choice([*HOSTILE, *keys, *keys])] = node.pop(key)


def _moved(node: Any, key: Any, rng: random.Random, tree: Any) -> None:
    """A copy of another piece: types swapped, blocks in circles, layers in the place of sizes."""
    node[key] = _copied(rng.choice(list(_nodes(tree))))


def _wrapped(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    for _level in range(rng.choice((1, 1, 1, 2, 70))):
        node[key] = [node[key]] if rng.random() < 0.5 else {rng.choice(("add", "concat", "x", "conv", "0")): node[key]}


def _a_step(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    if isinstance(node, list):
        node.insert(key, _copied(rng.choice(_steps())))


def _a_key(node: Any, key: Any, rng: random.Random, _: Any) -> None:
    """A step gets a key of its own."""
    if isinstance(node, dict):
        own = (
            "repeat",
            "when",
            "as",
            "from",
            "trainable",
            "share",
            "inplace",
            "groups",
            "padding",
            "stride",
            "bias",
            "axis",
        )
        values = ["1", "2", "3", "100", "100000", "true", "false", "x"]
        node[rng.choice(own)] = rng.choice(rng.choice((HOSTILE, EXPRESSIONS, values, values)))


def _circle(node: Any, key: Any, rng: random.Random, tree: Any) -> None:
    """A block that calls itself, or a few that double."""
    blocks = tree.get("blocks") if isinstance(tree, dict) else None
    if isinstance(blocks, dict) and isinstance(node, list):
        name = f"b{rng.randrange(3)}"
        blocks[rng.choice((name, f"{name}(n)", f"{name}(n=3)"))] = [
            {f"b{rng.randrange(3)}": rng.choice(("n - 1", "n", "3"))}
        ] * 2
        node.insert(key, {name: rng.choice(("1", "5", "40"))})


CHANGES: list[Callable[[Any, Any, random.Random, Any], None]] = [
    _another_value, _expression, _expression, _another_number, _another_number, _another_number, _removed, _removed,
    _twice, _twice, _renamed, _moved, _wrapped, _a_step, _a_step, _a_key, _a_key, _circle,
]  # fmt: skip


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _spoilt_text(text: str, rng: random.Random) -> str:
    """A text changed without regard to what it says."""
    lines = text.split("\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(text) + 1)
    kind = rng.randrange(6)
    if kind == 0:
        lines.insert(i, rng.choice(lines))
    elif kind == 1:
        del lines[i]
    elif kind == 2:
        lines[i] = rng.choice((" ", "  ", "\t", "- ")) + lines[i]
    elif kind == 3:
        return text[:j]
    elif kind == 4:
        return text[:j] + rng.choice([*HOSTILE, *(chr(rng.randrange(0x3000)) for _ in range(20))]) + text[j:]
    else:
        lines[i] *= rng.choice((2, 500))
    return "\n".join(lines)


def spoilt_bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((0, 1, 3, 10))):
        at = rng.randrange(len(data))
        if rng.random() < 0.7:
            data[at] = rng.randrange(256)
        else:
            del data[at : at + rng.choice((1, 10, 1000))]
        if not data:
            break
    return bytes(data)
