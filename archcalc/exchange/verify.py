"""A reader's own check: the shapes and parameters that the rules give are those that the file states."""

from __future__ import annotations

from archcalc.analysis.interpret import interpret
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError
from archcalc.exchange.flat import Flat
from archcalc.language.document import Document
from archcalc.language.expand import expand
from archcalc.sizes.kinds import total

#: How many disagreements are shown.
_SHOWN = 5


def verify(flat: Flat, document: Document) -> None:
    """Run the rules on a network that was read. SpecError names the layers whose figures are not those of the file."""
    interpretation = interpret(expand(document))
    found = []
    for step, node, outcome in zip(flat.steps, interpretation.network.nodes, interpretation.outcomes, strict=True):
        volume = tuple(outcome.output.shape)
        parameters = total(tensor.elements for tensor in outcome.params)
        if step.volume is not None and step.volume != volume:
            said, computed = f"an output of {_shown(step.volume)}", f"{_shown(volume)}"
        elif step.parameters is not None and step.parameters != parameters:
            said, computed = f"{step.parameters:,} parameters", f"{parameters:,}"
        else:
            continue
        message = f"`{node.name}` has {said} in the file, and {node.layer.name} would have {computed}"
        found.append(Diagnostic("model-disagrees", message, node.step.place))
        if len(found) == _SHOWN:
            break
    if found:
        raise SpecError(found)


def _shown(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
