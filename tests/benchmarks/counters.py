"""The counters that archcalc is compared with, each as a function of a torchvision network's name.

`python counters.py COUNTER NETWORK` runs one of them in a process of its own, imports included. Each counts on the
meta device, where tensors have shapes and no values, so that no time goes into arithmetic; but for fvcore, whose
tracing works on real tensors only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

IMAGE = 224


def _network(name: str, device: str = "meta") -> Any:
    import torch
    import torchvision

    with torch.device(device):
        return getattr(torchvision.models, name)().eval()


def torchinfo(name: str) -> None:
    """torchinfo.summary."""
    import torchinfo as counter

    counter.summary(_network(name), (1, 3, IMAGE, IMAGE), device="meta", verbose=0)


def fvcore(name: str) -> None:
    """fvcore.nn.FlopCountAnalysis."""
    import logging

    import torch
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    FlopCountAnalysis(_network(name, "cpu"), torch.empty(1, 3, IMAGE, IMAGE)).total()


def ptflops(name: str) -> None:
    """ptflops.get_model_complexity_info."""
    import torch
    from ptflops import get_model_complexity_info

    def image(shape: Any) -> Any:
        return {"x": torch.empty(1, *shape, device="meta")}

    get_model_complexity_info(
        _network(name),
        (3, IMAGE, IMAGE),
        input_constructor=image,
        as_strings=False,
        print_per_layer_stat=False,
        backend="pytorch",
    )


def onnx_tool(name: str) -> None:
    """onnx_tool.model_profile of the ONNX project's own file of the network; there is one for ResNet-50 and VGG-19."""
    import contextlib
    import io

    import onnx
    import onnx_tool as counter

    path = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light" / f"light_{name}.onnx"
    if not path.exists():
        raise LookupError(f"the ONNX project ships no file of {name}")
    with contextlib.redirect_stdout(io.StringIO()):
        counter.model_profile(str(path))


def archcalc(name: str) -> None:
    """archcalc's analysis, totals included."""
    import archcalc as counter

    assert counter.load(name).figure("macs") > 0


COUNTERS = {made.__name__: made for made in (archcalc, torchinfo, fvcore, ptflops, onnx_tool)}

if __name__ == "__main__":
    COUNTERS[sys.argv[1]](sys.argv[2])
