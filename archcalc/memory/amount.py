"""An amount of memory: bytes that are there once, and bytes for each sample of the batch."""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.records import Record
from archcalc.sizes.kinds import Size, plus


class Amount(Record):
    """`fixed + batch * per_sample` bytes, exact for every batch."""

    fixed: Size = 0
    per_sample: Size = 0

    def __add__(self, other: object) -> Amount:
        if not isinstance(other, Amount):
            return NotImplemented
        return Amount(plus(self.fixed, other.fixed), plus(self.per_sample, other.per_sample))

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.fixed - other.fixed, self.per_sample - other.per_sample)

    def at(self, batch: Size) -> Size:
        """Bytes for a batch of that many samples."""
        return self.fixed + batch * self.per_sample


NOTHING = Amount()


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum of the amounts; `NOTHING` for none."""
    fixed = per_sample = 0
    for amount in amounts:
        fixed, per_sample = plus(fixed, amount.fixed), plus(per_sample, amount.per_sample)
    return Amount(fixed, per_sample)
