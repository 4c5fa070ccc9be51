"""Why archcalc and PyTorch part where they are known to: a network that parts and is in no class here is a finding.

A class is told by what the network holds, so it excuses whatever else is wrong with such a network: the shorter this
list and the narrower its classes, the better. `python tests/oracle` counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from oracle.figures import Question
from oracle.judge import Verdict

from archcalc.analysis.interpret import Interpretation


class Known(NamedTuple):
    """A class of disagreements: its name, the reason, and whether a network that parts is in it."""

    name: str
    reason: str
    holds: Callable[[Interpretation, Question, Verdict], bool]


def contains(*names: str) -> Callable[[Interpretation, Question, Verdict], bool]:
    """Whether the network has one of these layers."""
    return lambda made, question, verdict: any(node.layer.name in names for node in made.network.nodes)


def _refuses(*words: str) -> Callable[[Interpretation, Question, Verdict], bool]:
    return lambda made, question, verdict: any(word in verdict.refused for word in words)


def _has_several_outputs(made: Interpretation, question: Question, verdict: Verdict) -> bool:
    return len(made.network.outputs) > 1


def _is_recomputed(made: Interpretation, question: Question, verdict: Verdict) -> bool:
    return bool(question.checkpoints)


def _is_converted(made: Interpretation, question: Question, verdict: Verdict) -> bool:
    """An LSTM under autocast."""
    return question.dtype == "amp" and contains("lstm")(made, question, verdict)


def _works_on_positions(made: Interpretation, question: Question, verdict: Verdict) -> bool:
    """A matrix product or a normalisation along the channels of a volume with positions."""
    along_channels = ("linear", "layer_norm", "rms_norm", "embedding")
    return any(
        node.layer.name in along_channels and outcome.output.rank > 0
        for node, outcome in zip(made.network.nodes, made.outcomes, strict=True)
    )


KNOWN = (
    Known("16 bits refused", "a CPU has no average pooling of three axes in 16 bits", _refuses("not implemented for")),
    Known(
        "experts refused",
        "mixed precision does not know a product of each row with a matrix of its own",
        _refuses("must have the same scalar type", "to have the same dtype"),
    ),
    Known(
        "several outputs",
        "outputs are held at inference; losses are added before the backward pass",
        _has_several_outputs,
    ),
    Known("recurrence", "conversions between the steps of recurrent kernels", _is_converted),
    Known("checkpoint", "kernels of several operations inside a stretch that is computed again", _is_recomputed),
    Known("attention", "copies of queries, keys and values by batch, length and heads", contains("attention")),
    Known(
        "positions", "products along the channels copy by strides; what follows lies channels last", _works_on_positions
    ),
    Known(
        "moved axes",
        "views whose strides decide where a later operation copies",
        contains("transpose", "tokens", "reshape", "select_token", "class_token", "softmax", "roll"),
    ),
    Known(
        "slices",
        "slices keep the larger storage, and their gradients are spread",
        contains("crop", "subsample", "select", "split", "slice"),
    ),
)


def class_of(made: Interpretation, question: Question, verdict: Verdict) -> Known | None:
    """The first class that a network which parts is in; None if it agrees or is in none."""
    if verdict.agrees:
        return None
    return next((known for known in KNOWN if known.holds(made, question, verdict)), None)
