"""Where specs are found: in the catalogue by name, on disk by path (a spec, or a model file that is read as one), on
standard input as `-`.

Paths are texts here and in the language: every command begins with these, and pathlib takes long to load.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from archcalc.diagnostics.diagnostic import Source, SpecError, UsageError, did_you_mean
from archcalc.exchange import is_model, read_model
from archcalc.language import shipped
from archcalc.language.document import Document
from archcalc.language.expression import ExpressionError, compile_expression, unknown_names
from archcalc.language.read import read_document
from archcalc.language.source import Scalar, Sequence, Value, parse, read_stdin, read_text
from archcalc.layers.registry import words
from archcalc.records import Record


class Reference(Record):
    """A spec as a user names it: `resnet50:width=128,image=288` is a name and two settings, still text."""

    name: str
    settings: dict[str, str]


def names() -> dict[str, str]:
    """Every spec of the catalogue: its name, which is the name of its file, and its path, in order of names."""
    return {name: path for name, path in sorted(_files_of_catalogue()) if _is_spec(path)}


def _files_of_catalogue() -> Iterator[tuple[str, str]]:
    """The names and paths of the YAML files in the catalogue, specs and files of blocks."""
    for inside, _, files in os.walk(shipped.folder()):
        for file in files:
            name, ending = os.path.splitext(file)
            if ending == ".yaml":
                yield name, os.path.join(inside, file)


def group_of(path: str) -> str:
    """The group of the catalogue that a spec belongs to: the folder in which it lies."""
    return os.path.basename(os.path.dirname(path))


def _in_group(path: str) -> str:
    """A file of the catalogue by its group and its name: `resnet/blocks.yaml`."""
    return f"{group_of(path)}/{os.path.basename(path)}"


def of_groups(groups: Iterable[str]) -> dict[str, str]:
    """The specs of some groups, as `names` has them, the groups in order; UsageError for a group that there is not."""
    every = names()
    found: dict[str, str] = {}
    for group in groups:
        mine = {name: path for name, path in every.items() if group_of(path) == group}
        if not mine:
            known = {group_of(path) for path in every.values()}
            hint = _spec_called(group, every) or did_you_mean(group, known)
            hint = hint or f"the groups are {', '.join(sorted(known))}"
            raise UsageError(f"there is no group `{group[:80]}` in the catalogue: {hint}")
        found.update(mine)
    return found


def _spec_called(word: str, every: Mapping[str, str]) -> str | None:
    """A help text that names the group of the first spec with this name, or with this word before its size."""
    name = next((name for name in every if name == word or name.startswith(f"{word}_")), None)
    return f"`{name}` is a spec of the group `{group_of(every[name])}`" if name and word else None


def _is_spec(path: str) -> bool:
    with open(path, encoding="utf-8") as file:
        return file.readline().startswith("architecture:")


def find(name: str) -> str:
    """The path of a catalogue entry; UsageError with a suggestion if there is none."""
    if 1 <= len(name) <= 100 and all(character.isalnum() or character in "_.-" for character in name):
        catalogue = shipped.folder()
        for family in sorted(os.listdir(catalogue)):
            path = os.path.join(catalogue, family, f"{name}.yaml")
            if os.path.isfile(path) and _is_spec(path):
                return path
    if os.path.isdir(name):
        raise UsageError(f"`{name[:80]}` is a folder: name a spec in it, or check all of them with `archcalc check`")
    every = names()
    group = ", ".join(known for known, path in every.items() if group_of(path) == name)
    hint = (
        f"a group of that name has {group}"
        if group
        else did_you_mean(name, every) or "`archcalc list` shows the catalogue"
    )
    raise UsageError(f"there is no spec `{name[:80]}` in the catalogue, and no such file: {hint}")


def split(reference: str) -> Reference:
    """A reference split into the name and its settings; UsageError if a setting is not `name=value`."""
    name, colon, rest = reference.partition(":")
    # A colon belongs to the path where no setting follows it (a drive letter).
    while colon and not _setting(rest.partition(":")[0].partition(",")[0]):
        if ":" not in rest:
            if name and rest and not os.path.exists(reference) and "/" not in rest and "\\" not in rest:
                raise UsageError(f"`{rest}` is not a setting: write `{name}:name=value`")
            return Reference(reference, {})
        more, colon, rest = rest.partition(":")
        name = f"{name}:{more}"
    return Reference(name, settings(_split_settings(rest))) if colon else Reference(name, {})


def _split_settings(text: str) -> Iterator[str]:
    """Settings are split at commas outside brackets."""
    depth, start = 0, 0
    for i, character in enumerate(text):
        depth += (character in "[(") - (character in "])")
        if character == "," and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def _setting(text: str) -> re.Match[str] | None:
    return re.fullmatch(r"\s*([A-Za-z_]\w*)\s*=(.*)", text, re.ASCII | re.DOTALL)


def setting(text: str) -> tuple[str, str]:
    """`name=value` as a pair; UsageError if it is not that."""
    match = _setting(text)
    if match is None:
        raise UsageError(f"`{text}` is not a setting: write `name=value`")
    return match.group(1), match.group(2).strip()


def settings(texts: Iterable[str]) -> dict[str, str]:
    """Settings by name, each `name=value`; UsageError if one is not, or two set the same parameter."""
    made: dict[str, str] = {}
    for text in texts:
        name, given = setting(text)
        if name in made:
            raise UsageError(f"{name} is set twice: to `{made[name]}` and to `{given}`")
        made[name] = given
    return made


def value(name: str, text: str) -> Any:
    """The value of a setting: a number, `true` or `false`, a word, an expression of these, or a list of them.

    Whether a word says anything, the spec decides whose parameter is set: it can be a layer or one of its blocks.
    """
    try:
        return _typed(parse(Source(f"the value of {name}", text)))
    except SpecError as error:
        raise UsageError(f"`{text}` is not a value for {name}: {error.diagnostics[0].message}") from None
    except ExpressionError as error:
        raise UsageError(f"`{text}` is not a value for {name}: {error.message}") from None


def _typed(tree: Value) -> Any:
    if isinstance(tree, Sequence):
        return tuple(map(_typed, tree.items))
    if isinstance(tree, Scalar):
        text = tree.text.strip()
        compiled = compile_expression(text)
        if [name.text for name in compiled.names] == [text]:
            return text
        for unknown in unknown_names(compiled, words() if compiled.names else ()):
            hint = did_you_mean(unknown.text, ["true", "false", *words()])
            raise ExpressionError(
                f"`{unknown.text}` is neither a number nor a word that a layer takes" + (f": {hint}" if hint else "")
            )
        return compiled.evaluate({})
    raise ExpressionError("a value is a number, a word, an expression or a list")


def load(
    reference: str | os.PathLike[str], settings: Mapping[str, Any] | None = None, *, partial: bool = False
) -> tuple[Document, dict[str, Any]]:
    """The document that a reference names, and the values of the parameters that it (or `settings`) sets.

    `partial` reads a model file though it has operations that are not known: the layer `unknown` stands for them.
    UsageError if there is nothing to read or a setting is malformed; SpecError if the document is.
    """
    explicit = not isinstance(reference, str)
    name, own = Reference(os.fspath(reference), {}) if explicit else split(str(reference))
    source, path = _source(name, explicit=explicit, partial=partial)
    values = {key: value(key, text) for key, text in own.items()}
    values.update(settings or {})
    return read_document(source, path), values


def read_source(reference: str) -> Source:
    """The text of the spec that a reference names."""
    return _source(split(reference).name)[0]


def files(reference: str) -> list[str]:
    """The files that a reference is read from: the spec's own, and those that it imports, or that these import."""
    source, path = _source(split(reference).name)
    found = [path]
    waiting = [read_document(source, path)]
    while waiting:
        for block in waiting.pop().imported.values():
            path = os.path.join(block.document.directory, os.path.basename(block.document.source.name))
            if path not in found:
                found.append(path)
                waiting.append(block.document)
    return found


def _source(name: str, *, explicit: bool = False, partial: bool = False) -> tuple[Source, str]:
    if name == "-" and not explicit:
        return read_stdin(), name
    if not explicit and not os.path.exists(name) and (inside := shipped.file(name)) is not None:
        return read_text(inside, name=name), inside
    if is_model(name):
        return read_model(name, name, partial=partial), name
    if partial:
        raise UsageError(f"{name} is not a model file: --partial is for one, and a spec says `unknown` itself")
    if explicit or "/" in name or "\\" in name or name.endswith((".yaml", ".yml")) or os.path.isfile(name):
        if not os.path.dirname(name) and not os.path.exists(name):
            there = sorted(_in_group(path) for _, path in _files_of_catalogue() if os.path.basename(path) == name)
            if there:
                known = ", ".join(f"`{each}`" for each in there)
                raise UsageError(f"no file `{name[:80]}` here; in the catalogue: {known}")
        return read_text(name), name
    path = find(name)
    return read_text(path, name=_in_group(path)), path
