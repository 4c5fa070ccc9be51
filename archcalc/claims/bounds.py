"""Bounds on quantities, as users write them: `params <= 5M and macs <= 300M`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.claims.figure import Bound, FigureError, read
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.quantities.registry import quantities
from archcalc.records import Record
from archcalc.units import BYTES

#: A name, which of a parameter that is a list can be that of an element: `depths[0]`.
_LIMIT = re.compile(r"\s*([A-Za-z_]\w*(?:\[\d+\])*)\s*(<=|>=|==|=|<|>)\s*(.*?)\s*\Z", re.ASCII | re.DOTALL)


class Limit(Record):
    """A quantity (or a parameter) and the bounds it must keep; `text` is how it was written."""

    text: str
    quantity: str
    bounds: tuple[Bound, ...]


def read_limits(text: str) -> Iterator[Limit]:
    """The bounds that a text states, joined by `and`; UsageError if it states none.

    A number may be shortened (5M, 1.5 GiB) and is taken as it is; `=` holds to the precision it is written with.
    """
    for part in re.split(r"\band\b", text):
        match = _LIMIT.match(part)
        if match is None:
            raise UsageError(f"`{part.strip()}` is not a bound: write `params <= 5M and macs <= 300M`")
        name, relation, written = match.groups()
        try:
            figure = read(written if relation in ("=", "==") else f"{relation} {written}")
        except FigureError as error:
            raise UsageError(f"`{part.strip()}` is not a bound: {error}") from None
        if not figure.bounds or figure.unit not in ("", "bytes"):
            raise UsageError(f"`{part.strip()}` is not a bound: `{written}` is not a number")
        known = quantities().get(name)
        if known is not None and known.unit == BYTES and figure.forgotten is not None:
            raise UsageError(f"{name}: {figure.forgotten}")
        if figure.unit == "bytes" and (known is None or known.unit != BYTES):
            raise UsageError(f"{name} is not in bytes: {figure.billions or f'`{part.strip()}` cannot hold'}")
        yield Limit(" ".join(part.split()), name, figure.bounds)
