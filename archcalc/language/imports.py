"""Imports: the blocks that a spec takes from other files, which lie in its folder or below, or in the catalogue."""

from __future__ import annotations

import os
from collections.abc import Set
from contextlib import suppress

from archcalc.diagnostics.diagnostic import SpecError, UsageError, did_you_mean
from archcalc.language import shipped
from archcalc.language.document import Document
from archcalc.language.reading import Reading
from archcalc.language.source import Mapping, Scalar, Sequence, is_empty, read_text

#: How many files may import one another in a row.
MAX_IMPORTS = 32

_IMPORT_HELP = (
    "an import is looked for beside the file that has it, and by its path in the catalogue, as `resnet/blocks.yaml`"
)
_RESOLVED = "`archcalc resolve NAME` prints a spec without imports"


def read_imports(reading: Reading, mapping: Mapping | None) -> None:
    """The blocks that the section `import` names, from the files that it names."""
    for key, listed in mapping.entries if mapping else ():
        names = listed.items if isinstance(listed, Sequence) else [listed]
        if is_empty(listed) or not names:
            message = "an import lists the names of blocks, and here is none"
            reading.findings.add("bad-import", message, reading.place(key))
            continue
        imported = _import(reading, key, {name.text for name in names if isinstance(name, Scalar)})
        for name in names:
            if not isinstance(name, Scalar):
                reading.findings.add("bad-import", "an import lists the names of blocks", reading.place(name))
            elif imported is not None:
                _import_block(reading, imported, name)
            else:
                reading.document.missing.add(name.text)


def _import_block(reading: Reading, imported: Document, name: Scalar) -> None:
    block = imported.blocks.get(name.text)
    if block is None:
        message = f"{imported.source.name} has no block `{name.text}`"
        hint = did_you_mean(name.text, imported.blocks)
        reading.document.missing.add(name.text)
        reading.findings.add("unknown-block", message, reading.place(name), help=hint)
    elif name.text in reading.document.imported:
        reading.findings.add("duplicate-block", f"`{name.text}` is imported twice", reading.place(name))
    else:
        reading.document.imported[name.text] = block


def _import(reading: Reading, key: Scalar, wanted: Set[str]) -> Document | None:
    place = reading.place(key)
    try:
        path = os.path.realpath(os.path.join(reading.document.directory, key.text))
    except ValueError:  # it holds NUL
        reading.findings.add("bad-import", f"`{key.text[:80]}` is not a path", place)
        return None
    beside = _shown_path(reading.document, key.text)
    if not os.path.exists(path) and (ours := shipped.file(key.text)) is not None:
        path, beside = ours, key.text
    if not shipped.contains(path) and not os.path.join(path, "").startswith(os.path.join(reading.files.root, "")):
        reading.findings.add("import-escapes", f"{key.text} is outside the folder of the spec", place)
        return None
    if path in reading.files.finished:
        return reading.files.finished[path]
    if path in reading.files.open:
        reading.findings.add("import-cycle", f"{key.text} is imported while it is being read", place)
        return None
    if len(reading.files.open) > MAX_IMPORTS:
        reading.findings.add("import-cycle", f"more than {MAX_IMPORTS} files import one another in a row", place)
        return None
    if os.path.exists(path) and not os.path.isfile(path):  # to read from a device or a pipe may never end
        reading.findings.add("bad-import", f"cannot read `{key.text[:80]}`: it is not a file", place)
        return None
    reading.files.open.append(path)
    try:
        reading.files.finished[path] = reading.files.read(read_text(path, name=beside), os.path.dirname(path))
    except UsageError as error:
        hint = f"{_with_blocks(reading, key, wanted) or _IMPORT_HELP}; {_RESOLVED}"
        reading.findings.add("bad-import", str(error), place, help=hint)
        return None
    except SpecError as error:
        for found in error.diagnostics:
            note = () if found.place is None else (f"imported at {place}",)
            reading.findings.keep(found._replace(place=found.place or place, notes=(*found.notes, *note)))
        return None
    finally:
        reading.files.open.pop()
    return reading.files.finished[path]


def _with_blocks(reading: Reading, key: Scalar, wanted: Set[str]) -> str | None:
    """A help text that names the files of the catalogue which are called so and have the blocks; None if none has."""
    having = []
    for name, path in shipped.called(key.text):
        with suppress(UsageError, SpecError):
            if wanted <= reading.files.read(read_text(path, name=name), os.path.dirname(path)).blocks.keys():
                having.append(f"`{name}`")
    return f"write the path of one that the catalogue has: {', '.join(having[:3])}" if having else None


def _shown_path(document: Document, relative: str) -> str:
    """The name of an imported file as the user would write it: beside the name of the file that imports it."""
    folder = document.source.name.rpartition("/")[0]
    return f"{folder}/{relative}" if folder else relative
