"""Netron's attachment: figures that it shows beside the nodes of an ONNX model, in its sidebar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.exchange.say import Say, nothing_said
from archcalc.exchange.writers.onnx import node_names
from archcalc.quantities.registry import Part, quantities

ENDING = ".json"

#: What is said of a node and of the model: quantities, under Netron's name where it has one.
_METRICS = {
    "params": "parameters",
    "buffers": "buffers",
    "macs": "macs",
    "flops": "flops",
    "activation_bytes_without_input": "activation_bytes",
    "saved_bytes": "saved_bytes",
}


def write(analysis: Analysis, _: Say = nothing_said) -> Iterator[str]:
    """The lines of the attachment: for an ONNX model for its nodes, else for those of the file that `--to onnx` writes.

    Figures are for one sample. Nodes without a name cannot be told to Netron; the figures of several layers that are
    one node add up. SpecError where a spec cannot be written as ONNX.
    """
    names = analysis.network.document.source.nodes or node_names(analysis)
    of_node: dict[str, list[AnalysedLayer]] = {}
    for name, row in zip(names, analysis.layers, strict=True):
        of_node.setdefault(name, []).append(row)
    entries = list(_entries("model", "", Part(analysis)))
    for name, rows in of_node.items():
        if name:
            entries += _entries("node", name, Part(analysis, rows))
    yield '{"signature": "netron:attachment", "metrics": [\n'
    yield ",\n".join(json.dumps(entry) for entry in entries)
    yield "\n]}\n"


def _entries(kind: str, target: str, part: Part) -> Iterator[dict[str, Any]]:
    for quantity, name in _METRICS.items():
        value = quantities()[quantity].measure(part)
        yield {"kind": kind, "target": target, "name": name, "value": value}
