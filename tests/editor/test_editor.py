"""The schema in an editor: a real YAML language server says what is wrong and completes what is written.

It needs `npm install -g yaml-language-server`, and is left out where that is not installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from editor import server

from archcalc.commands.schema.answer import blocks_of, json_schema

PROGRAM = server.found()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="yaml-language-server is not installed")

SPEC = """\
architecture: own
input: [3, 8, 8]
blocks:
  residual(out, stride=1):
    - conv: {out: out, kernel: 3, stride: stride}
layers:
  - residual: 8
"""


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """An editor whose schema knows the blocks of one spec."""
    folder: Path = tmp_path_factory.mktemp("editor")
    (folder / "own.yaml").write_text(SPEC)
    schema = folder / "archcalc.schema.json"
    schema.write_text(json.dumps(json_schema(blocks_of([str(folder / "own.yaml")]))))
    assert PROGRAM is not None
    with server.Server(PROGRAM, schema) as running:
        yield running


def test_a_sound_spec_has_no_findings(editor: server.Server) -> None:
    assert editor.findings(SPEC) == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("cnv: {out: 3}", "Property cnv is not allowed."),
        ("conv: {out: 3, kernal: 3}", "Property kernal is not allowed."),
        ("conv: {out: 3}", 'Missing property "kernel".'),
        ("relu:\n    repaet: 2", "Property repaet is not allowed."),
        ("residual: {out: 8, strid: 2}", "Property strid is not allowed."),
    ],
)
def test_what_is_misspelt_is_flagged(step: str, message: str, editor: server.Server) -> None:
    assert message in editor.findings(f"layers:\n  - {step}\n")


def test_a_misspelt_word_is_flagged(editor: server.Server) -> None:
    (message,) = editor.findings("layers:\n  - rleu\n")
    assert message.startswith("String does not match the pattern")


def test_an_unknown_quantity_is_flagged(editor: server.Server) -> None:
    assert editor.findings("expect:\n  parms: 3\n") == ["Property parms is not allowed."]


def test_a_step_completes_layers_and_blocks(editor: server.Server) -> None:
    offered = editor.completions("layers:\n  - |")
    assert {"conv", "relu", "add", "head", "residual"} <= set(offered)
    assert offered["relu"] == "relu: "


def test_beside_a_layer_only_the_keys_of_the_step_are_offered(editor: server.Server) -> None:
    offered = editor.completions("layers:\n  - conv: {out: 3, kernel: 3}\n    |")
    assert set(offered) == {"as", "from", "repeat", "when", "weights", "trainable"}


def test_attributes_are_offered_with_their_defaults(editor: server.Server) -> None:
    offered = editor.completions("layers:\n  - conv:\n      |")
    assert offered["stride"] == "stride: ${1:1}"
    assert offered["conv"] == "out: $1\nkernel: $2"
    assert "object(archcalc spec)" not in offered


def test_claims_complete_quantities(editor: server.Server) -> None:
    assert {"params", "macs", "receptive_field", "layers"} <= set(editor.completions("expect:\n  |"))
    assert "depth" not in editor.completions("expect:\n  layers:\n    conv1:\n      |")
    assert {"value", "source", "erratum"} <= set(editor.completions("expect:\n  params:\n    |"))
