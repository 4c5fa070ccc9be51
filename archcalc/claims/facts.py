"""The facts about a network that follow from no description: what was measured, and when."""

from __future__ import annotations

from archcalc.records import Record


class KnownFact(Record):
    """A fact with a name: its unit ("%" or none) and what it says."""

    unit: str
    doc: str


FACTS = {
    "year": KnownFact("", "year of the paper, or of the challenge that it won"),
    "top5_error": KnownFact("%", "ImageNet images none of whose first five answers is right"),
    "top1_error": KnownFact("%", "ImageNet images whose first answer is wrong"),
    "cifar10_error": KnownFact("%", "CIFAR-10 test images whose answer is wrong"),
    "cifar100_error": KnownFact("%", "CIFAR-100 test images whose answer is wrong"),
    "svhn_error": KnownFact("%", "SVHN test images whose answer is wrong"),
}
