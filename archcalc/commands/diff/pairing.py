"""Which layer of one network is which of another: by their paths, and where those say nothing by structure.

A path is what people mean by "the same layer". A model and a spec of it have other paths, though, and there the graph
tells: layers are the same if all that leads to them is, or all that follows from them, or what stands around them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, TypeAlias

from archcalc.language.network import is_input
from archcalc.records import Record

#: A layer of the old network, and that of the new one which it is, by their numbers.
Pairs: TypeAlias = dict[int, int]


class Structure(Record):
    """A network as pairing sees it; every list has an entry for each layer.

    `inputs` are the layers that each reads: inputs of the network are negative, the same number in both networks.
    """

    paths: Sequence[Hashable]
    #: The name of the layer in the language.
    kinds: Sequence[str]
    #: All that a layer says of itself: kind, attributes, whether it shares weights and is trained.
    labels: Sequence[Hashable]
    inputs: Sequence[tuple[int, ...]]
    #: Whether the order of its inputs means nothing.
    commutes: Sequence[bool]


def paired(old: Structure, new: Structure) -> Pairs:
    """The layers that are the same in both networks.

    By path first, the rest by structure; or all by structure, where paths that happen to be equal leave more layers
    different. Networks of which structure pairs less than half are unlike, and only their paths say anything.
    """
    numbers = {path: number for number, path in enumerate(new.paths)}
    named = {number: numbers[path] for number, path in enumerate(old.paths) if path in numbers}
    if len(named) == len(old.paths) == len(new.paths):
        return named
    found = [_completed(old, new, named), _completed(old, new, {})]
    alike = [pairs for pairs in found if 2 * len(pairs) >= max(len(old.paths), len(new.paths))]
    return max([*alike, named] if alike else [named], key=lambda pairs: _equal(old, new, pairs))


def sources(network: Structure, layer: int, partner: Pairs | None = None) -> tuple[int | None, ...]:
    """What a layer reads, as layers of the other network where `partner` says which they are: None for one that has no
    partner. Sorted where the order means nothing."""
    found = [i if is_input(i) or partner is None else partner.get(i) for i in network.inputs[layer]]
    return tuple(sorted(found, key=_order) if network.commutes[layer] else found)


def _order(number: int | None) -> tuple[bool, int]:
    return number is None, number or 0


def _equal(old: Structure, new: Structure, pairs: Pairs) -> int:
    """How many layers are the same in all that they say and read."""
    return sum(
        old.labels[before] == new.labels[after] and sources(old, before, pairs) == sources(new, after)
        for before, after in pairs.items()
    )


def _completed(old: Structure, new: Structure, known: Pairs) -> Pairs:
    """The pairs that are known, and those that structure adds, from what is most certain on."""
    pairs = dict(known)
    identities: dict[Hashable, int] = {}
    above = [_above(network, identities) for network in (old, new)]
    below = [_below(network, identities) for network in (old, new)]
    both = [list(zip(*each, strict=True)) for each in zip(above, below, strict=True)]
    certain: list[list[Sequence[Hashable]]] = [[*both], [*above], [*below]]
    for before, after in certain:
        _add_equal(pairs, before, after)
    for before, after in ((old.labels, new.labels), (old.kinds, new.kinds)):
        _add_in_order(pairs, before, after)
    return pairs


def _above(network: Structure, identities: dict[Hashable, int]) -> list[int]:
    """A number for each layer, the same for layers that are the same and before which all is the same."""
    found: list[int] = []
    for layer, label in enumerate(network.labels):
        read = [i if is_input(i) else found[i] for i in network.inputs[layer]]
        read = sorted(read) if network.commutes[layer] else read
        found.append(identities.setdefault(("above", label, *read), len(identities)))
    return found


def _below(network: Structure, identities: dict[Hashable, int]) -> list[int]:
    """A number for each layer, the same for layers that are the same and after which all is the same."""
    readers: list[list[tuple[int, int]]] = [[] for _ in network.labels]
    found = [0] * len(network.labels)
    for layer in reversed(range(len(network.labels))):
        key = ("below", network.labels[layer], *sorted(readers[layer]))
        found[layer] = identities.setdefault(key, len(identities))
        for place, i in enumerate(network.inputs[layer]):
            if not is_input(i):
                readers[i].append((found[layer], 0 if network.commutes[layer] else place))
    return found


def _add_equal(pairs: Pairs, old: Sequence[Hashable], new: Sequence[Hashable]) -> None:
    """Pair the layers of the same identity that have no partner yet, in order."""
    taken = set(pairs.values())
    free = defaultdict(list)
    for number in reversed(range(len(new))):
        if number not in taken:
            free[new[number]].append(number)
    for number, identity in enumerate(old):
        if number not in pairs and free[identity]:
            pairs[number] = free[identity].pop()


def _add_in_order(pairs: Pairs, old: Sequence[Hashable], new: Sequence[Hashable]) -> None:
    """Pair the layers that have no partner yet and say the same, between those that have one."""
    names: dict[int, Hashable] = {after: ("pair", before) for before, after in pairs.items()}
    before = [("pair", number) if number in pairs else ("free", each) for number, each in enumerate(old)]
    after = [names.get(number, ("free", each)) for number, each in enumerate(new)]
    for mine, theirs in _common(before, after):
        pairs.setdefault(mine, theirs)


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """The longest sequence that both have, as numbers in each, from its end on.

    Source: Hunt & Szymanski 1977, "A fast algorithm for computing longest common subsequences".
    """
    places: dict[Hashable, list[int]] = defaultdict(list)
    for number in reversed(range(len(new))):
        places[new[number]].append(number)
    ends: list[int] = []
    chains: list[Any] = []
    for mine, item in enumerate(old):
        for theirs in places.get(item, ()):
            length = bisect_left(ends, theirs)
            ends[length : length + 1] = [theirs]
            chains[length : length + 1] = [(mine, theirs, chains[length - 1] if length else None)]
    chain: Any = chains[-1] if chains else None
    while chain is not None:
        yield chain[0], chain[1]
        chain = chain[2]
