"""YAML text to a tree in which every key and value knows its place.

The tree is built from the parser's event stream, which is iterative: composing a document natively can crash the
process on deep nesting, and YAML 1.1 would read `1x1: no` as False. Scalars stay text; whoever knows what a
place means types them.
"""

from __future__ import annotations

import os
import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from archcalc.diagnostics.diagnostic import Place, Source, SpecError, UsageError, fail
from archcalc.records import Record

MAX_BYTES = 8_000_000
MAX_NODES = 1_000_000
MAX_DEPTH = 64

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar(Record):
    """A word, number or text, not yet typed. `plain` is False for quoted and block scalars."""

    text: str
    start: int
    end: int
    plain: bool


class Sequence(Record):
    """A list of values."""

    items: list[Value]
    start: int
    end: int


class Mapping(Record):
    """A map; `entries` keeps the order of the file, and keys are unique."""

    entries: list[tuple[Scalar, Value]]
    start: int
    end: int

    def get(self, name: str) -> Value | None:
        """The value under a key, or None."""
        for key, value in self.entries:
            if key.text == name:
                return value
        return None


Value: TypeAlias = Scalar | Sequence | Mapping


def is_empty(value: Value) -> bool:
    """Whether nothing is written: no text, or YAML's sign for nothing."""
    return isinstance(value, Scalar) and value.plain and value.text in ("", "~")


def read_text(path: str | os.PathLike[str], *, name: str | None = None) -> Source:
    """The text of a spec file (UTF-8, at most 8 MB); UsageError if there is none to read."""
    shown = name or os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read {shown}: {reason}") from None
    return decode(data, shown)


def read_stdin() -> Source:
    """The spec on standard input; UsageError if there is none to read."""
    if sys.stdin is None:
        raise UsageError("cannot read standard input: it is closed")
    return decode(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")


def decode(data: bytes, name: str) -> Source:
    """Bytes as the text of a source."""
    if len(data) > MAX_BYTES:
        raise fail("too-large", f"{name} is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.removeprefix(BOM_UTF8).decode()  # "utf-8-sig" is a module to load
    except UnicodeDecodeError as error:
        raise fail("not-text", f"{name} is not UTF-8 text: byte {error.start} cannot be decoded") from None
    return Source(name, text)


class _Open:
    """A collection whose end has not come yet."""

    __slots__ = ("entries", "items", "key", "keys", "start")

    def __init__(self, start: int, is_map: bool) -> None:
        self.start = start
        self.items: list[Value] = []
        self.entries: list[tuple[Scalar, Value]] = []
        self.keys: set[str] | None = set() if is_map else None
        self.key: Scalar | None = None


#: What YAML does not allow, and a byte order mark, which would shift every place behind it.
_NOT_TEXT = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"


def parse(source: Source) -> Value:
    """The located tree of a source; SpecError at the first thing that is not plain, tree-shaped YAML."""
    # Hardly any text has to be searched: printable characters and line breaks are all allowed.
    printable = source.text.replace("\n", "").isprintable()
    if not printable and (stray := re.search(_NOT_TEXT, source.text)):
        what = f"the character U+{ord(stray[0]):04X} cannot stand in it"
        raise fail("yaml-syntax", f"this is not valid YAML: {what}", Place(source, stray.start(), stray.end()))
    try:
        return _build(source)
    except yaml.YAMLError as error:
        from archcalc.language.syntax import syntax_error

        raise syntax_error(source, error, _build) from None


def _add(source: Source, parent: _Open, value: Value) -> None:
    if parent.keys is None:
        parent.items.append(value)
    elif parent.key is None:
        if not isinstance(value, Scalar):
            raise fail("key-not-a-word", "a key must be a single word", Place(source, value.start, value.end))
        if value.text in parent.keys:
            place = Place(source, value.start, value.end)
            raise fail("duplicate-key", f"the key `{value.text[:80]}` stands twice in this map", place)
        parent.keys.add(value.text)
        parent.key = value
    else:
        parent.entries.append((parent.key, value))
        parent.key = None


def _events(source: Source, opened: list[_Open]) -> Iterator[Any]:
    """The parser's events. It reads ahead of them, and has a bound on depth of its own: ours comes first."""
    event: Any = None
    try:
        for event in yaml.parse(source.text, Loader=_Loader):
            yield event
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        start = 0 if event is None else event.end_mark.index
        ahead = source.text[start : start if mark is None else min(mark.index + 1, start + _READ_AHEAD)]
        in_brackets = bool(opened) and source.text[opened[-1].start] in "[{"
        deep = _depth_passed(ahead, MAX_DEPTH - len(opened), in_brackets)
        if deep is None:
            raise
        raise _too_deep(source, start + deep) from None


#: A parser reads as far as this ahead, to find out whether brackets are the key of a map (1024 characters in YAML).
_READ_AHEAD = 1500


def _depth_passed(text: str, levels: int, in_brackets: bool) -> int | None:
    """Where the text opens more levels than that, if it does; brackets in quotes and comments open none."""
    before = "[" if in_brackets else ""
    depth = -len(before)
    try:
        for token in yaml.scan(before + text, Loader=yaml.SafeLoader):  # the scanner in Python has no bound
            depth += isinstance(token, (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken))
            depth -= isinstance(token, (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken))
            if depth > levels:
                return int(token.start_mark.index) - len(before)
    except yaml.YAMLError:
        pass  # what is wrong there was found already
    return None


def _too_deep(source: Source, start: int) -> SpecError:
    place = Place(source, start, start + 1)
    return fail("too-deep", f"the file nests deeper than {MAX_DEPTH} levels", place)


def _build(source: Source) -> Value:
    opened: list[_Open] = []
    root: Value | None = None
    nodes = 0
    documents = 0
    for event in _events(source, opened):
        kind = type(event)
        if kind is yaml.ScalarEvent:
            start, end = event.start_mark.index, event.end_mark.index
            if event.anchor is not None or event.tag is not None:
                raise _not_a_tree(source, event)
            value: Value = Scalar(event.value, start, end, event.style is None or event.style == "")
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor is not None or event.tag is not None:
                raise _not_a_tree(source, event)
            start = event.start_mark.index
            if len(opened) >= MAX_DEPTH:
                raise _too_deep(source, start)
            opened.append(_Open(start, kind is yaml.MappingStartEvent))
            continue
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            closed = opened.pop()
            end = event.end_mark.index
            if closed.keys is None:
                value = Sequence(closed.items, closed.start, end)
            else:
                value = Mapping(closed.entries, closed.start, end)
        elif kind is yaml.AliasEvent:
            raise _not_a_tree(source, event)
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1:
                place = Place(source, event.start_mark.index, event.start_mark.index + 3)
                raise fail("two-documents", "a file holds one document, and here a second one starts", place)
            continue
        else:
            continue
        nodes += 1
        if nodes > MAX_NODES:
            place = Place(source, value.start, value.start + 1)
            raise fail("too-large", f"the file holds more than {MAX_NODES:,} values", place)
        if opened:
            _add(source, opened[-1], value)
        else:
            root = value
    if root is None:
        raise fail("empty-file", f"{source.name} is empty", Place(source, 0, 0))
    return root


def _not_a_tree(source: Source, event: Any) -> Exception:
    start = event.start_mark.index
    sign = source.text[start : start + 1]
    what = {"*": "an alias", "&": "an anchor", "!": "a tag"}.get(sign, "a tag or anchor")
    return fail(
        "yaml-feature",
        f"{what} is not part of the spec language",
        Place(source, start, event.end_mark.index),
        help="use blocks and parameters instead; quote an expression that starts with this sign",
    )
