"""Why combinations are not valid: the rule that each broke, in words that many have in common."""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import SpecError


def reason(rule: str, message: str) -> str:
    """A rule and what it says, without the numbers, which differ from one combination to the next."""
    return f"{rule}: {message.partition(': ')[0]}"


def reason_of(error: SpecError) -> str:
    """The reason of the first finding."""
    return reason(error.diagnostics[0].rule, error.diagnostics[0].message)
