"""ONNX's messages byte by byte, and what the writer needs no package for."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline import analysed

from archcalc.cli import run
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.writers import onnx
from archcalc.exchange.writers.onnx import message


def test_a_field_is_its_number_and_wire_type_and_its_value() -> None:
    """Field 3 with wire type 0 (a number) has the key 3 << 3 | 0 = 24, with type 2 (bytes) 26. 300 = 2 * 128 + 44 in
    groups of 7 bits, lowest first, all but the last with the highest bit: 172, 2."""
    assert message._number(3, 300) == bytes([24, 172, 2])
    assert message._text(3, "conv") == bytes([26, 4]) + b"conv"
    assert message._number(1, -1) == bytes([8]) + b"\xff" * 9 + b"\x01"  # two's complement in 64 bits


def test_a_value_has_a_type_and_a_shape_with_an_open_batch() -> None:
    """Name "x"; type: tensor of float32 (1), with the dimensions N (a name) and 3 (a number)."""
    shape = bytes([10, 3, 18, 1]) + b"N" + bytes([10, 2, 8, 3])
    tensor = bytes([8, 1, 18, len(shape)]) + shape
    kind = bytes([10, len(tensor)]) + tensor

    assert message.value_info("x", message.Type.FLOAT, ("N", 3)) == b"\n\x01x" + bytes([18, len(kind)]) + kind


def test_a_network_is_written_without_any_package(tmp_path: Path) -> None:
    path = tmp_path / "lenet5.onnx"

    assert run(["export", "lenet5", "-o", str(path)]) == 0

    # 61,706 parameters would take 246,824 bytes.
    assert len(path.read_bytes()) < 4_000


def test_all_layers_that_cannot_be_written_are_named_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        list(onnx.write(analysed("input: [4]\nlayers: [{rbf: 2}, {batch_norm: {affine: false}}]\n")))

    (found,) = refused.value.diagnostics
    assert found.rule == "cannot-write"
    assert found.message == "2 layers cannot be written as ONNX, so nothing is written"
    assert found.notes[1].startswith("batch_norm without factors")
