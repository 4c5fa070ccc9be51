"""A spec file to a document: its sections, each read in turn, and all that it imports.

This stage knows the layers' schemas but no values: it finds what is wrong with a spec whatever its parameters are,
all of it in one go, also in blocks that nobody uses.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

from archcalc.diagnostics.diagnostic import Source, SpecError, did_you_mean, fail, plain
from archcalc.language.blocks import read_blocks
from archcalc.language.document import INPUT, OUTPUT, SECTIONS, Document, Parameter
from archcalc.language.findings import Enough, Findings
from archcalc.language.formulas import read_formula
from archcalc.language.imports import read_imports
from archcalc.language.names import Known, check_identifier
from archcalc.language.reading import Files, Reading
from archcalc.language.source import Mapping, Scalar, Sequence, Value, is_empty, parse
from archcalc.language.steps import read_steps

#: What the sections that are maps have as keys and values.
_MAPS = {
    "parameters": "names and values",
    "import": "files and the names of their blocks",
    "inputs": "names and volumes",
    "blocks": "signatures and lists of steps",
    "expect": "quantities and values",
    "published": "facts and values",
}
#: Of a name or citation, as much is shown.
_LONGEST_TEXT = 1000


def read_document(source: Source, path: str | os.PathLike[str]) -> Document:
    """The document in a source, and all it imports; imports must stay in the folder of `path` or below."""
    path = os.path.realpath(path)
    findings = Findings()
    files = Files(
        os.path.dirname(path), [path], {}, lambda source, directory: _read(source, directory, findings, files)
    )
    # A tree makes many objects and no garbage: the collector would walk them again and again for nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        document = files.read(source, files.root)
    except Enough:
        raise SpecError(findings.found) from None
    finally:
        if collecting:
            gc.enable()
    findings.stop()
    return document


def _read(source: Source, directory: str, findings: Findings, files: Files) -> Document:
    document = Document(source, directory)
    tree = parse(source)
    if not isinstance(tree, Mapping):
        raise fail("not-a-map", f"a spec is a map of {', '.join(SECTIONS)}", document.place(tree))
    reading = Reading(document, findings, files, set(_callable_names(tree)))
    sections = _sections(reading, tree)
    document.architecture = _text(reading, sections.get("architecture"))
    document.citation = _text(reading, sections.get("source"))
    known = _parameters(reading, _map(reading, sections, "parameters"))
    if (stated := sections.get("input")) is not None:
        document.inputs[INPUT] = read_formula(reading, stated, known)
    _inputs(reading, sections, known)
    read_imports(reading, _map(reading, sections, "import"))
    read_blocks(reading, _map(reading, sections, "blocks"), known)
    if (listed := sections.get("layers")) is not None:
        document.steps = read_steps(reading, listed, Known(outer=known, at_step=True))
    document.expect = _map(reading, sections, "expect")
    document.published = _map(reading, sections, "published")
    return document


def _callable_names(tree: Mapping) -> Iterator[str]:
    """The names of the blocks that the file has or imports, before any of them is read."""
    for section, value in tree.entries:
        entries = value.entries if isinstance(value, Mapping) else []
        if section.text == "blocks":
            yield from (key.text.partition("(")[0].strip() for key, _ in entries)
        elif section.text == "import":
            for _, listed in entries:
                items = listed.items if isinstance(listed, Sequence) else [listed]
                yield from (item.text for item in items if isinstance(item, Scalar))


def _sections(reading: Reading, tree: Mapping) -> dict[str, Value]:
    found = {}
    for key, value in tree.entries:
        if key.text not in SECTIONS:
            hint = did_you_mean(key.text, SECTIONS) or f"the sections are {', '.join(SECTIONS)}"
            if key.text == "figures":
                hint = "a list of figures is a file of its own, for `archcalc check`"
            reading.findings.add("unknown-section", f"there is no section `{key.text}`", reading.place(key), help=hint)
        found[key.text] = value
    return found


def _text(reading: Reading, value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Scalar):
        return plain(" ".join(value.text.split()), _LONGEST_TEXT)
    reading.findings.add("not-text", "this must be text", reading.place(value))
    return ""


def _map(reading: Reading, sections: dict[str, Value], name: str) -> Mapping | None:
    """A section that is a map; None if it is not there, or empty."""
    value = sections.get(name)
    if value is None or is_empty(value):
        return None
    if isinstance(value, Mapping):
        return value
    reading.findings.add("not-a-map", f"{name} is a map of {_MAPS[name]}", reading.place(value))
    return None


def _inputs(reading: Reading, sections: dict[str, Value], known: Known) -> None:
    """The inputs that have names."""
    mapping = _map(reading, sections, "inputs")
    inputs = reading.document.inputs
    for key, given in mapping.entries if mapping else ():
        place = reading.place(key)
        if inputs and "input" in sections:
            message = "a network has `input`, or `inputs` with names, and here are both"
            reading.findings.add("bad-input", message, place)
            return
        check_identifier(reading, key.text, place, "an input")
        if key.text == OUTPUT:
            reading.findings.add("bad-name", f"`{OUTPUT}` is the network's output", place)
        inputs[key.text] = read_formula(reading, given, known)


def _parameters(reading: Reading, mapping: Mapping | None) -> Known:
    """The parameters of the file, each of which can use those before it; returns the names of all."""
    parameters = []
    known = Known()
    for key, given in mapping.entries if mapping else ():
        place = reading.place(key)
        check_identifier(reading, key.text, place, "a parameter")
        parameters.append(Parameter(key.text, place, read_formula(reading, given, known)))
        known.add(key.text)
    reading.document.parameters = tuple(parameters)
    return known
