"""Changes rules one place at a time, runs the tests of the rule's room, and prints the changes that no test notices.

    python tests/mutants.py                       every room, 40 changes of each
    python tests/mutants.py layers --sample 200   one room
    python tests/mutants.py memory --file steps --all

A change is one of the syntax tree: a number one larger or smaller, another operator or comparison, a condition turned
round, an element of a tuple or a call's keyword left out. A survivor is either equivalent (it changes no figure) or a
rule that no test states by value. Exit code 1 if fewer than `--least` per cent are noticed.

The tests of a room are collected once and traced once. A change in the body of a function is then put in its place in
a fork of that process, which runs only the tests that reach its line: first those that noticed others of the function,
then the quickest. What runs at import (a table, a default), and what survives of what is reached while tests are
collected, is changed in a copy of the tree, which is imported anew.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import gc
import inspect
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
#: How long the tests of one change may take: one that never ends is noticed too.
SECONDS = 300
#: The bytes that they may take.
MEMORY = 6 * 10**9


class Room(NamedTuple):
    """Rules, and the tests that state them, the quickest first."""

    rules: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self) -> list[Path]:
        """The files of the rules."""
        return sorted({path for pattern in self.rules for path in ROOT.glob(pattern)})


ROOMS = {
    "layers": Room(
        ("archcalc/layers/*.py", "archcalc/layers/composed/*.py"),
        ("tests/layers", "tests/memory", "tests/counting", "tests/analysis", "tests/sizes", "tests/claims"),
    ),
    "expressions": Room(
        ("archcalc/language/expression*.py", "archcalc/language/formulas.py"),
        ("tests/language", "tests/commands/test_formulas.py", "tests/sizes"),
    ),
    "counting": Room(("archcalc/counting/*.py",), ("tests/counting", "tests/commands/test_count_command.py")),
    "memory": Room(("archcalc/memory/*.py",), ("tests/memory", "tests/commands/test_memory_fit.py")),
    "analysis": Room(
        ("archcalc/analysis/*.py",),
        (
            "tests/analysis",
            "tests/warnings",
            "tests/quantities/test_quantities.py",
            "tests/language",
            "tests/layers/test_layers.py",
            "tests/sizes/test_kinds_of_size.py",
            "tests/commands/test_roofline.py",
            "tests/commands/test_unknown.py",
            "tests/commands/test_report.py",
        ),
    ),
    "sizes": Room(
        ("archcalc/sizes/*.py",),
        (
            "tests/sizes",
            "tests/warnings",
            "tests/layers",
            "tests/commands/test_formulas.py",
            "tests/commands/test_sweeps.py",
            "tests/laws/test_laws.py",
        ),
    ),
}


# Changes


class Mutant(NamedTuple):
    """One change: the file, the place of a node in its tree, the fields that get other values, and how it reads."""

    path: Path
    place: int
    change: dict[str, Any]
    line: int
    before: str

    def tree(self) -> ast.Module:
        """The changed module, its lines numbered as they were."""
        tree = _parsed(self.path)
        for field, value in self.change.items():
            setattr(_node(tree, self.place), field, value)
        return ast.fix_missing_locations(tree)

    def function(self) -> tuple[str, int] | None:
        """The qualified name and first line of the function that the change is in; None for what runs at import."""
        tree = _parsed(self.path)
        target = _node(tree, self.place)
        for name, function in _functions(tree, ""):
            if any(node is target for statement in function.body for node in ast.walk(statement)):
                return name, min([function.lineno, *(each.lineno for each in function.decorator_list)])
        return None

    def __str__(self) -> str:
        [(field, values)] = self.change.items()
        before = _node(_parsed(self.path), self.place)
        if field in ("elts", "keywords"):  # of a long call it is the one that is missing that says something
            gone = [each for each in getattr(before, field) if not _is_among(each, values)]
            after = f"without {ast.unparse([*gone, *values][0])}"
        else:
            after = ast.unparse(_node(self.tree(), self.place)).splitlines()[0]
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.before}  ->  {after[:100]}"


def _is_among(node: ast.AST, others: list[ast.AST]) -> bool:
    return any(ast.dump(node) == ast.dump(other) for other in others)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _node(tree: ast.Module, place: int) -> Any:
    return next(node for number, node in enumerate(ast.walk(tree)) if number == place)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and the methods of its classes, by qualified name; not those within functions."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.FunctionDef):
            yield prefix + each.name, each
        elif isinstance(each, ast.ClassDef):
            yield from _functions(each, f"{prefix}{each.name}.")


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
    """Every change of a file. Docstrings, types and messages stay as they are."""
    tree = _parsed(path)
    told = {each for node in ast.walk(tree) for part in _not_computed(node) for each in ast.walk(part)}
    for place, node in enumerate(ast.walk(tree)):
        if not isinstance(node, ast.expr | ast.stmt) or node in told or _is_told_only(node):
            continue
        for change in _changes(node):
            yield Mutant(path, place, change, node.lineno, ast.unparse(node).splitlines()[0][:100])


_NOT_COMPUTED = ("strict", "maxsize")


def _not_computed(node: ast.AST) -> Iterator[ast.expr]:
    """What is said of a node and changes no figure: types, that lists of a `zip` are equally long, sizes of caches."""
    for field in ("annotation", "returns"):
        if annotation := getattr(node, field, None):
            yield annotation
    if isinstance(node, ast.keyword) and node.arg in _NOT_COMPUTED:
        yield node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "TypeVar"):
        yield node.args[0]
    if isinstance(node, ast.AnnAssign) and node.value and ast.unparse(node.annotation) == "TypeAlias":
        yield node.value


def _is_told_only(node: ast.AST) -> bool:
    """Whether it is a declaration, or holds sentences: a text with a space in it."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Tuple):
        return any(isinstance(each, ast.Constant) and " " in str(each.value) for each in node.elts)
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
            if keyword.arg not in (None, *_NOT_COMPUTED):
                yield {"keywords": node.keywords[:i] + node.keywords[i + 1 :]}


# Tests that are collected once


class Reached(NamedTuple):
    """What a test reaches, by number of the test in the room: the lines of the rules, and its seconds."""

    lines: dict[tuple[str, int], list[int]]
    seconds: list[float]


class Lines:
    """The lines of some files that run while it is set as the function that traces."""

    def __init__(self, files: list[Path]) -> None:
        self.seen: set[tuple[str, int]] = set()
        self._files = {str(path) for path in files}

    def __call__(self, frame: FrameType, event: str, _: object) -> object:
        """A function is called, or a line of it runs."""
        if event == "call" and frame.f_code.co_filename not in self._files:
            return None
        self.seen.add((frame.f_code.co_filename, frame.f_lineno))
        return self


class Trial:
    """A plugin of pytest: instead of the tests, it runs each change, and the tests that reach its line.

    It tells the changes that no test notices and that are not reached before the tests run.
    """

    def __init__(self, files: list[Path], changes: list[Mutant], jobs: int, tell: Callable[[Mutant, bool], None]):
        self._changes = changes
        self._jobs = jobs
        self._tell = tell
        self._failed = False
        self._lines = Lines(files)
        self._noticed_by: dict[tuple[Path, object], list[int]] = {}
        sys.settrace(self._lines)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has run, or has failed to."""
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In the place of the tests."""
        sys.settrace(None)
        early = self._lines.seen
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "reached"
            if _status(_forked(lambda: self._trace(session.items, file)), 10 * SECONDS) != 0:
                raise pytest.UsageError("the tests cannot be traced")
            reached: Reached = pickle.loads(file.read_bytes())
            works = (self._work(session.items, reached, change, Path(folder)) for change in self._changes)
            for change, status in together(self._jobs, zip(self._changes, works, strict=True)):
                killer = Path(folder) / str(self._changes.index(change))
                if killer.exists():
                    self._noticed_by.setdefault((change.path, change.function()), []).append(int(killer.read_text()))
                if status == 0:
                    self._tell(change, early.isdisjoint(_places(change)))
        return True

    def _work(self, items: list[pytest.Item], reached: Reached, change: Mutant, folder: Path) -> Callable[[int], int]:
        """The tests of a change in their order: the last that noticed one of the function, then the quickest."""
        known = self._noticed_by.setdefault((change.path, change.function()), [])

        def work(_: int) -> int:
            numbers = {number for place in _places(change) for number in reached.lines.get(place, ())}
            rank = {number: place for place, number in enumerate(known)}
            ordered = sorted(numbers, key=lambda number: (-rank.get(number, -1), reached.seconds[number]))
            _forget()
            _put(change)
            for number in ordered:
                signal.alarm(10 + int(10 * reached.seconds[number]))
                items[number].config.hook.pytest_runtest_protocol(item=items[number], nextitem=None)
                if self._failed:
                    (folder / str(self._changes.index(change))).write_text(str(number))
                    return 1
            return 0

        return work

    def _trace(self, items: list[pytest.Item], file: Path) -> int:
        """Run each test and see what it reaches, with nothing kept from the one before it.

        A test that fails while it is traced depends on the time it takes: it decides nothing.
        """
        reached = Reached({}, [])
        for number, item in enumerate(items):
            _forget()
            self._lines.seen = set()
            self._failed = False
            start = time.perf_counter()
            sys.settrace(self._lines)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            sys.settrace(None)
            reached.seconds.append(time.perf_counter() - start)
            for line in () if self._failed else self._lines.seen:
                reached.lines.setdefault(line, []).append(number)
        file.write_bytes(pickle.dumps(reached))
        return 0


def _places(change: Mutant) -> set[tuple[str, int]]:
    return {(str(change.path), line) for line in _lines(change)}


def _lines(change: Mutant) -> range:
    """The lines of the innermost statement that the change is in, without the statements in that."""
    tree = _parsed(change.path)
    target = _node(tree, change.place)
    around = [
        node for node in ast.walk(tree) if isinstance(node, ast.stmt) and any(n is target for n in ast.walk(node))
    ]
    inner = around[-1]
    end = inner.body[0].lineno - 1 if isinstance(getattr(inner, "body", None), list) and target is not inner else None
    return range(inner.lineno, max(end or inner.end_lineno or inner.lineno, inner.lineno) + 1)


def _forget() -> None:
    """What functions have kept of earlier calls."""
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and "archcalc" in (getattr(each, "__module__", "") or ""):
            each.cache_clear()


def _put(change: Mutant) -> None:
    """The changed function, and those within it, in the place of the ones that are loaded."""
    place = change.function()
    pairs = {}
    for before, after in zip(_function(_parsed(change.path), place), _function(change.tree(), place), strict=False):
        pairs[before] = after
    functions = [each for each in gc.get_objects() if isinstance(each, FunctionType) and each.__code__ in pairs]
    for function in functions:
        if function.__code__.co_filename == str(change.path):
            function.__code__ = pairs[function.__code__]


def _function(tree: ast.Module, place: tuple[str, int] | None) -> list[CodeType]:
    """The code of a function of a module, and of those within it."""
    module = compile(tree, "", "exec", dont_inherit=True)
    [code] = [each for each in _codes(module) if (each.co_qualname, each.co_firstlineno) == place]
    return [code, *_codes(code)]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield constant
            yield from _codes(constant)


# Tests that are imported anew


def fails_anew(change: Mutant, room: Room, trees: list[Path], place: int) -> int:
    """Other than 0 if a test of the room fails where the change stands in the copy of the tree that has this place."""
    tree = trees[place]
    for path in room.files():  # one before it has changed another
        shutil.copyfile(path, tree / path.relative_to(ROOT))
    (tree / change.path.relative_to(ROOT)).write_text(ast.unparse(change.tree()), encoding="utf-8")
    return _pytest(tree, room.tests)


def _pytest(tree: Path, tests: tuple[str, ...], *plugins: object) -> int:
    """The tests of a tree, up to the first that fails, with the package imported from there."""
    os.chdir(tree)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(tree))
    os.environ["PYTHONPATH"] = str(tree)
    # What fails is not made smaller, and not kept for the next run.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, phases=phases)
    hypothesis.settings.load_profile("mutants")
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header"]
    return int(pytest.main([*options, *tests], plugins=plugins))


# Processes


def together(
    jobs: int, works: Iterable[tuple[Mutant, Callable[[int], int]]], seconds: float = 10 * SECONDS
) -> Iterator[tuple[Mutant, int]]:
    """Each change and the status that its work ends with, so many at a time, and each in a place that has a number."""
    running: dict[int, tuple[Mutant, int, float]] = {}
    rest = iter(works)
    while True:
        for place in set(range(jobs)) - running.keys():
            if (following := next(rest, None)) is not None:
                change, work = following
                child = _forked(functools.partial(work, place))
                running[place] = (change, child, time.monotonic() + seconds)
        if not running:
            return
        time.sleep(0.002)
        for place, (change, child, end) in list(running.items()):
            if (status := _ended(child, end)) is not None:
                del running[place]
                yield change, status


def _forked(work: Callable[[], int]) -> int:
    """A process that ends with the status that the work returns, 1 if it fails to; its number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            with (
                open(os.devnull, "w") as nowhere,
                contextlib.redirect_stdout(nowhere),
                contextlib.redirect_stderr(nowhere),
            ):
                status = work()
        finally:
            os._exit(status)
    return child


def _status(child: int, seconds: float = SECONDS) -> int:
    """With what a process ends; -1 if it takes longer."""
    end = time.monotonic() + seconds
    while (status := _ended(child, end)) is None:
        time.sleep(0.005)
    return status


def _ended(child: int, end: float) -> int | None:
    """With what a process has ended, None if it has not; -1 where its time is over."""
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        return os.waitstatus_to_exitcode(status)
    if time.monotonic() < end:
        return None
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


# Reports


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--sample", type=int, default=40, help="how many changes of each room")
    parser.add_argument("--all", action="store_true", help="every change")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--file", default="", help="only files with this in their name")
    parser.add_argument("--least", type=int, default=0, help="per cent that must be noticed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many changes at a time")
    given = parser.parse_args()
    if unknown := set(given.rooms) - set(ROOMS):
        parser.error(f"there is no room {', '.join(sorted(unknown))}: there are {', '.join(ROOMS)}")
    enough = True
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder) / f"tree{place}" for place in range(given.jobs)]
        for tree in trees:
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv*", "*cache*", "build"))
        for name in given.rooms:
            enough &= _report(name, given, trees)
    sys.exit(0 if enough else 1)


def _report(name: str, given: argparse.Namespace, trees: list[Path]) -> bool:
    room = ROOMS[name]
    changes = [mutant for path in room.files() if given.file in path.stem for mutant in mutants(path)]
    if not given.all:
        changes = random.Random(given.seed).sample(changes, min(given.sample, len(changes)))
    if _status(_forked(lambda: _pytest(trees[0], room.tests))) != 0:
        sys.exit(f"{name}: the tests fail without any change")
    survivors = 0
    for change in _survivors(room, changes, trees):
        if change is not None:  # else it has been told already
            print(f"survives: {change}", flush=True)
        survivors += 1
    noticed = len(changes) - survivors
    share = 100 * noticed / max(len(changes), 1)
    print(f"{name}: {noticed} of {len(changes)} changes noticed ({share:.1f} %)", flush=True)
    return share >= given.least


def _survivors(room: Room, changes: list[Mutant], trees: list[Path]) -> Iterator[Mutant | None]:
    """The changes that no test notices; None for one that has been printed as soon as that was certain."""
    within = [change for change in changes if change.function() is not None]
    anew = [change for change in changes if change.function() is None]
    with tempfile.TemporaryFile("a+") as file, os.fdopen(os.dup(1), "w") as out:

        def tell(change: Mutant, certain: bool) -> None:
            if certain:
                print(f"survives: {change}", file=out, flush=True)
            print(within.index(change), int(certain), file=file, flush=True)

        trial = lambda: _pytest(ROOT, room.tests, Trial(room.files(), within, len(trees), tell))  # noqa: E731
        if status := _status(_forked(trial), 10**6):
            sys.exit(f"pytest ended with {status} before all changes were tried")
        file.seek(0)
        for line in file:
            number, certain = map(int, line.split())
            if certain:
                yield None
            else:
                anew.append(within[number])
    works = ((change, functools.partial(fails_anew, change, room, trees)) for change in anew)
    for change, status in together(len(trees), works, SECONDS):
        if status == 0:
            yield change


if __name__ == "__main__":
    main()
