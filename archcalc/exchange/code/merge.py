"""Calls of one block that differ in whether a layer is there: one structure for both, with the layer as a choice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from archcalc.exchange.code.parts import Member, Part, Structures, what
from archcalc.records import Record


class Fill(Record):
    """How a structure becomes a larger one: its key, its members, and for each of them the member that it is in the
    smaller one (None for one that is not there)."""

    key: int
    members: tuple[Member, ...]
    places: tuple[int | None, ...]

    def filled(self, members: tuple[Member, ...]) -> tuple[Member, ...]:
        """The members of the smaller structure as those of the larger."""
        return tuple(
            model._replace(inputs=(), outputs=(), calls=(), absent=True)
            if place is None
            else members[place]._replace(name=model.name, branch=model.branch)
            for model, place in zip(self.members, self.places, strict=True)
        )


def merge(structures: Structures, parts: Iterator[Part]) -> bool:
    """Note how structures of one block become larger ones; whether there are any that were not noted before."""
    variants: dict[object, dict[int, Part]] = {}
    for part in parts:
        if part.scope.step is not None and not any(member.absent for member in part.members):
            variants.setdefault(part.scope.step.callee, {}).setdefault(part.key, part)
    more = False
    for known in variants.values():
        for large, small in permutations(known.values(), 2):
            if small.key not in structures.fills and large.key not in structures.fills:
                places = _places(large, small)
                if places is not None:
                    structures.fills[small.key] = Fill(large.key, large.members, places)
                    more = True
    return more


def _places(large: Part, small: Part) -> tuple[int | None, ...] | None:
    """Where each member of a structure is in a smaller one, in which values pass by those that are not there; None if
    that does not make it the same."""
    if len(large.members) <= len(small.members) or large.names != small.names or large.ties or small.ties:
        return None
    if len(large.inputs) != len(small.inputs):
        return None
    values = dict(zip(large.inputs, small.inputs, strict=True))
    places: list[int | None] = []
    number = 0
    for member in large.members:
        other = small.members[number] if number < len(small.members) else None
        inputs = tuple(values[value] for value in member.inputs)
        if other is not None and _alike(member, other) and inputs == other.inputs:
            if len(member.outputs) != len(other.outputs):
                return None
            values.update(zip(member.outputs, other.outputs, strict=True))
            places.append(number)
            number += 1
        elif len(inputs) == len(member.outputs) == 1 and not member.again:
            values[member.outputs[0]] = inputs[0]
            places.append(None)
        else:
            return None
    if number < len(small.members) or tuple(values[value] for value in large.outputs) != small.outputs:
        return None
    return tuple(places)


def _alike(one: Member, other: Member) -> bool:
    return (one.step, one.base, one.branch, what(one)) == (other.step, other.base, other.branch, what(other))
