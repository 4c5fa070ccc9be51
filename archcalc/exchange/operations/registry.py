"""Where the rules are found: `@operation` makes one known under the names of the operations it reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from archcalc.discovery import loaded_from

if TYPE_CHECKING:
    from archcalc.exchange.graph import Operation
    from archcalc.exchange.translate import Translation

Rule: TypeAlias = "Callable[[Translation, Operation], None]"

_Rule = TypeVar("_Rule", bound=Callable[..., None])

_known: dict[str, Rule] = {}


class Refusal(Exception):
    """An operation that cannot be read; the message says why."""


def operation(*names: str) -> Callable[[_Rule], _Rule]:
    """Make a rule known for operations of these names. ValueError if one of them has a rule already."""

    def register(rule: _Rule) -> _Rule:
        for name in names:
            if name in _known:
                raise ValueError(f"two rules read {name}")
            _known[name] = rule
        return rule

    return register


@cache
def rules() -> dict[str, Rule]:
    """Every rule by the name of its operation: all modules of this package are loaded, so a new file is found."""
    loaded_from("archcalc.exchange.operations")
    return _known
