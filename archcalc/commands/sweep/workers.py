"""A sweep on several cores: processes that each compute one part after the other, handed on in order."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from archcalc.commands.sweep.choose import Piece
from archcalc.commands.sweep.parts import Parts
from archcalc.commands.sweep.run import Request, Sweep


def parts_in_order(sweep: Sweep, jobs: int, kept: Parts | None) -> Iterator[Piece]:
    """The parts of a sweep in order, computed by so many processes (in this one for 1).

    Where parts are `kept` on disk, those that are there already are read, and the others are written.
    """
    if jobs > 1:
        yield from _by_processes(sweep, jobs, kept)
        return
    for number in range(sweep.parts):
        if kept is not None and kept.has(number):
            yield kept.load(number)
            continue
        piece = sweep.part(number)
        if kept is not None:
            kept.save(number, piece)
        yield piece


def _by_processes(sweep: Sweep, jobs: int, kept: Parts | None) -> Iterator[Piece]:
    folder = None if kept is None else kept.folder
    # A process that is started anew has no thread of this one.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (sweep.request, folder))
    waiting: deque[tuple[int, Future[Piece | None] | None]] = deque()
    numbers = iter(range(sweep.parts))
    try:
        while True:
            # Parts that wait for their turn are held in memory: twice as many as there are processes are enough.
            for number in islice(numbers, 2 * jobs - len(waiting)):
                there = kept is not None and kept.has(number)
                waiting.append((number, None if there else pool.submit(_part, number)))
            if not waiting:
                return
            number, future = waiting.popleft()
            piece = None if future is None else future.result()
            if piece is None:
                assert kept is not None
                piece = kept.load(number)
            yield piece
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Work:
    """What a process works on."""

    sweep: Sweep
    kept: Parts | None = None


def _begin(request: Request, folder: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the process that is asked tells of an interrupt, and no other
    _Work.sweep = Sweep(request)
    _Work.kept = None if folder is None else Parts(folder)


def _part(number: int) -> Piece | None:
    """Compute a part: write it where parts are kept, or give it back."""
    piece = _Work.sweep.part(number)
    if _Work.kept is None:
        return piece
    _Work.kept.save(number, piece)
    return None
