"""A report's data as JSON. Keys are stable: a change of meaning raises `schema_version`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from archcalc.exact import is_fraction
from archcalc.output.layout import Report

ENDINGS = (".json",)

SCHEMA_VERSION = 2


def render(report: Report) -> Iterator[str]:
    """The report's object, `schema_version` first, in pieces."""
    yield f'{{\n  "schema_version": {SCHEMA_VERSION}'
    for key, value in report.data.items():
        yield f",\n  {json.dumps(key)}: "
        if isinstance(value, Iterator):
            yield from _items(value)
        else:
            yield _indented(value, "  ")
    yield "\n}\n"


def _items(values: Iterator[Any]) -> Iterator[str]:
    """A list whose items are made one at a time, a line for each."""
    separator = "["
    encode = json.JSONEncoder(default=_plain).encode  # made once: a long network has as many items
    for value in values:
        yield f"{separator}\n    {encode(value)}"
        separator = ","
    yield "[]" if separator == "[" else "\n  ]"


def _indented(value: Any, indent: str) -> str:
    return json.dumps(value, indent=2, default=_plain).replace("\n", f"\n{indent}")


def _plain(value: Any) -> Any:
    """Exact fractions as the nearest decimal; everything else as its text."""
    return float(value) if is_fraction(value) else str(value)
