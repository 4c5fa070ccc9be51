"""The cheapest recomputation that fits a memory: which stretches of a network to checkpoint.

The network is taken as a chain of units, stretches between the values through which every way goes. What is alive
while a unit runs is what the units before it keep, and what it has itself; the second part is the same in every plan,
but for the value that enters the unit, which either the units before it hold already or nobody else. So one pass of the
ordinary training step gives every unit's own figures, and a plan is built unit by unit: of two plans for the first
units, one that keeps no more and costs no more is as good for all that follows. That makes the search exact for
chains of up to `MOST_UNITS` units; longer ones are first put together into as many.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, pairwise

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.language.network import INPUT_INDEX, Network, is_input
from archcalc.memory import budget, steps
from archcalc.memory.blocks import blocks
from archcalc.memory.budget import Budget
from archcalc.memory.checkpoint import Segment, as_computed_twice, extra_macs, repeatable
from archcalc.memory.gradients import gradients
from archcalc.memory.liveness import Liveness, Lives
from archcalc.memory.setup import Setup
from archcalc.memory.steps import LOSS
from archcalc.memory.storages import Storages
from archcalc.records import Record

MOST_UNITS = 200

#: The number of no storage.
_NOTHING = -1


class Plan(Record):
    """Stretches to checkpoint, and the multiply-accumulates of one sample that are done a second time for it."""

    segments: tuple[Segment, ...]
    extra_macs: int


class _Peaks(Record):
    """Largest bytes of a unit's own in a phase: where the entering value is held by others, and where it is not."""

    held: int
    free: int

    def of(self, holds: bool) -> int:
        return self.held if holds else self.free


class _Unit(Record):
    """One unit's own figures, in bytes for the batch in question.

    `entry` and `exit` are storages. `forward` counts the entering value, `forgetful` too: the first keeping what the
    backward pass needs, the second keeping nothing. `saved` is what it keeps, without `entry` and `exit`.
    `gradient` is what waits for the backward pass of the unit when it begins: its output's gradient, and the gradients
    of all parameters after it. `cache` is what mixed precision's cache holds of the unit until the loss, saved or not,
    `copies` the part of it that is saved too, and `cached_before` what it holds of the units before. `macs` and
    `layers` are what is done twice where it is checkpointed.
    """

    segment: Segment
    entry: int
    exit: int
    entry_bytes: int
    forward: _Peaks
    forgetful: _Peaks
    backward: _Peaks
    saved: int
    saves_entry: bool
    saves_exit: bool
    gradient: int
    cache: int
    copies: int
    cached_before: int
    trained: bool
    macs: int
    layers: int


def cheapest(interpretation: Interpretation, setup: Setup, batch: int, memory: int) -> Plan | None:
    """The plan with the fewest extra multiply-accumulates, and of those the one with the fewest layers computed twice,
    whose peak is within `memory` bytes; None if none was found. UsageError if nothing is trained.

    Of a chain of stretches it is the cheapest there is. Where a value is read all along the network (an encoder's
    output, by every block of a decoder) there is no such chain, and whole blocks are tried instead.
    """
    wanted = gradients(interpretation, setup)
    budget.require_training(interpretation, setup, wanted)
    room = memory - budget.persistent(interpretation, setup, wanted).total
    return Recomputation(interpretation, setup).cheapest(batch, room)


#: A plan of blocks is made lighter by at most so many trials, each a training pass, if nothing else is said.
_MOST_TRIALS = 64


class Recomputation:
    """What can be checkpointed of a network under a setup, for batches and memories of any size: its passes are
    followed once.

    `room` is what the parameters, and all else that is there at every step, leave of a memory. Of the setup's batch
    only that matters, whether it is one sample; its optimizer and its own checkpoints do not.
    """

    def __init__(self, interpretation: Interpretation, setup: Setup) -> None:
        self.interpretation = interpretation
        self.setup = setup._replace(checkpoints=())

    def cheapest(self, batch: int, room: int, trials: int = _MOST_TRIALS) -> Plan | None:
        """The plan of `cheapest`. A plan of blocks is made lighter by at most so many `trials`: with fewer it is found
        sooner and may cost more."""
        if self._without.timeline.bytes_at(batch) <= room:
            return Plan((), 0)
        chain = self._chain.units(batch)
        found = _search(chain, room)
        if found is None:
            return self._of_blocks(batch, room, trials)
        return self._plan(
            tuple(
                Segment(
                    chain[first].segment.first,
                    chain[last].segment.last,
                    _name(self.interpretation, chain, first, last),
                )
                for first, last in found
            )
        )

    def fits(self, batch: int, room: int) -> bool:
        """Whether there is a plan, whatever it costs."""
        return (
            self._without.timeline.bytes_at(batch) <= room
            or self._chain.fits(batch, room)
            or any(held.timeline.bytes_at(batch) <= room for held in self._covers.values())
        )

    def least_bytes(self, batch: int) -> int:
        """The least that a plan holds at its peak, whatever it costs, beside what is there at every step."""
        most = min(held.timeline.bytes_at(batch) for held in (self._without, *self._covers.values()))
        chain = self._chain.without_costs(batch)
        return bisect_left(range(most), True, key=lambda room: _search(chain, room) is not None)

    def largest_batch(self, room: int) -> int | None:
        """The largest batch for which there is a plan; 0 if there is none for any, None if any batch fits.

        What a plan holds grows with the batch, so the largest is between one that fits and one that does not.
        """
        least = self._without.least_batch
        fits = least - 1
        for followed in (self._without, *self._covers.values()):
            alone = followed.timeline.largest_batch(room, least)
            if alone is None:
                return None
            fits = max(fits, alone)
        beyond = fits + 1
        while self._chain.fits(beyond, room):
            fits, beyond = beyond, 2 * beyond
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            if self._chain.fits(middle, room):
                fits = middle
            else:
                beyond = middle
        return fits if fits >= least else 0

    @cached_property
    def _chain(self) -> _Chain:
        return _Chain(self.interpretation, self.setup)

    @cached_property
    def _without(self) -> Budget:
        """What is held without checkpoints."""
        return self._budget(())

    @cached_property
    def _covers(self) -> dict[tuple[Segment, ...], Budget]:
        """What is held with blocks of each size checkpointed, where that is possible."""
        found = {}
        for cover in _covers(self.interpretation.network):
            with suppress(UsageError):  # a layer that states that it works in place, over what enters a block
                found[cover] = self._budget(cover)
        return found

    def _budget(self, segments: tuple[Segment, ...]) -> Budget:
        return budget.training(self.interpretation, self.setup._replace(checkpoints=segments))

    def _plan(self, segments: tuple[Segment, ...]) -> Plan:
        return Plan(segments, int(extra_macs(self.interpretation, segments)))

    def _of_blocks(self, batch: int, room: int, trials: int) -> Plan | None:
        """A plan of whole blocks that fits, found by trying: blocks of each size, then as few of them as will do."""
        fitting = [cover for cover, held in self._covers.items() if held.timeline.bytes_at(batch) <= room]
        if not fitting:
            return None
        chosen = min(fitting, key=lambda cover: extra_macs(self.interpretation, cover))
        left = sorted(chosen, key=lambda segment: -extra_macs(self.interpretation, (segment,)))
        together = len(left)
        for _ in range(trials):
            together = min(together, len(left))
            spared = set(left[:together])
            lighter = tuple(segment for segment in chosen if segment not in spared)
            if self._budget(lighter).timeline.bytes_at(batch) <= room:
                chosen, left = lighter, left[together:]
            elif together > 1:
                together //= 2
            else:
                left = left[1:]
            if not left:
                break
        return self._plan(chosen)


def _covers(network: Network) -> Iterator[tuple[Segment, ...]]:
    """Blocks that do not overlap and whose inside nobody else reads: the largest, those of half their size, and on."""
    last_use = list(range(len(network.nodes)))
    for node in network.nodes:
        for index in node.inputs:
            if not is_input(index):
                last_use[index] = node.index
    for index in network.outputs.values():
        if not is_input(index):
            last_use[index] = len(network.nodes)
    calls = [call for call in blocks(network) if max(last_use[call.first : call.last], default=-1) <= call.last]
    limit, before = len(network.nodes), None
    while limit > 1:
        cover: list[Segment] = []
        taken: set[int] = set()
        for call in calls:
            inside = range(call.first, call.last + 1)
            if len(inside) <= limit and taken.isdisjoint(inside):
                taken.update(inside)
                cover.append(Segment(call.first, call.last, _span(network, call.first, call.last)))
        made = tuple(sorted(cover))
        if made and made != before:
            yield made
        limit, before = limit // 2, made


def _span(network: Network, first: int, last: int) -> str:
    """The path of a block by its first and last layer: what both begin with."""
    start, end = (network.nodes[index].name.split("/") for index in (first, last))
    shared = [mine for mine, theirs in zip(start, end, strict=False) if mine == theirs]
    return "/".join(shared) or network.nodes[first].name


def _name(interpretation: Interpretation, chain: list[_Unit], first: int, last: int) -> str:
    nodes = interpretation.network.nodes
    start, end = nodes[chain[first].segment.first].name, nodes[chain[last].segment.last].name
    return start if start == end else f"{start} to {end}"


class _State(Record):
    """A plan for the first units: what they keep without the value that enters the next, and the groups chosen.

    Its cost is what is done twice: multiply-accumulates, and, of plans with equally many, layers. `copies` are what
    mixed precision's cache holds of what is saved: until the loss it holds as much of those units in every plan.
    """

    saved: int
    copies: int
    cost: tuple[int, int]
    chosen: tuple[int, int] | None
    before: _State | None

    @property
    def beside_cache(self) -> int:
        """What is saved and not in the cache."""
        return self.saved - self.copies


class _Ahead:
    """A floor under what the units from a position on add to the cost of a plan that has saved so much before it.

    All that is saved at the loss has to fit. Whatever a plan does, a unit that keeps what it needs adds no less than
    `more`, one that is checkpointed no less than nothing, and costs its multiply-accumulates. So the units that give
    most bytes for a multiply-accumulate are dropped first, the last of them in part.
    """

    def __init__(self, spare: int, dropped: list[tuple[int, int]]) -> None:
        """`spare` is what is left where nothing is dropped, `dropped` the multiply-accumulates and the bytes of each
        unit that gives any, in the order in which they are dropped."""
        self.spare = spare
        self.bytes = list(accumulate((more for _, more in dropped), initial=0))
        self.macs = list(accumulate((macs for macs, _ in dropped), initial=0))

    def least(self, saved: int) -> int | None:
        """Multiply-accumulates that are done twice, at least; None where no plan fits."""
        missing = saved - self.spare
        if missing <= 0:
            return 0
        after = bisect_left(self.bytes, missing)
        if after == len(self.bytes):
            return None
        part = (self.macs[after] - self.macs[after - 1]) * (missing - self.bytes[after - 1])
        return self.macs[after - 1] + part // (self.bytes[after] - self.bytes[after - 1])


def _ahead(units: list[_Unit], room: int) -> list[_Ahead]:
    """The floor for every position, the last of which is after all units."""
    gains = [(unit.macs, min(_passed(unit, holds)[0] for holds in (True, False))) for unit in units]
    order = sorted((at for at, gain in enumerate(gains) if gain[1] > 0), key=lambda at: Fraction(*gains[at]))
    spare = [*accumulate((-more for _, more in reversed(gains)), initial=room)][::-1]
    return [_Ahead(left, [gains[at] for at in order if at >= position]) for position, left in enumerate(spare)]


#: A limit of the cost is raised by such a part of everything first, and then by twice as much each time.
_FIRST_STEP = 256


def _search(chain: list[_Unit], room: int) -> list[tuple[int, int]] | None:
    """The checkpointed groups of the cheapest plan, each by its first and last unit.

    Plans are looked for below a limit of what they cost, which is raised until there is one: few plans begin so cheaply
    that they can end below it.
    """
    room_at_loss = room - min(chain[-1].backward.of(holds) for holds in (True, False))
    ahead = _ahead(chain[:-1], room_at_loss)
    least, everything = ahead[0].least(0), sum(unit.macs for unit in chain)
    if least is None:
        return None
    limit, step = least, max(everything // _FIRST_STEP, 1)
    while (found := _below(chain, room, ahead, limit)) is None and limit < everything:
        limit, step = min(limit + step, everything), step * 2
    return found


def _below(chain: list[_Unit], room: int, ahead: list[_Ahead], limit: int) -> list[tuple[int, int]] | None:
    """The groups of the cheapest plan with no more than `limit` multiply-accumulates done twice; None without one."""
    # Plans by how many units they cover, and by whether they hold the value that enters the next.
    plans: list[dict[bool, list[_State]]] = [{True: [], False: []} for _ in range(len(chain) + 1)]
    plans[0][True].append(_State(0, 0, (0, 0), None, None))  # whoever calls holds the network's input
    for position in range(len(chain)):
        for holds in (True, False):
            states = _undominated(_promising(plans[position][holds], ahead[position], limit))
            if states:
                _keep_unit(chain[position], position, holds, states, plans, room)
                _checkpoint_from(chain, position, holds, states, plans, room, limit)
    ends = plans[-1][True] + plans[-1][False]
    if not ends:
        return None
    state: _State | None = min(ends, key=lambda end: (end.cost, end.saved))
    groups = []
    while state is not None:
        if state.chosen is not None:
            groups.append(state.chosen)
        state = state.before
    return groups[::-1]


def _promising(states: list[_State], ahead: _Ahead, limit: int) -> list[_State]:
    """Those that can end within the limit."""
    return [
        state for state in states if (least := ahead.least(state.saved)) is not None and state.cost[0] + least <= limit
    ]


def _undominated(states: list[_State]) -> list[_State]:
    """Those that no other equals or beats in what is saved, in what of it is beside the cache, and in what it costs."""
    best: list[_State] = []
    # What the best so far cost, by what they hold beside the cache: more is worth it only where it costs less.
    stairs: list[tuple[int, tuple[int, int]]] = []
    for state in sorted(states, key=lambda state: (state.saved, state.cost, state.beside_cache)):
        at = bisect_right(stairs, state.beside_cache, key=lambda stair: stair[0])
        if at and stairs[at - 1][1] <= state.cost:
            continue
        best.append(state)
        end = at
        while end < len(stairs) and stairs[end][1] >= state.cost:
            end += 1
        begin = at - 1 if at and stairs[at - 1][0] == state.beside_cache else at
        stairs[begin:end] = [(state.beside_cache, state.cost)]
    return best


def _keep_unit(
    unit: _Unit, position: int, holds: bool, states: list[_State], plans: list[dict[bool, list[_State]]], room: int
) -> None:
    """The next unit keeps what it needs."""
    forward, backward = unit.cached_before + unit.forward.of(holds), unit.backward.of(holds)
    more, after = _passed(unit, holds)
    for state in states:
        if state.beside_cache + forward <= room and state.saved + backward <= room:
            made = _State(state.saved + more, state.copies + unit.copies, state.cost, None, state)
            plans[position + 1][after].append(made)


def _passed(unit: _Unit, holds: bool) -> tuple[int, bool]:
    """What is saved more after a unit that keeps what it needs, and whether its output is held."""
    entry_saved = holds or unit.saves_entry
    if unit.entry == unit.exit:
        return unit.saved, entry_saved or unit.saves_exit
    return unit.saved + (unit.entry_bytes if entry_saved else 0), unit.saves_exit


def _checkpoint_from(
    chain: list[_Unit],
    position: int,
    holds: bool,
    states: list[_State],
    plans: list[dict[bool, list[_State]]],
    room: int,
    limit: int,
) -> None:
    """The next units, one or more, are checkpointed together: only the value that enters the first is saved."""
    least, cheapest = min(state.beside_cache for state in states), min(state.cost[0] for state in states)
    first = chain[position]
    for last, own, (macs, layers) in _groups(chain, position, holds):
        if least + max(own.forward, own.without_wait) > room or cheapest + macs > limit:
            return  # every longer group needs at least as much, and costs no less
        same = first.entry == chain[last].exit
        more = 0 if same else first.entry_bytes
        for state in states:
            if (
                state.saved + own.total <= room
                and state.beside_cache + own.forward <= room
                and (cost := state.cost[0] + macs) <= limit
            ):
                made = _State(state.saved + more, state.copies, (cost, state.cost[1] + layers), (position, last), state)
                plans[last + 1][same].append(made)


class _Own(Record):
    """A group's own peaks: of the first pass, with the cache before it, of the second and the backward pass, and the
    part of those that a longer group has too."""

    forward: int
    total: int
    without_wait: int


def _groups(chain: list[_Unit], first: int, holds: bool) -> Iterator[tuple[int, _Own, tuple[int, int]]]:
    """The groups that begin with a unit: their last unit, their own peak, and what they cost."""
    start = chain[first]
    forgetful = again = backward = macs = layers = saved = cache = beside = 0
    held = holds
    for last in range(first, len(chain)):
        unit = chain[last]
        if unit.segment.first < 0:
            return  # the loss is not computed twice
        # Forward: the entering value of the group is held for the second time, the others go as soon as they can.
        same = unit.entry == start.entry
        forgetful = max(forgetful, cache + unit.forgetful.of(same) + (0 if same else start.entry_bytes))
        # The second time it is as any stretch that keeps what it needs, with the gradient of its output waiting.
        again = max(again, saved + beside + unit.forward.of(held))
        backward = max(backward, saved + unit.backward.of(held))
        more, held = _passed(unit, held)
        saved += more
        cache += unit.cache
        beside += unit.cache - unit.copies
        macs += unit.macs
        layers += unit.layers
        if unit.trained:
            own = _Own(start.cached_before + forgetful, max(again + unit.gradient, backward), max(again, backward))
            yield last, own, (macs, layers)


class _Chain:
    """The network's units, from a training step that keeps everything and a forward pass that keeps nothing. The loss
    is a last unit, which is never checkpointed."""

    def __init__(self, interpretation: Interpretation, setup: Setup) -> None:
        whole = Segment(0, len(interpretation.network.nodes) - 1, "the network")
        # A layer that overwrites the network's input cannot in a stretch that begins there.
        self.interpretation = as_computed_twice(interpretation, [whole])
        self.segments = _put_together(repeatable(self.interpretation))
        self.everything = _Pass(self.interpretation, setup, ())
        self.nothing = _Pass(self.interpretation, setup, (whole,))

    def units(self, batch: int) -> list[_Unit]:
        """Every unit's figures for a batch."""
        output = self.interpretation.network.outputs["output"]
        everything, nothing = _PassBytes(self.everything, batch), _PassBytes(self.nothing, batch)
        values = self.everything.storages.gradients.values
        chain: list[_Unit] = []
        cached = 0
        for segment in self.segments:
            end = output if segment is self.segments[-1] else segment.last
            value = INPUT_INDEX if not chain else segment.first - 1
            own = everything.part(range(segment.first, segment.last + 1), value, end)
            forgetful = nothing.part(range(segment.first, segment.last + 1), value, end)
            cost = int(extra_macs(self.interpretation, (segment,))), segment.last - segment.first + 1
            chain.append(_unit(segment, own, forgetful, cached, trained=values[segment.last], cost=cost))
            cached += own.cache
        own = everything.part([LOSS], output, None)
        chain.append(_unit(Segment(LOSS, LOSS, ""), own, own, cached, trained=False, cost=(0, 0)))
        return chain

    def fits(self, batch: int, room: int) -> bool:
        """Whether there is a plan, whatever it costs."""
        return _search(self.without_costs(batch), room) is not None

    def without_costs(self, batch: int) -> list[_Unit]:
        """The units as if nothing cost anything: few plans are then worth keeping."""
        return [unit._replace(macs=0, layers=0) for unit in self.units(batch)]


def _put_together(segments: list[Segment]) -> list[Segment]:
    if len(segments) <= MOST_UNITS:
        return segments
    bounds = [len(segments) * part // MOST_UNITS for part in range(MOST_UNITS + 1)]
    return [Segment(segments[start].first, segments[end - 1].last, "") for start, end in pairwise(bounds)]


class _Part(Record):
    """What one pass says of one unit."""

    entry: int
    exit: int
    entry_bytes: int
    forward: _Peaks
    backward: _Peaks
    saved: int
    saves_entry: bool
    saves_exit: bool
    gradient: int
    cache: int
    copies: int


def _unit(
    segment: Segment, own: _Part, forgetful: _Part, cached: int, *, trained: bool, cost: tuple[int, int]
) -> _Unit:
    return _Unit(
        segment,
        own.entry,
        own.exit,
        own.entry_bytes,
        own.forward,
        forgetful.forward,
        own.backward,
        own.saved,
        own.saves_entry,
        own.saves_exit,
        own.gradient,
        own.cache,
        own.copies,
        cached,
        trained,
        *cost,
    )


class _Pass:
    """A training step: who uses which storage when."""

    def __init__(self, interpretation: Interpretation, setup: Setup, checkpoints: tuple[Segment, ...]) -> None:
        self.storages = Storages(interpretation, setup, checkpoints=checkpoints)
        #: The outputs of the first time, which a second time replaces.
        self.outputs = [self.storages.of_value(index) for index in range(len(interpretation.network.nodes))]
        #: What mixed precision's cache holds until the loss.
        self.cached = [copy for copies in self.storages.cached.values() for copy in copies.values()]
        made = steps.training(self.storages, accumulate=setup.accumulate)
        self.steps = list(made.steps)
        amounts = [storage.amount for storage in self.storages.all]
        stay = frozenset() if setup.accumulate else frozenset(made.parameter_gradients)
        self.life = Liveness(Lives(made.steps, len(amounts), self.storages.inputs), amounts, stay)
        self.forward: dict[int, list[int]] = {}
        self.backward: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            if step.phase != "recompute":
                phase = self.backward if step.phase == "backward" else self.forward
                phase.setdefault(step.node, []).append(number)
        #: The first step of the backward pass.
        self.turn = next((n for n, step in enumerate(self.steps) if step.phase == "backward"), len(self.steps))


class _PassBytes:
    """A training step of a batch: how many bytes are alive during each step, and what the units have of them."""

    def __init__(self, followed: _Pass, batch: int) -> None:
        self.outputs, self.cached, self.storages = followed.outputs, followed.cached, followed.storages
        self.steps, self.life, self.turn = followed.steps, followed.life, followed.turn
        self.forward, self.backward = followed.forward, followed.backward
        self.sizes = [storage.amount.at(batch) for storage in self.storages.all]
        self.live = [amount.at(batch) for amount in self.life.during]
        self._sum_up()

    def _sum_up(self) -> None:
        """Bytes born at each step, those of them that outlive the forward pass, and what the backward pass made."""
        count = len(self.steps)
        self.born = [0] * count
        self.saved_born = [0] * count
        change = [0] * (count + 1)
        for storage, size in enumerate(self.sizes):
            first, last = self.life.first[storage], self.life.last[storage]
            if first < 0:
                continue
            self.born[first] += size
            if first >= self.turn:
                change[first] += size
                change[last + 1] -= size
            elif last >= self.turn:
                self.saved_born[first] += size
        #: Bytes alive at each step that the backward pass has made.
        self.gradients = list(accumulate(change))
        #: The steps at which what the cache holds is born, and the bytes before each that go, and stay, after the loss.
        cached = sorted(self.cached, key=self.life.first.__getitem__)
        self.cached_from = [self.life.first[storage] for storage in cached]
        sizes = [self.sizes[storage] for storage in cached]
        stays = [size if self.life.last[each] >= self.turn else 0 for each, size in zip(cached, sizes, strict=True)]
        self.cached_sums = list(accumulate(sizes, initial=0))
        self.cached_stays = list(accumulate(stays, initial=0))

    def part(self, nodes: Iterable[int], value: int, end: int | None) -> _Part:
        """The figures of the unit of those nodes, which `value` enters and `end` leaves; nothing leaves the loss."""
        entry = self.storages.of_value(value) if is_input(value) else self.outputs[value]
        leaves = _NOTHING if end is None else self.storages.of_value(end) if is_input(end) else self.outputs[end]
        ahead = [number for node in nodes for number in self.forward.get(node, ())]
        back = sorted(number for node in nodes for number in self.backward.get(node, ()))
        uses = [number for number in (*ahead, *back) if entry in (*self.steps[number].reads, *self.steps[number].makes)]
        last_use = max(uses, default=-1)
        if entry == leaves:
            last_use = max(last_use, ahead[-1])
        entry_bytes = self.sizes[entry]
        before = self.live[ahead[0]] - self.born[ahead[0]] - self._present(entry, ahead[0])
        read_back = {storage for number in back for storage in self.steps[number].reads}
        saved = sum(self.saved_born[number] for number in range(ahead[0], ahead[-1] + 1))
        for storage in {entry, leaves} - {_NOTHING}:
            if ahead[0] <= self.life.first[storage] <= ahead[-1] and self.life.last[storage] >= self.turn:
                saved -= self.sizes[storage]
        begins, ends = bisect_left(self.cached_from, ahead[0]), bisect_right(self.cached_from, ahead[-1])
        # Of what is there before the unit, what the cache drops after the loss.
        dropped = self.cached_sums[begins] - self.cached_stays[begins]
        return _Part(
            entry,
            leaves,
            entry_bytes,
            self._peaks(ahead, entry, before, last_use),
            self._peaks(back, entry, before - dropped, last_use),
            saved,
            entry in read_back,
            leaves in read_back,
            self._waiting(back, ahead),
            self.cached_sums[ends] - self.cached_sums[begins],
            self.cached_stays[ends] - self.cached_stays[begins],
        )

    def _present(self, storage: int, step: int) -> int:
        """The bytes of a storage if it is there before a step."""
        return self.sizes[storage] if self.life.first[storage] < step <= self.life.last[storage] else 0

    def _peaks(self, numbers: list[int], entry: int, before: int, last_use: int) -> _Peaks:
        held = free = 0
        size = self.sizes[entry]
        for number in numbers:
            there = self.life.first[entry] <= number <= self.life.last[entry]
            own = self.live[number] - before - (size if there else 0)
            held = max(held, own + size)
            free = max(free, own + (size if number <= last_use else 0))
        return _Peaks(held, free)

    def _waiting(self, back: list[int], ahead: list[int]) -> int:
        """Bytes that the backward pass has made when it comes to a unit."""
        if not back:
            return 0
        return self.gradients[back[0]] - (self.born[back[0]] if back[0] >= self.turn else 0)
