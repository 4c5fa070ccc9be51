"""Every rule that a finding can name is explained, and nothing else is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import archcalc
from archcalc.diagnostics.rules import rules

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


def _named() -> set[str]:
    files = Path(archcalc.__file__).parent.rglob("*.py")
    return {name for file in files for name in _named_in(ast.parse(file.read_text(encoding="utf-8")))}


def test_every_rule_that_the_code_names_is_explained() -> None:
    assert sorted(_named() - set(rules())) == []


def test_every_rule_that_is_explained_exists() -> None:
    errors = {name for name, rule in rules().items() if rule.severity == "error"}

    assert sorted(errors - _named()) == []


def test_an_explanation_says_what_a_rule_means_and_how_to_mend_it() -> None:
    for rule in rules().values():
        assert rule.meaning.endswith("."), rule.name
        assert rule.mending.endswith("."), rule.name
        assert rule.name == rule.name.lower().strip("-"), rule.name
