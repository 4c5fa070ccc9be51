"""A located tree to a document: its sections, its blocks and their steps, with every name resolved.

This stage knows the layers' schemas but no values: it finds what is wrong with a spec whatever its parameters are,
all of it in one go, also in blocks that nobody uses.
"""

from __future__ import annotations

import ast
import gc
import keyword
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from archcalc.diagnostics.diagnostic import Diagnostic, Place, Source, SpecError, UsageError, did_you_mean, fail, plain
from archcalc.language.expression import MAX_LENGTH, Environment, ExpressionError, compile_expression, python_tree
from archcalc.language.source import Mapping, Scalar, Sequence, Value, parse, read_text
from archcalc.layers.attributes import Refused
from archcalc.layers.registry import Layer, layers, other_name, words

SECTIONS = ("architecture", "source", "parameters", "import", "input", "blocks", "layers", "expect", "published")
STEP_KEYS = ("as", "from", "repeat", "when", "weights")
#: A step that branches off into an output of its own; the stream goes on as if it were not there.
HEAD = "head"
#: The name of the network's input.
INPUT = "input"
#: The name of the output at the stream's end, beside those of the heads.
OUTPUT = "output"

#: What the sections that are maps have as keys and values.
_MAPS = {
    "parameters": "names and values",
    "import": "files and the names of their blocks",
    "blocks": "signatures and lists of steps",
    "expect": "quantities and values",
    "published": "facts and values",
}
#: Of a name or citation, as much is shown.
_LONGEST_TEXT = 1000

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
#: What a step may be called: a name, or the path of a layer as reports print it.
_STEP_NAME = re.compile(r"[A-Za-z_]\w*([./][\w.]+)*\Z", re.ASCII)


class Formula(NamedTuple):
    """A value that a spec gives, ready to be evaluated: an expression, or a list of formulas."""

    place: Place
    evaluate: Callable[[Environment], Any]
    constant: Any
    names: tuple[tuple[str, Place], ...]


class Argument(NamedTuple):
    """One attribute or argument of a step."""

    name: str
    formula: Formula


class Parameter(NamedTuple):
    """A parameter of a spec or of a block's signature; `default` is None where it must be given."""

    name: str
    place: Place
    default: Formula | None


class Block:
    """A layer written in the spec language: a signature and steps, which see the names of their own document."""

    __slots__ = ("document", "name", "parameters", "place", "signature", "steps")

    def __init__(self, name: str, signature: str, place: Place, document: Document) -> None:
        self.name = name
        #: Its signature, as it is written.
        self.signature = signature
        self.parameters: tuple[Parameter, ...] = ()
        self.place = place
        self.document = document
        self.steps: tuple[Step, ...] = ()


class Step:
    """One step: what it calls, with which arguments, and the step's own keys."""

    __slots__ = (
        "arguments",
        "branches",
        "brought",
        "callee",
        "constants",
        "index",
        "inputs",
        "label",
        "label_place",
        "name",
        "place",
        "repeat",
        "weights",
        "when",
    )

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.callee: Layer | Block | None = None
        self.arguments: tuple[Argument, ...] = ()
        #: For a step all of whose attributes are constants: the attributes, typed once.
        self.constants: dict[str, Any] | None = None
        #: Branch name and steps of a join or a head.
        self.branches: tuple[tuple[str, tuple[Step, ...]], ...] | None = None
        #: The names of the inputs, if they are stated.
        self.inputs: tuple[tuple[str, Place], ...] = ()
        #: For a block: its own names for its inputs, and what they are called outside.
        self.brought: dict[str, tuple[str, Place]] = {}
        self.label: str | None = None
        self.label_place = place
        self.repeat: Formula | None = None
        self.index: str | None = None
        self.when: Formula | None = None
        self.weights: str | None = None


class Document:
    """One spec file, or one file of blocks."""

    def __init__(self, source: Source, directory: Path) -> None:
        self.source = source
        self.directory = directory
        self.architecture = ""
        self.citation = ""
        self.parameters: tuple[Parameter, ...] = ()
        self.input: Formula | None = None
        self.blocks: dict[str, Block] = {}
        self.imported: dict[str, Block] = {}
        #: Blocks of files that could not be read: what calls them is not another finding.
        self.missing: set[str] = set()
        self.steps: tuple[Step, ...] = ()
        self.expect: Mapping | None = None
        self.published: Mapping | None = None

    def place(self, value: Any) -> Place:
        """Where a value of this document stands."""
        return Place(self.source, value.start, value.end)


class _Enough(Exception):
    """There are as many findings as anyone reads."""


class _Problems:
    """The findings of a stage, collected so that one run shows them all; at most `MAX_FINDINGS`."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, rule: str, message: str, place: Place | None, *, label: str = "", help: str | None = None) -> None:
        self.keep(Diagnostic(rule, message, place, label=label, help=help))

    def keep(self, diagnostic: Diagnostic) -> None:
        if len(self.found) + 1 >= MAX_FINDINGS:
            note = f"there may be more: reading stops at {MAX_FINDINGS} findings"
            self.found.append(diagnostic._replace(notes=(*diagnostic.notes, note)))
            raise _Enough
        self.found.append(diagnostic)

    def stop(self) -> None:
        if self.found:
            raise SpecError(self.found)


#: The largest network.
MAX_LAYERS = 200_000
#: How many files may import one another in a row.
MAX_IMPORTS = 32
#: How many findings one run shows.
MAX_FINDINGS = 50
#: How many values a list may have, lists within it included.
MAX_VALUES = 10_000


def read_document(source: Source, path: Path) -> Document:
    """The document in a source, and all it imports; imports must stay in the folder of `path` or below."""
    path = path.resolve()
    reader = _Reader(path.parent, [path])
    # A tree makes many objects and no garbage: the collector would walk them again and again for nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        document = reader.read(source, path.parent)
    except _Enough:
        raise SpecError(reader.problems.found) from None
    finally:
        if collecting:
            gc.enable()
    reader.problems.stop()
    return document


class _Reader:
    """Reads one spec and the files it imports."""

    def __init__(self, root: Path, opened: list[Path]) -> None:
        self.root = root
        self.problems = _Problems()
        #: The files that are being read, each imported by the one before.
        self.open = opened
        self.finished: dict[Path, Document] = {}

    def read(self, source: Source, directory: Path) -> Document:
        document = Document(source, directory)
        tree = parse(source)
        if not isinstance(tree, Mapping):
            raise fail("not-a-map", f"a spec is a map of {', '.join(SECTIONS)}", document.place(tree))
        sections = self._sections(document, tree)
        document.architecture = self._text(document, sections.get("architecture"))
        document.citation = self._text(document, sections.get("source"))
        document.parameters = self._parameters(document, sections.get("parameters"))
        if (stated := sections.get("input")) is not None:
            document.input = self.formula(document, stated)
        self._imports(document, sections.get("import"))
        self._blocks(document, sections.get("blocks"))
        if (listed := sections.get("layers")) is not None:
            document.steps = self._steps(document, listed, frozenset(p.name for p in document.parameters))
        document.expect = self._map(document, sections.get("expect"), "expect")
        document.published = self._map(document, sections.get("published"), "published")
        self._check_parameters(document)
        return document

    # --- sections

    def _sections(self, document: Document, tree: Mapping) -> dict[str, Value]:
        found = {}
        for key, value in tree.entries:
            if key.text not in SECTIONS:
                hint = did_you_mean(key.text, SECTIONS) or f"the sections are {', '.join(SECTIONS)}"
                self.problems.add(
                    "unknown-section", f"there is no section `{key.text}`", document.place(key), help=hint
                )
            found[key.text] = value
        return found

    def _text(self, document: Document, value: Value | None) -> str:
        if value is None:
            return ""
        if isinstance(value, Scalar):
            return plain(" ".join(value.text.split()), _LONGEST_TEXT)
        self.problems.add("not-text", "this must be text", document.place(value))
        return ""

    def _map(self, document: Document, value: Value | None, name: str) -> Mapping | None:
        if value is None or _is_empty(value):
            return None
        if isinstance(value, Mapping):
            return value
        self.problems.add("not-a-map", f"{name} is a map of {_MAPS[name]}", document.place(value))
        return None

    def _parameters(self, document: Document, value: Value | None) -> tuple[Parameter, ...]:
        mapping = self._map(document, value, "parameters")
        if mapping is None:
            return ()
        made = []
        for key, given in mapping.entries:
            place = document.place(key)
            self._check_identifier(key.text, place, "a parameter")
            made.append(Parameter(key.text, place, self.formula(document, given)))
        return tuple(made)

    def _check_identifier(self, name: str, place: Place, what: str) -> None:
        if not _IDENTIFIER.match(name):
            message = f"`{name}` is not a name: {what} has letters, digits and `_`, and no digit first"
            self.problems.add("bad-name", message, place)
        elif name in ("true", "false") or keyword.iskeyword(name):  # expressions have Python's grammar
            self.problems.add("bad-name", f"`{name}` cannot be a name: it has a meaning in expressions", place)

    def _check_parameters(self, document: Document) -> None:
        known: set[str] = set()
        for parameter in document.parameters:
            assert parameter.default is not None
            self._check_names(parameter.default, known)
            known.add(parameter.name)
        if document.input is not None:
            self._check_names(document.input, known)

    # --- imports

    def _imports(self, document: Document, value: Value | None) -> None:
        mapping = self._map(document, value, "import")
        for key, listed in mapping.entries if mapping else ():
            names = listed.items if isinstance(listed, Sequence) else [listed]
            if _is_empty(listed) or not names:
                message = "an import lists the names of blocks, and here is none"
                self.problems.add("bad-import", message, document.place(key))
                continue
            imported = self._import(document, key)
            for name in names:
                if not isinstance(name, Scalar):
                    self.problems.add("bad-import", "an import lists the names of blocks", document.place(name))
                elif imported is not None:
                    self._import_block(document, imported, name)
                else:
                    document.missing.add(name.text)

    def _import_block(self, document: Document, imported: Document, name: Scalar) -> None:
        block = imported.blocks.get(name.text)
        if block is None:
            message = f"{imported.source.name} has no block `{name.text}`"
            hint = did_you_mean(name.text, imported.blocks)
            document.missing.add(name.text)
            self.problems.add("unknown-block", message, document.place(name), help=hint)
        elif name.text in document.imported:
            self.problems.add("duplicate-block", f"`{name.text}` is imported twice", document.place(name))
        else:
            document.imported[name.text] = block

    def _import(self, document: Document, key: Scalar) -> Document | None:
        place = document.place(key)
        try:
            path = (document.directory / key.text).resolve()
        except (OSError, ValueError, RuntimeError):  # a path that is too long, holds NUL, links to itself
            self.problems.add("bad-import", f"`{key.text[:80]}` is not a path", place)
            return None
        if not path.is_relative_to(self.root):
            self.problems.add("import-escapes", f"{key.text} is outside the folder of the spec", place)
            return None
        if path in self.finished:
            return self.finished[path]
        if path in self.open:
            self.problems.add("import-cycle", f"{key.text} is imported while it is being read", place)
            return None
        if len(self.open) > MAX_IMPORTS:
            self.problems.add("import-cycle", f"more than {MAX_IMPORTS} files import one another in a row", place)
            return None
        shown = _shown_path(document, key.text)
        if not path.is_file() and path.exists():  # to read from a device or a pipe may never end
            self.problems.add("bad-import", f"cannot read `{key.text[:80]}`: it is no file", place)
            return None
        self.open.append(path)
        try:
            self.finished[path] = self.read(read_text(path, name=shown), path.parent)
        except UsageError as error:
            self.problems.add("bad-import", str(error), place, help=_IMPORT_HELP)
            return None
        except SpecError as error:
            for found in error.diagnostics:
                note = () if found.place is None else (f"imported at {place}",)
                self.problems.keep(found._replace(place=found.place or place, notes=(*found.notes, *note)))
            return None
        finally:
            self.open.pop()
        return self.finished[path]

    # --- blocks

    def _blocks(self, document: Document, value: Value | None) -> None:
        mapping = self._map(document, value, "blocks")
        bodies = []
        for key, body in mapping.entries if mapping else ():
            block = self._signature(document, key)
            if block is None:
                continue
            if block.name in document.blocks or block.name in document.imported:
                self.problems.add("duplicate-block", f"there are two blocks called `{block.name}`", block.place)
            elif block.name in layers() or block.name in (HEAD, *STEP_KEYS):
                self.problems.add("duplicate-block", f"`{block.name}` is a word of the language already", block.place)
            else:
                document.blocks[block.name] = block
                bodies.append((block, body))
        for block, body in bodies:
            known = {p.name for p in document.parameters}
            for parameter in block.parameters:
                if parameter.default is not None:
                    self._check_names(parameter.default, known)
                known.add(parameter.name)
            block.steps = self._steps(document, body, frozenset(known))

    def _signature(self, document: Document, key: Scalar) -> Block | None:
        place = document.place(key)
        text = key.text if "(" in key.text else f"{key.text}()"
        try:
            written = len(text) <= MAX_LENGTH and text.isascii() and text.isprintable()
            tree = python_tree(f"def {text}: pass", "exec").body[0] if written else None
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            tree = None
        if (
            not isinstance(tree, ast.FunctionDef)
            or _has_more_than_names(tree)
            or not key.text.rstrip().endswith((")", tree.name))
        ):
            message = f"`{key.text[:80]}` is not a signature"
            self.problems.add("bad-signature", message, place, help="write it as `stage(width, convs=2):`")
            return None
        names = [argument.arg for argument in tree.args.args]
        defaults: list[ast.expr | None] = [None] * (len(names) - len(tree.args.defaults)) + list(tree.args.defaults)
        self._check_identifier(tree.name, place, "a block")
        block = Block(tree.name, key.text, place, document)
        begins = _begins(document.source, key, key.text)
        parameters: dict[str, Parameter] = {}
        for name, default in zip(names, defaults, strict=True):
            self._check_identifier(name, place, "a parameter")
            if name in parameters:
                self.problems.add("bad-signature", f"`{block.name}` has the parameter `{name}` twice", place)
            formula = None
            if default is not None:
                # Offsets in the key: the parsed text has `def ` in front.
                start, end = default.col_offset - 4, (default.end_col_offset or 4) - 4
                if begins is None:
                    formula = self._expression(text[start:end], place, exact=False)
                else:
                    within = Place(document.source, begins + start, begins + end)
                    formula = self._expression(text[start:end], within)
            parameters[name] = Parameter(name, place, formula)
        block.parameters = tuple(parameters.values())
        return block

    # --- steps

    def _steps(self, document: Document, value: Value, known: frozenset[str]) -> tuple[Step, ...]:
        if _is_empty(value):
            return ()
        if not isinstance(value, Sequence):
            hint = "begin each step with `- `"
            self.problems.add("not-a-list", "this must be a list of steps", document.place(value), help=hint)
            return ()
        if len(value.items) > MAX_LAYERS:
            message = f"the network has more than {MAX_LAYERS:,} layers"
            self.problems.add("too-many-layers", message, document.place(value.items[MAX_LAYERS]))
            return ()
        made = (self._step(document, item, known) for item in value.items)
        return tuple(step for step in made if step is not None)

    def _step(self, document: Document, value: Value, known: frozenset[str]) -> Step | None:
        if _is_empty(value):
            self.problems.add("missing-value", "a step is missing here", document.place(value))
            return None
        if isinstance(value, Scalar):
            key, given, own = value, None, {}
        elif isinstance(value, Mapping):
            own = {k.text: (k, v) for k, v in value.entries if k.text in STEP_KEYS}
            called = [(k, v) for k, v in value.entries if k.text not in STEP_KEYS]
            if len(called) != 1:
                if called:
                    names = " and ".join(f"`{k.text}`" for k, _ in called[:3])
                    message, place = f"a step has one layer, and here are {names}", document.place(called[1][0])
                    hint = "attributes go inside the layer: `- conv: {out: 64, kernel: 3}`"
                else:
                    message, place, hint = "this step names no layer", document.place(value), None
                self.problems.add("one-layer-a-step", message, place, help=hint)
                return None
            key, given = called[0]
        else:
            self.problems.add("one-layer-a-step", "a step is a layer, not a list", document.place(value))
            return None
        step = Step(key.text, document.place(key))
        known = self._own_keys(document, step, own, known)
        if key.text != HEAD:
            step.callee = self._callee(document, key)
        if step.brought and (isinstance(step.callee, Layer) or key.text == HEAD):
            message = f"{step.name} is no block: `from` takes a name, or a list of them"
            self.problems.add("wrong-inputs", message, next(iter(step.brought.values()))[1])
        if key.text == HEAD:
            self._join(document, step, given, known, least=1)
        elif isinstance(step.callee, Layer) and step.callee.joins:
            self._join(document, step, given, known, least=2)
        elif isinstance(step.callee, Layer):
            self._layer_arguments(document, step, step.callee, given, known)
        elif isinstance(step.callee, Block):
            self._block_arguments(document, step, step.callee, given, known)
        return step

    def _callee(self, document: Document, key: Scalar) -> Layer | Block | None:
        name = key.text
        found = document.blocks.get(name) or document.imported.get(name) or layers().get(name)
        if found is None and name not in document.missing:
            known = [*layers(), *document.blocks, *document.imported, HEAD]
            hint = other_name(name) or did_you_mean(name, known)
            if hint is None and ":" in name:
                hint = "write a space after the colon"
            message = f"there is no layer or block `{name[:80]}`"
            self.problems.add("unknown-layer", message, document.place(key), help=hint)
        return found

    def _own_keys(
        self, document: Document, step: Step, own: dict[str, tuple[Scalar, Value]], known: frozenset[str]
    ) -> frozenset[str]:
        """Fill in the step's own keys; returns the names known inside the step (its index is one more)."""
        if "as" in own:
            step.label = self._step_name(document, own["as"][1])
            step.label_place = document.place(own["as"][1])
            if step.label == INPUT:
                message = f"`{INPUT}` is the network's input already"
                self.problems.add("bad-name", message, step.label_place)
        if "weights" in own:
            step.weights = self._step_name(document, own["weights"][1])
        if "from" in own:
            self._inputs(document, step, own["from"][1])
        if "when" in own:
            step.when = self.formula(document, own["when"][1])
            self._check_names(step.when, known)
        if "repeat" in own:
            known = self._repeat(document, step, own["repeat"][1], known)
        return known

    def _inputs(self, document: Document, step: Step, value: Value) -> None:
        """`from` is a name, a list of names, or a map of what a block calls its inputs to their names here."""
        if isinstance(value, Mapping) and value.entries:
            for key, item in value.entries:
                self._check_identifier(key.text, document.place(key), "an input")
                step.brought[key.text] = (self._step_name(document, item), document.place(item))
            return
        items = value.items if isinstance(value, Sequence) else [value] if isinstance(value, Scalar) else []
        if not items:
            self.problems.add("wrong-inputs", "`from` is empty: name a step, or leave it out", document.place(value))
        named = ((self._step_name(document, item), document.place(item)) for item in items)
        step.inputs = tuple((name, place) for name, place in named if name)

    def _repeat(self, document: Document, step: Step, value: Value, known: frozenset[str]) -> frozenset[str]:
        if isinstance(value, Mapping):
            if len(value.entries) != 1:
                message = "repeat takes a number, or one index and a number: `repeat: {i: 3}`"
                self.problems.add("bad-repeat", message, document.place(value))
                return known
            key, times = value.entries[0]
            self._check_identifier(key.text, document.place(key), "an index")
            step.index = key.text
            value = times
        step.repeat = self.formula(document, value)
        self._check_names(step.repeat, known)
        return known | {step.index} if step.index else known

    def _step_name(self, document: Document, value: Value) -> str:
        if isinstance(value, Scalar) and len(value.text) <= 1000 and _STEP_NAME.match(value.text):
            return value.text
        shown = f"`{value.text[:80]}`" if isinstance(value, Scalar) else "this"
        message = f"{shown} is not a name: a step is called by letters, digits and `_`"
        self.problems.add("bad-name", message, document.place(value))
        return ""

    def _join(self, document: Document, step: Step, given: Value | None, known: frozenset[str], *, least: int) -> None:
        if isinstance(given, Mapping):
            step.branches = tuple(
                (self._branch_name(document, step, key), self._branch(document, steps, known))
                for key, steps in given.entries
            )
            count, place = len(given.entries), document.place(given)
            if len(step.inputs) > 1:
                message = f"all branches begin at one input, and `from` names {len(step.inputs)}"
                self.problems.add("wrong-inputs", message, step.inputs[1][1])
        elif isinstance(given, Sequence) and not step.inputs and step.name != HEAD:
            if any(not isinstance(item, Scalar) for item in given.items):
                hint = "give each branch a name: `residual:` and below it the list of its steps"
                message = f"{step.name} takes a map of branches, or a list of names"
                self.problems.add("bad-branches", message, document.place(given), help=hint)
                return
            named = ((self._step_name(document, item), document.place(item)) for item in given.items)
            step.inputs = tuple((name, place) for name, place in named if name)
            count, place = len(given.items), document.place(given)
        elif (given is None or _is_empty(given)) and step.name != HEAD:
            count, place = len(step.inputs), step.place
        else:
            self.problems.add(
                "bad-branches",
                f"{step.name} takes a map of branches" + ("" if step.name == HEAD else ", or a list of names"),
                document.place(given) if given is not None else step.place,
            )
            return
        if count < least:
            help_text = "a branch that changes nothing is written `shortcut: []`" if step.name != HEAD else None
            self.problems.add(
                "bad-branches", f"{step.name} needs at least {least} branches, and has {count}", place, help=help_text
            )

    def _branch_name(self, document: Document, step: Step, key: Scalar) -> str:
        if step.name == HEAD and key.text == OUTPUT:
            message = f"`{OUTPUT}` is the network's own output: a head needs another name"
            self.problems.add("bad-name", message, document.place(key))
        return self._step_name(document, key)

    def _branch(self, document: Document, value: Value, known: frozenset[str]) -> tuple[Step, ...]:
        if isinstance(value, (Sequence, Scalar)) and (isinstance(value, Sequence) or _is_empty(value)):
            return self._steps(document, value, known)
        hint = "a branch is a list: begin each of its steps with `- `"
        self.problems.add("not-a-list", "a branch must be a list of steps", document.place(value), help=hint)
        return ()

    # --- arguments

    def _layer_arguments(
        self, document: Document, step: Step, layer: Layer, given: Value | None, known: frozenset[str]
    ) -> None:
        step.arguments = self._arguments(
            document, step, given, known, list(layer.attributes), layer.first, f"{layer.name} has no attribute"
        )
        names = {argument.name for argument in step.arguments}
        for attribute in layer.attributes.values():
            if attribute.required and attribute.name not in names:
                message = f"{layer.name} needs `{attribute.name}`"
                self.problems.add("missing-attribute", message, step.place, help=f"a {attribute.kind.said}")
        step.constants = self._constants(step, layer)

    def _constants(self, step: Step, layer: Layer) -> dict[str, Any] | None:
        """The attributes of a step that has only constants, typed once and for all."""
        typed = {}
        for argument in step.arguments:
            attribute = layer.attributes.get(argument.name)
            if attribute is None or argument.formula.constant is None:
                return None
            try:
                typed[argument.name] = attribute.kind.accept(argument.formula.constant)
            except Refused as refused:
                self.problems.add("bad-value", f"{argument.name} {refused}", argument.formula.place)
                return None
        return typed

    def _block_arguments(
        self, document: Document, step: Step, block: Block, given: Value | None, known: frozenset[str]
    ) -> None:
        names = [parameter.name for parameter in block.parameters]
        first = names[0] if names else None
        step.arguments = self._arguments(document, step, given, known, names, first, f"{block.name} has no parameter")
        bound = {argument.name for argument in step.arguments}
        for parameter in block.parameters:
            if parameter.default is None and parameter.name not in bound:
                message = f"{block.name} needs `{parameter.name}`"
                self.problems.add("missing-argument", message, step.place, help=f"it is {block.signature}")

    def _arguments(
        self,
        document: Document,
        step: Step,
        given: Value | None,
        known: frozenset[str],
        names: list[str],
        first: str | None,
        complaint: str,
    ) -> tuple[Argument, ...]:
        if given is None or _is_empty(given):
            return ()
        if not isinstance(given, Mapping):
            if first is None:
                self.problems.add("unknown-attribute", f"{step.name} takes no values", document.place(given))
                return ()
            formula = self.formula(document, given)
            self._check_names(formula, known)
            return (Argument(first, formula),)
        made = []
        for key, value in given.entries:
            formula = self.formula(document, value)
            if formula.names:
                self._check_names(formula, known)
            if key.text not in names:
                hint = did_you_mean(key.text, names) or (f"it has {', '.join(names)}" if names else None)
                if key.text in STEP_KEYS:
                    hint = f"`{key.text}` belongs to the step: write it beside `{step.name}:`"
                message = f"{complaint} `{key.text[:80]}`"
                self.problems.add("unknown-attribute", message, document.place(key), help=hint)
            made.append(Argument(key.text, formula))
        return tuple(made)

    # --- formulas

    def formula(self, document: Document, value: Value) -> Formula:
        place = document.place(value)
        if isinstance(value, Scalar):
            text = value.text.strip()
            if not text:
                self.problems.add("missing-value", "a value is missing here", place)
                return _unknown(place)
            begins = _begins(document.source, value, text)
            if begins is None:
                return self._expression(text, place, exact=False)
            return self._expression(text, place._replace(start=begins, end=begins + len(text)))
        if isinstance(value, Sequence):
            if (count := _count(value)) > MAX_VALUES:
                message = f"a list has at most {MAX_VALUES:,} values, and this one has {count:,}"
                self.problems.add("too-large", message, place._replace(end=place.start + 1))
                return _unknown(place)
            return _list(place, [self.formula(document, item) for item in value.items])
        self.problems.add("bad-value", "a value is a number, a word, an expression or a list, not a map", place)
        return _unknown(place)

    def _expression(self, text: str, place: Place, *, exact: bool = True) -> Formula:
        """`exact` says that the text stands at the place letter by letter, so that offsets in it can be shown."""
        try:
            compiled = compile_expression(text)
        except ExpressionError as error:
            self.problems.add("bad-expression", error.message, _within(place, error, exact), help=error.help)
            return _unknown(place)
        if not compiled.names:
            return Formula(place, compiled.evaluate, compiled.constant, ())
        names = tuple(
            (n.text, Place(place.source, place.start + n.start, place.start + n.end) if exact else place)
            for n in compiled.names
        )
        return Formula(place, compiled.evaluate, compiled.constant, names)

    def _check_names(self, formula: Formula, known: Iterable[str]) -> None:
        for name, place in formula.names:
            if name not in known and name not in words():
                hint = _OTHER_WORDS.get(name) or did_you_mean(name, [*known, *words(), "true", "false"])
                self.problems.add("unknown-name", f"there is no parameter `{name}`", place, help=hint)


#: What other tools call a value of ours.
_OTHER_WORDS = {
    "valid": "no padding is written `0`",
    "True": "did you mean `true`?",
    "False": "did you mean `false`?",
    "None": "leave out what is not given",
}

_IMPORT_HELP = (
    "an import is looked for beside the file that has it; `archcalc resolve NAME` prints a spec without imports, and "
    "`archcalc show FOLDER/FILE.yaml` a file of the catalogue"
)


def _begins(source: Source, value: Scalar, text: str) -> int | None:
    """Where the text of a scalar stands letter by letter, also behind a quote; None if it is written otherwise."""
    for offset in (value.start, value.start + 1):
        if source.text.startswith(text, offset):
            return offset
    return None


def _count(value: Sequence) -> int:
    """The values of a list, those of lists within it included."""
    count = 0
    lists = [value]
    while lists:
        items = lists.pop().items
        count += len(items)
        lists += [item for item in items if isinstance(item, Sequence)]
    return count


def _unknown(place: Place) -> Formula:
    """What stands for a value that could not be read: nothing follows from it, since the stage has failed."""
    return Formula(place, lambda env: None, None, ())


def _within(place: Place, error: ExpressionError, exact: bool) -> Place:
    if not exact:
        return place
    end = place.end if error.end is None else min(place.end, place.start + error.end)
    return Place(place.source, place.start + error.start, end)


def _list(place: Place, parts: list[Formula]) -> Formula:
    names = tuple(name for part in parts for name in part.names)
    constants = tuple(part.constant for part in parts)
    if all(constant is not None for constant in constants):
        return Formula(place, lambda env: constants, constants, names)
    evaluators = tuple(part.evaluate for part in parts)
    return Formula(place, lambda env: tuple(evaluate(env) for evaluate in evaluators), None, names)


def _is_empty(value: Value) -> bool:
    return isinstance(value, Scalar) and value.plain and value.text in ("", "~")


def _has_more_than_names(tree: ast.FunctionDef) -> bool:
    a = tree.args
    return bool(a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg or tree.returns) or any(
        argument.annotation for argument in a.args
    )


def _shown_path(document: Document, relative: str) -> str:
    """The name of an imported file as the user would write it: beside the name of the file that imports it."""
    folder = document.source.name.rpartition("/")[0]
    return f"{folder}/{relative}" if folder else relative
