"""Darknet's configurations: sections that read each other by number, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner
from inline import summary, totals

from archcalc import api
from archcalc.analysis.totals import Analysis
from archcalc.cli import group
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError

DETECTOR = Path(__file__).parent.parent / "data" / "exchange" / "detector.cfg"


def _written(tmp_path: Path, text: str, image: str = "channels=3\nheight=16\nwidth=16") -> Path:
    path = tmp_path / "network.cfg"
    path.write_text(f"[net]\n{image}\n{dedent(text)}", encoding="utf-8")
    return path


def _analysed(tmp_path: Path, text: str) -> Analysis:
    return api.load(_written(tmp_path, text)).analyse()


def _output(analysis: Analysis) -> tuple[Any, ...]:
    return tuple(analysis.interpretation.volume(analysis.network.outputs["output"]).shape)


def _found(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        api.load(path).analyse()
    return caught.value.diagnostics


def test_a_detector_has_the_figures_that_darknet_counts() -> None:
    analysis = api.load(DETECTOR).analyse()

    # Weights, and a scale and a bias for each normalised channel or a bias for each that is not.
    normalised = (3 * 9 * 8 + 2 * 8) + (8 * 4 + 2 * 4) + (4 * 9 * 8 + 2 * 8)
    assert totals(analysis).params == normalised + (8 + 1) * 18 + (32 + 1) * 18
    # At 16x16 positions, then 8x8.
    assert totals(analysis).macs == 256 * (3 * 9 * 8 + 8 * 4 + 4 * 9 * 8) + 64 * (8 * 18 + 32 * 18)
    assert _output(analysis) == (18, 8, 8)


def test_a_detection_layer_ends_a_head_and_is_said() -> None:
    network = api.load(DETECTOR).expand()

    assert list(network.outputs) == ["output", "yolo_7"]
    shown = CliRunner().invoke(group, ["show", str(DETECTOR)]).output
    assert "# [yolo] decodes boxes, which is not counted" in shown


def test_layers_have_the_numbers_that_sections_count_by() -> None:
    names = [node.name for node in api.load(DETECTOR).expand().nodes]

    assert names[:4] == ["layers.0/conv", "layers.0/batch_norm", "layers.0/leaky_relu", "layers.1/conv"]
    assert "layers.10/concat" in names


def test_what_is_imported_is_the_same_network(tmp_path: Path) -> None:
    spec = tmp_path / "detector.yaml"
    assert CliRunner().invoke(group, ["import", str(DETECTOR), "-o", str(spec)]).exit_code == 0

    assert summary(api.load(spec).analyse()) == summary(api.load(DETECTOR).analyse())


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("size=2\nstride=2", 8),  # (16 + 1 - 2) // 2 + 1
        ("size=3\nstride=2", 8),  # (16 + 2 - 3) // 2 + 1: one position is added, before the first
        ("size=2\nstride=1", 16),  # one position is added behind the last
        ("size=5\nstride=1", 16),
        ("size=3\nstride=2\npadding=0", 7),
        ("size=2\nstride_x=1\nstride_y=1", 16),
    ],
)
def test_pooling_fills_up_as_darknet_does(tmp_path: Path, options: str, size: int) -> None:
    assert _output(_analysed(tmp_path, f"[maxpool]\n{options}")) == (3, size, size)


def test_a_shortcut_of_another_shape_takes_every_second_position_and_the_channels_that_both_have(
    tmp_path: Path,
) -> None:
    text = """
    [convolutional]
    filters=4
    activation=linear
    [convolutional]
    filters=6
    size=3
    stride=2
    pad=1
    activation=linear
    [shortcut]
    from=-2
    [shortcut]
    from=0
    activation=relu
    """

    layers = [node.layer.name for node in _analysed(tmp_path, text).network.nodes]

    assert layers == ["conv", "conv", "subsample", "pad_channels", "add", "subsample", "pad_channels", "add", "relu"]


def test_shared_weights_are_counted_once(tmp_path: Path) -> None:
    shared = "[convolutional]\nfilters=3\nbatch_normalize=1\nactivation=linear\n"

    assert totals(_analysed(tmp_path, f"{shared}{shared}share_index=0\n")).params == 3 * 3 + 2 * 3
    assert totals(_analysed(tmp_path, shared + shared)).params == 2 * (3 * 3 + 2 * 3)


def test_a_classifier_flattens_and_says_that_the_loss_is_none_of_its_layers(tmp_path: Path) -> None:
    text = "[avgpool]\n[connected]\noutput=10\nactivation=linear\n[softmax]\n[cost]\ntype=sse\n"

    analysis = _analysed(tmp_path, text)

    assert [node.layer.name for node in analysis.network.nodes] == ["global_avgpool", "flatten", "linear", "softmax"]
    assert "# [cost] computes the loss" in api.load(_written(tmp_path, text)).expand().document.source.text


def test_all_that_is_not_known_is_one_finding_with_the_lines(tmp_path: Path) -> None:
    text = """
    [convolutional]
    filters=4
    activation=ramp
    [gru]
    output=4
    [gru]
    output=4
    [convolutional]
    xnor=1
    activation=linear
    """
    (found,) = _found(_written(tmp_path, "[avgpool]\n[gru]\noutput=4\n"))
    assert found.notes == ("[gru] (there is no rule for it) at line 6",)

    (found,) = _found(_written(tmp_path, text))  # what reads a refused layer is not another finding
    assert found.rule == "unknown-operation"
    assert found.notes == ("[convolutional] (its activation ramp is not known) at line 6",)
    assert found.place is not None
    assert found.place.line == 6


def test_what_does_not_fit_is_said_at_its_section(tmp_path: Path) -> None:
    (found,) = _found(_written(tmp_path, "[convolutional]\nsize=19\nactivation=linear\n"))

    assert found.place is not None
    assert found.place.line == 5
    assert found.message.startswith("[convolutional] at line 5 does not fit: the kernel")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[convolutional]\nfilters=x\n", "its filters is not a whole number"),
        ("[convolutional]\nfilters=99999999999999999999\n", "its filters is not a whole number"),
        ("[maxpool]\nsize=0\n", "its size or stride is less than 1"),
        ("[maxpool]\nsize=2\nstride=0\n", "its size or stride is less than 1"),
        ("[avgpool]\n[route]\nlayers=-5\n", "it reads layer -5, which is not before it"),
        ("[avgpool]\n[route]\nlayers=1\n", "it reads layer 1, which is not before it"),
        ("[avgpool]\n[route]\n", "it has no layers"),
        ("[avgpool]\n[shortcut]\nfrom=\n", "it has no from"),
        ("[dropout]\nprobability=nan\n", "its probability is not a number"),
        ("[reorg]\nstride=5\n", "its stride does not divide an image"),
        ("[upsample]\nstride=-2\nscale=.5\n", "it multiplies what it enlarges"),
        ("[softmax]\ntree=9k.tree\n", "its option tree is not known"),
        ("[convolutional]\n\x1b[2Jwild=1\n", "is not known"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (found,) = _found(_written(tmp_path, text))

    assert found.rule == "unknown-operation"
    assert message in found.notes[0]
    assert "\x1b" not in str(SpecError([found]))


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("", "bad-cfg", "its first section must be [net]"),
        ("[convolutional]\n", "bad-cfg", "its first section must be [net]"),
        ("filters=3\n", "bad-cfg", "a line is a [section], an option as name=value under one"),
        ("[net]\nheight\n", "bad-cfg", "a line is a [section], an option as name=value under one"),
        ("[net]\nheight=16\n", "bad-cfg", "must give the input"),
        ("[net]\nheight=-1\nwidth=-1\nchannels=3\n", "bad-cfg", "must give the input"),
        ("[net]\ninputs=x\n", "bad-cfg", "its inputs is not a whole number"),
        ("[net]\ninputs=4\n" + "[avgpool]\n" * 200_001, "too-large", "more than 200,000 sections"),
        ("[net]\ninputs=999999999999999999\n[connected]\noutput=999999999999999999\n", "", ""),
    ],
)
def test_a_damaged_configuration_is_a_finding(tmp_path: Path, text: str, rule: str, message: str) -> None:
    path = tmp_path / "network.cfg"
    path.write_text(text, encoding="utf-8")

    first = _found(path)[0]

    assert rule in first.rule
    assert re.search(re.escape(message), first.message)
