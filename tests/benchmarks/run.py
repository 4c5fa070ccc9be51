"""Times archcalc against itself and against the counters that are installed, and prints tables of ratios.

    pip install . -r tests/benchmarks/requirements.txt
    python tests/benchmarks/run.py            all of it, a few minutes
    python tests/benchmarks/run.py startup    one part: startup, counters, sweep or scale

Every time is the best of several runs, since other work on the machine can only make a run longer. Ratios are what
to read; times are of the machine named at the top.
"""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from counters import COUNTERS

NETWORKS = ("vgg16", "resnet50", "resnet152")
HERE = Path(__file__).resolve().parent


def main(parts: Sequence[str]) -> None:
    known = {"startup": startup, "counters": counters, "sweep": sweep, "scale": scale}
    print(f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}\n")
    for part in parts or known:
        known[part]()


def best(action: Callable[[], object], runs: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of several runs, in seconds of a clock."""
    shortest = float("inf")
    for _ in range(runs):
        gc.collect()
        start = clock()
        action()
        shortest = min(shortest, clock() - start)
    return shortest


def process(*arguments: str) -> Callable[[], object]:
    """A run of Python in a process of its own, bytecode cached as in an installation."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run() -> None:
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return run


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table, its columns aligned."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    print(f"{title}\n")
    for row in lines:
        print(f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |")
    print(flush=True)


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


def startup() -> None:
    """Whole processes of archcalc against one that only imports what it needs."""
    base = best(process("-c", "import click, yaml"), 10)
    rows = [["python -c 'import click, yaml'", milliseconds(base), "1.0", ""]]
    for command, target in (("report vgg16 --format json", 2.5), ("report vgg16", 4.0)):
        took = best(process("-m", "archcalc", *command.split()), 10)
        rows.append([f"archcalc {command}", milliseconds(took), f"{took / base:.1f}", f"{target:.1f}"])
    table("Start-up, whole processes", ("command", "time", "ratio", "at most"), rows)


def counters() -> None:
    """archcalc against the other counters, whole processes and calls in one process."""
    for title, timed in (("Whole processes, imports included", _whole), ("Calls in one process", _inside)):
        rows = []
        for network in NETWORKS:
            times = {name: timed(name, network) for name in COUNTERS}
            own = times["archcalc"]
            assert isinstance(own, float), own
            shown = [
                took if isinstance(took, str) else f"{milliseconds(took)} ({took / own:,.1f}x)"
                for name, took in times.items()
                if name != "archcalc"
            ]
            rows.append([network, milliseconds(own), *shown])
        table(title, ("network", *COUNTERS), rows)


def _whole(counter: str, network: str) -> float | str:
    try:
        return best(process(str(HERE / "counters.py"), counter, network), 2)
    except subprocess.CalledProcessError:
        return "not available"


def _inside(counter: str, network: str) -> float | str:
    count = COUNTERS[counter]
    try:
        count(network)  # what is imported and cached on the first call is not measured
        return best(lambda: count(network), 3)
    except (ImportError, LookupError):
        return "not available"
    except Exception as error:
        return f"fails ({type(error).__name__})"


def sweep() -> None:
    """A million ResNet-50s against one."""
    import archcalc

    def million() -> None:
        quantities = ["params", "macs", "saved_bytes"]
        columns = archcalc.sweep("resnet50", {"width": range(1, 1001), "image": range(1, 1001)}, quantities)
        assert len(columns["macs"]) == 1_000_000

    def one() -> None:
        COUNTERS["archcalc"]("resnet50")

    # Time on the clock, and the processor's own, which other work on the machine does not lengthen.
    clock = (best(one, 5), best(million, 3))
    busy = (best(one, 5, time.process_time), best(million, 2, time.process_time))
    rows = [
        ["one analysis", milliseconds(clock[0]), milliseconds(busy[0]), milliseconds(busy[0])],
        ["1,000,000 variants", milliseconds(clock[1]), milliseconds(busy[1]), f"{busy[1]:.2f} us"],
        [
            "10^9, by extension",
            f"{clock[1] * 1000 / 60:,.0f} min",
            f"{busy[1] * 1000 / 60:,.0f} min",
            f"{busy[1]:.2f} us",
        ],
    ]
    title = "A sweep of ResNet-50 over width and image: parameters, MACs and bytes saved for backward"
    table(title, ("what", "time", "processor time", "of it a variant"), rows)
    print(f"A variant takes {busy[0] / busy[1] * 1e6:,.0f} times less than an analysis of its own.\n")


def scale() -> None:
    """Time and memory for each layer as networks grow: wide, deep, written out, repeated, and with branches."""
    import archcalc
    from archcalc.memory.setup import Setup
    from archcalc.memory.storages import Storages, saved_memory
    from archcalc.quantities.registry import figure

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text, layers in _grown():
            path = Path(folder) / "grown.yaml"
            path.write_text(text, encoding="utf-8")

            def analysed(path: Path = path) -> object:
                analysis = archcalc.load(path).analyse()
                assert figure(analysis, "params") > 0
                return saved_memory(Storages(analysis.interpretation, Setup())), analysis

            took = best(analysed, 2)
            tracemalloc.start()
            held = analysed()
            memory = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            del held
            rows.append(
                [name, f"{layers:,}", milliseconds(took), f"{1e6 * took / layers:.1f} us", f"{memory // layers} B"]
            )
    title = "Growing networks: read, expanded, analysed, and what is saved for backward"
    table(title, ("network", "layers", "time", "a layer", "memory a layer"), rows)


def _grown() -> list[tuple[str, str, int]]:
    """Specs with their numbers of layers."""
    pair = "  - conv: {out: 8, kernel: 3, padding: 1}\n  - relu\n"
    block = "blocks:\n  pair():\n" + pair.replace("  -", "    -")
    branch = "      {}:\n        - conv: {{out: 8, kernel: 1}}\n"
    made = []
    for count in (10, 1_000, 100_000):
        made.append(
            ("deep, by repeat", f"input: [8, 16, 16]\n{block}layers:\n  - pair:\n    repeat: {count // 2}\n", count)
        )
        made.append(("deep, written out", f"input: [8, 16, 16]\nlayers:\n{pair * (count // 2)}", count))
        wide = "".join(branch.format(f"b{i}") for i in range(count - 1))
        made.append(("wide, one join", f"input: [8, 16, 16]\nlayers:\n  - concat:\n{wide}", count))
    for count in (50, 500):
        # A densely connected block: every layer reads all before it, by concatenation.
        dense = "blocks:\n  dense():\n    - concat:\n        old: []\n        new:\n"
        dense += "          - batch_norm\n          - relu\n"
        dense += "          - conv: {out: 12, kernel: 3, padding: 1}\n"
        text = f"input: [16, 32, 32]\n{dense}layers:\n  - dense:\n    repeat: {count}\n"
        made.append((f"DenseNet with {count} dense layers", text, 4 * count))
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
