"""PyTorch: a class for each block of the spec, with what differs between its calls as constructor arguments, and the
spec's parameters as those of the network."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.exchange.code.names import class_name
from archcalc.exchange.code.network import definitions, heading, own_modules
from archcalc.exchange.code.parts import Structures
from archcalc.exchange.code.target import Target
from archcalc.exchange.say import Say, nothing_said
from archcalc.exchange.writers.pytorch.layers import is_last, written_layer
from archcalc.exchange.writers.pytorch.layers.registry import Site
from archcalc.exchange.writers.pytorch.names import OF_A_MODULE, OF_THE_CODE
from archcalc.exchange.writers.pytorch.source import class_lines

ENDING = ".py"

TARGET = Target(
    "PyTorch",
    Site,
    written_layer,
    is_last,
    OF_A_MODULE | OF_THE_CODE,
    class_name,
    words={
        "normalized_shape": "channels",
        "num_features": "channels",
        "num_channels": "channels",
        "embed_dim": "channels",
        "num_parameters": "channels",
    },
    keeps_once=True,
)


def write(analysis: Analysis, say: Say = nothing_said) -> Iterator[str]:
    """The lines of a Python file whose last class is the network; what the file cannot vary is said there, and to
    `say`. SpecError names all layers that are not known."""
    interpretation = analysis.interpretation
    structures = Structures(TARGET)
    found, fixed = definitions(interpretation, structures)
    yield from heading(interpretation, TARGET, fixed, say)
    code = [line for each in found for line in class_lines(each, interpretation, TARGET)]
    own = list(own_modules(structures, "".join(code)))
    text = "".join((*own, *code))
    if re.search(r"\btorch\.", text):
        yield "import torch\n"
    yield "from torch import nn\n"
    if re.search(r"\bfunctional\.", text):
        yield "from torch.nn import functional\n"
    for each in own:
        yield f"\n{each}"
    yield from code
