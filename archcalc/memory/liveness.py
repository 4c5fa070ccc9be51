"""What is alive at each step of a pass: a storage lives from the step that makes it to the last one that uses it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

from archcalc.memory.amount import Amount
from archcalc.memory.draft import Decision, Operation
from archcalc.records import Record


class PassStep(Record):
    """One operation of a pass: its phase, the number of its node, and the storages that it reads and makes."""

    phase: str
    node: int
    operation: str
    reads: tuple[int, ...]
    makes: tuple[int, ...]


class Steps(Sequence[PassStep]):
    """The steps of a pass, in order: layer by layer what was decided of it, and the numbers of its storages.

    Long networks have many steps and few decisions, so a step is put together when it is looked at.
    """

    def __init__(self) -> None:
        self._phases: list[str] = []
        self._nodes = array("q")
        self._decisions: list[Decision] = []
        #: The numbers of the storages, of one layer after the other.
        self._numbers = array("q")
        self._count = 0

    def add(self, phase: str, node: int, decision: Decision, numbers: Sequence[int]) -> None:
        """The steps of one layer; `numbers` are the pass's numbers of its storages, in the order of its own."""
        self._phases.append(phase)
        self._nodes.append(node)
        self._decisions.append(decision)
        self._numbers.extend(numbers)
        self._count += len(decision.operations)

    def hold(self, storages: Sequence[int]) -> None:
        """The last step reads these storages too."""
        if not storages:
            return
        last = self._decisions[-1]
        *operations, (name, reads, makes) = last.operations
        more = range(last.storages, last.storages + len(storages))
        operations.append(Operation(name, (*reads, *more), makes))
        self._decisions[-1] = Decision(
            operations, last.storages + len(storages), (), last.holds, last.nodes, last.recomputed
        )
        self._numbers.extend(storages)

    def lives(self, count: int, *, eager: bool = False) -> tuple[array[int], array[int]]:
        """The first and the last step that uses each of so many storages, or with `eager` after which nobody holds it;
        -1 for one that no step uses."""
        born, dead = array("q", [-1]) * count, array("q", [-1]) * count
        numbers, begin, step = self._numbers, 0, 0
        for decision in self._decisions:
            for storage, first, last in decision.eager_uses if eager else decision.uses:
                number = numbers[begin + storage]
                if born[number] < 0:
                    born[number] = step + first
                dead[number] = step + last
            begin += decision.storages
            step += len(decision.operations)
        return born, dead

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[PassStep]:
        begin = 0
        for layer, decision in enumerate(self._decisions):
            yield from self._of_layer(layer, begin)
            begin += decision.storages

    @overload
    def __getitem__(self, number: int) -> PassStep: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[PassStep]: ...
    def __getitem__(self, number: int | slice) -> PassStep | Sequence[PassStep]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        left, begin = number if number >= 0 else number + len(self), 0
        for layer, decision in enumerate(self._decisions):
            if left < len(decision.operations):
                return self._of_layer(layer, begin)[left]
            begin += decision.storages
            left -= len(decision.operations)
        raise IndexError(number)

    def _of_layer(self, layer: int, begin: int) -> list[PassStep]:
        """The steps of a layer, whose numbers of storages begin there."""
        phase, node, decision = self._phases[layer], self._nodes[layer], self._decisions[layer]
        numbers = self._numbers[begin : begin + decision.storages]
        return [
            PassStep(phase, node, name, tuple([numbers[s] for s in reads]), tuple([numbers[s] for s in makes]))
            for name, reads, makes in decision.operations
        ]


class Lives:
    """The first and the last step that uses each storage, or with `eager` at which somebody holds it; -1 for one that
    no step uses."""

    def __init__(self, steps: Steps, count: int, held: Iterable[int] = (), *, eager: bool = False) -> None:
        """Follow so many storages through the steps, in time linear in both; those that are `held` are there
        throughout, whoever calls keeps them."""
        self.steps = steps
        self.first, self.last = steps.lives(count, eager=eager)
        end = len(steps) - 1
        for storage in held:
            self.first[storage], self.last[storage] = 0, end

    def used(self, storage: int, step: int) -> None:
        """A step uses a storage beside those that it reads and makes: one that an earlier step has made."""
        self.last[storage] = max(step, self.last[storage])


class Liveness:
    """The amounts alive during each step: while it runs, both what it reads and what it makes are there.

    `fixed` are the bytes that are there once, `per_sample` those for each sample of the batch.
    """

    __slots__ = ("_peaks", "first", "fixed", "last", "per_sample", "steps")

    def __init__(self, lives: Lives, amounts: Iterable[Amount], never_freed: Iterable[int] = ()) -> None:
        """Add up the amounts of the storages; those that are `never_freed` stay from the step that makes them."""
        self.steps = steps = lives.steps
        self.first = lives.first
        self.last = lives.last[:]
        end = len(steps) - 1
        for storage in never_freed:
            self.last[storage] = end
        fixed = [0] * (end + 2)
        per_sample = [0] * (end + 2)
        for born, dead, (once, each) in zip(self.first, self.last, amounts, strict=True):
            if born >= 0:
                if once:
                    fixed[born] += once
                    fixed[dead + 1] -= once
                if each:
                    per_sample[born] += each
                    per_sample[dead + 1] -= each
        self.fixed = list(accumulate(fixed[:-1]))
        self.per_sample = list(accumulate(per_sample[:-1]))
        #: The peaks that were asked for, by batch.
        self._peaks: dict[int, int] = {}

    @property
    def during(self) -> list[Amount]:
        """The amount alive during each step."""
        return list(map(Amount, self.fixed, self.per_sample))

    def amount(self, step: int) -> Amount:
        """The amount alive during a step."""
        return Amount(self.fixed[step], self.per_sample[step])

    def peak(self, batch: int) -> int:
        """The number of the step at which most is alive, the first of equals."""
        if batch not in self._peaks:
            sizes = [fixed + batch * per_sample for fixed, per_sample in zip(self.fixed, self.per_sample, strict=True)]
            self._peaks[batch] = sizes.index(max(sizes))
        return self._peaks[batch]

    def alive(self, step: int) -> list[int]:
        """The storages that are there during a step."""
        return [
            s for s, (born, dead) in enumerate(zip(self.first, self.last, strict=True)) if 0 <= born <= step <= dead
        ]
