"""What is decided of one layer, in numbers of its own, which hold wherever the network has such a layer.

Networks repeat themselves: ResNet-152's 515 layers are some sixty different ones. So it is decided once for each what
its operations read and make, and the storages are numbered within the layer: first those that it is given, then those
that it makes. For the network as a whole these numbers are only looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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


#: Operations that bring the gradients that a node of autograd's graph has made to the sizes and types of its operands.
_CHECKS = ("sum", "to")


class Hold(Record):
    """A storage that somebody holds until an operation of the layer has run, used by it or not, by their numbers."""

    storage: int
    until: int


class Run(Record):
    """The operations of one node of autograd's graph: the numbers of the first and the last of them."""

    first: int
    last: int


class Decision:
    """The operations of a layer in a phase of a pass, and the storages that they make after those that it is given.

    What is held beyond its last use follows from `holds` and from the `nodes` of the backward pass; `recomputed` are
    storages that have been made again for it.
    """

    __slots__ = ("_eager_uses", "holds", "made", "nodes", "operations", "recomputed", "storages", "uses")

    def __init__(
        self,
        operations: Iterable[Operation],
        given: int,
        made: Iterable[Storage] = (),
        holds: Iterable[Hold] = (),
        nodes: Iterable[Run] = (),
        recomputed: frozenset[int] = frozenset(),
    ) -> None:
        self.operations = tuple(operations)
        self.made = tuple(made)
        self.holds = tuple(holds)
        self.nodes = tuple(nodes)
        self.recomputed = recomputed
        #: How many storages it numbers.
        self.storages = given + len(self.made)
        uses: dict[int, Use] = {}
        for number, (_, reads, makes) in enumerate(self.operations):
            for storage in (*reads, *makes):
                before = uses.get(storage)
                uses[storage] = Use(storage, number if before is None else before.first, number)
        self.uses = tuple(uses.values())
        self._eager_uses: tuple[Use, ...] | None = None

    @property
    def eager_uses(self) -> tuple[Use, ...]:
        """The uses where each storage stays as long as somebody holds it."""
        if self._eager_uses is None:
            last: dict[int, int] = {}
            for storage, until in (*self.holds, *(hold for node in self.nodes for hold in self._held_by(node))):
                last[storage] = max(until, last.get(storage, until))
            used = [use._replace(last=max(use.last, last.pop(use.storage, use.last))) for use in self.uses]
            self._eager_uses = (*used, *(Use(storage, until, until) for storage, until in last.items()))
        return self._eager_uses

    def split(self, number: int) -> tuple[Decision, Decision]:
        """The operations before that number and those from it on, which number the same storages."""
        parts = []
        for begin, end in ((0, number), (number, len(self.operations))):
            holds = [hold._replace(until=hold.until - begin) for hold in self.holds if begin <= hold.until < end]
            nodes = [  # one that is on both sides is cut in two
                Run(max(node.first, begin) - begin, min(node.last, end - 1) - begin)
                for node in self.nodes
                if node.first < end and node.last >= begin
            ]
            parts.append(Decision(self.operations[begin:end], self.storages, (), holds, nodes, self.recomputed))
        return parts[0], parts[1]

    def _held_by(self, node: Run) -> Iterator[Hold]:
        """What a node of autograd's graph holds: all that it is given until it has run, and what it makes on the way to
        a gradient until that is there, as C++ lets go of the parts of an expression at its end. The checks of its
        gradients come last, and are no part of expressions; what was computed again is held by its function alone,
        which has returned by then."""
        ends = list(range(len(self.operations)))
        returns = node.last
        while self.operations[returns].name in _CHECKS and returns > node.first:
            returns -= 1
        made: dict[int, int] = {}
        for number in range(node.first, node.last + 1):
            _, reads, makes = self.operations[number]
            for storage in reads:
                if storage not in made:
                    yield Hold(storage, returns if storage in self.recomputed else node.last)
            # An operation that makes nothing changes what it reads first.
            made.update(dict.fromkeys(makes or [storage for storage in reads[:1] if storage in made], number))
        for number in range(node.last, node.first, -1):  # the first reads nothing that the node has made
            name, reads, makes = self.operations[number]
            for storage in reads if name not in _CHECKS else ():
                if storage in made and made[storage] < number:
                    ends[made[storage]] = max(ends[made[storage]], ends[number])
        yield from (Hold(storage, ends[number]) for storage, number in made.items())


class Draft:
    """Storages and operations of one layer while they are decided: `storages` begins with those that it is `given`."""

    def __init__(self, given: Iterable[Storage], per: Per = "sample") -> None:
        self.storages = list(given)
        self.given = len(self.storages)
        #: Whether the layer computes something for each sample, or the same for all of them.
        self.per = per
        self.operations: list[Operation] = []
        self.holds: list[Hold] = []
        self.nodes: list[Run] = []
        #: Storages that have been made again.
        self.recomputed: frozenset[int] = frozenset()

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

    def hold(self, *storages: int) -> None:
        """Somebody holds storages until the last operation so far has run."""
        self.holds += [Hold(storage, len(self.operations) - 1) for storage in storages]

    @property
    def made(self) -> tuple[Storage, ...]:
        """The storages that it makes."""
        return tuple(self.storages[self.given :])

    def decision(self) -> Decision:
        """All of it, decided."""
        return Decision(self.operations, self.given, self.made, self.holds, self.nodes, self.recomputed)
