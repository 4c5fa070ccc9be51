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
