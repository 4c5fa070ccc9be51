"""What the user has to know of a file beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Takes a message to the user.
Say: TypeAlias = Callable[[str], None]


def nothing_said(_: str) -> None:
    """Takes messages that nobody reads."""
