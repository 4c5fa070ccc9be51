"""Text from files, made harmless for whoever shows it: nothing in a spec may move a cursor or turn text around."""

from __future__ import annotations


def harmless(text: str) -> str:
    """The text on one line, without what steers a terminal or a reader's eye.

    Control, bidirectional and other invisible characters become U+FFFD, and every kind of space a plain one.
    """
    return text if text.isprintable() else "".join(map(_harmless, text))


def harmless_lines(text: str) -> str:
    """The same for text of several lines: line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" else _harmless(c) for c in text.replace("\r\n", "\n"))


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    import unicodedata

    blank = character in "\t\n\r" or unicodedata.category(character) == "Zs"
    return " " if blank else "\N{REPLACEMENT CHARACTER}"
