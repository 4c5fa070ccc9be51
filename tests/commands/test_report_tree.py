"""The tree of a report: what stands on its lines."""

from __future__ import annotations

from click.testing import CliRunner

from archcalc.cli import group

SPEC = """
input: [3, 8, 8]
layers:
  - conv: {out: 8, kernel: 1}
    as: stem
  - conv: {out: 8, kernel: 1}
    as: stem/next
"""


def test_a_layer_may_be_called_what_a_block_is_called() -> None:
    """3 * 8 + 8 = 32 parameters and 8 * 8 + 8 = 72, together 104."""
    shown = CliRunner().invoke(group, ["report", "-", "--columns", "name,params"], input=SPEC).output

    assert [line.split() for line in shown.splitlines() if line.lstrip().startswith(("stem ", "next "))] == [
        ["stem", "104"],
        ["stem", "32"],
        ["next", "72"],
    ]


LONG = """
input: [3, 8, 8]
blocks:
  a_block_with_a_long_name():
    - a_stage_with_a_long_name:
      repeat: 3
  a_stage_with_a_long_name():
    - conv: {out: 3, kernel: 3, padding: 1}
      as: a_convolution_with_a_long_name
    - add: {one: [relu], two: []}
layers:
  - a_block_with_a_long_name
"""


def test_a_path_that_is_longer_than_a_line_is_broken_after_slashes() -> None:
    shown = CliRunner().invoke(group, ["report", "-"], input=LONG, env={"COLUMNS": "60"}).output

    lines = shown.splitlines()
    assert max(map(len, lines)) <= 60
    start = next(number for number, line in enumerate(lines) if line.startswith("largest"))
    # What stands in one line is said together, and a space in a path is no place to break it. Three times convolution,
    # ReLU and sum, and the input, are ten equal volumes.
    assert [line.strip() for line in lines[start : start + 5]] == [
        "largest          100.0% of params, 100.0% of MACs and 30.0%",
        "of activations in",
        "`a_block_with_a_long_name/",
        "a_stage_with_a_long_name.1 x 3/",
        "a_convolution_with_a_long_name`",
    ]
