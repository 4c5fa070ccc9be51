"""The kinds of argument that commands share: what each takes, and what a shell completes it with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from archcalc.cli import known

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: What can be named, given the command line so far and the beginning of the name.
Known: TypeAlias = Callable[[click.Context, str], Iterable[str]]


class Name(click.ParamType):  # type: ignore[type-arg]
    """One name, taken as it is."""

    name = "name"

    def __init__(self, names: Known) -> None:
        self._names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = dict.fromkeys(self._names(ctx, incomplete))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class SpecType(Name):
    """A catalogue name, a path or `-`, with settings after a colon."""

    name = "spec"

    def __init__(self) -> None:
        super().__init__(known.specs)


class ModelType(Name):
    """A model file, or a function that builds a model."""

    name = "model"

    def __init__(self) -> None:
        super().__init__(known.models)


class Names(Name):
    """Names separated by commas: the command receives a list, which is not empty."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        names = [name.strip() for name in str(value).split(",") if name.strip()]
        if not names:
            self.fail(f"it takes a list separated by commas, got `{value}`", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        front, comma, last = incomplete.rpartition(",")
        taken = [name.strip() for name in front.split(",")]
        found = super().shell_complete(ctx, param, last)
        return [CompletionItem(f"{front}{comma}{item.value}") for item in found if item.value not in taken]


class FileType(click.ParamType):  # type: ignore[type-arg]
    """A file to write; refused at once where it lies in no folder. (click.Path would look for a translation.)"""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Its path. UsageError if there can be no such file."""
        from pathlib import Path

        from archcalc.output.file import check_writable

        path = Path(os.fsdecode(value))
        check_writable(path)
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Any file."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class Whole(click.ParamType):  # type: ignore[type-arg]
    """A whole number between two others, both allowed; without `most` as large as it likes."""

    name = "integer"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. click.BadParameter if it is none, or too small or too large."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"`{value}` is not a whole number", param, ctx)
        if number < self._least or (self._most is not None and number > self._most):
            allowed = f"at least {self._least:,}" if self._most is None else f"{self._least:,} to {self._most:,}"
            self.fail(f"it must be {allowed}, got {number:,}", param, ctx)
        return number


class Choice(click.Choice[str]):
    """One of some words; a misspelling is told the word that it is closest to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word. click.BadParameter if it is none of them."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            from archcalc.diagnostics.diagnostic import did_you_mean

            hint = did_you_mean(str(value), self.choices)
            if hint is None:
                raise
            self.fail(f"there is no `{value}`: {hint}", param, error.ctx)
