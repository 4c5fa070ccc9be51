"""Keras 3: a function for each block of the spec, with what differs between its calls as arguments, and the spec's
parameters as those of the network's function.

The channels are the last axis, as Keras has them: an input of `[3, 224, 224]` is one of `(224, 224, 3)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from archcalc.analysis.totals import Analysis
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange.code.classes import Class
from archcalc.exchange.code.layers import Site
from archcalc.exchange.code.network import definitions, heading, own_modules
from archcalc.exchange.code.parts import Member, Structures
from archcalc.exchange.code.target import Target
from archcalc.exchange.say import Say, nothing_said
from archcalc.exchange.unwritten import refusal
from archcalc.exchange.writers.keras.layers import written_layer
from archcalc.exchange.writers.keras.names import RESERVED, function_name
from archcalc.exchange.writers.keras.source import Functions
from archcalc.language.network import Node

ENDING = ".py"

TARGET = Target("Keras", Site, written_layer, lambda volume, readers: True, RESERVED, function_name, states_inputs=True)


def write(analysis: Analysis, say: Say = nothing_said) -> Iterator[str]:
    """The lines of a Python file whose last function makes the network; what the file cannot vary is said there, and to
    `say`. SpecError names all layers that are not known, or the weights that a function cannot share."""
    interpretation = analysis.interpretation
    structures = Structures(TARGET)
    found, fixed = definitions(interpretation, structures)
    _refuse(found)
    yield from heading(interpretation, TARGET, fixed, say)
    code = list(Functions(found, interpretation, TARGET).lines())
    own = list(own_modules(structures, "".join(code)))
    text = "".join((*own, *code))
    yield "import keras\n"
    names = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", text)]
    if names:
        yield f"from keras import {', '.join(names)}\n"
    for each in own:
        yield f"\n{each}"
    yield from code


def _refuse(found: Sequence[Class]) -> None:
    """SpecError if weights are shared otherwise than by one layer that is called again, or by an embedding that is
    turned around."""
    refused: dict[str, list[Node]] = {}
    for made in found:
        members = {member.name: member for member in made.model.members if member.name}
        for tied, of in made.model.ties:
            if not _is_reversed(members.get(tied.removesuffix(".weight")), members.get(of.removesuffix(".weight"))):
                node = made.model.network.nodes[made.model.nodes.start]
                refused.setdefault(f"the weights {tied}, which are those of {of}", []).append(node)
    if refused:
        raise SpecError([refusal(refused, "Keras")])


def _is_reversed(tied: Member | None, of: Member | None) -> bool:
    """Whether a linear layer without a bias has the weights of an embedding."""
    if tied is None or of is None or tied.layer is None or of.layer is None:
        return False
    is_linear = tied.layer.module == "layers.Dense" and any(
        setting.name == "use_bias" and setting.value is False for setting in tied.layer.settings
    )
    return is_linear and of.layer.module == "layers.Embedding"
