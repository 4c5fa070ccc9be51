"""What may be called what: parameters and blocks have plain names, steps also paths as reports print them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator

from archcalc.diagnostics.diagnostic import Place
from archcalc.language.reading import Reading
from archcalc.language.source import Scalar, Value

#: What a step may be called: a name, or the path of a layer as reports print it.
_STEP_NAME = r"[A-Za-z_]\w*([./][\w.]+)*"

#: The same, and `*` for the numbers of all copies of a repeated step.
_COPIES = r"[A-Za-z_]\w*([./]([\w.]+|\*))*"
#: The longest name of a step.
MAX_NAME = 1000


class Known:
    """The names that expressions can use at a place: its own, and those of what is around it.

    `at_step` says that they stand at a step, where the volume is known too.
    """

    __slots__ = ("_outer", "_own", "at_step")

    def __init__(self, own: Iterable[str] = (), outer: Known | None = None, *, at_step: bool = False) -> None:
        self._own = dict.fromkeys(own)
        self._outer = outer
        self.at_step: bool = at_step or (outer is not None and outer.at_step)

    def add(self, name: str) -> None:
        """One more name."""
        self._own[name] = None

    def __contains__(self, name: object) -> bool:
        return name in self._own or (self._outer is not None and name in self._outer)

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        if self._outer is not None:
            yield from self._outer


def check_identifier(reading: Reading, name: str, place: Place, what: str) -> None:
    """A finding unless a parameter, a block or an index can be called so."""
    if not (name.isascii() and name.isidentifier()):
        message = f"`{name}` is not a name: {what} has letters, digits and `_`, and no digit first"
        reading.findings.add("bad-name", message, place)
    elif name in ("true", "false") or keyword.iskeyword(name):  # expressions have Python's grammar
        message = f"`{name}` cannot be a name: it is a reserved word in expressions"
        reading.findings.add("bad-name", message, place, help="reserved are `true`, `false` and Python's keywords")


def step_name(reading: Reading, value: Value, *, copies: bool = False) -> str:
    """What a step is called; a finding, and no name, if it cannot be called so. `copies` allows `wave.*`."""
    if isinstance(value, Scalar) and len(value.text) <= MAX_NAME:
        allowed = _COPIES if copies else _STEP_NAME
        if re.fullmatch(allowed, value.text, re.ASCII):
            return value.text
    shown = f"`{value.text[:80]}`" if isinstance(value, Scalar) else "this"
    message = f"{shown} is not a name: a step is called by letters, digits and `_`"
    reading.findings.add("bad-name", message, reading.place(value))
    return ""
