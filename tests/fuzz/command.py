"""Runs commands on spoilt specs with random options, and prints every run that ends in a traceback, takes more than
5 seconds of a core, or more than a gigabyte.

    python tests/fuzz --runs 10000               seeds 0 to 9,999
    python tests/fuzz --first 10000 --jobs 2     goes on from there, on two cores
    python tests/fuzz --first 4711 --runs 1      one run again, its spec made as small as it stays bad

A run is drawn from its number alone: a spec of the catalogue, or a random network of `tests/oracle`, is changed in one
to five places, as a tree and as a text; a command is drawn with its options, most values sensible and some hostile.
Exit code 1 if there is any finding.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path

from fuzz.cases import drawn_case
from fuzz.runs import Finding, apart, ending, smallest, worked
from fuzz.spoilt import ROOT


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--runs", type=int, default=1000, help="how many")
    parser.add_argument("--jobs", type=int, default=1, help="on how many cores")
    given = parser.parse_args()
    os.environ.update(ARCHCALC_TRACEBACK="1", COLUMNS="120", OPENBLAS_NUM_THREADS="1", GITHUB_STEP_SUMMARY="")
    children = []
    for job in range(given.jobs):
        child = os.fork()
        if child == 0:
            with ending():
                if _told(range(given.first + job, given.first + given.runs, given.jobs)):
                    os._exit(1)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(1 if any(statuses) else 0)


def _told(seeds: range) -> int:
    """How many findings there are among the seeds; each cause is shown once, with its smallest spec."""
    known: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "architectures"
        shutil.copytree(ROOT / "architectures", folder)
        for number, (seed, found) in enumerate(worked(seeds, folder), 1):
            if found is not None:
                known[found.cause] = known.get(found.cause, 0) + 1
                if known[found.cause] == 1 or found.cause == "_Slow":
                    _show(seed, found, folder)
            if number % 1000 == 0:
                print(f"{number:,} runs up to {seed}, findings: {known or 'none'}", flush=True)
    print(f"{len(seeds):,} runs, findings: {known or 'none'}", flush=True)
    return len(known)


def _show(seed: int, found: Finding, folder: Path) -> None:
    again = apart(drawn_case(seed), folder)
    if again is None:
        print(f"\n## run {seed}: {found.cause}, but not in a process of its own\n{found.text}", flush=True)
        return
    case = smallest(drawn_case(seed), again.cause, folder)
    content = case.content.decode("utf-8", "backslashreplace")
    if case.name != "fuzz.yaml":
        content = base64.b64encode(case.content[:3000]).decode()
    print(f"\n## run {seed}: {again.cause}\n{again.text}\narchcalc {case.arguments}\n{content}", flush=True)
