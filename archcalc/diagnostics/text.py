"""A finding as text, as a compiler shows it: message, place, the line with a caret below, notes, help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from archcalc.diagnostics.diagnostic import Diagnostic, Place, plain
from archcalc.harmless import harmless_lines

#: What a stretch of the text is, for whoever colours it.
Role: TypeAlias = Literal["error", "warning", "met", "dim", "most", "frame", "help"]
Paint: TypeAlias = Callable[[Role, str], str]


def unpainted(_: Role, text: str) -> str:
    """The text as it is, where there are no colours."""
    return text


def render(diagnostic: Diagnostic, paint: Paint = unpainted) -> str:
    """The finding as text. `paint` colours a stretch of it by what it is."""
    severity: Role = "warning" if diagnostic.severity == "warning" else "error"
    lines = [paint(severity, f"{diagnostic.severity}[{diagnostic.rule}]") + f": {plain(diagnostic.message)}"]
    indent = ""
    if diagnostic.place is not None:
        lines += _snippet(diagnostic.place, diagnostic.label, severity, paint)
        indent = " " * len(str(diagnostic.place.line)) + " "
        if diagnostic.notes or diagnostic.help:
            lines.append(paint("frame", f"{indent}|"))
    lines += [f"{paint('frame', f'{indent}=')} {plain(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"{paint('frame', f'{indent}=')} {paint('help', 'help')}: {plain(diagnostic.help)}")
    return "\n".join(lines)


_WIDEST_SNIPPET = 160


def _snippet(place: Place, label: str, severity: Role, paint: Paint) -> list[str]:
    line, column = place.source.line_and_column(place.start)
    text = place.source.line_text(line)
    width = max(1, min(place.end, place.start + len(text) - column + 1) - place.start)
    first = 0
    if len(text) > _WIDEST_SNIPPET:  # a very long line: show the stretch around the place
        first = max(0, min(column - 40, len(text) - _WIDEST_SNIPPET))
        text = text[first : first + _WIDEST_SNIPPET]
    at = column - 1 - first
    before = "".join("\t" if c == "\t" else " " * _columns(c) for c in text[:at])
    shown = harmless_lines(text)
    gutter = " " * len(str(line))
    carets = "^" * max(1, sum(map(_columns, text[at : at + width])))
    carets += f" {plain(label)}" if label else ""
    bar = paint("frame", f"{gutter} |")
    return [
        f"{paint('frame', f'{gutter}-->')} {plain(place.source.name)}:{line}:{column}",
        bar,
        f"{paint('frame', f'{line} |')} {shown}".rstrip(),
        f"{bar} {before}{paint(severity, carets)}",
    ]


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if character.isascii():
        return 1
    import unicodedata

    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
