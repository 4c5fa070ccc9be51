"""Models as PyTorch exports them: read without PyTorch, and exact. tests/exchange/make_fixtures.py writes the data."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline import totals

from archcalc import api
from archcalc.cli import group, run
from archcalc.diagnostics.diagnostic import SpecError, UsageError
from archcalc.exchange import folded
from archcalc.language.expand import Network
from archcalc.memory.setup import Setup
from archcalc.quantities.registry import Part, figure, quantities

DATA = Path(__file__).parent.parent / "data" / "exchange"
FIGURES: dict[str, Any] = json.loads((DATA / "figures.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_the_figures_are_those_of_pytorch(name: str) -> None:
    said = FIGURES[name]

    analysis = api.load(DATA / f"{name}.pt2").analyse()

    network, figures = analysis.network, totals(analysis)
    assert network.input.shape == tuple(said["input"])
    assert analysis.interpretation.volume(network.outputs["output"]).shape == tuple(said["output"])
    assert (figures.params, figures.buffers) == (said["params"], said["buffers"])
    assert figures.macs == said["macs"]
    if name != "two_heads_eval":  # exported for inference, without what it has in training
        without_input = quantities()["saved_bytes_without_input"].measure(Part(analysis, setup=Setup(batch=2)))
        assert without_input == said["saved_bytes"]


def _figures(spec: Path) -> dict[str, Any]:
    part = Part(api.load(spec).analyse(), setup=Setup(batch=2))
    names = ("params", "buffers", "macs", "saved_bytes")
    return {name: quantities()[name].measure(part) for name in names}


@pytest.mark.parametrize("name", ["causal", "rotary"])
def test_code_that_is_exported_has_the_figures_of_its_spec(name: str) -> None:
    assert _figures(DATA / f"{name}.pt2") == _figures(DATA / f"{name}.yaml")


def test_code_that_is_exported_is_its_spec_layer_by_layer() -> None:
    said = CliRunner().invoke(group, ["diff", str(DATA / "causal.yaml"), str(DATA / "causal.pt2")]).output

    assert "are the same, layer by layer" in said
    assert _named(api.load(DATA / "causal.pt2").expand()).keys() >= {"attention", "mean", "dropout", "drop_path"}


def test_a_recurrent_module_is_one_layer_and_its_last_state_the_last_position() -> None:
    """Of 8 values, 6 units in two directions and two layers: 2 * (24 * (8 + 6) + 48 + 24 * (12 + 6) + 48) parameters;
    a gru of 5 units that reads 12 has 15 * (12 + 5) + 30, and the linear layer 5 * 3 + 3. The weights meet 7 positions,
    those of the linear layer one."""
    analysis = api.load(DATA / "recurrent.pt2").analyse()

    assert [row.layer for row in analysis.layers] == ["transpose", "lstm", "gru", "select_token", "linear"]
    assert analysis.network.nodes[1].name == "both"
    assert totals(analysis).params == 1728 + 285 + 18
    assert totals(analysis).macs == 7 * (2 * 24 * (14 + 18) + 15 * 17) + 15


def _named(network: Network) -> dict[str, list[str]]:
    """The names of the layers of each kind."""
    names: dict[str, list[str]] = {}
    for node in network.nodes:
        names.setdefault(node.layer.name, []).append(node.name)
    return names


def test_layers_are_named_by_their_modules_and_numbered_where_one_is_called_again() -> None:
    names = _named(api.load(DATA / "resnet.pt2").expand())

    assert names["conv"][:3] == ["conv1", "layer1.0/conv1", "layer1.0/conv2"]
    assert names["relu"][:3] == ["relu", "layer1.0/relu.1", "layer1.0/relu.2"]
    assert names["add"][0] == "layer1.0/add"
    assert "layer2.0/downsample.0" in names["conv"]


def test_a_module_that_is_called_twice_shares_its_weights() -> None:
    network = api.load(DATA / "tied.pt2").expand()

    first, *again = [node for node in network.nodes if node.layer.name == "conv"]

    assert first.tied is None
    assert [node.tied.name for node in again if node.tied] == ["again/weight", "again/weight"]


def test_a_second_output_is_a_head_and_what_acts_in_training_is_there() -> None:
    network = api.load(DATA / "two_heads.pt2").expand()

    assert list(network.outputs) == ["output", "aux"]
    assert [str(node.attributes["rate"]) for node in network.nodes if "rate" in node.attributes] == ["1/5", "7/10"]


def test_what_an_export_for_inference_has_lost_is_said() -> None:
    lost = "exported in eval(): stochastic depth and dropout inside attention, if the model has them, left no trace"

    assert api.load(DATA / "two_heads_eval.pt2").document.source.notes[0].startswith(lost)
    assert api.load(DATA / "two_heads.pt2").document.source.notes == ()


@pytest.mark.parametrize("asked", ["report {}", "memory {}", "fit {} --memory 8GB", "compare lenet5 {}"])
def test_figures_of_training_say_what_an_export_for_inference_has_lost(asked: str) -> None:
    lost = "warning: exported in eval(): stochastic depth and dropout inside attention"
    said = {
        name: CliRunner().invoke(group, asked.format(DATA / f"{name}.pt2").split()).output
        for name in ("two_heads", "two_heads_eval")
    }

    assert lost not in " ".join(said["two_heads"].split())
    assert lost in " ".join(said["two_heads_eval"].split())


def test_parameters_that_take_no_part_are_said() -> None:
    shown = CliRunner().invoke(group, ["show", str(DATA / "two_heads_eval.pt2")]).output

    # The auxiliary classifier: 32 * 10 weights and 10 biases.
    assert "# 330 parameters take no part in the forward pass: those of aux" in shown


def test_several_inputs_have_their_names() -> None:
    network = api.load(DATA / "two_inputs.pt2").expand()

    assert {name: volume.shape for name, volume in network.inputs.items()} == {"image": (3, 16, 16), "text": (7,)}
    figures = totals(api.load(DATA / "two_inputs.pt2").analyse())
    # A convolution of 3 x 9 to 8, a table of 100 rows of 4, and linear layers of 4 to 8 and 8 to 10.
    assert figures.params == 8 * 28 + 400 + 40 + 90
    assert figures.macs == 216 * 14 * 14 + 32 + 80
    spec = "".join(folded(DATA / "two_inputs.pt2", "two_inputs.pt2"))
    assert "inputs:\n  image: [3, 16, 16]\n  text: [7]\n" in spec
    assert "# the input weights is the same for every sample: it has no batch\n" in spec


def test_a_decoder_is_read_as_the_layers_that_it_is_built_of() -> None:
    network = api.load(DATA / "decoder.pt2").expand()
    figures = totals(api.load(DATA / "decoder.pt2").analyse())

    made = _named(network)
    assert (len(made["rms_norm"]), len(made["rotary"]), len(made["dot_product_attention"])) == (1, 2, 1)
    # A table of 50 x 16, which is the head too; a scale; query and output of 16 x 16, key and value of 16 x 8.
    assert figures.params == 800 + 16 + 2 * 256 + 2 * 128
    # 7 positions through all but the scale; 4 heads of 7 x 7 scores, each of 4 products, and as many for the values.
    assert figures.macs == 7 * (2 * 256 + 2 * 128 + 800) + 4 * 49 * 4 * 2
    assert not any("take no part" in note for note in network.document.source.notes)  # the head's other name


def test_attention_with_a_learned_bias_is_read_step_by_step() -> None:
    model = api.load(DATA / "biased.pt2")
    figures = totals(model.analyse())

    assert {"index_select", "softmax", "add"} <= _named(model.expand()).keys()
    # A scale of 8, a linear layer of 8 to 24, two thirds of its bias, a table of 2 x 9, and 2 x 4 x 8 weights.
    assert figures.params == 8 + 192 + 16 + 18 + 64
    # The linear layer; 2 heads of 5 x 5 scores, each of 4 products, and as many for the values; 5 x 8 sums of 8.
    assert figures.macs == 5 * 192 + 2 * 25 * 4 * 2 + 40 * 8


def test_open_sizes_are_parameters() -> None:
    """Convolutions of 27 x 8 weights at all positions, and of 36 x 8 where a window of 3 fits into 2H x W, by twos."""
    model = api.load(DATA / "open.pt2")
    assert totals(model.analyse()).macs == 216 * 16 * 12 + 288 * 15 * 5 + 80
    assert model.expand().parameters == {"height": 16, "width": 12}
    larger = api.load(DATA / "open.pt2", height=20, width=30).analyse()
    assert totals(larger).macs == 216 * 20 * 30 + 288 * 19 * 14 + 80
    shown = CliRunner().invoke(group, ["show", str(DATA / "open.pt2")]).output
    assert "  - reshape: {shape: [4, height * 2, width]}" in shown or "[4, 2 * height, width]" in shown
    assert "# height is from 8 to 64" in shown


def test_an_open_length_stays_open_in_the_folded_spec(tmp_path: Path) -> None:
    spec = tmp_path / "decoder.yaml"
    spec.write_text("".join(folded(DATA / "open_decoder.pt2", "open_decoder.pt2")), encoding="utf-8")

    assert "parameters: {length: 7}\ninput: [length]\n" in spec.read_text(encoding="utf-8")
    for length in (7, 50):
        flat = totals(api.load(DATA / "open_decoder.pt2", length=length).analyse())
        assert totals(api.load(spec, length=length).analyse()).macs == flat.macs
        assert flat.macs == length * (2 * 256 + 2 * 128 + 800) + 4 * length * length * 4 * 2


@pytest.mark.parametrize("size", ["Mul(", "().__class__", "Pow(Symbol('s', integer=True), Integer(9999))", "s" * 5000])
def test_an_open_size_that_is_no_expression_of_sizes_is_a_finding(tmp_path: Path, size: str) -> None:
    def put(model: Any) -> None:
        for tensor in model["graph_module"]["graph"]["tensor_values"].values():
            if len(tensor["sizes"]) == 4:
                tensor["sizes"][2] = {"as_expr": {"expr_str": size, "hint": {"as_int": 16}}}

    with pytest.raises(SpecError) as caught:
        api.load(_damaged(tmp_path, put))

    assert caught.value.diagnostics[0].rule == "bad-model"


def test_a_channel_shuffle_is_one_layer() -> None:
    layers = _named(api.load(DATA / "shufflenet.pt2").expand())

    assert len(layers["channel_shuffle"]) == 6  # three stages of two units
    assert "reshape" not in layers


def test_unknown_operations_are_all_named_in_one_finding() -> None:
    with pytest.raises(SpecError) as caught:
        api.load(DATA / "sine.pt2")

    (found,) = caught.value.diagnostics
    assert found.rule == "unknown-operation"
    assert found.notes == (
        "sin (there is no rule for it) in the model itself: `return torch.sin(torch.sin(self.conv(x))).cumsum(1)`",
    )


def test_a_model_that_is_read_in_part_says_what_its_totals_leave_out() -> None:
    invoked = CliRunner().invoke(group, ["report", str(DATA / "sine.pt2"), "--partial", "--format", "json"])
    report = json.loads(invoked.output)

    assert report["unknown"] == ["sin.1", "sin.2", "cumsum"]
    assert report["totals"]["macs"] == 3 * 9 * 8 * 14 * 14  # the convolution's
    shown = CliRunner().invoke(group, ["report", str(DATA / "sine.pt2"), "--partial"]).output
    assert "3 unknown operations (the first is `sin.1`): MACs and FLOPs are lower bounds" in shown


def test_a_spec_that_was_imported_in_part_is_warned_of(tmp_path: Path) -> None:
    spec = tmp_path / "sine.yaml"
    imported = CliRunner().invoke(group, ["import", str(DATA / "sine.pt2"), "--partial", "-o", str(spec)])
    assert imported.exit_code == 0

    checked = CliRunner().invoke(group, ["check", str(spec)])

    assert "`unknown.1` is not known: totals leave out what it computes and saves" in checked.output


def test_only_a_model_file_is_read_in_part() -> None:
    result = CliRunner().invoke(group, ["report", "vgg16", "--partial"])

    assert isinstance(result.exception, UsageError)
    assert "vgg16 is not a model file" in str(result.exception)


@pytest.mark.parametrize("command", [["report"], ["compare", "vgg16"], ["count"], ["check"], ["resolve"]])
def test_every_command_takes_a_model_as_its_spec(command: list[str]) -> None:
    assert run([*command, str(DATA / "resnet.pt2")]) == 0


def test_what_resolve_prints_is_the_same_network(tmp_path: Path) -> None:
    flat = tmp_path / "flat.yaml"
    CliRunner().invoke(group, ["resolve", str(DATA / "two_heads.pt2"), "-o", str(flat)])

    result = CliRunner().invoke(group, ["diff", str(DATA / "two_heads.pt2"), str(flat)])

    assert "are the same, layer by layer" in result.output


def test_a_filter_that_is_a_buffer_is_not_trained(tmp_path: Path) -> None:
    """The second convolution of `tied`, 8*8*3*3 weights, as the filter of a blur is stored."""

    def store(model: Any) -> None:
        specs = model["graph_module"]["signature"]["input_specs"]
        (weight,) = [spec for spec in specs if spec.get("parameter", {}).get("parameter_name") == "again.weight"]
        stated = weight.pop("parameter")
        weight["buffer"] = {"arg": stated["arg"], "buffer_name": "again.weight", "persistent": True}

    read = api.load(_damaged(tmp_path, store)).analyse()

    assert figure(read, "params") - figure(read, "trainable_params") == 8 * 8 * 3 * 3


# --- damaged and hostile files


def _damaged(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """The model `tied` with its JSON changed."""
    with zipfile.ZipFile(DATA / "tied.pt2") as archive:
        (name,) = archive.namelist()
        model = json.loads(archive.read(name))
    change(model)
    path = tmp_path / "tied.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, json.dumps(model))
    return path


def _nodes(model: Any) -> Any:
    return model["graph_module"]["graph"]["nodes"]


def _reading(node: Any, name: str) -> None:
    node["inputs"][0]["arg"]["as_tensor"]["name"] = name


def _stating(model: Any, value: str, sizes: list[int]) -> None:
    model["graph_module"]["graph"]["tensor_values"][value]["sizes"] = [{"as_int": size} for size in sizes]


def _use_a_part(model: Any) -> None:
    """The second use of the convolution reads a slice of its weight, of 4 of 8 filters, joined to nothing else."""
    graph = model["graph_module"]["graph"]
    second = [node for node in graph["nodes"] if "p_again_weight" in json.dumps(node["inputs"])][-1]
    arguments = {"self": {"as_tensor": {"name": "p_again_weight"}}, "dim": {"as_int": 0}}
    arguments |= {"start": {"as_int": 0}, "end": {"as_int": 4}}
    part = {
        "target": "torch.ops.aten.slice.Tensor",
        "inputs": [{"name": name, "arg": arg, "kind": 1} for name, arg in arguments.items()],
        "outputs": [{"as_tensor": {"name": "part"}}],
        "metadata": {},
    }
    graph["tensor_values"]["part"] = {**graph["tensor_values"]["p_again_weight"]}
    graph["tensor_values"]["part"]["sizes"] = [{"as_int": size} for size in (4, 8, 3, 3)]
    graph["nodes"].insert(graph["nodes"].index(second), part)
    for argument in second["inputs"]:
        if argument["name"] == "weight":
            argument["arg"] = {"as_tensor": {"name": "part"}}
    for node in graph["nodes"][graph["nodes"].index(second) :]:
        for made in node["outputs"]:
            graph["tensor_values"][made["as_tensor"]["name"]]["sizes"][1] = {"as_int": 4}


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (lambda m: m.pop("graph_module"), "bad-archive", "`graph_module` is missing"),
        (lambda m: m.update(graph_module=[]), "bad-archive", "`graph_module` is of the wrong type"),
        (lambda m: _nodes(m)[0].update(target=5), "bad-archive", "`target` is of the wrong type"),
        (lambda m: _nodes(m)[0]["inputs"].append({"name": "x", "arg": {}}), "bad-archive", "should have one field"),
        (lambda m: _nodes(m).extend([{}] * 200_000), "bad-archive", "the largest network has 200,000 layers"),
        (lambda m: _stating(m, "x", [2, 3, -1]), "bad-archive", "a size is neither a number nor an expression"),
        (lambda m: _stating(m, "x", [2] + [3] * 9), "bad-model", "its input `x` has 10 axes"),
        (lambda m: _stating(m, "x", [2, 3, 2**40, 2**40]), "model-disagrees", ""),
        (lambda m: _nodes(m).append(_nodes(m)[0]), "bad-model", "two operations make the value `conv2d`"),
        (lambda m: _reading(_nodes(m)[0], "conv2d_1"), "bad-model", "reads `conv2d_1`, which nothing before it makes"),
        (lambda m: _nodes(m).pop(), "bad-model", "nothing makes its output"),
        (lambda m: _nodes(m)[0]["inputs"].clear(), "unknown-operation", "has an operation that cannot be read"),
        (lambda m: _stating(m, "conv2d", [2, 8, 15, 15]), "model-disagrees", "an output of [8, 15, 15] in the file"),
        (lambda m: _stating(m, "conv2d", [3, 8, 16, 16]), "unknown-operation", ""),
        (lambda m: _stating(m, "p_first_weight", [8, 4, 3, 3]), "model-disagrees", "296 parameters in the file"),
        (lambda m: _use_a_part(m), "bad-model", "values of the parameter `again.weight` belong to several layers"),
    ],
)
def test_a_damaged_model_is_a_finding(tmp_path: Path, change: Callable[[Any], None], rule: str, message: str) -> None:
    path = _damaged(tmp_path, change)

    with pytest.raises(SpecError) as caught:
        api.load(path).analyse()

    first = caught.value.diagnostics[0]
    assert first.rule == rule
    assert message in first.message


def test_an_archive_that_grows_without_end_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("m/models/model.json", "w") as file:
        for _ in range(70):
            file.write(b" " * 1_000_000)
    assert path.stat().st_size < 100_000

    with pytest.raises(SpecError, match="larger than 64,000,000 bytes"):
        api.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "cannot be read as an archive"),
        (b"", "cannot be read as an archive"),
        ((DATA / "tied.pt2").read_bytes()[:700], "cannot be read as an archive"),
    ],
)
def test_what_is_no_archive_is_a_finding(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.pt2"
    path.write_bytes(content)

    with pytest.raises(SpecError, match=message):
        api.load(path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"m/data.pkl": b"cos\nsystem\n(S'true'\ntR."}, "has no model inside"),
        ({"a/models/model.json": b"{}", "b/models/model.json": b"{}"}, "has 2 models inside"),
        ({"m/models/model.json": b"[" * 200_000}, "it nests too deep"),
        ({"m/models/model.json": b"{" + b'"a": 1'}, "is not JSON"),
        ({"m/models/model.json": b"\xff\xfe\xff"}, "is not JSON"),
        ({"m/models/model.json": b"9" * 10_000}, "is not JSON"),
    ],
)
def test_an_archive_without_a_model_is_a_finding(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    path = tmp_path / "model.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with pytest.raises(SpecError, match=re.escape(message)):
        api.load(path)


def test_a_model_that_is_not_there_is_a_wrong_request() -> None:
    with pytest.raises(UsageError, match=r"cannot read missing\.pt2: No such file"):
        api.load("missing.pt2")


def test_fixtures_hold_no_paths_of_a_machine() -> None:
    for path in DATA.glob("*.pt2"):
        with zipfile.ZipFile(path) as archive:
            (name,) = archive.namelist()
            assert b"/" not in archive.read(name).replace(b"//", b""), path
