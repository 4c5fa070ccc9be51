"""Imported blocks that are not called."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.language.document import Document
from archcalc.language.source import Mapping, Scalar, Sequence, Value, parse
from archcalc.warnings.names import called
from archcalc.warnings.registry import Found, about_document


@about_document
def unused_import(document: Document) -> Iterator[Found]:
    """The spec imports a block that nothing in it calls.

    Remove the name from the import.
    """
    reached = called(document)
    unused = {name for name, block in document.imported.items() if block not in reached}
    for name in _imported_names(document) if unused else ():
        if name.text in unused:
            yield Found(document.place(name), f"nothing calls the imported block `{name.text}`")


def _imported_names(document: Document) -> Iterator[Scalar]:
    """The names in the section `import`, each with its place (a document keeps only what they stand for)."""
    tree = parse(document.source)
    section = tree.get("import") if isinstance(tree, Mapping) else None
    for _, listed in section.entries if isinstance(section, Mapping) else ():
        items: list[Value] = listed.items if isinstance(listed, Sequence) else [listed]
        yield from (item for item in items if isinstance(item, Scalar))
