"""A finding as GitHub's workflow command, which it shows beside the line of a pull request."""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import Diagnostic, Place
from archcalc.diagnostics.repository import path_in_repository
from archcalc.harmless import harmless


def annotation(finding: Diagnostic) -> str:
    """`::error title=...,file=...,line=...,col=...,endLine=...,endColumn=...::message`."""
    properties = {"title": f"archcalc {finding.rule}"}
    if finding.place is not None:
        properties |= _place(finding.place)
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    # The log shows no properties: there the message has to say where and what.
    where = f"{finding.place}: " if finding.place is not None else ""
    message = [f"{where}[{finding.rule}] {finding.message}", *finding.remarks]
    message += [f"help: {finding.help}"] if finding.help else []
    return f"::{finding.severity} {said}::{'%0A'.join(map(_escaped, message))}"


def _place(place: Place) -> dict[str, str]:
    properties = {"file": path_in_repository(place.source.name)}
    if place.is_file:
        return properties
    line, column = place.source.line_and_column(place.start)
    end_line, end_column = place.source.line_and_column(max(place.end - 1, place.start))
    properties |= {"line": str(line), "endLine": str(end_line)}
    if line == end_line:  # columns are shown on one line only
        properties |= {"col": str(column), "endColumn": str(end_column)}
    return properties


def no_command(text: str) -> str:
    """Text none of whose lines is a workflow command, whatever a spec holds."""
    return "\n".join(line.replace("::", ": :") if line.lstrip().startswith("::") else line for line in text.split("\n"))


def _escaped(text: str) -> str:
    return harmless(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
