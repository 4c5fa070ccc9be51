"""A finding as GitHub's workflow command, which it shows beside the line of a pull request."""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.diagnostics.repository import path_in_repository
from archcalc.harmless import harmless


def annotation(finding: Diagnostic) -> str:
    """`::error title=...,file=...,line=...,col=...,endLine=...,endColumn=...::message`."""
    properties = {"title": f"archcalc {finding.rule}"}
    if finding.place is not None:
        source = finding.place.source
        line, column = source.line_and_column(finding.place.start)
        end_line, end_column = source.line_and_column(max(finding.place.end - 1, finding.place.start))
        properties |= {"file": path_in_repository(source.name), "line": str(line), "endLine": str(end_line)}
        if line == end_line:  # columns are shown on one line only
            properties |= {"col": str(column), "endColumn": str(end_column)}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = [finding.message, *finding.remarks, *([f"help: {finding.help}"] if finding.help else [])]
    return f"::{finding.severity} {said}::{'%0A'.join(map(_escaped, message))}"


def no_command(text: str) -> str:
    """Text none of whose lines is a workflow command, whatever a spec holds."""
    return "\n".join(line.replace("::", ": :") if line.lstrip().startswith("::") else line for line in text.split("\n"))


def _escaped(text: str) -> str:
    return harmless(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
