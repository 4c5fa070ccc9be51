"""SARIF 2.1.0, the format of code-scanning services.

Source: OASIS, Static Analysis Results Interchange Format version 2.1.0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archcalc import HOMEPAGE, __version__
from archcalc.diagnostics.diagnostic import Diagnostic, Place
from archcalc.diagnostics.repository import path_in_repository
from archcalc.diagnostics.rules import Rule, rules

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def document(found: Sequence[Diagnostic]) -> str:
    """One run with every finding; it lists the rules that the findings name."""
    used = sorted({finding.rule for finding in found})
    index = {name: number for number, name in enumerate(used)}
    driver = {
        "name": "archcalc",
        "version": __version__,
        "informationUri": HOMEPAGE,
        "rules": [_rule(rules()[name]) for name in used],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index) for finding in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": f"{rule.meaning.partition('. ')[0].removesuffix('.')}."},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": rule.fix},
        "helpUri": f"{HOMEPAGE}#{rule.name}",
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Diagnostic, index: dict[str, int]) -> dict[str, Any]:
    message = "\n".join([finding.message, *finding.remarks, *([f"help: {finding.help}"] if finding.help else [])])
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": finding.severity,
        "message": {"text": message},
    }
    if finding.place is not None:
        result["locations"] = [{"physicalLocation": _location(finding.place)}]
    return result


def _location(place: Place) -> dict[str, Any]:
    uri = _uri(path_in_repository(place.source.name))
    return {"artifactLocation": {"uri": uri}, "region": _region(place)}


def _region(place: Place) -> dict[str, int]:
    """Where in its file; of a finding about the whole file all lines, as GitHub requires the first."""
    if place.is_file:
        return {"startLine": 1, "endLine": place.source.line_and_column(len(place.source.text))[0]}
    line, column = place.source.line_and_column(place.start)
    end_line, end_column = place.source.line_and_column(max(place.end, place.start))
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(name: str) -> str:
    """A relative reference with forward slashes; a file address for a path from the root."""
    path = Path(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
