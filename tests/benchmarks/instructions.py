"""Counts the instructions of whole processes against bounds: where times drift with other work, counts do not.

    pip install . && python tests/benchmarks/instructions.py

A bound is a ratio to `python -c "import click, yaml"` on the same machine, so that it holds for other releases of
Python too. It is a little above what was last counted: whoever makes a command faster lowers it. Needs valgrind.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from grown import repeated

BASE = ("-c", "import click, yaml")
#: How many times the instructions of the base a command may take.
COMMANDS = {
    "report vgg16 --format json": 1.69,
    "report resnet50 --format json": 2.04,
    "report resnet152 --format json": 2.66,
    "report vgg16": 1.74,
}
#: The same for a thousand layers of a report, whatever it takes to begin with.
A_THOUSAND_LAYERS = 1.80
_FEW, _MANY = 500, 1_500


def main() -> int:
    """Print each count beside its bound; the exit code is 1 where one is exceeded."""
    base = instructions(*BASE)
    print(f"python -c '{BASE[1]}': {base / 1e6:,.0f} million instructions")
    counted = [(f"archcalc {name}", archcalc(name) / base, most) for name, most in COMMANDS.items()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grown.yaml"
        few, many = (_report_of(path, layers) for layers in (_FEW, _MANY))
    counted.append(("a thousand layers of a report", (many - few) / base * 1000 / (_MANY - _FEW), A_THOUSAND_LAYERS))
    for name, ratio, most in counted:
        print(f"{name}: {ratio:.2f} times as many, at most {most:.2f}{'' if ratio <= most else ': EXCEEDED'}")
    return int(any(ratio > most for _, ratio, most in counted))


def _report_of(path: Path, layers: int) -> int:
    path.write_text(repeated(layers), encoding="utf-8")
    return archcalc(f"report {path} --format json")


def archcalc(command: str) -> int:
    """The instructions of one command; the run before it leaves its byte code behind."""
    arguments = ("-P", "-m", "archcalc", *command.split())  # as installed, and not as it lies in this folder
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, *arguments], check=True, env=writing, stdout=subprocess.DEVNULL)
    return instructions(*arguments)


def instructions(*arguments: str) -> int:
    """The instructions that a run of Python takes, the order of its sets and maps fixed."""
    made = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}", sys.executable, *arguments],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    found = re.search(r"Collected : ([0-9]+)", made.stderr)
    if found is None:
        raise SystemExit(f"valgrind counted nothing:\n{made.stderr}")
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
