"""Memory in time: the steps of training a network, by the blocks that they belong to."""

from __future__ import annotations

from itertools import groupby

from archcalc.analysis.totals import Analysis
from archcalc.commands.memory.tables import owner
from archcalc.memory.budget import Budget
from archcalc.memory.network import network_memory
from archcalc.pictures import timeline
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import unnumbered
from archcalc.pictures.timeline import Limit, Run, Stage
from archcalc.quantities.registry import Part

#: What is saved is shown by block, of so many; of more those with one name are one.
_BLOCKS = 16


def draw(network: Part) -> Drawing:
    """What training holds at every step; with checkpoints, beside what it holds without them."""
    analysis, setup = network.analysis, network.setup
    infers = setup.stores_fewer_bits
    budget = network.memory.inference_budget if infers else network.memory.training
    batch = int(setup.batch)
    plain = None
    if setup.checkpoints:
        without = network_memory(analysis, setup._replace(checkpoints=()))
        plain = _run(analysis, without.training, batch)
    limit = None if setup.memory is None else Limit("limit" if setup.card is None else setup.card.name, setup.memory)
    step = budget.timeline.steps[budget.timeline.peak(batch)]
    peak = f"{owner(analysis.network, step.node)}, {step.phase} ({step.operation})"
    title = f"{analysis.architecture}: memory of {'inference' if infers else 'training'}, batch {batch:,}"
    return timeline.draw(_run(analysis, budget, batch), peak, title, plain=plain, limit=limit)


def _run(analysis: Analysis, budget: Budget, batch: int) -> Run:
    def block(node: int) -> str:
        return owner(analysis.network, node).partition("/")[0]

    phases = ("backward", "recompute", "loss")
    steps = [(block(step.node), step.phase in phases) for step in budget.timeline.steps]
    stages = [Stage(name, len(list(group)), backward) for (name, backward), group in groupby(steps)]
    saved = budget.saved_by_step(batch, block)
    if len(saved) > _BLOCKS:
        saved = budget.saved_by_step(batch, lambda node: unnumbered(block(node)))
    return Run(budget.parts_by_step(batch), stages, saved)
