"""What a reader has refused already, where it said the graph in the words of these operations."""

from __future__ import annotations

from archcalc.exchange.graph import Operation
from archcalc.exchange.operations.registry import Refusal, operation
from archcalc.exchange.translate import Translation


@operation("refused")
def refused(_: Translation, op: Operation) -> None:
    """An operation of another format, with the reason."""
    raise Refusal(op.arguments["reason"])
