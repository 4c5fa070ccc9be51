"""The wire format of protobuf: a message without the long values that nobody asks for, so that weights stay on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from archcalc.records import Record

#: Fields that are messages, by number, each with its own; None for a field whose long values are left out.
Schema: TypeAlias = "Mapping[int, Schema | None]"

_LENGTH = 2  # the wire type of text, bytes and messages
_FIXED = {1: 8, 5: 4}


class Malformed(Exception):
    """Bytes that are no message."""


class _Field(Record):
    """A field of a message: its number, and where it, its content and what follows begin. A number has no content."""

    number: int
    start: int
    content: int | None
    end: int


def without_data(data: Any, schema: Schema, longest: int) -> bytes:
    """A message without those values of the fields that the schema has as None which are longer than that, in bytes.

    `data` is anything that is sliced to bytes. Malformed if it is not a message.
    """
    out = bytearray()
    _copy(data, 0, len(data), schema, longest, out)
    return bytes(out)


def _copy(data: Any, start: int, end: int, schema: Schema, longest: int, out: bytearray) -> None:
    kept = start
    for field in _fields(data, start, end):
        if field.content is None or field.end - field.content <= longest or field.number not in schema:
            continue
        out += data[kept : field.start]
        kept = field.end
        inner = schema[field.number]
        if inner is not None:
            message = bytearray()
            _copy(data, field.content, field.end, inner, longest, message)
            out += varint(field.number << 3 | _LENGTH) + varint(len(message)) + message
    out += data[kept:end]


def _fields(data: Any, start: int, end: int) -> Iterator[_Field]:
    position = start
    while position < end:
        begin = position
        key, position = _read_varint(data, position, end)
        number, kind = key >> 3, key & 7
        content = None
        if kind == 0:
            _, position = _read_varint(data, position, end)
        elif kind == _LENGTH:
            length, content = _read_varint(data, position, end)
            position = content + length
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise Malformed(f"a field is of the unknown wire type {kind}")
        if position > end:
            raise Malformed("a field reaches past the end")
        yield _Field(number, begin, content, position)


def _read_varint(data: Any, position: int, end: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Malformed("a number does not end")


def varint(value: int) -> bytes:
    """A number from 0, seven bits a byte, the lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
