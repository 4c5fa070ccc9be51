"""What is wrong with a run: in this process, in many one after the other, and with as little spec as that takes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fuzz.cases import Case, drawn_case
from fuzz.spoilt import ROOT

from archcalc.cli import run
from archcalc.diagnostics.diagnostic import SpecError, UsageError

#: Seconds of a core that a run may take, and bytes.
SECONDS, MEMORY = 5, 10**9
#: Seconds after which a run that does not even answer a signal is ended.
PATIENCE = 60
#: A worker is replaced once it holds so much: what it has loaded is no run's fault.
HELD = 400 * 10**6


class Finding(NamedTuple):
    """What is wrong with a run: the kind and place, by which two are told to be one, and all that is known."""

    cause: str
    text: str


def outcome(case: Case, folder: Path) -> Finding | None:
    """What is wrong with a run in this process, in a copy of the catalogue."""
    os.chdir(folder / case.group)
    Path(case.name).write_bytes(case.content)
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    code: object = 0
    try:
        with contextlib.redirect_stdout(_Written()), contextlib.redirect_stderr(_Written()):
            code = _asked(case)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "archcalc" in frame.filename]
        at = f"{Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].name}" if frames else "?"
        cause = type(error).__name__ if isinstance(error, _Slow) else f"{type(error).__name__} in {at}"
        return Finding(cause, "".join(traceback.format_exception(error))[-3000:])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if code not in (0, 1, 2):
        return Finding(f"exit code {code}", "")
    if held() > MEMORY:
        return Finding("memory", f"{held():,} bytes")
    return None


class _Slow(BaseException):
    """A run takes too long."""


def _too_slow(*_: object) -> None:
    raise _Slow


class _Written(io.TextIOWrapper):
    """Takes what a command writes, text and bytes, and forgets it with the run."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)


def _asked(case: Case) -> object:
    if case.arguments[0] != "serve":
        return run(case.arguments)
    from archcalc.commands.serve.answer import Answers

    text = case.content.decode("utf-8", "replace")
    with contextlib.suppress(UsageError, SpecError):
        answers = Answers(None)
        for kind in ("report", "rest", "explain"):
            json.dumps(answers.answer(kind, {"base": "lenet5", "text": text, "settings": {}, "layers": [0, 1]}))
    return 0


def held() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _work(seeds: range, folder: Path, pipe: int) -> None:
    """Runs of some seeds: a line when one begins, and one for a finding."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY, 4 * MEMORY))
    with os.fdopen(pipe, "w", buffering=1) as tell:
        for seed in seeds:
            if held() > HELD:
                break
            tell.write(f"{seed}\n")
            if found := outcome(drawn_case(seed), folder):
                tell.write(json.dumps([seed, *found]) + "\n")
                break  # whatever it left behind goes with the process


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """A forked process ends behind it, however that goes."""
    status = 1
    try:
        yield
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def worked(seeds: range, folder: Path) -> Iterator[tuple[int, Finding | None]]:
    """Every seed and what was found of it, by one process after the other."""
    while seeds:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            os.close(reading)
            with ending():
                _work(seeds, folder, writing)
        os.close(writing)
        last, found = None, None
        with os.fdopen(reading) as lines:
            while True:
                ready, _, _ = select.select([lines], [], [], PATIENCE)
                line = lines.readline() if ready else ""
                if not line:
                    break
                if line.startswith("["):
                    _, *told = json.loads(line)
                    found = Finding(*told)
                    continue
                if last is not None:
                    yield last, None
                last = int(line)
        if not ready:
            os.killpg(child, signal.SIGKILL)
            found = Finding("does not end", "")
        _, status = os.waitpid(child, 0)
        if status and found is None:
            found = Finding(f"died with {os.waitstatus_to_exitcode(status)}", "")
        assert last is not None
        yield last, found
        seeds = range(last + seeds.step, seeds.stop, seeds.step)


def apart(case: Case, folder: Path) -> Finding | None:
    """What is wrong with a run in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        with ending(), os.fdopen(writing, "w") as tell:
            tell.write(json.dumps(outcome(case, folder)))
    os.close(writing)
    with os.fdopen(reading) as lines:
        ready, _, _ = select.select([lines], [], [], PATIENCE)
        told = lines.read() if ready else ""
    if not ready:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ready:
        return Finding("does not end", "")
    if not told:
        return Finding(f"died with {os.waitstatus_to_exitcode(status)}", "")
    return Finding(*json.loads(told)) if told != "null" else None


def smallest(case: Case, cause: str, folder: Path, tries: int = 300) -> Case:
    """The case with all taken out that its finding does not need."""
    i = 0
    smaller = _smaller(case)
    while tries and (candidate := next(smaller, None)) is not None:
        tries -= 1
        found = apart(candidate, folder)
        if found is not None and found.cause == cause:
            case, i = candidate, i + 1
            smaller = _smaller(case)
    return case


def _smaller(case: Case) -> Iterator[Case]:
    arguments = case.arguments
    for i in range(1, len(arguments)):
        if arguments[i].startswith("-"):
            yield case._replace(arguments=arguments[:i] + arguments[i + 2 :])
            yield case._replace(arguments=arguments[:i] + arguments[i + 1 :])
    if case.name != "fuzz.yaml":
        return
    lines = case.content.split(b"\n")
    for i, line in enumerate(lines):
        depth = len(line) - len(line.lstrip())
        end = i + 1
        while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > depth:
            end += 1
        yield case._replace(content=b"\n".join(lines[:i] + lines[end:]))
