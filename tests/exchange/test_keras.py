"""Keras's models: functional and in sequence, as Keras 3 and Keras 2 write them. tests/exchange/make_keras_fixtures.py
writes the data with Keras itself."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline import summary, totals

from archcalc import api
from archcalc.analysis.totals import Analysis
from archcalc.cli import group, run
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError

DATA = Path(__file__).parent.parent / "data" / "exchange"
FIGURES: dict[str, Any] = json.loads((DATA / "keras_figures.json").read_text(encoding="utf-8"))
MODELS = {"branches": DATA / "branches.json", "sequence": DATA / "sequence.keras"}


def _layers(analysis: Analysis) -> list[str]:
    return [node.layer.name for node in analysis.network.nodes]


def _output(analysis: Analysis, name: str = "output") -> tuple[Any, ...]:
    return tuple(analysis.interpretation.volume(analysis.network.outputs[name]).shape)


def _written(tmp_path: Path, model: Any) -> Path:
    path = tmp_path / "model.json"
    path.write_text(model if isinstance(model, str) else json.dumps(model), encoding="utf-8")
    return path


def _layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": kind.lower(), **config}}


def _sequential(*layers: dict[str, Any], shape: tuple[int | None, ...] = (None, 8, 8, 4)) -> dict[str, Any]:
    first = _layer("InputLayer", batch_shape=list(shape))
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": [first, *layers]}}


def _analysed(tmp_path: Path, *layers: dict[str, Any], shape: tuple[int | None, ...] = (None, 8, 8, 4)) -> Analysis:
    return api.load(_written(tmp_path, _sequential(*layers, shape=shape))).analyse()


def _found(path: Path) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        api.load(path).analyse()
    return caught.value.diagnostics[0]


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_parameters_are_those_that_keras_counts(name: str) -> None:
    said = FIGURES[name]

    analysis = api.load(MODELS[name]).analyse()

    norms = _layers(analysis).count("batch_norm")  # PyTorch counts the batches that each has seen; Keras does not
    figures = totals(analysis)
    assert figures.trainable_params == said["trainable_params"]
    assert figures.params + figures.buffers - norms == said["params"]
    outputs = [_output(analysis, output) for output in analysis.network.outputs]
    assert sorted(outputs) == sorted((*shape[-1:], *shape[:-1]) for shape in said["outputs"])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_what_is_imported_is_the_same_network(tmp_path: Path, name: str) -> None:
    spec = tmp_path / "spec.yaml"
    assert CliRunner().invoke(group, ["import", str(MODELS[name]), "-o", str(spec)]).exit_code == 0

    assert summary(api.load(spec).analyse()) == summary(api.load(MODELS[name]).analyse())


def test_a_layer_that_is_called_twice_shares_its_weights_and_what_is_frozen_stays_so() -> None:
    nodes = api.load(MODELS["branches"]).expand().nodes

    assert [node.tied.name for node in nodes if node.tied] == ["again", "again"]
    assert [node.name for node in nodes if not node.trainable] == ["tower/inner"]


def test_a_model_of_keras_2_is_read(tmp_path: Path) -> None:
    def called(kind: str, name: str, reads: list[Any], **config: Any) -> dict[str, Any]:
        return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": reads}

    model = {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [
                called("InputLayer", "image", [], batch_input_shape=[None, 8, 8, 3]),
                called("Conv2D", "conv", [[["image", 0, 0, {}]]], filters=3, kernel_size=[3, 3], padding="same"),
                called("Add", "sum", [[["conv", 0, 0, {}], ["image", 0, 0, {}]]]),
            ],
            "input_layers": [["image", 0, 0]],
            "output_layers": [["sum", 0, 0]],
        },
    }

    analysis = api.load(_written(tmp_path, model)).analyse()

    assert _layers(analysis) == ["conv", "add"]
    assert totals(analysis).params == 3 * 9 * 3 + 3


def test_inputs_are_taken_in_the_order_that_the_model_says(tmp_path: Path) -> None:
    def of(name: str, *sizes: int) -> dict[str, Any]:
        return {**_layer("InputLayer", batch_shape=[None, *sizes]), "name": name, "inbound_nodes": []}

    joined = [[["text", 0, 0, {}], ["more", 0, 0, {}]]]
    concat = {**_layer("Concatenate", axis=-1), "name": "both", "inbound_nodes": joined}
    ends = {"input_layers": [["more", 0, 0], ["text", 0, 0]], "output_layers": [["both", 0, 0]]}
    model = {"class_name": "Functional", "config": {"layers": [of("text", 4, 2), of("more", 4, 3), concat], **ends}}

    analysis = api.load(_written(tmp_path, model)).analyse()

    assert {name: volume.shape for name, volume in analysis.network.inputs.items()} == {"more": (3, 4), "text": (2, 4)}
    assert _output(analysis) == (5, 4)


def test_a_sequence_of_keras_2_states_its_input_at_the_first_layer(tmp_path: Path) -> None:
    dense = _layer("Dense", units=3, batch_input_shape=[None, 7])

    analysis = api.load(_written(tmp_path, {"class_name": "Sequential", "config": {"layers": [dense]}})).analyse()

    assert totals(analysis).params == 7 * 3 + 3


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "out"),
    # Positions are divided by the stride and rounded up; an odd one is added behind the last.
    [(8, 3, 1, 8), (8, 3, 2, 4), (7, 3, 2, 4), (8, 2, 1, 8), (8, 2, 3, 3), (8, 5, 4, 2)],
)
def test_padding_same(tmp_path: Path, size: int, kernel: int, stride: int, out: int) -> None:
    conv = _layer("Conv2D", filters=2, kernel_size=[kernel, kernel], strides=[stride, stride], padding="same")
    pool = _layer("AveragePooling2D", pool_size=[kernel, kernel], strides=[stride, stride], padding="same")

    for layer in (conv, pool):
        assert _output(_analysed(tmp_path, layer, shape=(None, size, size, 2))) == (2, out, out)


@pytest.mark.parametrize(
    ("layer", "layers", "params", "output"),
    [
        (_layer("BatchNormalization", axis=[3], scale=False), ["batch_norm", "affine"], 4, (4, 8, 8)),
        (_layer("LayerNormalization", axis=[-1], center=False), ["layer_norm", "affine"], 4, (4, 8, 8)),
        (_layer("GroupNormalization", groups=2), ["group_norm"], 8, (4, 8, 8)),
        (_layer("PReLU", shared_axes=[1, 2]), ["prelu"], 4, (4, 8, 8)),
        (_layer("ReLU", max_value=6.0), ["relu6"], 0, (4, 8, 8)),
        (
            _layer("Conv2DTranspose", filters=2, kernel_size=3, strides=2, padding="same"),
            ["conv_transpose"],
            74,
            (2, 16, 16),
        ),
        (_layer("Conv2DTranspose", filters=2, kernel_size=2, strides=3), ["conv_transpose"], 34, (2, 24, 24)),
        (_layer("ZeroPadding2D", padding=[[0, 1], [2, 3]]), ["pad"], 0, (4, 9, 13)),
        (_layer("Pad", pad_width=[[0, 0], [0, 1], [2, 3], [0, 0]], mode="constant"), ["pad"], 0, (4, 9, 13)),
        (_layer("AdaptiveAveragePooling2D", output_size=[2, 4]), ["adaptive_avgpool"], 0, (4, 2, 4)),
        (_layer("Cropping2D", cropping=[[1, 1], [2, 2]]), ["crop"], 0, (4, 6, 4)),
        (_layer("UpSampling2D", size=[2, 3], interpolation="bilinear"), ["upsample"], 0, (4, 16, 24)),
        (_layer("Reshape", target_shape=[64, 4]), ["reshape"], 0, (4, 64)),
        (_layer("Reshape", target_shape=[-1, 8]), ["transpose", "reshape", "transpose"], 0, (8, 32)),
        (_layer("Permute", dims=[3, 1, 2]), ["transpose"], 0, (8, 4, 8)),
        (_layer("Dense", units=5, activation="relu"), ["linear", "relu"], 25, (5, 8, 8)),
        (_layer("Normalization", axis=[-1]), ["affine"], 8, (4, 8, 8)),
        (_layer("Dropout", rate=0.1, noise_shape=[None, 1, 1, 1]), ["drop_path"], 0, (4, 8, 8)),
        (_layer("Softmax", axis=1), ["softmax"], 0, (4, 8, 8)),
    ],
)
def test_layers(tmp_path: Path, layer: Any, layers: list[str], params: int, output: tuple[int, ...]) -> None:
    analysis = _analysed(tmp_path, layer)

    assert _layers(analysis) == layers
    assert totals(analysis).params == params
    assert _output(analysis) == output


def test_layers_are_read_behind_those_whose_tensors_they_read(tmp_path: Path) -> None:
    def reverse(model: Any) -> None:
        model["config"]["layers"].reverse()

    assert summary(api.load(_changed(tmp_path, reverse)).analyse()) == summary(api.load(MODELS["branches"]).analyse())


# --- what is refused


def test_all_that_is_not_known_is_one_finding(tmp_path: Path) -> None:
    found = _found(
        _written(
            tmp_path,
            _sequential(
                _layer("Lambda", function="gASV"),
                _layer("Dense", units=3),
            ),
        )
    )

    assert found.rule == "unknown-operation"
    assert found.notes == ("Lambda (there is no rule for it) in `lambda`",)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (_layer("Dense"), "its units is not a whole number"),
        (_layer("Dense", units=True), "its units is not a whole number"),
        (_layer("Dense", units=0), "does not fit"),
        (_layer("Dense", units=3, activation="mystery"), "its activation mystery is not known"),
        (_layer("Dense", units=3, activation={"class_name": "X", "config": [1]}), "its activation"),
        (_layer("Conv2D", filters=3, kernel_size=[3]), "its kernel_size has 1 values"),
        (_layer("Conv2D", filters=3, kernel_size=3, strides=0), "less than 1"),
        (_layer("Conv2D", filters=3, kernel_size=3, padding="full"), "its padding is full"),
        (_layer("Conv2D", filters=3, kernel_size=3, data_format="channels_first"), "its channels come first"),
        (_layer("Conv1D", filters=3, kernel_size=3), "its input has 2 axes between batch and channels"),
        (_layer("BatchNormalization", axis=[1]), "it is not over the channels"),
        (_layer("BatchNormalization", axis=0), "its axis is not an axis behind the batch"),
        (_layer("BatchNormalization", axis="x"), "its axis is not an axis behind the batch"),
        (_layer("Reshape", target_shape=[5]), "does not hold as many values"),
        (_layer("Reshape", target_shape=[-1, -1]), "does not hold as many values"),
        (_layer("Permute", dims=[1, 1, 1]), "does not fit"),
        (_layer("LSTM", units=3), "its gates have one bias each, and here they have two"),
        (_layer("Dropout", rate="x"), "its rate is not a number"),
        (_layer("\x1b[2J"), "there is no rule for it"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, layer: Any, reason: str) -> None:
    found = _found(_written(tmp_path, _sequential(layer)))

    assert reason in found.message + "".join(found.notes)
    assert "\x1b" not in str(SpecError([found]))


def _changed(tmp_path: Path, change: Callable[[Any], Any]) -> Path:
    """The functional model with its JSON changed."""
    model = json.loads(MODELS["branches"].read_text(encoding="utf-8"))
    change(model)
    return _written(tmp_path, model)


def _of(model: Any, name: str) -> Any:
    return next(layer for layer in model["config"]["layers"] if layer["config"]["name"] == name)


def _reading(layer: Any, history: Any) -> None:
    layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = history


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (lambda m: m.update(class_name="Mine"), "bad-keras", "holds `Mine`, a class of its own"),
        (lambda m: m.update(config=5), "bad-keras", "`layers` must be a list"),
        (lambda m: m["config"].update(layers={}), "bad-keras", "`layers` must be a list"),
        (lambda m: _of(m, "stem").update(config=[]), "bad-keras", "`layers` must be a list"),
        (lambda m: _of(m, "stem").update(inbound_nodes=5), "bad-keras", "`inbound_nodes` is not a list"),
        (lambda m: _reading(_of(m, "stem"), ["gone", 0, 0]), "bad-keras", "reads `gone`, which nothing makes"),
        (lambda m: _reading(_of(m, "stem"), ["flatten", 0, 0]), "bad-keras", "read one another in a circle"),
        (lambda m: _reading(_of(m, "stem"), [5]), "bad-keras", "a tensor is not named by"),
        (lambda m: _reading(_of(m, "stem_norm"), ["stem", 0, 3]), "bad-keras", "nothing makes the tensor of `stem`"),
        (
            lambda m: m["config"].update(output_layers=[["gone", 0, 0]]),
            "bad-keras",
            "nothing makes the tensor of `gone`",
        ),
        (lambda m: _of(m, "stem")["config"].update(filters=9), "model-disagrees", "`stem` makes [None, 8, 8, 8]"),
        (lambda m: _of(m, "image")["config"].update(batch_shape=[None, None, 16, 3]), "bad-keras", "an open size"),
        (lambda m: _of(m, "image")["config"].update(batch_shape=3), "bad-keras", "is not a batch and up to four sizes"),
    ],
)
def test_a_damaged_model_is_a_finding(tmp_path: Path, change: Callable[[Any], Any], rule: str, message: str) -> None:
    found = _found(_changed(tmp_path, change))

    assert (found.rule, message in found.message) == (rule, True), found


def _twice(inner: dict[str, Any]) -> dict[str, Any]:
    """A model that calls another one, and that again on what it makes."""
    inner = {**inner, "name": "inner", "inbound_nodes": [[["in", 0, 0, {}]], [["inner", 0, 0, {}]]]}
    layers = [{**_layer("InputLayer"), "name": "in", "inbound_nodes": []}, inner]
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["inner", 1, 0]]}
    return {"class_name": "Functional", "config": {"name": "twice", "layers": layers, **ends}}


def test_models_in_models_end(tmp_path: Path) -> None:
    deep: dict[str, Any] = _layer("Dense", units=1)
    for _ in range(40):
        deep = {"class_name": "Sequential", "config": {"name": "inner", "layers": [deep]}}
    wide = _twice(_layer("Dense", units=1))
    for _ in range(18):  # each model calls the one in it twice
        wide = _twice(wide)

    assert "models nest deeper than 32" in _found(_written(tmp_path, _sequential(deep))).message
    assert "calls more than 200,000 layers" in _found(_written(tmp_path, _sequential(wide))).message


def test_an_archive_without_a_model_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
    assert _found(path).rule == "bad-archive"

    path.write_bytes(b"\x89HDF\r\n")
    assert run(["report", str(path)]) == 1
