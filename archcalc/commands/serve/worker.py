"""A process that answers, so that no draft holds up the page: what takes too long is ended with it."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import UsageError

#: An answer takes no longer, in seconds.
LONGEST = 10.0


class Worker:
    """Takes one request after the other to a process of its own, which is begun anew after one that took too long."""

    def __init__(self, opened: Path | None, longest: float = LONGEST) -> None:
        self._opened = opened
        self.longest = longest
        self._lock = threading.Lock()
        self._start()

    def ask(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request. UsageError for one that has none, or none in time."""
        with self._lock:
            try:
                self._ours.send((kind, data))
                if not self._ours.poll(self.longest):
                    self._restart()
                    raise UsageError(f"stopped after {self.longest:g} s: the network is too large for this page")
                answer, refused = self._ours.recv()
            except (EOFError, OSError):  # it died, of too little memory maybe
                self._restart()
                raise UsageError("archcalc stopped while it worked on this") from None
        if refused is not None:
            raise UsageError(refused)
        made: dict[str, Any] = answer
        return made

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a copy of a process with threads may hang
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._opened), daemon=True)
        with _interrupts_held():
            self._process.start()
        theirs.close()

    def _restart(self) -> None:
        self.close()
        self._start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C, which a terminal sends to all processes, is for this one: one that begins meanwhile has it blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, opened: Path | None) -> None:
    """Answer until nobody asks any more."""
    from archcalc.commands.serve.answer import Answers

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held
    gc.set_threshold(100_000)
    answers = Answers(opened)
    while True:
        try:
            kind, data = connection.recv()
        except EOFError:
            return
        try:
            connection.send((answers.answer(kind, data), None))
        except UsageError as error:
            connection.send((None, str(error)))
        except Exception as error:  # a defect of archcalc: the page says so, and goes on
            connection.send((None, f"archcalc failed: {type(error).__name__}: {error}"))
