"""Blocks that no layer of their spec calls."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.language.document import Document
from archcalc.warnings.names import called
from archcalc.warnings.registry import Found, about_document


@about_document
def unused_block(document: Document) -> Iterator[Found]:
    """The spec defines a block and nothing in its layers calls it. In a file of blocks, which others import, every
    block may stand for itself.

    Call the block, remove it, or move it to a file of blocks.
    """
    reached = called(document)
    for block in document.blocks.values():
        if block not in reached:
            yield Found(block.place, f"nothing calls the block `{block.name}`")
