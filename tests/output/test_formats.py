"""Every command writes every format that makes sense, tells it by a file's ending, and refuses the rest."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from archcalc.cli import run
from archcalc.cli.options import write_pieces
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.output import formats
from archcalc.output.formats import csv as csv_format
from archcalc.output.formats import markdown, parquet
from archcalc.output.formats import text as text_format
from archcalc.output.layout import Column, Report, Table

#: Each has a result that is not one table alone, or a format of its own.
COMMANDS = [
    ["report", "lenet5"],
    ["list"],
    ["compare", "lenet5", "alexnet"],
    ["count", "lenet5"],
    ["count", "--list"],
    ["diff", "vgg16", "vgg19"],
    ["diff", "vgg16", "vgg16"],
    ["explain", "lenet5"],
    ["explain", "lenet5", "c1"],
    ["explain", "lenet5", "--quantity", "receptive_field"],
    ["fit", "lenet5", "--gpu", "v100"],
    ["formula", "vgg16", "--free", "classes"],
    ["layers"],
    ["layers", "conv"],
    ["layers", "flatten"],
    ["memory", "lenet5"],
    ["memory", "lenet5", "--timeline"],
    ["roofline", "lenet5"],
    ["solve", "vgg16", "--for", "classes", "--target", "params <= 200M"],
    ["sweep", "vgg16", "--over", "classes=1:3"],
    ["sweep", "vgg16", "--over", "classes=1:3", "--why"],
    ["check", "lenet5"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_writes_the_format_that_the_ending_tells(command: list[str], tmp_path: Path) -> None:
    for ending in (".json", ".csv", ".jsonl", ".md", ".txt"):
        path = tmp_path / f"result{ending}"
        assert run([*command, "-o", str(path)]) == 0
        text = path.read_text(encoding="utf-8")
        assert text or ending == ".jsonl"  # no rows, no lines
        if ending == ".json":
            assert json.loads(text)["schema_version"]
        elif ending == ".csv":
            header, *rows = csv.reader(io.StringIO(text))
            assert len(set(header)) == len(header)
            assert {len(row) for row in rows} <= {len(header)}
        elif ending == ".jsonl":
            assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


@pytest.mark.parametrize(
    ("command", "name", "begins"),
    [
        (["formula", "vgg16", "--free", "classes"], "f.tex", "% vgg16"),
        (["formula", "vgg16", "--free", "classes"], "f.py", '"""vgg16'),
        (["check", "lenet5"], "c.sarif", '{\n  "$schema"'),
        (["check", "lenet5"], "c.xml", "<?xml"),
        (["solve", "vgg16", "--for", "classes", "--target", "params <= 200M"], "s.yaml", 'architecture: "vgg16"'),
    ],
)
def test_commands_have_formats_of_their_own(command: list[str], name: str, begins: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert run([*command, "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize("name", ["x.xlsx", "x.tex", "x.sarif", "x.csv.gz"])
def test_an_ending_that_no_format_has_is_refused_before_anything_is_worked_out(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "lenet5", "-o", str(tmp_path / name)]) == 2
    assert "no format for files that end in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "ending", "known"),
    [
        (["resolve", "lenet5"], ".json", ".yaml, .yml"),
        (["fold", "lenet5"], ".md", ".yaml"),
        (["schema"], ".svg", ".json"),
    ],
)
def test_a_command_of_one_format_refuses_other_endings(
    command: list[str], ending: str, known: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "-o", str(tmp_path / f"result{ending}")]) == 2
    assert f"no format for files that end in {ending}: use {known}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_an_ending_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "lenet5"]) == 0
    assert run(["report", "lenet5", "-o", str(tmp_path / "report")]) == 0
    assert (tmp_path / "report").read_text(encoding="utf-8") == capsys.readouterr().out


def test_a_result_without_rows_is_no_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "claim-failed", "--format", "csv"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "has no table" in captured.err


def test_several_tables_are_no_csv_unless_one_is_meant() -> None:
    column = (Column("n", "n"),)
    report = Report("", (), (Table(column, [(1,)]), Table(column, [(2,)])), (), {})
    with pytest.raises(UsageError, match="2 tables"):
        list(csv_format.render(report))
    assert "".join(csv_format.render(report._replace(rows=Table(column, [(3,)])))) == "n\n3\n"


def test_spec_of_solve_is_a_format_and_refuses_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["solve", "vgg16", "--for", "classes", "--target", "params <= 200M"]
    assert run([*asked, "--spec"]) == 0
    assert capsys.readouterr().out.startswith('architecture: "vgg16"')
    assert run([*asked, "--spec", "--format", "json"]) == 2
    assert "--spec is --format yaml" in capsys.readouterr().err


def test_parquet_keeps_types_and_needs_no_more_than_rows() -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional dependency")
    rows = [(i, i / 2, f"r{i}", None, i % 2 == 0) for i in range(70_000)]  # two row groups
    columns = tuple(Column(name, name) for name in ("whole", "half", "name", "nothing", "even"))
    data = b"".join(parquet.render(Report("", (), (Table(columns, rows),), (), {})))
    read = pq.read_table(io.BytesIO(data))
    assert read.to_pylist() == [dict(zip((c.key for c in columns), row, strict=True)) for row in rows]


def test_parquet_takes_columns_as_they_are() -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional dependency")
    numpy = pytest.importorskip("numpy")
    odd = numpy.array([Fraction(7, 2), 3], dtype=object)

    def read(*pieces: dict[str, Any]) -> tuple[list[int], dict[str, list[Any]]]:
        table = Table(tuple(Column(name, name) for name in pieces[0]), (), pieces=pieces)
        file = pq.ParquetFile(io.BytesIO(b"".join(parquet.render(Report("", (), (table,), (), {})))))
        groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        return groups, file.read().to_pydict()

    whole = numpy.arange(70_000)
    parts = [{"n": whole[:10], "half": whole[:10] / 2}, {"n": whole[10:], "half": whole[10:] / 2}]
    assert read(*parts) == ([65_536, 70_000 - 65_536], {"n": whole.tolist(), "half": (whole / 2).tolist()})
    # Of types that only together are one: the first piece alone would be whole numbers, an empty one nothing.
    assert read({"n": odd[:0]}, {"n": whole[:1]}, {"n": odd}) == ([3], {"n": [0, 3.5, 3]})
    assert read({"n": whole[:0]})[1] == {"n": []}
    with pytest.raises(UsageError, match="beyond 64 bits"):
        read({"n": numpy.array([2**64], dtype=object)})


def test_people_are_spared_a_table_that_is_too_long() -> None:
    table = Table((Column("n", "n"),), [(i,) for i in range(5)], most=4)
    report = Report("", (), (table,), (), {})
    for format_ in (text_format, markdown):
        with pytest.raises(UsageError, match="more than 4 rows"):
            list(format_.render(report))
    assert len("".join(csv_format.render(report)).splitlines()) == 6


def test_a_report_that_is_taller_than_the_terminal_ends_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(lines: int, width: int) -> list[str]:
        table = Table((Column("a", "a"), Column("b", "b")), [(1, 2), (3, 4), (5, "6" * 30)])
        stream = io.StringIO()
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("LINES", str(lines))
        text_format.on_terminal(Report("heading", [("fact", "0")], (table,), ("note",), {}), stream)
        return [line.split()[0] for line in stream.getvalue().splitlines() if line.strip(" -+|")]

    table = ["a", "1", "3", "5"]
    # A heading, a fact, a space, titles and a rule, three rows, a space, a note: 10, and the prompt.
    assert shown(11, width=40) == ["heading", "fact", *table, "note"]
    assert shown(10, width=40) == [*table, "note", "heading", "fact"]
    # The five lines of the table are 33 wide: on this terminal they are ten.
    assert shown(16, width=20) == ["heading", "fact", *table, "note"]
    assert shown(15, width=20) == [*table, "note", "heading", "fact"]


PATHS = ("stem/conv", "stage/block.1/conv", "stage/block.1/conv", "stage/block.2/conv", "stage", "rest")


def _of_paths(monkeypatch: pytest.MonkeyPatch, width: int | None, *columns: Column) -> list[str]:
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    rows = [(path, *(number for _ in columns)) for number, path in enumerate(PATHS)]
    path = Column("path", "path", right=False, breaks="/", nests=True)
    lines = text_format.render(Report("", (), (Table((path, *columns), rows),), (), {}))
    return [line.rstrip("\n") for line in lines if set(line) != {"-", "\n"}]


def test_a_path_stands_below_the_one_before_it_on_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _of_paths(monkeypatch, None) == ["path", *PATHS]  # a pipe has whole paths: they can be searched for
    assert _of_paths(monkeypatch, 40)[1:] == [
        "stem/conv",
        "stage/block.1/conv",
        "    conv",
        "  block.2/conv",
        "stage",
        "rest",
    ]


def test_a_path_is_broken_where_columns_would_have_to_be_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Column("figure", "a figure", rank=1)
    # 18 characters of a path, a gap of 2, 8 of a figure.
    assert _of_paths(monkeypatch, 28, figure)[2] == "stage/block.1/conv         1"
    # A column of paths stays 24 wide as long as there is another to hide.
    assert _of_paths(monkeypatch, 27, figure)[2] == "stage/block.1/conv"
    assert _of_paths(monkeypatch, 17, figure)[:4] == ["path", "stem/conv", "stage/block.1/", "  conv"]
    stays = figure._replace(rank=0)
    assert _of_paths(monkeypatch, 24, stays)[2:4] == ["stage/block.1/         1", "  conv"]
    stream = io.StringIO()
    path = Column("path", "path", right=False, breaks="/")
    text_format.on_terminal(Report("", (), (Table((path, stays), [(PATHS[1], 1)]),), (), {}), stream)
    assert [line.split() for line in stream.getvalue().splitlines()[-2:]] == [
        ["stage/block.1/", "|", "1"],
        ["conv", "|"],
    ]


def test_a_format_is_found_by_its_file_alone() -> None:
    folder = Path(formats.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert set(formats.names()) == files
    endings = [ending for name in formats.names() for ending in formats.load(name).endings]
    assert len(set(endings)) == len(endings)


def test_a_terminal_gets_no_bytes_and_a_pipe_gets_them_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.TextIOWrapper):
        terminal = True

        def isatty(self) -> bool:
            return self.terminal

    stream = Stream(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(UsageError, match="name a file"):
        write_pieces([b"\xff"], None)
    stream.terminal = False
    write_pieces([b"\xff\x00"], None)
    assert stream.buffer.getvalue() == b"\xff\x00"  # type: ignore[attr-defined]
