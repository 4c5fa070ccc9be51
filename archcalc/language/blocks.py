"""Blocks: their signatures, which have the grammar of Python's, and their steps."""

from __future__ import annotations

import ast

from archcalc.diagnostics.diagnostic import Place
from archcalc.language.document import HEAD, Block, Parameter
from archcalc.language.expression import MAX_LENGTH, python_tree
from archcalc.language.formulas import begins_at, read_expression
from archcalc.language.keys import STEP_KEYS
from archcalc.language.names import Known, check_identifier
from archcalc.language.reading import Reading
from archcalc.language.source import Mapping, Scalar
from archcalc.language.steps import read_steps
from archcalc.layers.registry import layers


def read_blocks(reading: Reading, mapping: Mapping | None, known: Known) -> None:
    """The blocks of the section `blocks`: all signatures first, since blocks may call those after them.

    `known` are the file's parameters.
    """
    document = reading.document
    bodies = []
    for key, body in mapping.entries if mapping else ():
        signature = _signature(reading, key, known)
        if signature is None:
            continue
        block, inside = signature
        if block.name in document.blocks or block.name in document.imported:
            reading.findings.add("duplicate-block", f"there are two blocks called `{block.name}`", block.place)
        elif block.name in layers() or block.name in (HEAD, *STEP_KEYS):
            reading.findings.add("duplicate-block", f"`{block.name}` is a word of the language already", block.place)
        else:
            document.blocks[block.name] = block
            bodies.append((block, body, inside))
    for block, body, inside in bodies:
        block.steps = read_steps(reading, body, inside)


def _signature(reading: Reading, key: Scalar, known: Known) -> tuple[Block, Known] | None:
    """A block without its steps, and the names that they can use; None if the key is no signature."""
    place = reading.place(key)
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
        reading.findings.add("bad-signature", message, place, help="write it as `stage(width, convs=2):`")
        return None
    check_identifier(reading, tree.name, place, "a block")
    block = Block(tree.name, key.text, place, reading.document)
    block.parameters, known = _parameters(reading, block, tree.args, key, text, known)
    return block, known


def _parameters(
    reading: Reading, block: Block, arguments: ast.arguments, key: Scalar, text: str, known: Known
) -> tuple[tuple[Parameter, ...], Known]:
    """The parameters of a signature, whose defaults can use those before them; and the names known behind it."""
    names = [argument.arg for argument in arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(names) - len(arguments.defaults)) + list(arguments.defaults)
    begins = begins_at(reading.document.source, key, key.text)
    known = Known(outer=known, at_step=True)
    parameters: dict[str, Parameter] = {}
    for name, default in zip(names, defaults, strict=True):
        check_identifier(reading, name, block.place, "a parameter")
        if name in parameters:
            reading.findings.add("bad-signature", f"`{block.name}` has the parameter `{name}` twice", block.place)
        formula = None
        if default is not None:
            # Offsets in the key: the parsed text has `def ` in front.
            start, end = default.col_offset - 4, (default.end_col_offset or 4) - 4
            if begins is None:
                formula = read_expression(reading, text[start:end], block.place, known, exact=False)
            else:
                within = Place(reading.document.source, begins + start, begins + end)
                formula = read_expression(reading, text[start:end], within, known)
        parameters[name] = Parameter(name, block.place, formula)
        known.add(name)
    return tuple(parameters.values()), known


def _has_more_than_names(tree: ast.FunctionDef) -> bool:
    a = tree.args
    return bool(a.posonlyargs or a.kwonlyargs or a.vararg or a.kwarg or tree.returns) or any(
        argument.annotation for argument in a.args
    )
