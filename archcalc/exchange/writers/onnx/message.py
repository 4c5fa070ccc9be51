"""ONNX's messages in protobuf's wire format, as onnx.proto numbers their fields: what a graph without weights needs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import TypeAlias

from archcalc.exchange.onnx.protobuf import varint

#: The value of an attribute: a number, text, a list of whole numbers, or a tensor of zeros that takes no room.
Attribute: TypeAlias = "int | float | str | list[int] | Zeros"
#: The sizes of a tensor; text names one that is open.
Shape: TypeAlias = "tuple[int | str, ...]"


class Type(IntEnum):
    """The type of a tensor's values, as the enumeration TensorProto.DataType numbers them."""

    FLOAT = 1
    INT64 = 7


class Zeros(tuple[int, ...]):
    """The shape of a tensor of zeros."""

    __slots__ = ()


def model(graph: bytes, opset: int, ir_version: int, producer: str) -> bytes:
    """ModelProto. `ir_version` is that of the oldest onnx that has the operators of the opset."""
    operators = _message(8, _text(1, "") + _number(2, opset))
    return _number(1, ir_version) + _text(2, producer) + _message(7, graph) + operators


def graph(
    name: str,
    nodes: Iterable[bytes],
    initializers: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    values: Iterable[bytes],
) -> bytes:
    """GraphProto."""
    return b"".join(
        (
            *(_message(1, node) for node in nodes),
            _text(2, name),
            *(_message(5, tensor) for tensor in initializers),
            *(_message(11, value) for value in inputs),
            *(_message(12, value) for value in outputs),
            *(_message(13, value) for value in values),
        )
    )


def node(
    kind: str, name: str, inputs: Iterable[str], outputs: Iterable[str], attributes: Mapping[str, Attribute]
) -> bytes:
    """NodeProto; `kind` is its operator."""
    return b"".join(
        (
            *(_text(1, each) for each in inputs),
            *(_text(2, each) for each in outputs),
            _text(3, name),
            _text(4, kind),
            *(_message(5, _attribute(key, value)) for key, value in attributes.items()),
        )
    )


def value_info(name: str, dtype: Type, shape: Shape) -> bytes:
    """ValueInfoProto: a value with its type and shape."""
    sizes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
    dims = b"".join(_message(1, size) for size in sizes)
    return _text(1, name) + _message(2, _message(1, _number(1, dtype) + _message(2, dims)))


def whole_numbers(name: str, numbers: Iterable[int], *, scalar: bool = False) -> bytes:
    """TensorProto of whole numbers: a list, or one number."""
    found = list(numbers)
    dims = b"" if scalar else _number(1, len(found))
    return dims + _number(2, Type.INT64) + _text(8, name) + _bytes(9, struct.pack(f"<{len(found)}q", *found))


def fractions(name: str, numbers: Iterable[float], *, scalar: bool = False) -> bytes:
    """TensorProto of float32: a list, or one number."""
    found = list(numbers)
    dims = b"" if scalar else _number(1, len(found))
    return dims + _number(2, Type.FLOAT) + _text(8, name) + _bytes(9, struct.pack(f"<{len(found)}f", *found))


def _attribute(name: str, value: Attribute) -> bytes:
    """AttributeProto; field 20 says which of the others holds the value."""
    if isinstance(value, Zeros):
        return _text(1, name) + _message(22, _zeros(value)) + _number(20, 11)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    if isinstance(value, float):
        return _text(1, name) + _key(2, 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7)


def _zeros(shape: Zeros) -> bytes:
    """SparseTensorProto in which nothing differs from 0."""
    none = _number(1, 0)
    values, indices = none + _number(2, Type.FLOAT), none + _number(2, Type.INT64)
    return _message(1, values) + _message(2, indices) + b"".join(_number(3, size) for size in shape)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + varint(len(value)) + value


_message = _bytes


def _key(field: int, wire_type: int) -> bytes:
    return varint(field << 3 | wire_type)
