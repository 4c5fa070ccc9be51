"""Where a reader's rules are found: a decorator that makes one known under the names of the operations it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from archcalc.discovery import loaded_from

_Rule = TypeVar("_Rule", bound=Callable[..., Any])


class Registry:
    """The rules in the modules of a package, each a file per family, so that a new file is found by itself."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._known: dict[str, Callable[..., Any]] = {}

    def __call__(self, *names: str) -> Callable[[_Rule], _Rule]:
        """Make a rule known for operations of these names. ValueError if one of them has a rule already."""

        def register(rule: _Rule) -> _Rule:
            for name in names:
                if name in self._known:
                    raise ValueError(f"two rules read {name}")
                self._known[name] = rule
            return rule

        return register

    def rules(self) -> dict[str, Callable[..., Any]]:
        """Every rule by the name of its operation; all modules of the package are loaded."""
        loaded_from(self._package)
        return self._known
