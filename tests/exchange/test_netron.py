"""`archcalc export --to netron`: an attachment as Netron reads it, for the nodes of an ONNX file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inline import analysed, totals

from archcalc import api
from archcalc.analysis.totals import Analysis
from archcalc.cli import run
from archcalc.exchange.writers import netron
from archcalc.exchange.writers import onnx as writer

DATA = Path(__file__).parent.parent / "data" / "exchange" / "onnx"


def attachment(analysis: Analysis) -> dict[str, dict[str, Any]]:
    """The metrics of each node, by its name; those of the model under an empty name."""
    written = json.loads("".join(netron.write(analysis)))
    assert written["signature"] == "netron:attachment"
    found: dict[str, dict[str, Any]] = {}
    for entry in written["metrics"]:
        assert entry["kind"] == ("node" if entry["target"] else "model")
        found.setdefault(entry["target"], {})[entry["name"]] = entry["value"]
    return found


def test_a_convolution_has_its_figures() -> None:
    """8 * 3 * 9 + 8 = 224 parameters, 216 MACs at each of 6 * 6 positions, whose 8 channels take 4 bytes each."""
    found = attachment(analysed("input: [3, 8, 8]\nlayers:\n  - conv: {out: 8, kernel: 3}\n  - relu\n"))

    conv = found["/conv/Conv"]
    assert (conv["parameters"], conv["macs"], conv["activation_bytes"]) == (224, 7_776, 1_152)
    assert found["/relu/Relu"]["parameters"] == 0
    assert found[""]["macs"] == 7_776


def test_a_layer_of_several_nodes_has_its_figures_at_the_one_with_weights() -> None:
    found = attachment(analysed("input: [3, 8]\nlayers:\n  - linear: {out: 4, each_position: true}\n"))

    assert [name for name in found if name] == ["/linear/MatMul"]


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "shufflenet_v2"])
def test_every_node_is_one_of_the_file_and_they_add_up(name: str) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    analysis = api.load(name).analyse()

    found = attachment(analysis)

    model = onnx.load_model_from_string(b"".join(writer.write(analysis)))
    whole = found.pop("")
    assert found.keys() <= {node.name for node in model.graph.node}
    for figure in ("parameters", "buffers", "macs", "flops"):
        assert sum(metrics[figure] for metrics in found.values()) == whole[figure]


def test_a_model_that_was_read_keeps_the_names_of_its_nodes() -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    path = DATA / "resnet_whole.onnx"

    found = attachment(api.load(path).analyse())

    kinds = {node.name: node.op_type for node in onnx.load(str(path), load_external_data=False).graph.node}
    weighted = {kinds[name] for name, metrics in found.items() if name and metrics["parameters"]}
    assert weighted == {"Conv", "BatchNormalization", "Gemm"}
    assert found[""]["parameters"] == totals(api.load(path).analyse()).params


def test_the_ending_of_the_file_names_the_target(tmp_path: Path) -> None:
    assert run(["export", "lenet5", "-o", str(tmp_path / "lenet5.json")]) == 0

    assert json.loads((tmp_path / "lenet5.json").read_text())["signature"] == "netron:attachment"
