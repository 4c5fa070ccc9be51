"""The examples of the documentation: found, run, and (`python tests/readme.py`) written anew with what they print now.

The pages are README.md and those in archcalc/guide. A fenced block that begins with `# NAME.yaml` is a file, and so
with the other endings of text. In a
`console` block each line `$ archcalc ...` is run in a folder that holds the files of its page, in a terminal of 80
columns, and the lines below it are what it must print: standard output and standard error. A line `...` stands for
any number of lines. Between two comments stands what is generated from the code: see `reference.py`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import reference

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
#: The pictures of README and guide, each with the command that draws it.
PICTURES = {
    ROOT / "archcalc" / "guide" / "pictures" / f"{name}.svg": f"archcalc {command} --format svg"
    for name, command in {
        "resnet50": "report resnet50",
        "unet": "report unet",
        "compare": "compare --all --axes macs,top5_error,params",
        "memory": "memory resnet50 --batch 32 --checkpoint stage1",
    }.items()
}
WIDTH = 80
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w/.-]+\.(?:ya?ml|toml|cfg|prototxt))\n")
_GENERATED = re.compile(r"(?<=<!-- generated: )([\w-]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """README.md and every page of the guide."""
    return [README, *sorted((ROOT / "archcalc" / "guide").rglob("*.md"))]


def title(page: Path) -> str:
    """A page as the tests name it: `README`, `howto/check-in-ci`."""
    return "README" if page == README else page.relative_to(ROOT / "archcalc" / "guide").with_suffix("").as_posix()


class Example(NamedTuple):
    """A command that a page types, and what the page says is printed."""

    page: Path
    command: str
    expected: str


def files(text: str) -> dict[str, str]:
    """The files that a page shows, by name."""
    bodies = (body for _, body in _FENCE.findall(text))
    named = ((_FILE.match(body), body) for body in bodies)
    return {match.group(1): body for match, body in named if match}


def examples(page: Path) -> Iterator[Example]:
    """The commands of a page, in order."""
    for language, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                yield Example(page, command, printed)


def python_blocks(page: Path) -> list[str]:
    """The Python of a page."""
    return [body for language, body in _FENCE.findall(page.read_text(encoding="utf-8")) if language == "python"]


def lay_out(page: Path, folder: Path) -> None:
    """Write the files of a page into a folder."""
    for name, body in files(page.read_text(encoding="utf-8")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(body, encoding="utf-8")


def run(command: str, folder: Path) -> str:
    """What a command prints on a screen of 80 columns, in a folder; in this process, because a new one takes longer
    than the command."""
    from archcalc import cli

    program, *arguments = shlex.split(command)
    if program != "archcalc":
        raise AssertionError(f"the page types a command that is not archcalc's: {command}")
    printed = io.StringIO()
    environment = {name: os.environ.pop(name, None) for name in ("COLUMNS", "FORCE_COLOR")}
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            mock.patch("archcalc.cli.progress.Progress.__call__"),  # which a slow machine would show
        ):
            cli.run(arguments)
    finally:
        del os.environ["COLUMNS"]
        os.environ.update({name: value for name, value in environment.items() if value is not None})
    return printed.getvalue()


def agrees(printed: str, expected: str) -> bool:
    """Whether the output is the one expected, in which a line `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in expected.splitlines()
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n") is not None


def generated(text: str) -> str:
    """A page with its generated parts as they are now. KeyError for a part that nothing generates."""
    return _GENERATED.sub(lambda match: match.group(1) + match.group(2) + reference.PARTS[match.group(1)](), text)


def update(page: Path) -> None:
    """Write what the examples of a page print now into it, but for those that leave lines out and still agree."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(page, folder)
        for _, command, expected in examples(page):
            if not agrees(printed := run(command, folder), expected):
                if "..." in (line.strip() for line in expected.splitlines()):
                    print(f"{title(page)}: lines are left out of `{command}`: choose them anew", file=sys.stderr)
                text = text.replace(f"$ {command}\n{expected}", f"$ {command}\n{printed}")
    page.write_text(generated(text), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for _page in pages():
        update(_page)
    for _picture, _command in PICTURES.items():
        _picture.write_text(run(_command, ROOT), encoding="utf-8")
