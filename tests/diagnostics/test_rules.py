"""Every rule that a finding can name is explained, beside the code that raises it, and nothing else is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import archcalc
from archcalc.diagnostics.rules import rule, rules

PACKAGE = Path(archcalc.__file__).parent

#: What takes a rule's name as its first argument.
_NAMING = (
    "Diagnostic",
    "fail",
    "Condition",
    "Misfit",
    "divides",
    "equal",
    "at_least",
    "at_most",
    "reading.findings.add",
)


def _named_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            first = node.args[0] if called in _NAMING and len(node.args) > 1 else None
            keywords = (keyword.value for keyword in node.keywords if keyword.arg == "rule")
            for value in (first, *keywords):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value
        if isinstance(node, ast.FunctionDef):
            arguments = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from (d.value for a, d in arguments if a.arg == "rule" and isinstance(d, ast.Constant))


def _named(folder: Path = PACKAGE) -> set[str]:
    return {name for file in folder.rglob("*.py") for name in _named_in(ast.parse(file.read_text(encoding="utf-8")))}


def _explained_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "rule":
            yield ast.literal_eval(node.args[0])


def test_every_rule_that_the_code_names_is_explained() -> None:
    assert sorted(_named() - set(rules())) == []


def test_every_rule_that_is_explained_exists() -> None:
    errors = {name for name, rule in rules().items() if rule.severity == "error"}

    assert sorted(errors - _named()) == []


@pytest.mark.parametrize(
    "file", [path for path in PACKAGE.rglob("rules.py") if path.parent.name not in ("diagnostics", "warnings")],
    ids=lambda path: path.relative_to(PACKAGE).parent.as_posix(),
)  # fmt: skip
def test_a_rule_is_explained_in_a_room_that_raises_it(file: Path) -> None:
    explained = set(_explained_in(file))
    assert explained
    assert sorted(explained - _named(file.parent)) == []


def test_a_warning_is_explained_by_its_docstring() -> None:
    explained = rules()["unused-block"]
    assert explained.severity == "warning"
    assert explained.meaning.startswith("The spec defines a block and nothing in its layers calls it.")
    assert explained.fix == "Call the block, remove it, or move it to a file of blocks."


def test_two_rules_of_one_name_are_an_error() -> None:
    known = rules()["groups-divide"]
    with pytest.raises(ValueError, match="two rules are named groups-divide"):
        rule("groups-divide", "Another meaning.", "Another fix.")
    assert rules()["groups-divide"] == known


def test_explanations_are_loaded_only_when_they_are_asked_for() -> None:
    """A report loads the registry at most; `archcalc explain RULE` every room's rules."""
    loaded = {name: _loaded_by(name) for name in ("report lenet5", "check lenet5", "explain groups-divide")}
    assert loaded["report lenet5"] == set()
    assert loaded["check lenet5"] == {"archcalc.diagnostics.rules"}  # the warnings declare themselves there
    assert {"archcalc.layers.rules", "archcalc.language.rules"} < loaded["explain groups-divide"]


def _loaded_by(command: str) -> set[str]:
    code = "import sys; from archcalc.cli import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    arguments = [sys.executable, "-c", code, *command.split()]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    return {name for name in found.stderr.split() if name.startswith("archcalc.") and name.endswith(".rules")}


def test_an_explanation_says_what_a_rule_means_and_how_to_fix_it() -> None:
    for each in rules().values():
        assert each.meaning.endswith("."), each.name
        assert each.fix.endswith("."), each.name
        assert each.name == each.name.lower().strip("-"), each.name
