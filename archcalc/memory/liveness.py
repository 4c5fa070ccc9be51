"""What is alive at each step of a pass: a storage lives from the step that makes it to the last one that uses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from archcalc.memory.amount import Amount
from archcalc.records import Record


class PassStep(Record):
    """One operation of a pass: its phase, the number of its node, and the storages that it reads and makes."""

    phase: str
    node: int
    operation: str
    reads: tuple[int, ...]
    makes: tuple[int, ...]


class Liveness(Record):
    """The amounts alive during each step: while it runs, both what it reads and what it makes are there."""

    steps: Sequence[PassStep]
    first: list[int]
    last: list[int]
    during: list[Amount]

    def peak(self, batch: int) -> int:
        """The number of the step at which most is alive, the first of equals."""
        sizes = [fixed + batch * per_sample for fixed, per_sample in self.during]
        return sizes.index(max(sizes))

    def alive(self, step: int) -> list[int]:
        """The storages that are there during a step."""
        return [
            s for s, (born, dead) in enumerate(zip(self.first, self.last, strict=True)) if 0 <= born <= step <= dead
        ]


def liveness(
    steps: Sequence[PassStep], amounts: Sequence[Amount], held: Iterable[int] = (), never_freed: Iterable[int] = ()
) -> Liveness:
    """Follow the storages through the steps, in time linear in both.

    `held` are there throughout, whoever calls keeps them; `never_freed` stay from the step that makes them.
    """
    end = len(steps) - 1
    first = [-1] * len(amounts)
    last = [-1] * len(amounts)
    for number, (_, _, _, reads, makes) in enumerate(steps):
        for storage in (*reads, *makes):
            if first[storage] < 0:
                first[storage] = number
            last[storage] = number
    for storage in held:
        first[storage], last[storage] = 0, end
    for storage in never_freed:
        last[storage] = end
    fixed = [0] * (len(steps) + 1)
    per_sample = [0] * (len(steps) + 1)
    for storage, amount in enumerate(amounts):
        born, dead = first[storage], last[storage] + 1
        if born >= 0:
            once, each = amount
            fixed[born] += once
            per_sample[born] += each
            fixed[dead] -= once
            per_sample[dead] -= each
    during = list(map(Amount, accumulate(fixed[:-1]), accumulate(per_sample[:-1])))
    return Liveness(steps, first, last, during)
