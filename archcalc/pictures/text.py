"""How wide text is: a table of advances, so that boxes can be made to fit without a font at hand.

The advances are those of DejaVu Sans, in thousandths of the font size. It is wider than Helvetica, Arial and Liberation
Sans, so text that fits by this table fits in them too.
"""

from __future__ import annotations

import unicodedata

#: The advances of the characters from space to tilde.
# fmt: off
_ASCII = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
)
# fmt: on
#: Any other character is at most so wide; those of East Asia fill a square.
_OTHER = 1000
#: Bold characters are at most so much wider.
_BOLD = 1.15

FAMILY = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is at a font size, at most, in pixels."""
    advance = sum(_advance(character) for character in text)
    return advance * size * (_BOLD if bold else 1) / 1000


def shortened(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, its middle left out if it is wider than the room: the ends of a path tell it from others."""
    if width(text, size, bold=bold) <= room:
        return text

    def cut(kept: int) -> str:
        head = kept // 2
        return f"{text[:head]}…{text[len(text) - (kept - head) :]}"

    kept, most = 0, len(text) - 1  # so many characters fit, and no more than so many
    while kept < most:
        middle = (kept + most + 1) // 2
        if width(cut(middle), size, bold=bold) <= room:
            kept = middle
        else:
            most = middle - 1
    return cut(kept) if kept > 1 else "…"


def wrapped(text: str, size: float, room: float) -> list[str]:
    """The text in lines that fit a room, broken between words; a word that is wider is cut in its middle."""
    lines: list[str] = []
    for word in (shortened(word, size, room) for word in text.split()):
        if lines and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def unnumbered(name: str) -> str:
    """A name without the number of its copy: `decoder` of `decoder.3`."""
    head, dot, number = name.rpartition(".")
    return head if dot and number.isdigit() else name


def _advance(character: str) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return _ASCII[code - 32]
    return 0 if unicodedata.combining(character) else _OTHER
