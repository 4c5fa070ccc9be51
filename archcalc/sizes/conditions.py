"""Conditions on sizes, as data: what must hold for a layer to make sense, judged by the kind of its sizes."""

from __future__ import annotations

from typing import Any

from archcalc.records import Record
from archcalc.sizes.kinds import Size
from archcalc.sizes.many import plain
from archcalc.sizes.ranges import Range
from archcalc.sizes.symbols import Expression, Undecided, decide


class Condition(Record):
    """What must hold for a layer to make sense, as data: judged by whoever knows which kind of size it has.

    `rule` is the diagnostic's name, `blame` the attribute to point at, `message` the rule in words.
    """

    rule: str
    relation: str
    left: Size
    right: Size
    message: str
    blame: str | None = None

    def explain(self) -> str:
        """The rule and both numbers, for a condition that failed."""
        return f"{self.message}: {self.left} {_FAILED[self.relation]} {self.right}"


_FAILED = {"divides": "does not divide", "equal": "is not", "at_least": "is less than", "at_most": "is more than"}


def divides(rule: str, divisor: Size, size: Size, message: str, blame: str | None = None) -> Condition:
    """`size` must be a multiple of `divisor`."""
    return Condition(rule, "divides", divisor, size, message, blame)


def equal(rule: str, left: Size, right: Size, message: str, blame: str | None = None) -> Condition:
    """The two sizes must be equal."""
    return Condition(rule, "equal", left, right, message, blame)


def at_least(rule: str, size: Size, least: Size, message: str, blame: str | None = None) -> Condition:
    """`size` must not be smaller than `least`."""
    return Condition(rule, "at_least", size, least, message, blame)


def at_most(rule: str, size: Size, most: Size, message: str, blame: str | None = None) -> Condition:
    """`size` must not be larger than `most`."""
    return Condition(rule, "at_most", size, most, message, blame)


def judge(condition: Condition) -> Any:
    """Whether the condition holds: True or False for ints; for arrays True, or an array of bools if it fails somewhere;
    for symbols and ranges None where it depends on their values."""
    _, relation, left, right, _, _ = condition
    if isinstance(left, Range) or isinstance(right, Range):
        return None
    if isinstance(left, Expression) or isinstance(right, Expression):
        try:
            return decide(relation, left, right)
        except Undecided:
            return None
    left, right = plain(left), plain(right)
    if relation == "divides":
        verdict: Any = right % left == 0
    elif relation == "equal":
        verdict = left == right
    elif relation == "at_least":
        verdict = left >= right
    else:
        verdict = left <= right
    return verdict if isinstance(verdict, bool) else bool(verdict.all()) or verdict
