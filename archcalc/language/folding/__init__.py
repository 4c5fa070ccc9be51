"""Folding, the inverse of resolving: a flat network as the spec that a person would have written.

    nodes --nesting--> steps with branches --blocks--> blocks, arguments, repeats --text--> a spec

What is expanded from the spec is the network, node for node: the same layers in the same order with the same
attributes and inputs. An attribute that has its default is left out, and names of layers follow from the blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archcalc.language.folding.blocks import extract
from archcalc.language.folding.names import units
from archcalc.language.folding.nesting import nest
from archcalc.language.folding.text import Inputs, shapes, spec_lines
from archcalc.language.network import Network


def fold(
    network: Network,
    names: Mapping[tuple[int, int], str] | None = None,
    notes: Iterable[str] = (),
    parameters: Mapping[str, int] | None = None,
    inputs: Mapping[str, tuple[Any, ...]] | None = None,
) -> Iterator[str]:
    """The lines of a spec whose repetitions are blocks and repeats, and whose paths are branches.

    `names` gives a name to runs of nodes, by the numbers of the first and the last; without it they are those of the
    blocks that the network's own spec calls. `notes` are put at the top as comments; `inputs` are the inputs'
    shapes where they are formulas over `parameters`, on which nothing else depends.
    """
    steps = nest(network)
    blocks = extract(network, steps, units(network) if names is None else names)
    return spec_lines(network, steps, blocks, notes, Inputs(inputs or shapes(network), parameters or {}))
