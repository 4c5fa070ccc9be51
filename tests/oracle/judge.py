"""One case: archcalc's figures beside PyTorch's, and in which way the two part."""

from __future__ import annotations

from typing import NamedTuple

from oracle.figures import Disagreement, Question, compare, predict, refusal
from oracle.generate import Case, network
from oracle.measure import Refused, measure
from oracle.translate import Untranslated

from archcalc.analysis.interpret import Interpretation
from archcalc.diagnostics.diagnostic import SpecError


class Verdict(NamedTuple):
    """`agrees` if there is nothing to tell; `untranslated` and `refused` hold the reason, in others' words."""

    disagreements: tuple[Disagreement, ...] = ()
    untranslated: str = ""
    refused: str = ""

    @property
    def agrees(self) -> bool:
        return not (self.disagreements or self.untranslated or self.refused)

    @property
    def signature(self) -> frozenset[str]:
        """What differs, without the numbers."""
        names = {disagreement.figure for disagreement in self.disagreements}
        return frozenset(names | ({"refused"} if self.refused else set()))


def judged(made: Interpretation, question: Question) -> Verdict:
    """The verdict on a network that archcalc accepts. To refuse together is to agree."""
    ours = refusal(made, question)
    try:
        theirs = measure(made, question)
    except Untranslated as missing:
        return Verdict(untranslated=str(missing))
    except Refused as refused:
        known = any(reason in str(refused) for reason in ("Expected more than 1", "modified by an inplace operation"))
        return Verdict() if ours and known else Verdict(refused=str(refused))
    if ours and "nothing is trained" not in ours:
        return Verdict((Disagreement("refused", ours, None),))
    return Verdict(tuple(compare(predict(made, question), theirs)))


def verdict(case: Case) -> Verdict | None:
    """The verdict on a case; None if archcalc does not accept its spec."""
    try:
        made = network(case.spec)
    except SpecError:
        return None
    return judged(made, case.question)
