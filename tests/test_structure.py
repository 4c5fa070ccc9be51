"""The shape of the code: imports point one way, between modules and between rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import archcalc

PACKAGE = Path(archcalc.__file__).parent


def modules() -> dict[str, Path]:
    """Every module of the package by name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(tree: ast.Module, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that one imports when it is loaded; not for types alone, and not inside functions."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in known else node.module
        waiting += ast.iter_child_nodes(node)


def room(module: str) -> str:
    """The folder that a module is in; each command is a room, and so is a module beside the folders."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1:2] == ["commands"] else 2])


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """A way through the graph that returns to where it began; empty if there is none."""
    done: set[str] = set()

    def follow(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for other in sorted(graph.get(node, ())):
            if found := follow(other, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := follow(node, []))), [])


def graph() -> dict[str, set[str]]:
    """Which modules each module imports."""
    known = modules()
    return {
        name: {other for other in imported(ast.parse(path.read_text(encoding="utf-8")), known) if other in known}
        - {name}
        for name, path in known.items()
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circle(graph()) == []


def test_rooms_import_one_another_in_one_direction() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in graph().items():
        rooms.setdefault(room(name), set()).update({room(other) for other in others} - {room(name), "archcalc"})
    assert circle(rooms) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_every_folder_says_what_it_holds() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_records_are_made_in_one_way() -> None:
    """`Record` loads faster than `typing.NamedTuple`, and reads the same."""
    users = [name for name, path in modules().items() if "NamedTuple" in path.read_text(encoding="utf-8")]
    assert users == ["archcalc.records"]


def test_no_module_of_tests_has_a_name_that_old_pytest_calls() -> None:
    """Pytest 8.0 runs what a module calls `setup` before each of its tests, an imported function too."""
    for path in Path(__file__).parent.rglob("test_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        aliases = [alias for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]
        names = {alias.asname or alias.name for alias in aliases}
        names |= {node.name for node in body if isinstance(node, ast.FunctionDef)}
        assert not names & {"setup", "teardown"}, path.name
