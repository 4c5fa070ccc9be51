"""Changes rules one place at a time, runs the tests of the rule's room, and prints the changes that no test notices.

    python tests/mutants.py                       every room, 40 changes of each
    python tests/mutants.py layers --sample 200   one room
    python tests/mutants.py memory --file steps --all

A change is one of the syntax tree: a number one larger or smaller, another operator or comparison, a condition turned
round, an element of a tuple or a call's keyword left out. A survivor is either equivalent (it changes no figure) or a
rule that no test states by value. Exit code 1 if fewer than `--least` per cent are noticed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: How long the tests of one change may take: one that never ends is noticed too.
SECONDS = 300


class Room(NamedTuple):
    """Rules, and the tests that state them, the quickest first."""

    rules: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "layers": Room(
        ("archcalc/layers/*.py",),
        ("tests/layers", "tests/memory", "tests/counting", "tests/analysis", "tests/sizes", "tests/claims"),
    ),
    "expressions": Room(
        ("archcalc/language/expression*.py", "archcalc/language/formulas.py"),
        ("tests/language", "tests/commands/test_formulas.py", "tests/sizes"),
    ),
    "counting": Room(("archcalc/counting/*.py",), ("tests/counting", "tests/commands/test_count_command.py")),
    "memory": Room(("archcalc/memory/*.py",), ("tests/memory", "tests/commands/test_memory_fit.py")),
    "analysis": Room(("archcalc/analysis/*.py",), ("tests/analysis", "tests/quantities", "tests/claims", "tests/laws")),
    "sizes": Room(("archcalc/sizes/*.py",), ("tests/sizes", "tests/layers", "tests/commands/test_formulas.py")),
}


class Mutant(NamedTuple):
    """One change: the file, the line, what stood there and what stands there now, and the whole new text."""

    path: Path
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.before}  ->  {self.after}"


_OTHER = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change of a file. Docstrings, annotations and messages stay as they are."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for place, node in enumerate(ast.walk(tree)):
        if not isinstance(node, ast.expr | ast.stmt) or _is_told_only(node):
            continue
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            target = next(each for number, each in enumerate(ast.walk(changed)) if number == place)
            before = ast.unparse(node).splitlines()[0]
            for field, value in change.items():
                setattr(target, field, value)
            after = ast.unparse(target).splitlines()[0]
            yield Mutant(path, node.lineno, before[:100], after[:100], ast.unparse(changed))


def _is_told_only(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is None


def _changes(node: ast.AST) -> Iterator[dict[str, object]]:
    """New values of a node's fields."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield {"value": node.value + 1}
        if node.value > 0:
            yield {"value": node.value - 1}
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield {"value": not node.value}
    elif (isinstance(node, ast.BinOp) and type(node.op) in _OTHER) or isinstance(node, ast.BoolOp):
        yield {"op": _OTHER[type(node.op)]()}
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        yield {"ops": [_OTHER[type(node.ops[0])](), *node.ops[1:]]}
    elif isinstance(node, ast.If | ast.IfExp):
        yield {"test": ast.UnaryOp(ast.Not(), node.test)}
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        for i in range(len(node.elts)):
            yield {"elts": node.elts[:i] + node.elts[i + 1 :]}
    elif isinstance(node, ast.Call):
        for i, keyword in enumerate(node.keywords):
            if keyword.arg is not None:
                yield {"keywords": node.keywords[:i] + node.keywords[i + 1 :]}


def is_noticed(mutant: Mutant, tests: tuple[str, ...], tree: Path) -> bool:
    """Whether a test fails, or never ends, where the change stands in a copy of the tree."""
    target = tree / mutant.path.relative_to(ROOT)
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    child = os.fork()
    if child == 0:
        os.setsid()
        _run_tests(tests, tree)
    try:
        return _status(child) != 0
    finally:
        target.write_text(original, encoding="utf-8")


def _run_tests(tests: tuple[str, ...], tree: Path) -> None:
    """In a process of its own, which imports the package from the copy. Does not return."""
    status = 1
    try:
        os.chdir(tree)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(tree))
        os.environ["PYTHONPATH"] = str(tree)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))
    finally:
        os._exit(status)


def _status(child: int) -> int:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--sample", type=int, default=40, help="how many changes of each room")
    parser.add_argument("--all", action="store_true", help="every change")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--file", default="", help="only files with this in their name")
    parser.add_argument("--least", type=int, default=0, help="per cent that must be noticed")
    given = parser.parse_args()
    if unknown := set(given.rooms) - set(ROOMS):
        parser.error(f"there is no room {', '.join(sorted(unknown))}: there are {', '.join(ROOMS)}")
    enough = True
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv*", "*cache*", "build"))
        for name in given.rooms:
            enough &= _report(name, given, tree)
    sys.exit(0 if enough else 1)


def _report(name: str, given: argparse.Namespace, tree: Path) -> bool:
    room = ROOMS[name]
    files = sorted({path for pattern in room.rules for path in ROOT.glob(pattern) if given.file in path.stem})
    # An unchanged file, written anew as a changed one is, must pass: else every change would seem noticed.
    for path in files[:1]:
        same = Mutant(path, 1, "", "", ast.unparse(ast.parse(path.read_text(encoding="utf-8"))))
        if is_noticed(same, room.tests, tree):
            sys.exit(f"{name}: the tests fail without any change")
    changes = [mutant for path in files for mutant in mutants(path)]
    if not given.all:
        changes = random.Random(given.seed).sample(changes, min(given.sample, len(changes)))
    survivors = 0
    for change in changes:
        if not is_noticed(change, room.tests, tree):
            survivors += 1
            print(f"survives: {change}", flush=True)
    noticed = len(changes) - survivors
    share = 100 * noticed // max(len(changes), 1)
    print(f"{name}: {noticed} of {len(changes)} changes noticed ({share} %)", flush=True)
    return share >= given.least


if __name__ == "__main__":
    main()
