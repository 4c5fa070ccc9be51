"""The nine whole networks in the package onnx, against their twins in the catalogue: figures, and why some differ."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from inline import totals

from archcalc import api
from archcalc.analysis.totals import Analysis

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def of_file(name: str) -> Analysis:
    """One of the nine networks."""
    return api.load(FOLDER / f"light_{name}.onnx").analyse()


def of_catalogue(name: str) -> Analysis:
    """Its twin."""
    return api.load(name).analyse()


def weighted(analysis: Analysis) -> Counter[tuple[int, int, int]]:
    """The convolutions and linear layers: channels that come out, parameters, MACs of one position."""
    rows = [row for row in analysis.layers if row.layer in ("conv", "depthwise_conv", "linear")]
    return Counter((row.output.channels, row.params, row.macs // row.output.positions) for row in rows)


@pytest.mark.parametrize(
    ("name", "twin"), [("resnet50", "resnet50"), ("vgg19", "vgg19"), ("squeezenet", "squeezenet1_1")]
)
def test_equal_networks_have_equal_figures(name: str, twin: str) -> None:
    file, catalogue = of_file(name), of_catalogue(twin)

    assert totals(file).params == totals(catalogue).params
    assert totals(file).buffers == totals(catalogue).buffers
    assert totals(file).macs == totals(catalogue).macs
    assert weighted(file) == weighted(catalogue)


def test_densenet_scales_beside_its_normalisations() -> None:
    """Caffe normalises without a factor and multiplies and adds in a layer of its own. In the file both have a factor
    and an offset for each channel, so that each normalisation is there with 4 parameters a channel instead of 2."""
    file, catalogue = of_file("densenet121"), of_catalogue("densenet121")

    normalised = sum(row.output.channels for row in file.layers if row.layer == "batch_norm")
    assert normalised == 41_824
    assert totals(file).params == totals(catalogue).params + 2 * normalised
    assert totals(file).macs == totals(catalogue).macs
    assert totals(file).buffers == totals(catalogue).buffers
    assert weighted(file) == weighted(catalogue)  # the classifier is a convolution of one position


def test_inception_v1_pools_without_rounding_up() -> None:
    """The published network rounds up where it pools: 112, 56, 28, 14, 7. The file's poolings drop what is left over:
    112, 55, 27, 13, 6. Every layer is the same at fewer positions."""
    file, catalogue = of_file("inception_v1"), of_catalogue("googlenet")

    assert totals(file).params == totals(catalogue).params
    assert weighted(file) == weighted(catalogue)
    assert list(dict.fromkeys(row.output.space[0] for row in file.layers if row.output.space)) == [
        112,
        55,
        27,
        13,
        6,
        1,
    ]
    shares = {112: 112, 56: 55, 28: 27, 14: 13, 7: 6}
    smaller = sum(
        row.macs // size**2 * shares.get(size, size) ** 2
        for row in catalogue.layers
        for size in [row.output.space[0] if row.output.space else 1]
    )
    assert totals(file).macs == smaller == 1_431_556_352


def test_alexnet_has_images_of_224_pixels() -> None:
    """The catalogue's has 227, since 224 do not give the paper's 55x55: maps of 55, 27 and 13 positions a side are 54,
    26 and 12 in the file. Its last pooling is padded at the end, so that 6x6 positions are left for the classifier."""
    file, catalogue = of_file("bvlc_alexnet"), of_catalogue("alexnet_two_gpu")

    assert totals(file).params == totals(catalogue).params
    assert weighted(file) == weighted(catalogue)
    # 54 * 54 * 34,848 + 26 * 26 * 307,200 + 12 * 12 * (884,736 + 663,552 + 442,368) + 58,621,952 of linear layers
    assert totals(file).macs == 101_616_768 + 207_667_200 + 286_654_464 + 58_621_952


def test_inception_v2_has_another_stem_and_narrower_modules() -> None:
    """The file's stem is a convolution of 7x7, the catalogue's the paper's separable one. Convolutions of 1x1 read 576
    channels where the paper's read 608, and 1,024 where they read 1,056, since modules before them are narrower. As in
    DenseNet there are 4 parameters for each normalised channel."""
    file, catalogue = of_file("inception_v2"), of_catalogue("inception_v2")

    only_file, only_catalogue = weighted(file) - weighted(catalogue), weighted(catalogue) - weighted(file)
    differing = sum(p * n for (_, p, _), n in only_file.items()) - sum(p * n for (_, p, _), n in only_catalogue.items())
    normalised = sum(row.output.channels for row in file.layers if row.layer == "batch_norm")
    twin = sum(row.output.channels for row in catalogue.layers if row.layer == "batch_norm")
    assert totals(file).params - totals(catalogue).params == differing + 4 * normalised - 2 * twin
    assert {channels for channels, _, _ in only_file} == {64, 96, 128, 160, 192, 352}


def test_zfnet512_is_wider() -> None:
    """Convolutions 3 to 5 have 512 channels, where the paper's have 384, 384 and 256, and the second linear layer has
    1,024 where it has 4,096. The first two convolutions are the paper's."""
    file, catalogue = of_file("zfnet512"), of_catalogue("zfnet")

    rows = [row for row in file.layers if row.layer in ("conv", "linear")]
    assert [row.output.channels for row in rows] == [96, 256, 512, 512, 512, 4096, 1024, 1000]
    assert weighted(file) & weighted(catalogue) == Counter({(96, 14_208, 14_112): 1, (256, 614_656, 614_400): 1})
    # 256 * 9 * 512 + 512, twice 512 * 9 * 512 + 512, 18,432 * 4,096 + 4,096, 4,096 * 1,024 + 1,024, 1,024,000 + 1,000
    wider = 1_180_160 + 2 * 2_359_808 + 75_501_568 + 4_195_328 + 1_025_000
    assert totals(file).params == 14_208 + 614_656 + wider


def test_shufflenet_is_the_first_one() -> None:
    """ShuffleNet v1 (Zhang et al. 2017, arXiv:1707.01083, table 1) in 4 groups: 16 units, each with a shuffle, of 272,
    544 and 1,088 channels, of which this file has half: 136, 272 and 544."""
    file = of_file("shufflenet")

    layers = Counter(row.layer for row in file.layers)
    assert layers["channel_shuffle"] == 16
    assert layers["conv"] == 1 + 3 * 16
    joins = [row.output.channels for row in file.layers if row.layer in ("concat", "add")]
    assert joins == [136] * 4 + [272] * 8 + [544] * 4
    assert totals(file).params == 1_393_320
