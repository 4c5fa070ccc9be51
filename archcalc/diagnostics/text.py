"""A finding as text, as a compiler shows it: message, place, the line with a caret below, notes, help."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from archcalc.diagnostics.diagnostic import Diagnostic, Place, plain
from archcalc.harmless import harmless_lines

#: What a stretch of the text is, for whoever colours it.
Role: TypeAlias = Literal["error", "warning", "met", "dim", "most", "frame", "help"]
Paint: TypeAlias = Callable[[Role, str], str]


def unpainted(_: Role, text: str) -> str:
    """The text as it is, where there are no colours."""
    return text


def render_all(diagnostics: Iterable[Diagnostic], paint: Paint = unpainted, width: int | None = None) -> str:
    """Findings one below the other. What defines a word of several is said at the first of them."""
    rendered = []
    defined = {""}
    for diagnostic in diagnostics:
        known = diagnostic.definition in defined
        defined.add(diagnostic.definition)
        rendered.append(render(diagnostic._replace(definition="") if known else diagnostic, paint, width))
    return "\n\n".join(rendered)


def render(diagnostic: Diagnostic, paint: Paint = unpainted, width: int | None = None) -> str:
    """The finding as text. `paint` colours a stretch of it by what it is; its words are broken into lines of `width`
    columns, and of the spec as much is shown as has room in them."""
    severity: Role = "warning" if diagnostic.severity == "warning" else "error"
    head = f"{diagnostic.severity}[{diagnostic.rule}]"
    first, *rest = wrapped(f"{head}: {plain(diagnostic.message)}", width, "  ")
    lines = [paint(severity, head) + first.removeprefix(head), *rest]
    indent = ""
    if diagnostic.place is not None:
        lines.append(f"{paint('frame', f'{_gutter(diagnostic.place)}-->')} {plain(str(diagnostic.place))}")
        if not diagnostic.place.is_file:
            lines += _snippet(diagnostic.place, diagnostic.label, severity, paint, width)
        indent = f"{_gutter(diagnostic.place)} "
        if diagnostic.remarks or diagnostic.help:
            lines.append(paint("frame", f"{indent}|"))
    frame = paint("frame", f"{indent}=")
    for note in diagnostic.remarks:
        first, *rest = wrapped(f"{indent}= {plain(note)}", width, f"{indent}  ")
        lines += [frame + first.removeprefix(f"{indent}="), *rest]
    if diagnostic.help:
        first, *rest = wrapped(f"{indent}= help: {plain(diagnostic.help)}", width, f"{indent}  ")
        lines += [f"{frame} {paint('help', 'help')}{first.removeprefix(f'{indent}= help')}", *rest]
    return "\n".join(lines)


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """Words broken into lines of a width, if there is one; all lines but the first are indented. A word longer than
    the width stays whole."""
    if width is None or len(text) <= width:
        return [text]
    import textwrap

    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


#: So much of a line of a spec is shown where no width says how much has room, and in a very narrow one.
_WIDEST_SNIPPET, _NARROWEST_SNIPPET = 160, 20
_CUT = "..."


def _snippet(place: Place, label: str, severity: Role, paint: Paint, width: int | None) -> list[str]:
    line, column = place.source.line_and_column(place.start)
    text = place.source.line_text(line)
    gutter = _gutter(place)
    room = _WIDEST_SNIPPET if width is None else max(_NARROWEST_SNIPPET, width - len(gutter) - len(" | "))
    text, at = _window(text, column - 1, room)
    carets = text[at : at + max(1, place.end - place.start)]
    before = "".join("\t" if c == "\t" else " " * _columns(c) for c in text[:at])
    bar = paint("frame", f"{gutter} |")
    pointed = _pointed(before, "^" * max(1, _width(carets)), plain(label), room, lambda text: paint(severity, text))
    return [
        bar,
        f"{paint('frame', f'{line} |')} {harmless_lines(text)}".rstrip(),
        *(f"{bar} {below}" for below in pointed),
    ]


def _gutter(place: Place) -> str:
    """The room that the number of the line takes."""
    return " " * len(str(place.line))


def _window(text: str, at: int, room: int) -> tuple[str, int]:
    """The stretch of a line that is shown, with signs where it is cut, and the index of the place in it."""
    if _width(text) <= room:
        return text, at
    count = room
    while True:
        # The place stands in the first half of the stretch, unless the line ends before.
        first = max(0, min(at - count // 2, len(text) - count))
        shown = text[first : first + count]
        if _width(shown) <= room:
            break
        count -= 1  # signs that are two columns wide
    if first:
        shown = _CUT + shown[len(_CUT) :]
    if first + count < len(text):
        shown = shown[: -len(_CUT)] + _CUT
    return shown, at - first


def _pointed(before: str, carets: str, label: str, room: int, paint: Callable[[str], str]) -> list[str]:
    """The carets with their label: beside them where it has room, else below."""
    if not label:
        return [before + paint(carets)]
    if len(before) + len(carets) + 1 + len(label) <= room:
        return [before + paint(f"{carets} {label}")]
    return [before + paint(carets), before[: max(0, room - len(label))] + paint(label)]


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if character.isascii():
        return 1
    import unicodedata

    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
