"""What is said when something is wrong: a diagnostic is data, which other files of this folder write as text, for
GitHub, as JUnit, SARIF and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from archcalc.harmless import harmless
from archcalc.records import Record


class Source:
    """The text of one file, which turns an offset into a line and a column as an editor counts them.

    Where the text was made from a model file, `notes` are what its reader has to say of that, and `nodes` the file's
    names for what the steps were made of: one for each step, if the file has names.
    """

    __slots__ = ("_starts", "name", "nodes", "notes", "text")

    def __init__(self, name: str, text: str, notes: tuple[str, ...] = (), nodes: tuple[str, ...] = ()) -> None:
        self.name = name
        self.text = text
        self.notes = notes
        self.nodes = nodes
        self._starts: list[int] | None = None

    def _line_starts(self) -> list[int]:
        # Our own table: YAML ends lines at U+0085 and U+2028 too, where editors do not.
        if self._starts is None:
            self._starts = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", self.text))]
        return self._starts

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1."""
        from bisect import bisect_right

        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def offset_of_line(self, line: int) -> int:
        """Where a line (from 1) begins."""
        return self._line_starts()[line - 1]

    def line_text(self, line: int) -> str:
        """The text of a line (from 1), without its line break."""
        starts = self._line_starts()
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")


class Place(Record):
    """A stretch of a source: `start` and `end` are offsets in characters, `end` excluded.

    Without any character, at the beginning, it is the file as a whole.
    """

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.line_and_column(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.line_and_column(self.start)[1]

    @property
    def is_file(self) -> bool:
        """Whether it is the file as a whole."""
        return self.start == self.end == 0

    def __str__(self) -> str:
        if self.is_file:
            return self.source.name
        line, column = self.source.line_and_column(self.start)
        return f"{self.source.name}:{line}:{column}"


class Diagnostic(Record):
    """One finding: the rule that was broken, in words that stand on their own, and where."""

    rule: str
    message: str
    place: Place | None = None
    label: str = ""
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: str = "error"
    #: What a word of the message stands for: a list of findings says it once.
    definition: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that is said below the place, the help aside."""
        return (*self.notes, self.definition) if self.definition else self.notes

    def order(self) -> tuple[object, ...]:
        """Sort key: by file, then by place in it, then by what is said. Findings that compare equal look alike."""
        said = (self.message, self.rule, self.severity, self.label, self.remarks, self.help or "")
        if self.place is None:
            return ("", -1, -1, *said)
        return (self.place.source.name, self.place.start, self.place.end, *said)


class SpecError(Exception):
    """A spec that cannot be read, expanded or analysed; `diagnostics` holds every finding, sorted by place."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(sorted(dict.fromkeys(diagnostics), key=Diagnostic.order))
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from archcalc.diagnostics.text import render_all

        return render_all(self.diagnostics)


class LeftOut(UserWarning):
    """Figures leave out operations that are not known."""


class UsageError(Exception):
    """A request that cannot be run at all: an unknown catalogue name, a file that is not there."""


class MisconfiguredError(UsageError):
    """A request that cannot be run because of what a file says that configures it; `diagnostics` as of a SpecError."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = SpecError(diagnostics).diagnostics
        super().__init__(str(SpecError(self.diagnostics)))


class NoAnswer(UsageError):
    """A question that could be asked, and whose answer is no: nothing meets what is asked for."""


class PartialAnswer(Exception):
    """An answer that was `given` for some of what was asked for, or for none of it; `errors` say why not for the rest,
    by its names."""

    def __init__(self, errors: Mapping[str, SpecError | UsageError], *, given: bool) -> None:
        self.errors = dict(errors)
        self.given = given
        super().__init__(self.errors, given)


def fail(rule: str, message: str, place: Place | None = None, *, label: str = "", help: str | None = None) -> SpecError:
    """A SpecError with the one finding given."""
    return SpecError([Diagnostic(rule, message, place, label=label, help=help)])


#: As much of a message is shown as can be read.
_LONGEST = 600


def plain(text: str, longest: int = _LONGEST) -> str:
    """Text that can be shown as it is: without characters that steer a terminal, and of a bounded length."""
    if len(text) > longest:
        text = f"{text[: longest // 2]} … {text[-(longest // 2) :]}"
    return harmless(text)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a misspelling or the beginning of, in whatever case; None if none."""
    import difflib

    if len(word) > 60:
        return None
    word = word.lower()
    # A bounded number of them: a hostile file has a great many names.
    candidates = {candidate.lower(): candidate for candidate in sorted(islice(known, 1000))}
    longer = [candidate for candidate in sorted(candidates) if len(word) > 2 and candidate.startswith(word)]
    found = [min(longer, key=len)] if longer else difflib.get_close_matches(word, sorted(candidates), n=1, cutoff=0.6)
    return candidates[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A help text that suggests the known words that have it between underlines, if several have, or else the closest;
    None if there is none."""
    names = list(islice(known, 1000))
    likely = [
        f"`{name}`" for name in names if {word.lower(), word.lower().removesuffix("s")} & {*name.lower().split("_")}
    ]
    if len(likely) > 1 and word.lower() not in map(str.lower, names):
        shown = likely[:_MOST_LIKELY]
        return f"did you mean {', '.join(shown[:-1])} or {shown[-1]}?"
    found = closest(word, names)
    return f"did you mean `{found}`?" if found else f"did you mean {likely[0]}?" if likely else None


#: So many words are suggested at most.
_MOST_LIKELY = 5
