"""Progress: soon on a terminal, seldom elsewhere, never for what is short."""

from __future__ import annotations

import io
from itertools import count

import pytest

from archcalc.cli import run
from archcalc.cli.progress import Progress


class Stream(io.StringIO):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "seconds", "lines"),
    [(False, [0.5, 2, 9], 0), (False, [2, 11, 12, 22], 2), (True, [0.5, 0.9], 0), (True, [0.5, 1.1, 1.2, 1.4], 2)],
)
def test_how_often_progress_is_told(
    terminal: bool, seconds: list[float], lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream()
    stream.terminal = terminal
    now = [0.0]
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress(100, "combinations")
    for done, second in enumerate(seconds, 1):
        now[0] = second
        progress(done)
    assert stream.getvalue().count("of 100 combinations") == lines
    assert ("\x1b" in stream.getvalue()) is (terminal and lines > 0)


@pytest.mark.parametrize("command", [["list"], ["compare", "lenet5", "alexnet", "vgg11"]], ids=" ".join)
def test_who_works_on_many_specs_tells_how_many_are_done(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    stream.terminal = True
    monkeypatch.setattr("sys.stderr", stream)
    clock = count(step=2)  # two seconds pass from one look to the next
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert run(command) == 0
    assert " specs (33%), " in stream.getvalue() or " specs (50%), " in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
