"""Operations of a layer, by kind."""

from __future__ import annotations

import pytest

from archcalc.layers.outcome import Operation, operations


def test_operations_are_counted_by_kind() -> None:
    assert operations("bias", add=96) == (Operation("bias", "add", 96),)


def test_a_kind_that_there_is_not_is_told_the_kinds() -> None:
    with pytest.raises(
        TypeError, match="'exp' is no kind of operation: the kinds are add, multiply, compare, divide, "
    ):
        operations("activation", exp=1)
