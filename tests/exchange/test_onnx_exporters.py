"""What PyTorch's two exporters write: read, and held against PyTorch's figures.

tests/exchange/make_onnx_fixtures.py writes the files, without weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inline import totals

from archcalc import api
from archcalc.commands.check.run import check
from archcalc.commands.check.targets import targets
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange import folded

pytest.importorskip("onnx", reason="the extra onnx is not installed")

DATA = Path(__file__).parent.parent / "data" / "exchange"
FIGURES: dict[str, Any] = json.loads((DATA / "figures.json").read_text(encoding="utf-8"))
READ = ("resnet", "densenet", "mobilenet", "shufflenet", "squeezenet", "tied", "vision_transformer")


def file(name: str, way: str) -> Path:
    """A model as one of the exporters has written it."""
    return DATA / "onnx" / f"{name}_{way}.onnx"


@pytest.mark.parametrize("name", READ)
def test_without_optimisation_every_figure_is_pytorchs(name: str) -> None:
    said = FIGURES[name]

    analysis = api.load(file(name, "whole")).analyse()

    figures = totals(analysis)
    assert (figures.params, figures.buffers, figures.macs) == (said["params"], said["buffers"], said["macs"])
    assert analysis.interpretation.volume(analysis.network.outputs["output"]).shape == tuple(said["output"])


@pytest.mark.parametrize("way", ["optimised", "older"])
@pytest.mark.parametrize("name", READ)
def test_the_macs_are_the_same_however_it_is_written(name: str, way: str) -> None:
    assert totals(api.load(file(name, way)).analyse()).macs == FIGURES[name]["macs"]


@pytest.mark.parametrize("way", ["optimised", "older"])
def test_recurrent_modules_are_layers_of_one_layer_each(way: str) -> None:
    """The figures of the archive of the same model, which test_torch_export works out."""
    analysis = api.load(file("recurrent", way)).analyse()
    archive = totals(api.load(DATA / "recurrent.pt2").analyse())

    kinds = ["transpose", "lstm", "lstm", "gru", "select_token", "linear"]
    assert [row.layer for row in analysis.layers] == kinds
    assert (totals(analysis).params, totals(analysis).macs) == (archive.params, archive.macs)
    assert not [note for note in analysis.network.document.source.notes if "no part" in note]


@pytest.mark.parametrize("way", ["optimised", "older"])
def test_folded_normalisations_are_said_and_accounted_for(way: str) -> None:
    """14 normalisations of 3,136 channels: 6,272 factors and offsets. The older exporter gives each convolution a bias
    instead; the one of today leaves out a bias that is 0, as those of an untrained model are."""
    path = file("resnet", way)

    (found,) = check(targets([str(path)]))

    (warning,) = found.findings
    biases = ", and 3,136 biases stand for them" if way == "older" else ""
    assert warning.rule == "incomplete-model"
    said = f"14 batch normalisations are folded into convolutions: their 6,272 parameters are not in the file{biases}"
    assert warning.message == said
    params = totals(api.load(path).analyse()).params
    assert params == FIGURES["resnet"]["params"] - 6_272 + (3_136 if way == "older" else 0)


@pytest.mark.parametrize("way", ["optimised", "whole", "older"])
def test_layers_are_named_by_their_modules(way: str) -> None:
    names = [node.name for node in api.load(file("resnet", way)).expand().nodes if node.layer.name == "conv"]

    assert names[:3] == ["conv1", "layer1.0/conv1", "layer1.0/conv2"]


@pytest.mark.parametrize("way", ["optimised", "whole"])
def test_blocks_are_named_after_classes(way: str) -> None:
    lines = list(folded(file("resnet", way), "resnet.onnx"))

    assert [line for line in lines if line.startswith("  basic_block(")]


@pytest.mark.parametrize("way", ["optimised", "whole", "older"])
def test_a_module_that_is_called_twice_shares_its_weights(way: str) -> None:
    network = api.load(file("tied", way)).expand()

    assert [node.tied is not None for node in network.nodes if node.layer.name == "conv"] == [False, True, True]


def test_a_model_is_read_in_part_on_request() -> None:
    """A convolution, two sines and a running sum: 8 * 27 + 8 = 224 parameters."""
    path = file("sine", "whole")

    network = api.load_partly(path).expand()

    assert [node.name for node in network.nodes] == ["conv", "Sin.1", "Sin.2", "CumSum"]
    assert totals(api.load_partly(path).analyse()).params == 224


def test_unknown_operators_are_all_named_in_one_finding() -> None:
    with pytest.raises(SpecError) as caught:
        api.load(file("sine", "whole"))

    (found,) = caught.value.diagnostics
    assert found.rule == "unknown-operation"
    assert found.notes == (
        "Sin (there is no rule for it) in the model itself: `return torch.sin(torch.sin(self.conv(x))).cumsum(1)`",
    )
