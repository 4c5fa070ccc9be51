"""Writes tests/data/exchange: small models as PyTorch exports them, and what PyTorch says of each.

    python tests/exchange/make_fixtures.py [NAME ...]

Needs torch, torchvision and archcalc in one environment. Of an archive the model's JSON is kept, and of a stack trace
its last line.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measure import measure
from torch import nn
from torch.export import Dim
from torchvision.models.densenet import DenseNet
from torchvision.models.maxvit import MaxVit
from torchvision.models.mobilenetv3 import InvertedResidual, InvertedResidualConfig
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.models.shufflenetv2 import ShuffleNetV2
from torchvision.models.squeezenet import Fire
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformer, SwinTransformerBlockV2
from torchvision.models.vision_transformer import VisionTransformer
from torchvision.ops import StochasticDepth

import archcalc
from archcalc.exchange.writers import pytorch

FOLDER = Path(__file__).parent.parent / "data" / "exchange"


class Tied(nn.Module):
    """One convolution, called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.again = nn.Conv2d(8, 8, 3, padding="same", bias=False)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.first(x))
        return self.again(self.act(self.again(x))).mean([2, 3])


class TwoHeads(nn.Module):
    """An auxiliary classifier in training, as GoogLeNet has it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.SiLU(inplace=True))
        self.aux = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.7), nn.Linear(32, 10))
        self.deep = nn.Sequential(StochasticDepth(0.2, "row"), nn.Conv2d(8, 8, 3, padding=1, groups=4))
        self.fc = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.stem(x)
        out = self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x + self.deep(x), 1), 1))
        return (out, self.aux(x)) if self.training else out


class RMSNorm(nn.Module):
    """A normalisation that is written out, as decoders have it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.to(torch.float32)
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)).to(torch.float32)


class Decoder(nn.Module):
    """One layer of a decoder: rotary positions, two heads for each one of keys, and a head that is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.norm = RMSNorm(16)
        self.query, self.out = (nn.Linear(16, 16, bias=False) for _ in range(2))
        self.key, self.value = (nn.Linear(16, 8, bias=False) for _ in range(2))
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("frequencies", torch.ones(2), persistent=False)

    def turned(self, x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
        half = x.shape[-1] // 2
        return x * angles.cos() + torch.cat((-x[..., half:], x[..., :half]), -1) * angles.sin()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        batch, length = ids.shape
        positions = torch.arange(length, device=ids.device)[:, None] * self.frequencies
        angles = torch.cat((positions, positions), -1)
        y = self.norm(x)
        q, k, v = (each(y).view(batch, length, -1, 4).transpose(1, 2) for each in (self.query, self.key, self.value))
        q, k = self.turned(q, angles), self.turned(k, angles)
        k, v = (each[:, :, None].expand(batch, 2, 2, length, 4).reshape(batch, 4, length, 4) for each in (k, v))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(x + self.out(y.transpose(1, 2).reshape(batch, length, 16)))


class Open(nn.Module):
    """Images of any size, whose channels become rows in between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(4, 8, 3, stride=2)
        self.fc = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, height, width = x.shape
        return self.fc(self.second(self.first(x).reshape(batch, 4, 2 * height, width)).mean((2, 3)))


class Biased(nn.Module):
    """Attention whose scores have a learned bias by position, picked from a table by an index of two axes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8, bias=False)
        self.qkv = nn.Linear(8, 24, bias=False)
        self.query_bias, self.value_bias = (nn.Parameter(torch.zeros(8)) for _ in range(2))
        self.register_buffer("key_bias", torch.zeros(8), persistent=False)
        self.biases = nn.Parameter(torch.zeros(2, 9))
        self.out = nn.Parameter(torch.zeros(2, 4, 8))
        self.register_buffer("index", torch.zeros(5, 5, dtype=torch.int64), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bias = torch.cat((self.query_bias, self.key_bias, self.value_bias))
        x = nn.functional.linear(self.norm(x), self.qkv.weight, bias)
        q, k, v = x.reshape(len(x), 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=self.biases[:, self.index][None])
        return torch.einsum("bhlc,hcd->bld", y, self.out)


class TwoInputs(nn.Module):
    """An image whose channels are scaled by what a text says, and positions that are no input of a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.words = nn.Embedding(100, 4)
        self.scale = nn.Linear(4, 8)
        self.fc = nn.Linear(8, 10)

    def forward(self, image: torch.Tensor, text: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        scale = self.scale((self.words(text) * weights).mean(1))
        return self.fc((self.conv(image) * scale[:, :, None, None]).mean((2, 3)))


def two_inputs() -> tuple[torch.Tensor, ...]:
    """What it takes."""
    return torch.empty(2, 3, 16, 16), torch.zeros(2, 7, dtype=torch.int64), torch.empty(1, 7, 1)


def vision_transformer() -> nn.Module:
    """A vision transformer of two layers."""
    return VisionTransformer(32, 8, 2, 4, 48, 96, num_classes=10)


def swin() -> nn.Module:
    """Two stages of a Swin transformer, whose second block has shifted windows."""
    return SwinTransformer([4, 4], 8, [2, 2], [1, 2], [4, 4], stochastic_depth_prob=0.2, num_classes=10)


def swin_v2() -> nn.Module:
    """The same of its second version, whose biases by position are computed."""
    return SwinTransformer(
        *([4, 4], 8, [2, 2], [1, 2], [4, 4]),
        stochastic_depth_prob=0.2,
        num_classes=10,
        block=SwinTransformerBlockV2,
        downsample_layer=PatchMergingV2,
    )


def maxvit() -> nn.Module:
    """Two blocks of windows and grids."""
    return MaxVit((32, 32), 8, 4, [8, 16], [1, 1], 4, 0.1, num_classes=10)


class Recurrent(nn.Module):
    """A sequence read in both directions, twice, and a classifier of the last state behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.last = nn.GRU(12, 5, batch_first=True)
        self.fc = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, _ = self.both(x)
        _, state = self.last(x)
        return self.fc(state[-1])


class Sine(nn.Module):
    """An operation that no layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(torch.sin(self.conv(x))).cumsum(1)


def resnet() -> nn.Module:
    """Three basic blocks of a ResNet, one of which halves the map."""
    return ResNet(BasicBlock, [1, 2, 1, 1], num_classes=10)


def densenet() -> nn.Module:
    """Two dense blocks and the transition between them."""
    return DenseNet(4, (2, 3), 8, num_classes=10)


def shufflenet() -> nn.Module:
    """A ShuffleNet of three stages of two units."""
    return ShuffleNetV2([2, 2, 2], [8, 16, 24, 32, 64], num_classes=10)


def mobilenet() -> nn.Module:
    """An inverted residual with squeeze-and-excitation, as MobileNetV3 has it."""
    configuration = InvertedResidualConfig(16, 5, 64, 16, True, "HS", 1, 1, 1.0)
    block = InvertedResidual(configuration, nn.BatchNorm2d)
    return nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.Hardswish(inplace=True), block)


def squeezenet() -> nn.Module:
    """Two fire modules, pooled with windows that reach past the end."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(16, 4, 8, 8),
        Fire(16, 4, 16, 16),
        nn.AvgPool2d(3, 2, 1),
        nn.Flatten(),
    )


#: Models by name: how they are built, whether for training, and their input.
class Windowed(nn.Module):
    """Convolutions and poolings of windows that are one axis with the batch, to which a summary of the map is added."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.inner = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.whole = nn.Conv2d(8, 8, 4, stride=4)
        self.grid = nn.Conv2d(2, 8, 1)
        self.table = nn.Parameter(torch.empty(1, 8, 2, 2))
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)  # 16 x 16, and with a side less 15 x 15
        x = nn.functional.pad(nn.functional.pad(x, (-1, 0, -1, 0)), (1, 0, 1, 0))
        x = x + self.table.tile(1, 1, 8, 8) + self.grid(x.new_ones(1, 2, 16, 16)).repeat(len(x), 1, 1, 1)
        summary = self.whole(x).mean((2, 3), keepdim=True).repeat_interleave(16, dim=0)
        windows = x.view(-1, 8, 4, 4, 4, 4).permute(0, 2, 4, 1, 3, 5).reshape(-1, 8, 4, 4)
        windows = nn.functional.max_pool2d(self.inner(windows), 2)
        windows[:] = windows + summary
        return self.head(windows.mean((2, 3)).view(len(x), -1, 8).mean(1))


class Resampled(nn.Module):
    """Learned positions of another size than the map's, and a normalisation with a scale and no shift."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.empty(1, 8, 5, 5))
        self.stem, self.norm = nn.Conv2d(3, 8, 4, stride=4), nn.GroupNorm(1, 8, bias=False)
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        resize = nn.functional.interpolate
        x = self.norm(self.stem(x)) + resize(self.positions, size=x.shape[-1] // 4, mode="bicubic", antialias=True)
        return self.head(resize(x, scale_factor=2, mode="bicubic").mean((2, 3)))


class Standardized(nn.Conv2d):
    """A convolution with weights that are standardised, and scaled by a learned gain."""

    def __init__(self, reads: int, makes: int, *, gain: bool) -> None:
        super().__init__(reads, makes, 3, padding=1, bias=gain)
        self.gain = nn.Parameter(torch.empty(makes, 1, 1, 1)) if gain else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = None if self.gain is None else (self.gain * 0.5).view(-1)
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = nn.functional.batch_norm(flat, None, None, scale, training=True, momentum=0.0)
        return nn.functional.conv2d(x, weight.reshape_as(self.weight), self.bias, padding=1)


def standardized() -> nn.Module:
    """Two such convolutions, one with a gain."""
    first, second = Standardized(3, 8, gain=False), Standardized(8, 8, gain=True)
    return nn.Sequential(first, nn.ReLU(), second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


class Outlook(nn.Module):
    """Windows that are taken apart, weighted, and added up again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 10)
        self.weigh = nn.Linear(36, 36)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        windows = nn.functional.unfold(x, 3, padding=1, stride=2)
        windows = self.weigh(windows.transpose(1, 2)).transpose(1, 2)
        x = nn.functional.fold(windows, x.shape[-2:], 3, padding=1, stride=2)
        return self.head(x.mean((2, 3)))


class ClassToken(nn.Module):
    """A learned token that attends to a sequence, and is there again beside what it has seen; what is computed of a
    buffer scales the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.empty(1, 1, 12))
        self.register_buffer("bands", torch.empty(12))
        self.q, self.kv, self.head = nn.Linear(12, 12), nn.Linear(12, 24), nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        token = self.token.expand(len(x), -1, -1)
        rows = torch.cat((token, x), 1)
        rows = rows * torch.outer(torch.ones(6, device=x.device), self.bands).cos()
        q = self.q(rows[:, :1]).view(len(x), 1, 3, 4).transpose(1, 2)
        k, v = self.kv(rows).view(len(x), -1, 2, 3, 4).permute(2, 0, 3, 1, 4).unbind(0)
        seen = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.head((token + seen.transpose(1, 2).reshape(len(x), 1, 12))[:, 0])


def responses() -> nn.Module:
    """Local response normalisation of maps and of sequences, with windows of an odd and of an even number."""
    of_maps = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(2))
    return nn.Sequential(of_maps, nn.Flatten(2), nn.LocalResponseNorm(4), nn.Flatten(), nn.Linear(392, 10))


MODELS: dict[str, tuple[Callable[[], nn.Module], bool, tuple[int, ...]]] = {
    "resnet": (resnet, False, (3, 64, 64)),
    "densenet": (densenet, False, (3, 64, 64)),
    "shufflenet": (shufflenet, False, (3, 64, 64)),
    "mobilenet": (mobilenet, False, (3, 32, 32)),
    "squeezenet": (squeezenet, False, (3, 61, 61)),
    "vision_transformer": (vision_transformer, False, (3, 32, 32)),
    "swin": (swin, True, (3, 64, 64)),
    "swin_v2": (swin_v2, True, (3, 64, 64)),
    "maxvit": (maxvit, True, (3, 32, 32)),
    "tied": (Tied, False, (3, 16, 16)),
    "two_heads": (TwoHeads, True, (3, 33, 33)),
    "two_heads_eval": (TwoHeads, False, (3, 33, 33)),
    "recurrent": (Recurrent, False, (7, 8)),
    "windowed": (Windowed, False, (3, 16, 16)),
    "standardized": (standardized, False, (3, 16, 16)),
    "outlook": (Outlook, False, (3, 8, 9)),
    "resampled": (Resampled, False, (3, 16, 16)),
    "class_token": (ClassToken, False, (5, 12)),
    "responses": (responses, False, (3, 16, 16)),
    "sine": (Sine, False, (3, 16, 16)),
}


#: Specs beside the archives, of texts of 12 words, of which archcalc's own code is exported for training.
WRITTEN = ("causal", "rotary")


def coded(name: str) -> nn.Module:
    """The code that archcalc writes of a spec, as a model."""
    names: dict[str, Any] = {"__name__": name}
    exec("".join(pytorch.write(archcalc.load(FOLDER / f"{name}.yaml").analyse())), names)
    module = [each for each in names.values() if isinstance(each, type) and issubclass(each, nn.Module)][-1]
    return module()


#: An operation that no layer is, and kernels that show neither their products nor all that they save.
UNMEASURED = ("recurrent", "sine")


def export(model: nn.Module, inputs: tuple[torch.Tensor, ...], path: Path, **options: Any) -> None:
    """Export a model, and keep of the archive what a reader needs."""
    whole = io.BytesIO()
    torch.export.save(torch.export.export(model, tuple(each.to("meta") for each in inputs), **options), whole)
    with zipfile.ZipFile(whole) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/models/model.json"))
        content = json.loads(archive.read(name))
    for node in content["graph_module"]["graph"]["nodes"]:
        trace = node["metadata"].get("stack_trace", "").strip().splitlines()
        last = trace[-1].strip() if trace else ""
        node["metadata"]["stack_trace"] = "" if last.startswith("File ") else last
    member = zipfile.ZipInfo(f"{path.stem}/models/model.json", (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(member, json.dumps(content, separators=(",", ":")), zipfile.ZIP_DEFLATED)


def main(names: list[str]) -> None:
    """Write those archives, or every one, and the figures of all in one file."""
    kept = FOLDER / "figures.json"
    figures = json.loads(kept.read_text()) if names else {}
    for name, (build, training, shape) in MODELS.items():
        if names and name not in names:
            continue
        with torch.device("meta"):
            model = build().train(training)
        export(model, (torch.empty(2, *shape),), FOLDER / f"{name}.pt2")
        if name not in UNMEASURED:
            figures[name] = {"input": shape, **measure(model, shape)}
    kept.write_text(json.dumps(figures, indent=2) + "\n")
    for name in WRITTEN:
        if not names or name in names:
            with torch.device("meta"):
                export(coded(name).train(), (torch.zeros(2, 12, dtype=torch.int64),), FOLDER / f"{name}.pt2")
    if names:
        return
    with torch.device("meta"):
        export(TwoInputs().eval(), two_inputs(), FOLDER / "two_inputs.pt2")
        export(Decoder().eval(), (torch.zeros(2, 7, dtype=torch.int64),), FOLDER / "decoder.pt2")
        export(Biased().eval(), (torch.empty(2, 5, 8),), FOLDER / "biased.pt2")
        sides = {0: Dim("batch", max=64), 2: Dim("height", min=8, max=64), 3: Dim("width", min=8, max=64)}
        export(Open().eval(), (torch.empty(2, 3, 16, 12),), FOLDER / "open.pt2", dynamic_shapes=(sides,))
        length = {0: Dim("batch", max=64), 1: Dim("length", min=2, max=100)}
        ids = (torch.zeros(2, 7, dtype=torch.int64),)
        export(Decoder().eval(), ids, FOLDER / "open_decoder.pt2", dynamic_shapes=(length,))


if __name__ == "__main__":
    main(sys.argv[1:])
