"""Specs that are written inside a test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import Source
from archcalc.language.expand import expand
from archcalc.language.read import read_document


def analysed(text: str, **parameters: Any) -> Analysis:
    """The network of a whole spec, analysed."""
    return analyse(expand(read_document(Source("spec.yaml", dedent(text)), Path("spec.yaml")), parameters))


def layers(volume: str, steps: str) -> Analysis:
    """The network with an input volume (`3, 224, 224`) and a list of steps, analysed."""
    return analysed(f"input: [{volume}]\nlayers:\n{indent(dedent(steps), '  ')}")
