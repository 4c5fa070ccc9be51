"""What a spec may make the program work out, whatever it says: no small file takes long, or much memory."""

from __future__ import annotations

from typing import Any

#: How many values a list may have, lists within it included.
MAX_VALUES = 10_000
#: How deep lists may lie within each other.
MAX_LISTS = 64
#: How many values of lists all expressions of a network may read, one by one.
MAX_READ = 1_000_000
#: How many steps a network may take to write out.
MAX_STEPS = 300_000
#: How many characters the paths of all layers may have.
MAX_PATHS = 50_000_000

TOO_MANY_STEPS = f"the network takes more than {MAX_STEPS:,} steps to write out"


class Spent(Exception):
    """There is no more to spend: the message says of what."""


def size_of(value: Any) -> int:
    """How many values a list has, lists within it included (0 for anything else); Spent if there are too many."""
    if not isinstance(value, tuple):
        return 0
    count = 0
    level = [value]
    for _ in range(MAX_LISTS):
        inside = []
        for values in level:
            count += len(values)
            if count > MAX_VALUES:
                raise Spent(f"a list has at most {MAX_VALUES:,} values, those of lists within it included")
            inside += [each for each in values if isinstance(each, tuple)]
        if not inside:
            return count
        level = inside
    raise Spent(f"lists lie within each other up to {MAX_LISTS} levels deep")


class Budget:
    """What is left to be spent on one network."""

    __slots__ = ("_paths", "_read", "_steps")

    def __init__(self) -> None:
        self._steps = 0
        self._read = 0
        self._paths = 0

    def steps(self, count: int) -> None:
        """So many steps, or names of inputs, are written out; Spent if that is too many."""
        self._steps += count
        if self._steps > MAX_STEPS:
            raise Spent(TOO_MANY_STEPS)

    def read(self, value: Any) -> None:
        """The values of a list are read one by one; Spent if that is too many."""
        self._read += size_of(value)
        if self._read > MAX_READ:
            raise Spent(f"the expressions of the network read more than {MAX_READ:,} values of lists")

    def path(self, characters: int) -> None:
        """A layer has a path of that length; Spent if the paths of all become too long."""
        self._paths += characters
        if self._paths > MAX_PATHS:
            raise Spent(f"the paths of the layers have more than {MAX_PATHS:,} characters: names are too long")
