"""The catalogue: every spec against its own totals, published tables, and torchvision layer by layer."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import pytest
from inline import totals as figures

import archcalc
from archcalc import catalogue
from archcalc.analysis.receptive_field import last_map, receptive_fields
from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.commands.check.run import SpecCheck, check
from archcalc.commands.check.targets import in_catalogue
from archcalc.quantities.registry import figure

DATA = Path(__file__).parent.parent / "data"


def analysed(reference: str) -> Analysis:
    return archcalc.load(reference).analyse()


# --- every spec


@pytest.mark.parametrize("name", catalogue.names())
def test_every_spec_says_who_it_is_and_where_it_is_from(name: str) -> None:
    document = archcalc.load(name).document

    assert document.architecture == name
    assert document.citation


@pytest.fixture(scope="module")
def checks() -> dict[str, SpecCheck]:
    """The whole catalogue, checked once."""
    return {each.target.name: each for each in check(in_catalogue())}


@pytest.mark.parametrize("name", catalogue.names())
def test_every_claim_is_true_or_a_known_erratum(name: str, checks: dict[str, SpecCheck]) -> None:
    errors = [finding for finding in checks[name].findings if finding.severity == "error"]

    assert [f"{finding.place}: {finding.message}" for finding in errors] == []


@pytest.mark.parametrize("name", catalogue.names())
def test_every_spec_claims_its_exact_parameters(name: str, checks: dict[str, SpecCheck]) -> None:
    exact = [
        verdict.claim
        for verdict in checks[name].verdicts
        if verdict.claim.quantity.name == "params"
        and verdict.claim.layer is None
        and (verdict.claim.figure.exact or verdict.claim.figure.expression)
    ]
    assert exact


def test_the_catalogue_warns_of_nothing_but_inputs_that_do_not_come_out_even(checks: dict[str, SpecCheck]) -> None:
    found = {(each.target.name, finding.rule) for each in checks.values() for finding in each.findings}

    assert found == {
        ("nin_imagenet", "stride-drops-remainder"),
        ("squeezenet1_0", "stride-drops-remainder"),
        ("squeezenet1_1", "stride-drops-remainder"),
    }


# --- the documents that the catalogue answers: what they print is claimed, and what they have wrong is an erratum

DOCUMENTS = {
    "Yu 2021": 10,
    "Byeon": 20,
    "CNN basics": 8,
    "Gorio": 30,
    "AlexNet review": 3,
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_document_is_claimed(document: str, checks: dict[str, SpecCheck]) -> None:
    claimed = [v for each in checks.values() for v in each.verdicts if document in v.claim.source]

    assert len(claimed) >= DOCUMENTS[document]
    assert {v.verdict for v in claimed} == {"met", "erratum"}


@pytest.mark.parametrize(
    ("name", "quantity", "layer", "claimed"),
    [
        ("alexnet_two_gpu", "params", None, "600K"),
        ("cnn_basics", "macs", None, "2_145_024"),
        ("vgg16", "activation_bytes", None, "93 MB"),
        ("vgg16", "activation_bytes", None, "96 MB"),
        ("vgg16", "activation_bytes", None, "~100 MB"),
        ("alexnet", "input", "pool3", "13x13x384"),
        ("alexnet", "output", "pool3", "7x7x512"),
        ("alexnet", "depth", None, "7"),
        ("googlenet", "params", None, "5M"),
        ("googlenet", "params", None, "12x"),
        ("googlenet", "params", None, "27x"),
        ("googlenet", "depth", None, "19"),
        ("googlenet", "weights", "inception_4c", "463Ki"),
        ("googlenet", "weights", "conv1", "2.7Ki"),
        ("stacked_conv3x3", "params", None, "27 * channels"),
        ("stacked_conv3x3", "activation_bytes_without_input", None, "36 MB"),
        ("single_conv", "params", None, "49 * channels"),
        ("alexnet_two_gpu", "neurons", "conv1", "253_440"),
        ("resnet1202", "params", None, "10.2M"),
        ("squeezenet1_0", "macs", None, "1.7G"),
        ("mobilenet", "output", "separable.13/depthwise_conv", "4x4x1024"),
        ("mobilenet", "macs", None, "317M"),
        ("squeezenet1_0", "output", "conv1", "111x111x96"),
        ("squeezenet1_1", "macs", None, "0.36G"),
        ("inception_v4", "params", None, "48M"),
        ("resnet50", "params", None, "22.6M"),
        ("inception_v3", "macs", None, "2.5x"),
        ("inception_v2", "params", None, "13.6M"),
        ("fractalnet20", "params", None, "38.6M"),
    ],
)
def test_a_figure_that_is_wrong_in_print_is_an_erratum(
    name: str, quantity: str, layer: str | None, claimed: str, checks: dict[str, SpecCheck]
) -> None:
    (verdict,) = [
        v
        for v in checks[name].verdicts
        if (v.claim.quantity.name, v.claim.layer, v.claim.figure.text) == (quantity, layer, claimed) and v.claim.erratum
    ]
    assert verdict.verdict == "erratum"


def test_what_no_description_gives_is_published_with_its_source(checks: dict[str, SpecCheck]) -> None:
    errors = [fact for each in checks.values() for fact in each.facts if fact.unit == "%"]

    assert len(errors) > 60
    assert [fact.text for fact in errors if not fact.source] == []
    (zfnet,) = [fact for fact in checks["zfnet"].facts if fact.erratum]
    assert zfnet.text == "11.7 %"


# --- figures that were computed independently: parameters and multiply-accumulates

TOTALS = {
    "cnn_basics": (456, 352_800),
    "cnn_basics_fc": (14_450_688, 14_450_688),
    "lenet5": (61_706, 416_520),
    "alexnet": (62_378_344, 1_135_256_096),
    "alexnet_two_gpu": (60_965_224, 724_406_816),
    "alexnet_torchvision": (61_100_840, 714_188_480),
    "zfnet": (62_357_608, 1_168_032_896),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "googlenet": (6_998_552, 1_582_671_872),
    "googlenet:heads=true": (13_378_280, None),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "wide_resnet50_2": (68_883_240, 11_398_021_120),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x4d": (44_177_704, 7_969_996_800),
    "nin_cifar10": (966_986, None),
    "nin_imagenet": (7_595_176, 1_100_188_800),
    "densenet40_k12": (1_019_722, None),
    "densenet100_k12": (6_979_642, None),
    "densenet100_k24": (27_249_082, None),
    "densenet_bc100_k12": (769_162, None),
    "densenet_bc250_k24": (15_324_406, None),
    "densenet_bc190_k40": (25_624_430, None),
    "densenet121": (7_978_856, 2_834_161_664),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "mobilenet": (4_231_976, 568_740_352),
    "mobilenet:width=0.75": (2_585_560, None),
    "mobilenet:width=0.5": (1_331_592, None),
    "mobilenet:width=0.25": (470_072, None),
    "googlenet_bn": (6_624_904, 1_498_376_192),
    "googlenet_bn:heads=true": (13_004_888, None),
    "inception_v3": (23_834_568, 5_713_216_096),
    "inception_v3:heads=true": (27_161_264, None),
    "inception_v4": (42_679_816, 12_253_974_624),
    "inception_resnet_v2": (55_843_464, 13_155_794_016),
    "lenet5_1998": (60_000, None),
    "vgg_b": (133_047_848, 11_308_466_176),
    "vgg_c": (133_638_952, None),
    "resnet20": (269_722, None),
    "resnet32": (464_154, None),
    "resnet44": (658_586, None),
    "resnet56": (853_018, None),
    "resnet110": (1_727_962, None),
    "resnet1202": (19_421_274, None),
    "resnet20:depth=56": (853_018, None),
    "stochastic_depth_resnet110": (1_727_962, None),
    "preact_resnet164:project=true": (1_703_258, None),
    "preact_resnet1001": (10_285_722, None),
    "preact_resnet1001:project=true": (10_327_706, None),
    "preact_resnet200": (64_666_280, None),
    "wrn_16_8": (10_961_370, None),
    "wrn_28_10": (36_479_194, None),
    "wrn_40_4": (8_949_210, None),
    "resnext29_8x64d": (34_426_698, None),
    "resnext29_16x64d": (68_155_210, None),
    "fractalnet20": (33_724_618, None),
    # The stride in the first 1x1, as in the paper.
    "resnet50:strides=[2,1]": (25_557_032, 3_857_973_248),
    "resnet101:strides=[2,1]": (44_549_160, 7_570_194_432),
    "resnet152:strides=[2,1]": (60_192_808, 11_282_415_616),
}


@pytest.mark.parametrize("reference", TOTALS)
def test_totals(reference: str) -> None:
    totals = figures(analysed(reference))
    params, macs = TOTALS[reference]

    assert totals.params == params
    if macs is not None:
        assert totals.macs == macs


@pytest.mark.parametrize(("width", "millions"), [("1", "568.7"), ("0.75", "325.4"), ("0.5", "149.5"), ("0.25", "41.0")])
def test_mobilenets_width_multiplier(width: str, millions: str) -> None:
    assert f"{figure(analysed(f'mobilenet:width={width}'), 'macs') / 1e6:.1f}" == millions


def test_lenet5_layer_by_layer() -> None:
    """Section II.B of the paper: trainable parameters and connections of each layer, and their sums.

    A connection is an input or a bias of an output unit; a unit of a subsampling layer has four inputs and a bias.
    """
    params: dict[str, int] = {}
    connections: dict[str, int] = {}
    for layer in analysed("lenet5_1998").layers:
        name = layer.name.partition("/")[0]
        params[name] = params.get(name, 0) + layer.params
        counted = {"affine": 5 * layer.output.elements, "rbf": layer.buffers}
        biases = sum(operation.amount for operation in layer.outcome.operations if operation.role == "bias")
        connections[name] = connections.get(name, 0) + counted.get(layer.layer, layer.macs + biases)

    trainable = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert {name: count for name, count in params.items() if count} == trainable
    assert sum(params.values()) == 60_000
    assert {name: count for name, count in connections.items() if count} == {
        "c1": 122_304,
        "s2": 5_880,
        "c3": 151_600,
        "s4": 2_000,
        "c5": 48_120,
        "f6": 10_164,
        "output": 840,
    }
    assert sum(connections.values()) == 340_908


def test_vgg16s_outputs_are_those_of_the_lectures_table() -> None:
    """CS231n's rows with the image: 15,237,608 values of 4 bytes. Pooling 7x7 to 7x7 is no row; 14x14 to 7x7 is one."""
    totals = figures(analysed("vgg16"))
    pooled, larger = (analysed(f"vgg16:image={image}").layer("classifier/adaptive_avgpool") for image in (224, 448))

    assert totals.input_bytes + totals.activation_bytes_without_input == 15_237_608 * 4 == 60_950_432
    assert (pooled.activation_bytes, larger.activation_bytes) == (0, 7 * 7 * 512 * 4)


@pytest.mark.parametrize(
    ("reference", "network"),
    [
        ("alexnet", "alexnet_v2"),
        ("vgg16", "vgg_16"),
        ("inception_v2", "inception_v2"),
        ("inception_v3", "inception_v3"),
        ("inception_v4", "inception_v4"),
        ("inception_resnet_v2", "inception_resnet_v2"),
        ("mobilenet:padding=same", "mobilenet_v1"),
        ("mobilenet:padding=same,width=0.75", "mobilenet_v1_075"),
    ],
)
def test_receptive_fields_are_the_published_ones(reference: str, network: str) -> None:
    with (DATA / "receptive_fields.csv").open(encoding="utf-8") as lines:
        published = next(row for row in csv.DictReader(lines) if row["network"] == network)
    interpretation = analysed(reference).interpretation
    last = last_map(interpretation, receptive_fields(interpretation))
    assert last is not None

    assert last.field.size == (int(published["receptive_field_px"]),) * 2
    assert last.field.stride == (int(published["effective_stride"]),) * 2
    assert last.field.padding == (int(published["effective_padding"]),) * 2


@pytest.mark.parametrize(("name", "size"), [("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507)])
def test_the_stride_in_the_first_1x1_widens_what_a_residual_network_sees(name: str, size: int) -> None:
    interpretation = analysed(f"{name}:strides=[2,1]").interpretation
    last = last_map(interpretation, receptive_fields(interpretation))
    assert last is not None

    assert last.field.size == (size, size)


#: Maps that papers print.
MAPS = {
    "zfnet": {"conv1": 110, "pool1": 55, "conv2": 26, "pool2": 13, "conv5": 13, "pool5": 6},
    "squeezenet1_0:image=227": {"conv1/conv": 111, "pool1/maxpool": 55, "pool4/maxpool": 27, "pool8/maxpool": 13},
    "googlenet": {"conv1/conv": 112, "pool1": 56, "pool2": 28, "pool3": 14, "pool4": 7},
    "inception_v2": {"pool1": 56, "pool2": 28, "inception_3c/concat": 14, "inception_4e/concat": 7},
    "inception_v3": {"mixed_5b/concat": 35, "mixed_6a/concat": 17, "mixed_7a/concat": 8},
    "inception_v4": {"stem/concat.3": 35, "reduction_a/concat": 17, "reduction_b/concat": 8},
    "inception_resnet_v2": {"inception_a/concat": 35, "reduction_a/concat": 17, "reduction_b/concat": 8},
    "densenet121": {"conv1": 112, "pool1": 56, "transition1/avgpool": 28, "transition3/avgpool": 7},
    "fractalnet20": {"block1/maxpool": 16, "block5/maxpool": 1},
}


@pytest.mark.parametrize("reference", MAPS)
def test_maps_are_as_large_as_printed(reference: str) -> None:
    analysis = analysed(reference)
    sides = {name: set(analysis.layer(name).output.space) for name in MAPS[reference]}

    assert sides == {name: {side} for name, side in MAPS[reference].items()}


def test_resnet20_by_hand() -> None:
    """He et al. 2015, section 4.2: 3x3 convolutions on 32x32x16, 16x16x32 and 8x8x64, six layers each."""
    stages = [
        32 * 32 * 9 * (3 * 16 + 6 * 16 * 16),
        16 * 16 * 9 * (16 * 32 + 5 * 32 * 32),
        8 * 8 * 9 * (32 * 64 + 5 * 64 * 64),
    ]
    assert figure(analysed("resnet20"), "macs") == sum(stages) + 64 * 10 == 40_551_040


@pytest.mark.parametrize(
    "name",
    [name for name, path in catalogue.names().items() if "cifar" in catalogue.group_of(path) or "cifar10" in name]
    + ["preact_resnet110", "preact_resnet1001", "wrn_28_10", "resnext29_8x64d", "densenet40_k12", "densenet_bc100_k12"],
)
def test_networks_for_cifar_average_a_map_of_8x8(name: str) -> None:
    analysis = analysed(name)
    (average,) = [layer for layer in analysis.layers if layer.layer == "global_avgpool"]

    assert analysis.input_volumes(average)[0].space == (8, 8)


def test_lenet5s_connection_table() -> None:
    """Table I: six maps of 3 neighbours, six of 4, three of 4 apart, one of all; each input is used ten times."""
    table = analysed("lenet5_1998").layer("c3").node.attributes["table"]
    together = {number: {tuple(sorted((i + j) % 6 for j in range(number))) for i in range(6)} for number in (3, 4)}

    assert set(table[:6]) == together[3]
    assert set(table[6:12]) == together[4]
    assert {len(row) for row in table[12:15]} == {4}
    assert not together[4] & set(table[12:15])
    assert table[15] == (0, 1, 2, 3, 4, 5)
    assert [sum(i in row for row in table) for i in range(6)] == [10] * 6


@pytest.mark.parametrize("reference", ["resnet20:depth=21", "preact_resnet164:depth=165", "densenet40_k12:depth=41"])
def test_a_depth_that_does_not_divide_into_blocks_is_refused(reference: str) -> None:
    with pytest.raises(archcalc.SpecError, match="must be a whole number"):
        analysed(reference)


def test_plain34_is_resnet34_without_its_projections() -> None:
    """Three projections by 1x1, with a scale and a shift for each channel: 64 to 128, 128 to 256, 256 to 512."""
    plain, residual = figures(analysed("plain34")), figures(analysed("resnet34"))

    weights = [64 * 128, 128 * 256, 256 * 512]
    assert residual.params - plain.params == sum(weights) + 2 * (128 + 256 + 512)
    assert residual.macs - plain.macs == weights[0] * 28**2 + weights[1] * 14**2 + weights[2] * 7**2


def test_stochastic_depth_falls_linearly_to_one_half() -> None:
    """Block l of 54 survives with 1 - l/108: 54 - (1 + ... + 54)/108 = 40.25 blocks are expected."""
    layers = analysed("stochastic_depth_resnet110").layers
    dropped = [layer.node.attributes["rate"] for layer in layers if layer.layer == "drop_path"]

    assert dropped == [Fraction(block, 108) for block in range(1, 55)]
    assert 54 - sum(dropped) == Fraction("40.25")


def test_fractalnets_longest_path_has_twenty_convolutions() -> None:
    """Five blocks of 2^(3-1) convolutions each; a fractal of three columns has 1 + 2 + 4."""
    analysis = analysed("fractalnet20")

    assert sum(layer.layer == "conv" for layer in analysis.layers) == 5 * (1 + 2 + 4)
    assert figure(analysis, "depth") == 5 * 2**2 + 1


def test_bn_inception_is_the_published_port_with_an_ordinary_first_convolution() -> None:
    """The port of the same table has 11,295,240 parameters, with a bias in every convolution (which BN makes idle)."""
    analysis = analysed("inception_v2:separable=false")
    biases = sum(layer.output.channels for layer in analysis.layers if layer.layer == "conv")

    assert figure(analysis, "params") + biases == 11_295_240


def test_the_naive_inception_module_of_the_lecture() -> None:
    """28x28x256 in, 28x28x672 out: pooling keeps all 256 maps, so the depth can only grow."""
    analysis = analysed("inception_naive")

    assert str(analysis.layer("concat").output) == "28x28x672"
    assert figure(analysis, "macs") == 28 * 28 * 256 * (128 * 1 + 192 * 9 + 96 * 25)


def test_cnn_basics_by_hand() -> None:
    """Six 5x5 filters over 32x32x3, and the fully connected layer with as many outputs."""
    assert (5 * 5 * 3 + 1) * 6 == figure(analysed("cnn_basics"), "params") == 456
    assert figure(analysed("cnn_basics"), "macs") == (5 * 5 * 3) * (28 * 28 * 6)
    assert 3072 * 4704 == figure(analysed("cnn_basics_fc"), "params") == 14_450_688
    assert figure(analysed("cnn_basics_fc:bias=true"), "params") == 3072 * 4704 + 4704


# --- AlexNet row by row

#: The table of a tutorial, which has 224 pixels with a padding of 1.5: one row before and two after, as a convolution.
ALEXNET = {
    "conv1": "55x55x96",
    "pool1": "27x27x96",
    "norm1": "27x27x96",
    "conv2": "27x27x256",
    "pool2": "13x13x256",
    "norm2": "13x13x256",
    "conv3": "13x13x384",
    "conv4": "13x13x384",
    "conv5": "13x13x256",
    "pool3": "6x6x256",
    "fc6": "4096",
    "fc7": "4096",
    "fc8": "1000",
}


@pytest.mark.parametrize("reference", ["alexnet", "alexnet:image=224,padding=[[1,2],[1,2]]"])
def test_alexnet_row_by_row(reference: str) -> None:
    analysis = analysed(reference)
    rows = [layer for layer in analysis.layers if layer.name in ALEXNET]

    assert {layer.name: str(layer.output) for layer in rows} == ALEXNET
    # Each row's input is the output of the row before; the third pooling's is 13x13x256.
    assert [str(analysis.input_volumes(layer)[0]) for layer in rows[1:10]] == [*ALEXNET.values()][:9]


def test_alexnet_conv1_and_pool1() -> None:
    """(227 - 11) / 4 + 1 = 55; 11 * 11 * 3 weights for each of 96 filters; pooling learns nothing."""
    conv1, pool1 = (analysed("alexnet").layer(name) for name in ("conv1", "pool1"))

    assert [tensor.elements for tensor in conv1.outcome.params] == [11 * 11 * 3 * 96, 96] == [34_848, 96]
    assert str(pool1.output) == "27x27x96"
    assert pool1.params == 0


# --- torchvision, layer by layer

LAYERS = {
    "conv": "Conv2d",
    "linear": "Linear",
    "batch_norm": "BatchNorm2d",
    "maxpool": "MaxPool2d",
    "avgpool": "AvgPool2d",
    "adaptive_avgpool": "AdaptiveAvgPool2d",
    "global_avgpool": "AdaptiveAvgPool2d",
    "relu": "ReLU",
    "dropout": "Dropout",
}
#: Spec, reference file, and the layers that torchvision calls as functions there, so that they have no row.
TORCHVISION = [
    ("alexnet_torchvision", "alexnet", []),
    *((name, name, []) for name in ("vgg11", "vgg16", "vgg19")),
    *((name, name, []) for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")),
    *((name, name, []) for name in ("wide_resnet50_2", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1")),
    ("densenet121", "densenet121", ["ReLU", "AdaptiveAvgPool2d"]),
    ("googlenet_bn", "googlenet", ["ReLU"]),
    ("googlenet_bn:heads=true", "googlenet_heads", ["ReLU", "AdaptiveAvgPool2d"]),
    ("inception_v3", "inception_v3", ["ReLU", "MaxPool2d", "AvgPool2d"]),
    ("inception_v3:heads=true", "inception_v3_heads", ["ReLU", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"]),
]


def axes(value: object) -> object:
    """A kernel, stride or padding as a spec writes it, one number for each axis."""
    return value if isinstance(value, tuple) else (value, value)


def torch_axes(text: str) -> object:
    """The same as torch prints it: `7x7`, or one number for both."""
    sizes = tuple(map(int, text.split("x")))
    return sizes if len(sizes) == 2 else sizes * 2


def our_row(layer: AnalysedLayer) -> tuple[object, ...]:
    given = layer.node.attributes
    windows: tuple[object, ...] = ()
    if layer.layer in ("conv", "maxpool", "avgpool"):
        kernel = given["kernel"]
        stride = given.get("stride", 1 if layer.layer == "conv" else kernel)
        windows = (axes(kernel), axes(stride), axes(given.get("padding", 0)))
    return (LAYERS[layer.layer], layer.output.shape, layer.params, layer.buffers, layer.macs, *windows)


def their_row(row: dict[str, str]) -> tuple[object, ...]:
    shape = tuple(map(int, row["output_shape"].split("x")))
    windows = [torch_axes(row[column]) for column in ("kernel_size", "stride", "padding") if row[column]]
    return (row["type"], shape, int(row["params"]), int(row["buffers"]), int(row["macs"]), *windows)


@pytest.mark.parametrize(("spec", "file", "functional"), TORCHVISION)
def test_every_layer_is_torchvisions(spec: str, file: str, functional: list[str]) -> None:
    with (DATA / "layers" / f"{file}.csv").open(encoding="utf-8") as lines:
        theirs = [their_row(row) for row in csv.DictReader(lines) if row["type"] not in functional]
    named = [layer for layer in analysed(spec).layers if layer.layer in LAYERS]
    ours = [row for row in map(our_row, named) if row[0] not in functional]

    assert ours == theirs


@pytest.mark.parametrize(("image", "pooled"), [(299, 75), (200, 50), (328, 82), (321, 81)])
def test_bn_inception_takes_images_of_any_size(image: int, pooled: int) -> None:
    """Padded as TensorFlow does, every stride of 2 halves a map and rounds up: twice before the second pool."""
    analysis = analysed(f"inception_v2:image={image}")
    assert analysis.layer("pool1").output.space == (pooled, pooled)
    assert analysis.layer("inception_3c/concat").output.space == (-(-image // 16),) * 2
