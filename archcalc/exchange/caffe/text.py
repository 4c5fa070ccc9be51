"""The text format of protocol buffers, as in Caffe's `.prototxt`: fields `name: value` and messages `name { … }`.

Source: the text format's specification, protobuf.dev/reference/protobuf/textformat-spec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from archcalc.diagnostics.diagnostic import Place, Source, SpecError, fail, plain
from archcalc.exchange.operations.registry import Refusal
from archcalc.records import Record

MAX_DEPTH = 64


class Scalar(Record):
    """A number or a word as it is written, or what a string holds."""

    text: str
    place: Place


class Message(Record):
    """The fields of a message in the order of the file; `place` is that of its name."""

    fields: list[tuple[str, Field]]
    place: Place

    def all(self, name: str) -> Iterator[Field]:
        """Every field of a name."""
        return (value for key, value in self.fields if key == name)

    def messages(self, *names: str) -> list[Message]:
        """The messages of one of these names. Refusal if a value stands there."""
        found = [value for key, value in self.fields if key in names]
        messages = [value for value in found if isinstance(value, Message)]
        if len(messages) != len(found):
            raise Refusal(f"its {names[0]} is not a message")
        return messages

    def message(self, name: str) -> Message:
        """A message that is there once, or an empty one: several of a name are one that has the fields of all."""
        fields = [field for message in self.messages(name) for field in message.fields]
        return Message(fields, self.place)

    def texts(self, name: str) -> list[str]:
        """The values of a name. Refusal if a message stands there."""
        found = list(self.all(name))
        values = [value.text for value in found if isinstance(value, Scalar)]
        if len(values) != len(found):
            raise Refusal(f"its {name} is not a value")
        return values

    def text(self, name: str, default: str = "") -> str:
        """The value of a name, the last if it is there more than once."""
        return (self.texts(name) or [default])[-1]

    def wholes(self, name: str) -> list[int]:
        """The whole numbers of a name. Refusal if one is not."""
        return [_whole(name, text) for text in self.texts(name)]

    def whole(self, name: str, default: int) -> int:
        """A whole number. Refusal if it is not one."""
        return (self.wholes(name) or [default])[-1]

    def number(self, name: str, default: float) -> float:
        """A number. Refusal if it is not one."""
        text = self.text(name, str(default))
        if not re.fullmatch(_NUMBER, text, re.ASCII):
            raise Refusal(f"its {name} is not a number")
        return float(text.rstrip("fF"))

    def flag(self, name: str, default: bool) -> bool:
        """True or false. Refusal if it is neither."""
        text = self.text(name, "true" if default else "false")
        if text not in _FLAGS:
            raise Refusal(f"its {name} is neither true nor false")
        return _FLAGS[text]


Field: TypeAlias = "Scalar | Message"

_FLAGS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}
_NUMBER = r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,2})?[fF]?"


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise Refusal(f"its {name} is not a whole number")
    return int(text)


_TOKEN = re.compile(
    r"""(?P<blank>[\s,;]+|\#[^\n]*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>[\w.+-]+)
    |(?P<sign>[{}<>:\[\]])""",
    re.VERBOSE | re.ASCII,
)
_CLOSING = {"{": "}", "<": ">"}


class _Token(Record):
    kind: str
    text: str
    place: Place


def _tokens(source: Source) -> Iterator[_Token]:
    position, text = 0, source.text
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong(f"`{plain(text[position], 4)}` cannot stand here", Place(source, position, position + 1))
        if match.lastgroup != "blank":
            yield _Token(str(match.lastgroup), match[0], Place(source, position, match.end()))
        position = match.end()


def _wrong(message: str, place: Place) -> SpecError:
    return fail("bad-prototxt", f"this is not the text of a message: {message}", place)


def parse(source: Source) -> Message:
    """The message in a file. SpecError where it is not one."""
    top = Message([], Place(source, 0, 0))
    opened, closing = [top], [""]
    name: _Token | None = None
    in_list = colon = False
    for token in _tokens(source):
        kind, text, place = token
        if name is None:
            if kind == "word":
                name, colon = token, False
            elif text == closing[-1] and len(opened) > 1:
                opened.pop()
                closing.pop()
            else:
                raise _wrong(f"a field begins with a name, and not with `{plain(text, 40)}`", place)
        elif text == ":" and not colon:
            colon = True
        elif text in _CLOSING and not in_list:
            if len(opened) > MAX_DEPTH:
                raise _wrong(f"messages nest deeper than {MAX_DEPTH}", place)
            message = Message([], name.place)
            opened[-1].fields.append((name.text, message))
            opened.append(message)
            closing.append(_CLOSING[text])
            name = None
        elif text == "[" and colon and not in_list:
            in_list = True
        elif text == "]" and in_list:
            in_list, name = False, None
        elif kind in ("word", "text") and colon:
            value = text if kind == "word" else _unquoted(text)
            opened[-1].fields.append((name.text, Scalar(value, place)))
            if not in_list:
                name = None
        else:
            raise _wrong(f"after `{plain(name.text, 40)}` stands `{plain(text, 40)}`", place)
    if name is not None or len(opened) > 1:
        open_place = name.place if name is not None else opened[-1].place
        raise _wrong("it ends before this does", open_place)
    return top


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
