"""Times archcalc against itself and against the counters that are installed, and prints tables of ratios.

    pip install . -r tests/benchmarks/requirements.txt
    python tests/benchmarks/run.py            all of it, a few minutes
    python tests/benchmarks/run.py startup    one part: startup, analysis, reports, counters, sweep or scale

Every time is the best of several runs, since other work on the machine can only make a run longer, or a median where
it says so. Ratios are what to read; times are of the machine named at the top. `instructions.py` beside this file
counts instructions, which other work does not change.
"""

from __future__ import annotations

import gc
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from counters import COUNTERS
from grown import repeated

NETWORKS = ("vgg16", "resnet50", "resnet152")
HERE = Path(__file__).resolve().parent


def main(parts: Sequence[str]) -> None:
    known = {
        "startup": startup,
        "analysis": analysis,
        "reports": reports,
        "counters": counters,
        "sweep": sweep,
        "scale": scale,
    }
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


def megabytes(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.1f} ms"


#: Commands, and how much longer than `import click, yaml` they may take: what is aimed at, and what is promised.
COMMANDS = {
    "report vgg16 --format json": (1.6, 1.8),
    "report resnet50 --format json": (1.8, 2.0),
    "report resnet152 --format json": (2.0, 2.2),
    "report vgg16": (2.5, 2.5),
}


def startup() -> None:
    """Whole processes of archcalc, each beside one that only imports what it needs."""
    base = process("-c", "import click, yaml")
    rows = []
    for command, (goal, floor) in COMMANDS.items():
        took, ratio = paired(process("-P", "-m", "archcalc", *command.split()), base, 15)
        rows.append([f"archcalc {command}", milliseconds(took), f"{ratio:.2f}", f"{goal:.1f}", f"{floor:.1f}"])
    title = "Start-up: processor time of whole processes, and its ratio to `python -c 'import click, yaml'`, medians"
    table(title, ("command", "time", "ratio", "goal", "at most"), rows)
    checking = busy(process("-P", "-m", "archcalc", "check", "--catalogue"))
    print(f"archcalc check --catalogue: {checking:.2f} s of processor time (at most 0.6 s)\n")


def busy(action: Callable[[], object]) -> float:
    """The processor time of what an action runs in processes of their own, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def paired(action: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float]:
    """The median processor time of an action's processes, and its median ratio to another's, in turn: the speed of a
    machine that others use drifts, and both drift with it."""
    action(), other()
    times = [(busy(action), busy(other)) for _ in range(runs)]
    return statistics.median(mine for mine, _ in times), statistics.median(mine / its for mine, its in times)


def analysis() -> None:
    """One analysis in a process that is warm: ResNet-50 read, expanded, and every layer's rule run."""
    import archcalc
    from archcalc.quantities.registry import figure

    def asked(*names: str) -> Callable[[], object]:
        def run() -> None:
            analysed = archcalc.load("resnet50").analyse()
            for name in names:
                assert figure(analysed, name) > 0

        return run

    rows = []
    for what, names, most in (
        ("parameters and MACs", ("params", "macs"), 2),
        ("and saved bytes", ("params", "macs", "saved_bytes"), 4),
        ("and peaks", ("params", "macs", "saved_bytes", "training_peak_bytes", "inference_peak_bytes"), 8),
    ):
        took = best(asked(*names), 25, time.process_time)
        rows.append([what, milliseconds(took), f"{most} ms"])
    table("One analysis of ResNet-50 in a process: processor time", ("what", "time", "at most"), rows)


def reports() -> None:
    """Whole reports of long networks: time and memory for each layer."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grown.yaml"
        small = _report_of(path, 10)
        for count in (1_000, 20_000, 100_000):
            seconds, memory = (big - little for big, little in zip(_report_of(path, count), small, strict=True))
            rows.append(
                [f"{count:,}", f"{1e6 * seconds / count:.0f} us", "60 us", f"{memory / count:,.0f} B", "3,000 B"]
            )
    title = "Reports as JSON: processor time and peak memory for each layer, beyond those of ten layers"
    table(title, ("layers", "time a layer", "at most", "memory a layer", "at most"), rows)


def _report_of(path: Path, layers: int) -> tuple[float, float]:
    """Seconds of processor time and bytes at the peak of a report as JSON, in a process of its own."""
    path.write_text(repeated(layers), encoding="utf-8")
    command = (
        "import resource, sys; from archcalc.__main__ import main\n"
        "try: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = subprocess.run(
        [sys.executable, "-c", command, "report", str(path), "--format", "json"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1024.0 * int(made.stderr)


def counters() -> None:
    """archcalc against the other counters, whole processes and calls in one process."""
    for title, measured, written in (
        ("Whole processes, imports included", _whole, milliseconds),
        ("Calls in one process", _inside, milliseconds),
        ("Largest resident memory of whole processes", _resident, megabytes),
    ):
        rows = []
        for network in NETWORKS:
            found = {name: measured(name, network) for name in COUNTERS}
            own = found["archcalc"]
            assert isinstance(own, float), own
            shown = [
                each if isinstance(each, str) else f"{written(each)} ({each / own:,.1f}x)"
                for name, each in found.items()
                if name != "archcalc"
            ]
            rows.append([network, written(own), *shown])
        table(title, ("network", *COUNTERS), rows)


def _whole(counter: str, network: str) -> float | str:
    try:
        return best(process(str(HERE / "counters.py"), counter, network), 2)
    except subprocess.CalledProcessError:
        return "not available"


#: Runs a script as a program, and says at its end how much memory it had: what the kernel tells of a child whose parent
#: is larger is the parent's.
_MEASURED = """
import re, runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print("VmHWM:", re.search("VmHWM:[ \\t]*([0-9]+)", open("/proc/self/status").read())[1], file=sys.stderr)
"""


def _resident(counter: str, network: str) -> float | str:
    """Bytes; on Linux alone."""
    command = [sys.executable, "-c", _MEASURED, str(HERE / "counters.py"), counter, network]
    made = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = re.search("VmHWM: ([0-9]+)", made.stderr)
    return float(found[1]) * 1024 if made.returncode == 0 and found else "not available"


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
    _other_sweeps()


def _other_sweeps() -> None:
    """What varies the structure, or follows the order of steps: processor time of one sweep."""
    import archcalc
    from archcalc.guide import pages

    operations = ("zero", "identity", "conv1x1", "conv3x3", "pool3x3")
    page = pages()["howto/search-a-space"].text
    spec = page[page.index("# mobile.yaml") :].partition("```")[0]
    choices = {
        "depths[*]": (2, 3, 4),
        "kernels[*]": (3, 5, 7),
        "expansions[*]": (3, 4, 6),
        "image": range(160, 225, 16),
    }
    sizes = {"width": range(16, 116), "image": range(64, 264, 4)}
    peaks = ("training_peak_bytes", "inference_peak_bytes")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        mobile = Path(folder) / "mobile.yaml"
        mobile.write_text(spec, encoding="utf-8")
        for what, network, over, quantities, sample, most in (
            ("all cells of NAS-Bench-201", "nas_bench_201", {"edges[*]": operations}, ("params", "macs"), None, "5 s"),
            ("MobileNet-like, 46 choices", mobile, choices, ("params", "macs"), 10**6, "60 s"),
            ("Llama 2 by depth", "llama2_7b", {"layers": range(1, 1001)}, ("params", "macs"), None, ""),
            ("peaks of ResNet-50", "resnet50", sizes, peaks, None, ""),
            ("depth of cells, one by one", "nas_bench_201", {"edges[*]": operations}, ("depth",), 200, ""),
        ):
            start = time.process_time()
            count = archcalc.sweep(network, over, quantities, sample=sample).count
            took = time.process_time() - start
            rows.append([what, f"{count:,}", f"{took:,.2f} s", f"{1e6 * took / count:,.1f} us", most])
    title = "Sweeps over structure, and over what follows the order of steps: processor time"
    table(title, ("what", "variants", "time", "a variant", "at most"), rows)


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
    branch = "      {}:\n        - conv: {{out: 8, kernel: 1}}\n"
    made = []
    for count in (10, 1_000, 100_000):
        made.append(("deep, by repeat", repeated(count), count))
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
