"""What is decided of one layer, in numbers of its own, which hold wherever the network has such a layer.

Networks repeat themselves: ResNet-152's 515 layers are some sixty different ones. So it is decided once for each what
its operations read and make, and the storages are numbered within the layer: first those that it is given, then those
that it makes. For the network as a whole these numbers are only looked up.
"""

from __future__ import annotations

from collections.abc import Iterable

from archcalc.layers.outcome import Per
from archcalc.memory.amount import Amount
from archcalc.memory.precision import WIDTH
from archcalc.records import Record
from archcalc.sizes.kinds import Size


class Storage(Record):
    """A piece of memory: its amount, the type of its elements, and what it is."""

    amount: Amount
    dtype: str
    what: str


class Operation(Record):
    """One operation of a layer, and the numbers of the storages that it reads and makes."""

    name: str
    reads: tuple[int, ...]
    makes: tuple[int, ...]


class Use(Record):
    """The first and the last operation of a layer that reads or makes a storage, by their numbers and its number."""

    storage: int
    first: int
    last: int


class Decision:
    """The operations of a layer in a phase of a pass, and the storages that they make after those that it is given."""

    __slots__ = ("made", "operations", "storages", "uses")

    def __init__(self, operations: Iterable[Operation], given: int, made: Iterable[Storage] = ()) -> None:
        self.operations = tuple(operations)
        self.made = tuple(made)
        #: How many storages it numbers.
        self.storages = given + len(self.made)
        uses: dict[int, Use] = {}
        for number, (_, reads, makes) in enumerate(self.operations):
            for storage in (*reads, *makes):
                before = uses.get(storage)
                uses[storage] = Use(storage, number if before is None else before.first, number)
        self.uses = tuple(uses.values())


class Draft:
    """Storages and operations of one layer while they are decided: `storages` begins with those that it is `given`."""

    def __init__(self, given: Iterable[Storage], per: Per = "sample") -> None:
        self.storages = list(given)
        self.given = len(self.storages)
        #: Whether the layer computes something for each sample, or the same for all of them.
        self.per = per
        self.operations: list[Operation] = []

    def allocate(self, what: str, elements: Size, dtype: str, per: Per = "sample") -> int:
        """A new storage; returns its number."""
        size = elements * WIDTH[dtype]
        amount = Amount(0, size) if per == "sample" and self.per == "sample" else Amount(size, 0)
        return self.add(Storage(amount, dtype, what))

    def add(self, storage: Storage) -> int:
        """A new storage as it stands; returns its number."""
        self.storages.append(storage)
        return len(self.storages) - 1

    def step(self, operation: str, reads: Iterable[int], makes: Iterable[int]) -> None:
        """An operation, after those before it."""
        self.operations.append(Operation(operation, tuple(reads), tuple(makes)))

    @property
    def made(self) -> tuple[Storage, ...]:
        """The storages that it makes."""
        return tuple(self.storages[self.given :])

    def decision(self) -> Decision:
        """All of it, decided."""
        return Decision(self.operations, self.given, self.made)
