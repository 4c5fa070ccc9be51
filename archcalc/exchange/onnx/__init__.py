"""ONNX models (`.onnx`): a file to a graph of operations in PyTorch's words, which the rest of the exchange translates.

Needs the package onnx, for its schema and its shape inference. Weights stay on disk; no code of a file is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcalc.exchange.flat import Flat


def read(path: Path, shown: str, *, partial: bool = False) -> Flat:
    """The network of an ONNX file; `partial` leaves out operators that are not known, but for their outputs.

    UsageError if onnx is not installed, or the file cannot be read; SpecError if it is damaged, or as `translate` says.
    """
    from archcalc.exchange.onnx.file import load
    from archcalc.exchange.onnx.lower import lower
    from archcalc.exchange.translate import translate

    return translate(lower(load(path, shown)), shown, partial=partial)
