"""The examples of the README: found, run, and (`python tests/readme.py`) written anew with what they print now.

A fenced block that begins with `# NAME.yaml` is a file. In a `console` block each line `$ archcalc ...` is run in a
folder that holds those files, and the lines below it are what it must print: standard output and standard error. A
line `...` stands for any number of lines. The layers' table stands between two comments and is made by `layers`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"(?<=<!-- layers: made by the tests -->\n).*?(?=<!-- end of layers -->)", re.DOTALL)


def files(text: str) -> dict[str, str]:
    """The files that the README shows, by name."""
    bodies = (body for _, body in _FENCE.findall(text))
    named = ((re.match(r"# ([\w/.-]+\.ya?ml)\n", body), body) for body in bodies)
    return {match.group(1): body for match, body in named if match}


def examples(text: str) -> Iterator[tuple[str, str]]:
    """Each command that the README types, and what it says is printed."""
    for language, body in _FENCE.findall(text):
        if language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                yield command, printed


def run(command: str, folder: Path) -> str:
    """What a command prints, in a folder that holds the README's files."""
    program, *arguments = shlex.split(command)
    if program == "archcalc":
        words = [sys.executable, "-m", "archcalc", *arguments]
    elif program == "python":
        words = [sys.executable, *arguments]
    else:
        raise AssertionError(f"the README types a command that is not archcalc's: {command}")
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    environment["PYTHONPATH"] = os.pathsep.join([str(README.parent), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


def lay_out(text: str, folder: Path) -> None:
    """Write the README's files into a folder."""
    for name, body in files(text).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body, encoding="utf-8")


def agrees(printed: str, expected: str) -> bool:
    """Whether the output is the one expected, in which a line `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in expected.splitlines()
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n") is not None


def layers_table(folder: Path) -> str:
    """The table of layers, as the program prints it in Markdown."""
    lines = run("archcalc layers --format markdown", folder).splitlines()
    return "\n".join(line for line in lines if line.startswith("|")) + "\n"


def update() -> None:
    """Write what the examples print now into the README, but for those that leave lines out."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(text, folder)
        for command, expected in examples(text):
            if not agrees(printed := run(command, folder), expected) or "..." not in expected.split():
                text = text.replace(f"$ {command}\n{expected}", f"$ {command}\n{printed}")
        text = _TABLE.sub(lambda _: layers_table(folder), text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
