"""Writes tests/data/exchange/onnx: the small models of make_fixtures.py, as PyTorch's two exporters write ONNX.

    python tests/exchange/make_onnx_fixtures.py [NAME ...]

Needs torch, torchvision, onnx and onnxscript. Weights are left out, as are paths of the machine: of a stack trace its
last line is kept.
"""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

import onnx
import torch
from make_fixtures import FOLDER, MODELS

#: How each kind of file is written: by the exporter of today with and without its optimisation, and by the older one.
EXPORTERS: dict[str, dict[str, Any]] = {
    "optimised": {"dynamo": True, "optimize": True},
    "whole": {"dynamo": True, "optimize": False},
    "older": {"dynamo": False},
}
KEPT = ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")
TRACE = "pkg.torch.onnx.stack_trace"
WRITTEN = ("resnet", "densenet", "shufflenet", "mobilenet", "squeezenet", "vision_transformer", "tied")
#: Bytes of a tensor that are kept.
LONGEST = 256


def slim(model: onnx.ModelProto) -> None:
    """Leave out what no reader needs."""
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > LONGEST:
            tensor.ClearField("raw_data")
    for node in model.graph.node:
        said = {each.key: each.value for each in node.metadata_props}
        trace = said.get(TRACE, "").strip().splitlines()
        kept = {key: said[key] for key in KEPT if key in said} | ({TRACE: trace[-1].strip()} if trace else {})
        del node.metadata_props[:]
        for key, value in kept.items():
            entry = node.metadata_props.add()
            entry.key, entry.value = key, value
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]


def main(names: list[str]) -> None:
    """Write models in every way; all of them where none is named."""
    warnings.filterwarnings("ignore")
    for name in names or (*WRITTEN, "recurrent", "sine"):
        build, training, shape = MODELS[name]
        for way, options in EXPORTERS.items():
            if (name, way) == ("recurrent", "whole"):  # its weights are put together by 90 nodes
                continue
            written = io.BytesIO()
            model = build().train(training)
            if options["dynamo"]:
                program = torch.onnx.export(model, (torch.zeros(2, *shape),), verbose=False, **options)
                program.save(written)
            else:
                torch.onnx.export(model, (torch.zeros(2, *shape),), written, **options)
            exported = onnx.load_model_from_string(written.getvalue())
            slim(exported)
            (FOLDER / "onnx" / f"{name}_{way}.onnx").write_bytes(exported.SerializeToString())


if __name__ == "__main__":
    main(sys.argv[1:])
