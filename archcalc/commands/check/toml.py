"""TOML text as a tree in which every key and value knows its place.

`tomllib` says what is TOML and what a value means, and nothing of where it stands: it has read a text before this does,
so that here there is no error to find.
"""

from __future__ import annotations

import re
import tomllib

from archcalc.diagnostics.diagnostic import Place, Source, fail
from archcalc.language.source import Mapping, Scalar, Sequence, Value


def parse(source: Source) -> Mapping:
    """The tree of a text: a table is a map, whatever it is written as. SpecError where it is not TOML."""
    try:
        tomllib.loads(source.text)
        return _Reader(source.text).document()
    except tomllib.TOMLDecodeError as error:
        raise _refused(source, str(error)) from None
    except RecursionError:
        raise _refused(source, "values lie too deep within each other") from None


_AT = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)\Z")


def _refused(source: Source, message: str) -> Exception:
    at = _AT.search(message)
    if at is None:
        place = Place(source, 0, 0)
    elif at["line"] is None:
        place = Place(source, len(source.text), len(source.text))
    else:
        start = source.offset_of_line(int(at["line"])) + int(at["column"]) - 1
        place = Place(source, start, start + 1)
    said = _AT.sub("", message)
    return fail("toml-syntax", f"{source.name} is not TOML: {said[:1].lower()}{said[1:]}", place)


_SPACE = re.compile(r"[ \t]*")
_ANYTHING_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = (
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})', r"'''.*?'''(?:'{0,2})", r'"(?:\\.|[^"\\])*"', r"'[^']*'",
)  # fmt: skip
_KEY = re.compile("|".join((*_STRING, r"[\w-]+")), re.DOTALL | re.ASCII)
#: A date and its time may have a space between them.
_SCALAR = re.compile("|".join((*_STRING, r"\d{4}-\d\d-\d\d \d\d[^\s,\]}#]*", r"[^\s,\]}#]+")), re.DOTALL)


class _Reader:
    """Reads on from `at`, through a text that is TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> Mapping:
        root = table = Mapping([], 0, 0)
        while self._blank() < len(self.text):
            if self._take("["):
                several = self._take("[")
                table = self._table(root, self._keys(), several)
                self.at = self.text.index("]", self.at) + (2 if several else 1)
            else:
                self._pair(table)
        return root

    def _pair(self, table: Mapping) -> None:
        *above, key = self._keys()
        self._take("=")
        self._skip()
        self._table(table, above).entries.append((key, self._value()))

    def _keys(self) -> list[Scalar]:
        """The keys of a dotted one."""
        keys: list[Scalar] = []
        while not keys or self._take("."):
            self._skip()
            keys.append(self._scalar(_KEY))
            self._skip()
        return keys

    def _value(self) -> Value:
        start = self.at
        if self._take("["):
            items: list[Value] = []
            while self._blank() and not self._take("]"):
                items.append(self._value())
                self._blank()
                self._take(",")
            return Sequence(items, start, self.at)
        if self._take("{"):
            table = Mapping([], start, start)
            while self._blank() and not self._take("}"):
                self._pair(table)
                self._blank()
                self._take(",")
            return table._replace(end=self.at)
        return self._scalar(_SCALAR)

    def _scalar(self, pattern: re.Pattern[str]) -> Scalar:
        match = pattern.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        quoted = match[0][0] in "\"'"
        text = tomllib.loads(f"text = {match[0]}")["text"] if quoted else match[0]
        return Scalar(text, match.start(), match.end(), not quoted)

    def _table(self, table: Mapping, keys: list[Scalar], several: bool = False) -> Mapping:
        """The table that keys lead to, made where it is not there; of an array of tables the last, or a new one."""
        for number, key in enumerate(keys):
            new = Mapping([], key.start, key.end)
            found = table.get(key.text)
            if several and number == len(keys) - 1:
                if isinstance(found, Sequence):
                    found.items.append(new)
                else:
                    table.entries.append((key, Sequence([new], key.start, key.end)))
                return new
            if found is None:
                table.entries.append((key, new))
            within = new if found is None else found.items[-1] if isinstance(found, Sequence) else found
            assert isinstance(within, Mapping)
            table = within
        return table

    def _take(self, sign: str) -> bool:
        """Whether the sign stands here, which is then read."""
        self._skip()
        taken = self.text.startswith(sign, self.at)
        self.at += taken
        return taken

    def _skip(self) -> None:
        self.at = _matched(_SPACE, self.text, self.at)

    def _blank(self) -> int:
        """Skip line breaks and comments too, and say where that ends."""
        self.at = _matched(_ANYTHING_BLANK, self.text, self.at)
        return self.at


def _matched(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()
