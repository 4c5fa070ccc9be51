"""Where the rules for ONNX's operators are found."""

from __future__ import annotations

from archcalc.exchange.registry import Registry

#: Makes a rule known under the names of the operators it reads.
operator = Registry("archcalc.exchange.onnx.operators")
