"""What a sweep asks of each architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archcalc.language.document import Document
from archcalc.quantities.registry import Quantity
from archcalc.records import Record


class Query(Record):
    """Quantities of a spec some of whose parameters vary."""

    document: Document
    #: The parameters that are set to one value.
    settings: Mapping[str, Any]
    quantities: Sequence[Quantity]
    #: The path of the part that is asked; None for the whole network.
    layer: str | None = None
    #: How the network is run, in the words of a claim's `with`.
    words: Mapping[str, str] = {}
