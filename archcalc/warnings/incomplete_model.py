"""Model files that do not have all that their model had."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.diagnostics.diagnostic import Place
from archcalc.language.document import Document
from archcalc.warnings.registry import Found, about_document


@about_document
def incomplete_model(document: Document) -> Iterator[Found]:
    """A model file does not have all that its model had: batch normalisations that were folded into convolutions when
    it was written, or parameters that take no part in the forward pass. The figures are those of the file.

    Write the file without optimisation, in the mode (training or inference) whose figures are wanted.
    """
    for number, note in enumerate(document.source.notes):
        yield Found(Place(document.source, number, number), note)
