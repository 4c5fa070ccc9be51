"""The verdict on a claim, and what is said of it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from archcalc.claims.read import Claim
from archcalc.diagnostics.diagnostic import Diagnostic
from archcalc.records import Record
from archcalc.sizes.volume import Volume
from archcalc.units import bytes_binary, bytes_decimal, decimal, exact

MET, ERRATUM, FAILED, UNCHECKED = VERDICTS = ("met", "erratum", "failed", "unchecked")


class Verdict(Record):
    """A claim, what was computed (None where nothing could be), and whether it is met, failed, an erratum, or unchecked
    because the network cannot be analysed; where it failed, the finding that says why."""

    claim: Claim
    computed: Any
    verdict: str
    unit: str
    finding: Diagnostic | None = None


def what(claim: Claim) -> str:
    """The claim's quantity with its circumstances: `params of conv1`, `macs with image=192`, `params under alexnet`;
    in a list of figures, `resnet50: params`."""
    words = [f"{claim.spec}:"] if claim.spec else []
    words.append(claim.quantity.name)
    if claim.layer is not None:
        words.append(f"of {claim.layer}")
    if claim.settings:
        words.append(f"with {set_to(claim)}")
    if claim.other is not None:
        words.append(related(claim))
    return " ".join(words)


def set_to(claim: Claim) -> str:
    """What the claim sets: `image=192, batch=8`; empty for nothing."""
    return ", ".join(f"{setting.name}={setting.value}" for setting in claim.settings)


def related(claim: Claim) -> str:
    """The spec that a ratio is taken to: `under alexnet`; empty for a figure that is not a ratio."""
    return "" if claim.other is None else f"{claim.other.relation} {claim.other.spec}"


def shown(computed: Any, unit: str) -> str:
    """A computed value in full, with its unit."""
    if computed is None:
        return ""
    if isinstance(computed, Volume):
        return str(computed)
    if isinstance(computed, tuple):
        return "x".join(map(str, computed))
    if unit == "bytes":
        return f"{exact(computed)} bytes"
    if isinstance(computed, Fraction) and (unit in ("x", "%") or computed.denominator != 1):
        return f"{decimal(computed)}{unit if unit in ('x', '%') else ''}"
    return exact(int(computed))


def finding(verdict: Verdict) -> Diagnostic:
    """Why a verdict is `failed`, at the place of the claimed value."""
    claim, computed = verdict.claim, shown(verdict.computed, verdict.unit)
    notes = []
    if verdict.unit == "bytes":
        notes.append(f"{computed} is {bytes_decimal(verdict.computed)}, or {bytes_binary(verdict.computed)}")
    if claim.source:
        notes.append(f"source: {claim.source}")
    if claim.erratum:
        message = f"{what(claim)} is marked as an erratum and is correct: {claim.figure.text} is met by {computed}"
        notes.append(f"erratum: {claim.erratum}")
        return Diagnostic("erratum-true", message, claim.place, computed, tuple(notes), "remove `erratum`")
    message = f"{what(claim)}: expected {claim.figure.text}, got {computed}"
    span = _admitted(claim)
    if span:
        notes.insert(0, f"{claim.figure.text} is met by {span}{' bytes' if verdict.unit == 'bytes' else ''}")
    definition = f"{claim.quantity.name}: {claim.quantity.doc}"
    return Diagnostic("claim-failed", message, claim.place, computed, tuple(notes), definition=definition)


def _admitted(claim: Claim) -> str:
    """The range of numbers that meets a claim which is not exact; empty for others."""
    bounds = claim.figure.bounds
    if len(bounds) != 2 or claim.figure.exact:
        return ""
    low, high = (decimal(bound.limit) if bound.limit.denominator != 1 else exact(int(bound.limit)) for bound in bounds)
    return f"{low} {'to' if bounds[1].relation == '<=' else 'up to, not including,'} {high}"
