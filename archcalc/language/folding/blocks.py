"""Steps that occur more than once become blocks, what differs becomes arguments, and equal steps in a row a repeat.

The sequence that saves the most lines goes first, until none saves any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from archcalc.language.folding.arguments import NOTHING, Parameter, Unified, positions, unify
from archcalc.language.folding.items import Block, Expression, Item, Steps
from archcalc.language.folding.names import branch_names, name_blocks
from archcalc.language.network import INPUT_INDEX, Network
from archcalc.layers.registry import layers, words
from archcalc.records import Record

#: The longest sequence that is looked for: longer ones are found in pieces.
LONGEST = 48
#: How many sequences are looked at, for each of the blocks: of a very large network only short ones.
EFFORT = 100_000
#: The most parameters that a block may have.
MOST_PARAMETERS = 10

Occurrence: TypeAlias = tuple[Steps, int]


def extract(network: Network, steps: Steps, names: Mapping[tuple[int, int], str]) -> list[Block]:
    """The blocks that repetitions in the steps become; the steps then call them. `names` are those of runs of nodes."""
    extraction = _Extraction(network, steps)
    extraction.run()
    name_blocks(extraction.blocks, names)
    return extraction.blocks


def cost(steps: Steps) -> int:
    """The lines that steps take."""
    lines = 0
    for item in steps:
        lines += 1 + (item.repeat != 1) + item.frozen
        if item.block is None and not item.head and item.refs and not item.branches:
            lines += 1
        lines += sum(1 + cost(branch) for branch in item.branches)
    return lines


def _saved(times: int, lines: int) -> int:
    """The lines that are saved when so many sequences become calls of a block."""
    return times * (lines - 1) - lines - 1


def _ends_twice(tokens: list[int], start: int, last: int) -> bool:
    """Whether a sequence ends with two or more steps twice in a row."""
    return any(
        tokens[last - length + 1 : last + 1] == tokens[last - 2 * length + 1 : last - length + 1]
        for length in range(2, (last - start + 1) // 2 + 1)
    )


def _ends_as_it_begins(tokens: list[int], start: int, last: int) -> bool:
    """Whether a sequence begins again: its first steps are also its last, two or more steps later."""
    return any(
        tokens[start] == tokens[last - length + 1]
        and tokens[start : start + length] == tokens[last - length + 1 : last + 1]
        for length in range(1, last - start)
    )


class _Candidate(Record):
    """A sequence of steps that may become a block.

    `repeats` says that it has two or more steps twice in a row, or ends as it begins; `begins_late` that it begins
    with an activation.
    """

    where: list[Occurrence]
    length: int
    lines: int
    repeats: bool
    begins_late: bool

    @property
    def saved(self) -> int:
        """The lines that are saved if all occurrences become calls."""
        return _saved(len(self.where), self.lines)

    def rank(self, saved: int) -> tuple[bool, bool, int]:
        """Smaller is better."""
        return (self.repeats, self.begins_late, -saved)


class _Extraction:
    def __init__(self, network: Network, steps: Steps) -> None:
        self.network = network
        self.steps = steps
        self.blocks: list[Block] = []
        self.tokens: dict[Any, int] = {}
        #: The last node that reads each value; the outputs of the network are read at its end.
        self.last_use: dict[int, int] = {}
        for node in network.nodes:
            for index in node.inputs:
                self.last_use[index] = node.index
        for index in network.outputs.values():
            self.last_use[index] = len(network.nodes)
        #: Whether a sequence, by its structure, has two or more steps twice in a row.
        self.repeating: dict[int, bool] = {}
        #: Whether it ends with the steps that it begins with.
        self.returning: dict[int, bool] = {}
        self.tied: dict[str, list[int]] = {}
        for node in network.nodes:
            if node.tied is not None:
                self.tied.setdefault(repr(node.tied), []).append(node.index)

    def run(self) -> None:
        self.make_growing()
        self.join_runs()
        while (best := self.best()) is not None:
            self.make_block(*best)
            self.join_runs()

    # --- sequences of steps, and what tells one from another

    def sequences(self) -> Iterator[tuple[Steps, int]]:
        """Every list of steps, with the value that it begins with."""
        open_ = [(self.steps, INPUT_INDEX), *((block.steps, block.source) for block in self.blocks)]
        while open_:
            steps, source = open_.pop()
            yield steps, source
            for item in steps:
                if item.source is not None:
                    open_ += [(branch, item.source) for branch in item.branches if branch]

    def token(self, item: Item) -> int:
        """A number for the structure of a step: equal for steps that differ in values alone."""
        if item.head:
            key: Any = ("head", item.head)
        elif item.block is not None:
            key = ("call", item.block.number, item.grows)
        else:
            nothing = tuple(value is None for value in item.values)
            source = INPUT_INDEX if item.source is None else item.source
            refs = () if item.grows else tuple(item.first - index for index in item.refs)
            tied = tuple(index - item.first for index in self.tied[item.tied]) if item.tied else ()
            inner = tuple(
                tuple(self.linked(branch, source, number) for number in range(len(branch))) for branch in item.branches
            )
            key = (item.layer, nothing, refs, tied, item.frozen, inner, item.grows)
        return self.tokens.setdefault(key, len(self.tokens))

    def linked(self, steps: Steps, source: int, number: int) -> tuple[int, Any]:
        """The structure of a step, and where the value comes from that it reads: None where it is the one before it."""
        item = steps[number]
        before = steps[number - 1] if number else None
        while before is not None and before.head:  # the stream goes on as if a head were not there
            number -= 1
            before = steps[number - 1] if number else None
        previous = source if before is None else before.output
        return self.token(item), None if item.source in (previous, None) else item.first - item.source

    # --- steps that read all copies before them

    def make_growing(self) -> None:
        """What reads all copies before it becomes a block: one for all runs that are alike."""
        alike: dict[Any, list[Item]] = {}
        for steps, _ in list(self.sequences()):
            for item in steps:
                if item.body:
                    key = tuple(self.linked(item.body, item.first, k) for k in range(len(item.body)))
                    alike.setdefault(key, []).append(item)
        for runs in alike.values():
            bodies = [run.body for run in runs]
            places = positions(bodies[0])
            unified = unify([_values(body) for body in bodies], places, partial(branch_names, self.network), words())
            source = runs[0].source
            assert source is not None
            block = self.add_block(bodies[0], source, unified)
            for number, run in enumerate(runs):
                run.body = []
                self.call(run, block, unified, number)

    # --- repeats

    def join_runs(self) -> None:
        """Equal steps in a row become one that is repeated."""
        for steps, _ in list(self.sequences()):
            position = 0
            while position + 1 < len(steps):
                one, other = steps[position], steps[position + 1]
                if self.can_repeat(one, other):
                    one.repeat += other.repeat
                    one.last, one.output = other.last, other.output
                    del steps[position + 1]
                else:
                    position += 1

    def can_repeat(self, one: Item, other: Item) -> bool:
        """Whether a step does to the value of the one before it what that one did."""
        if one.head or one.tied or one.refs or one.grows or other.source != one.output or not _are_numbers(one, other):
            return False
        if self.last_use.get(one.output, -1) > other.last or self.token(one) != self.token(other):
            return False
        if self.reads_by_name(other, other.first) or self.reads_by_name(one, one.first):
            return False
        return _values([one])[:-1] == _values([other])[:-1]

    def reads_by_name(self, item: Item, first: int) -> bool:
        """Whether a step in a branch names a value from outside."""
        for branch in item.branches:
            for number, inner in enumerate(branch):
                if any(index < first for index in inner.refs) or self.reads_by_name(inner, first):
                    return True
                if inner.source is not None and inner.source < first:
                    before = [each for each in branch[:number] if not each.head]
                    if before:
                        return True
        return False

    # --- blocks

    def best(self) -> tuple[list[Occurrence], int, Unified] | None:
        """The sequence that saves the most lines: where it occurs, its length, and what differs.

        One that repeats itself inside comes last, since what it repeats is a block of its own, and so does one that
        begins with an activation, which belongs to what is before it.
        """
        best: tuple[tuple[bool, bool, int], list[Occurrence], int, Unified] | None = None
        for candidate in sorted(self.candidates().values(), key=lambda each: each.rank(each.saved)):
            if best is not None and candidate.rank(candidate.saved) >= best[0]:
                break  # overlaps only make it save less
            if candidate.saved < 2:
                continue
            where = self.usable(candidate.where, candidate.length)
            saved = _saved(len(where), candidate.lines)
            if len(where) < 2 or saved < 2 or (best is not None and candidate.rank(saved) >= best[0]):
                continue
            unified = self.unified(where, candidate.length)
            if len(unified.parameters) <= MOST_PARAMETERS:
                best = (candidate.rank(saved), where, candidate.length, unified)
        return None if best is None else best[1:]

    def candidates(self) -> dict[int, _Candidate]:
        """Every sequence of at least two lines, by its structure."""
        found: dict[int, _Candidate] = {}
        sequences = list(self.sequences())
        longest = max(8, min(LONGEST, EFFORT // sum(len(steps) for steps, _ in sequences)))
        for steps, source in sequences:
            linked = [self.linked(steps, source, number) for number in range(len(steps))]
            tokens = [token for token, _ in linked]
            costs = [cost([item]) for item in steps]
            for start, item in enumerate(steps):
                if item.source is None or item.head:
                    continue
                key, lines = self.tokens.setdefault(tokens[start], len(self.tokens)), 0
                for last in range(start, min(start + longest, len(steps))):
                    if steps[last].head:
                        break
                    lines += costs[last]
                    if last > start:
                        before, key = key, self.tokens.setdefault((key, linked[last]), len(self.tokens))
                        if key not in self.repeating:
                            square = before in self.repeating and self.repeating[before]
                            self.repeating[key] = square or _ends_twice(tokens, start, last)
                            self.returning[key] = _ends_as_it_begins(tokens, start, last)
                    if lines < 2:
                        continue
                    if key in found:
                        found[key].where.append((steps, start))
                    else:
                        repeats = self.repeating.get(key, False) or self.returning.get(key, False)
                        late = bool(item.layer) and layers()[item.layer].family == "activation"
                        found[key] = _Candidate([(steps, start)], last - start + 1, lines, repeats, late)
        return found

    def usable(self, occurrences: list[Occurrence], length: int) -> list[Occurrence]:
        """The occurrences that can be a block of their own and do not overlap."""
        chosen: list[Occurrence] = []
        ends: dict[int, int] = {}
        for steps, start in occurrences:
            if ends.get(id(steps), 0) <= start and self.is_closed(steps[start : start + length]):
                chosen.append((steps, start))
                ends[id(steps)] = start + length
        return chosen

    def is_closed(self, steps: Steps) -> bool:
        """Whether steps read one value from outside and only their last value is read there."""
        first, last, output, source = steps[0].first, steps[-1].last, steps[-1].output, steps[0].source
        for index in range(first, last + 1):
            node = self.network.nodes[index]
            if any(read < first and read != source for read in node.inputs):
                return False
            if index != output and self.last_use.get(index, -1) > last:
                return False
            if node.tied is not None:
                members = self.tied[repr(node.tied)]
                if members[0] < first or members[-1] > last:
                    return False
        return True

    def unified(self, where: list[Occurrence], length: int) -> Unified:
        """The common structure of occurrences."""
        occurrences = [_values(steps[start : start + length]) for steps, start in where]
        steps, start = where[0]
        places = positions(steps[start : start + length])
        return unify(occurrences, places, partial(branch_names, self.network), words())

    def make_block(self, where: list[Occurrence], length: int, unified: Unified) -> None:
        """Put a call in the place of every occurrence."""
        steps, start = where[0]
        source = steps[start].source
        assert source is not None
        block = self.add_block(steps[start : start + length], source, unified)
        for number, (steps, start) in reversed(list(enumerate(where))):
            replaced = steps[start : start + length]
            call = Item(replaced[0].first, replaced[-1].last, replaced[-1].output)
            call.source = replaced[0].source
            self.call(call, block, unified, number)
            steps[start : start + length] = [call]

    def add_block(self, steps: Steps, source: int, unified: Unified) -> Block:
        """A block of steps with parameters for what differs."""
        block = Block(len(self.blocks), [item.copied() for item in steps], source)
        for position, value in zip(positions(block.steps), unified.values, strict=True):
            position.put(value)
        order = _order(unified)
        block.parameters = tuple(parameter.name for parameter in order)
        block.defaults = {each.name: each.default for each in order if each.default is not NOTHING}
        self.blocks.append(block)
        return block

    def call(self, item: Item, block: Block, unified: Unified, number: int) -> None:
        """A step becomes a call of a block, with the arguments of that occurrence."""
        item.block = block
        item.names = block.parameters
        item.values = [parameter.values[number] for parameter in _order(unified)]


def _order(unified: Unified) -> list[Parameter]:
    """The parameters of a signature: those without a default first."""
    return sorted(unified.parameters, key=lambda parameter: parameter.default is not NOTHING)


def _values(steps: Steps) -> list[Any]:
    return [position.value for position in positions(steps)]


def _are_numbers(*items: Item) -> bool:
    return all(not isinstance(item.repeat, Expression) for item in items)
