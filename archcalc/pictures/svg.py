"""A drawing as SVG: its pieces, escaped, and its colours on light and on dark paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archcalc.pictures.text import FAMILY
from archcalc.records import Record


class Drawing(Record):
    """A picture of a width and a height in pixels: `body` is SVG markup, whose classes the style sheet colours."""

    width: float
    height: float
    title: str
    description: str
    body: str


#: Colours by name: on light paper, and on dark. Fills of layers are pale enough for black text in print.
_COLOURS = {
    "paper": ("#ffffff", "#12161b"),
    "ink": ("#1a1f26", "#e3e8ee"),
    "faint": ("#57606a", "#9aa6b2"),
    "line": ("#6b7684", "#8592a0"),
    "heat": ("#f0883e", "#b0561b"),
    "grid": ("#d9dee4", "#2c343d"),
    "frame": ("#f4f6f8", "#191f26"),
    "rim": ("#b9c2cc", "#3c4854"),
    "accent": ("#c0362c", "#ff8478"),
    "blue": ("#d3e4f7", "#1c3b5c"),
    "blue-rim": ("#5f8fc4", "#5f97d3"),
    "violet": ("#e3d9f3", "#3b2c5b"),
    "violet-rim": ("#8f74c0", "#9d83d3"),
    "green": ("#d6ecd6", "#1f4329"),
    "green-rim": ("#62a168", "#62a871"),
    "yellow": ("#f9ebc4", "#4b3d15"),
    "yellow-rim": ("#bd983c", "#c3a04a"),
    "red": ("#f8d9d3", "#562a23"),
    "red-rim": ("#c9796b", "#d68576"),
    "teal": ("#cfebea", "#17433f"),
    "teal-rim": ("#4e9f9b", "#54aaa3"),
    "grey": ("#e9ecef", "#2a323a"),
    "grey-rim": ("#98a2ad", "#7d8995"),
}

_RULES = """
text{font-family:FAMILY;font-size:12px;fill:INK}
.small{font-size:10.5px;fill:FAINT}
.bold{font-weight:bold}
.heading{font-size:15px;font-weight:bold}
.mid{text-anchor:middle}
.end{text-anchor:end}
.paper{fill:PAPER}
.rim{stroke:RIM}
.ink{fill:INK}
.faint{fill:FAINT}
.heat{fill:HEAT;stroke:LINE}
.box{stroke-width:1}
.frame{fill:FRAME;stroke:RIM}
.edge,.axis{fill:none;stroke:LINE;stroke-width:1.2}
.arrow{fill:LINE}
.grid{fill:none;stroke:GRID;stroke-width:1}
.mark{fill:none;stroke:ACCENT;stroke-width:1.5}
.marked{fill:ACCENT}
.dashed{stroke-dasharray:5 4}
.see{fill-opacity:.75}
.leader{stroke:RIM}
.curve{fill:none;stroke:INK;stroke-width:1.5}
"""

#: Names of fills, each with a rim.
FILLS = ("blue", "violet", "green", "yellow", "red", "teal", "grey")


def style(scheme: str = "both") -> str:
    """The style sheet: colours that follow the reader's scheme ("both"), or those of light paper alone ("light"),
    written out for programs that know no variables."""
    rules = _RULES.replace("FAMILY", FAMILY)
    rules += "".join(
        f".{name}{{fill:{name.upper()};stroke:{name.upper()}-RIM}}.{name}-line{{fill:none;stroke:{name.upper()}-RIM}}\n"
        for name in FILLS
    )

    def colour(match: re.Match[str]) -> str:
        name = match.group().lower()
        return f"var(--{name})" if scheme == "both" else _COLOURS[name][0]

    rules = re.sub(r"[A-Z]+(-RIM)?(?=[;}])", colour, rules)
    return rules.strip() if scheme == "light" else f"{variables()}{rules.strip()}"


def variables() -> str:
    """The colours as CSS variables, those of dark paper where the reader prefers it."""
    light, dark = (";".join(f"--{name}:{pair[i]}" for name, pair in _COLOURS.items()) for i in (0, 1))
    return (
        f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n@media print{{:root{{{light}}}}}\n"
    )


def document(drawing: Drawing, scheme: str = "both") -> str:
    """The drawing as a file of its own."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(drawing.width)}" height="{number(drawing.height)}" '
        f'viewBox="0 0 {number(drawing.width)} {number(drawing.height)}" role="img">\n'
        f"<title>{escaped(drawing.title)}</title>\n<desc>{escaped(drawing.description)}</desc>\n"
        f"<style>{style(scheme)}</style>\n"
        f'<rect class="paper" width="100%" height="100%"/>\n{drawing.body}</svg>\n'
    )


# --- pieces


def text(x: float, y: float, words: str, classes: str = "") -> str:
    """A line of text on the base line y: from x on, around it (class `mid`) or up to it (class `end`)."""
    return f'<text x="{number(x)}" y="{number(y)}"{_class(classes)}>{escaped(words)}</text>\n'


def rect(x: float, y: float, width: float, height: float, classes: str, radius: float = 0, attributes: str = "") -> str:
    """A rectangle by its corner at the top left."""
    rounded = f' rx="{number(radius)}"' if radius else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        f"{rounded}{_class(classes)}{attributes}/>\n"
    )


def line(x1: float, y1: float, x2: float, y2: float, classes: str) -> str:
    """A straight line."""
    return f'<path d="M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"{_class(classes)}/>\n'


def path(commands: str, classes: str) -> str:
    """A path by its commands."""
    return f'<path d="{commands}"{_class(classes)}/>\n'


def circle(x: float, y: float, radius: float, classes: str, title: str = "") -> str:
    """A circle by its centre."""
    inside = f"><title>{escaped(title)}</title></circle>" if title else "/>"
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"{_class(classes)}{inside}\n'


def arrow_head(x: float, y: float, towards: str = "down") -> str:
    """A head whose tip is at (x, y)."""
    shape = {"down": "l-3.5 -6h7z", "up": "l-3.5 6h7z", "right": "l-6 -3.5v7z"}[towards]
    return path(f"M{number(x)} {number(y)}{shape}", "arrow")


def bent(points: Sequence[tuple[float, float]], radius: float = 8) -> str:
    """The commands of a line along points, across and up or down, with its corners rounded."""
    commands = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        (x1, y1), (x2, y2) = _unit(before, here), _unit(here, after)
        r = min(radius, _length(before, here) / 2, _length(here, after) / 2)
        commands.append(f"L{number(here[0] - r * x1)} {number(here[1] - r * y1)}")
        commands.append(f"q{number(r * x1)} {number(r * y1)} {number(r * (x1 + x2))} {number(r * (y1 + y2))}")
    return "".join([*commands, f"L{number(points[-1][0])} {number(points[-1][1])}"])


def _length(a: tuple[float, float], b: tuple[float, float]) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _unit(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The direction from one point to another."""
    length = _length(a, b) or 1.0
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


_UNPRINTABLE = "\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
_SPECIAL = re.compile(f"[&<>\"'{_UNPRINTABLE}]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def escaped(words: str) -> str:
    """Text as XML and HTML have it, in content and in attributes; what neither can show, or what would turn the
    direction of the text, is replaced."""
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found.group(), "\ufffd"), words)


def _class(classes: str) -> str:
    return f' class="{classes}"' if classes else ""
