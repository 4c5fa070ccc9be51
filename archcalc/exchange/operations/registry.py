"""Where the rules for operations of PyTorch are found, and how they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from archcalc.exchange.registry import Registry

if TYPE_CHECKING:
    from archcalc.exchange.graph import Operation
    from archcalc.exchange.translate import Translation

Rule: TypeAlias = "Callable[[Translation, Operation], None]"

#: Makes a rule known under the names of the operations it reads.
operation = Registry("archcalc.exchange.operations")


class Refusal(Exception):
    """An operation that cannot be read; the message says why."""


def rules() -> dict[str, Rule]:
    """Every rule by the name of its operation."""
    return operation.rules()
