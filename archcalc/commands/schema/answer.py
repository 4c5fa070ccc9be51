"""The JSON Schema of the language, from the layers' signatures: for editors, which complete and check with it.

It accepts every spec that archcalc accepts. Names of blocks are whatever a file says, which no schema can look up: with
the blocks of some specs given, a step that is neither a layer nor one of them is an error; without, it may be a block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archcalc import catalogue
from archcalc.claims import listed
from archcalc.claims.facts import FACTS
from archcalc.claims.read import CLAIM_KEYS, FACT_KEYS, LISTED_KEYS
from archcalc.commands.check.targets import holds_list, targets
from archcalc.language.document import HEAD, SECTIONS, Block
from archcalc.language.keys import STEP_KEYS
from archcalc.layers.registry import Attribute, Layer, layers
from archcalc.quantities.registry import quantities
from archcalc.warnings.names import chosen

_VALUE: dict[str, Any] = {"$ref": "#/definitions/value"}
_DEFINITIONS: dict[str, dict[str, Any]] = {
    "value": {
        "description": "a number, a word, an expression, or a list of these",
        "anyOf": [{"type": ["integer", "number", "string", "boolean"]}, {"type": "array", "items": _VALUE}],
    }
}
_STEPS: dict[str, Any] = {"$ref": "#/definitions/steps"}
#: YAML 1.1 reads some words as other things (`on` is true, 1998 a number); archcalc reads text.
_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_NAME: dict[str, Any] = {"type": ["string", "boolean"], "pattern": r"^[A-Za-z_][\w./]*$"}
#: The same, and `wave.*` for all copies of a repeated step.
_NAMES: dict[str, Any] = {"type": ["string", "boolean"], "pattern": r"^[A-Za-z_][\w./*]*$"}
#: One of them, or a list.
_LISTED: list[dict[str, Any]] = [_NAMES, {"type": "array", "items": _NAMES, "minItems": 1}]


#: What the schemas are called, wherever their files lie.
ID = "urn:archcalc:spec"
LIST_ID = "urn:archcalc:figures"


def json_schema(blocks: Iterable[Block] | None = None) -> dict[str, Any]:
    """The schema, draft-07. With `blocks`, those are the only ones that steps may call."""
    called = None if blocks is None else _blocks(blocks)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "archcalc spec",
        "type": "object",
        "properties": {name: _section(name) for name in SECTIONS},
        "additionalProperties": False,
        "definitions": {
            **_DEFINITIONS,
            "steps": {
                "type": ["array", "null"],
                "items": {
                    "if": {"type": "object"},
                    "then": {"$ref": "#/definitions/step"},
                    "else": {"$ref": "#/definitions/word"},
                },
            },
            "word": {"type": "string", **_word(called)},
            "step": _step(called),
            **_step_keys(),
            "claim": _claim(),
            "fact": _fact(),
        },
    }


def list_schema() -> dict[str, Any]:
    """The schema of a list of figures, draft-07."""
    said: dict[str, dict[str, Any]] = {
        **_SAID,
        "spec": {**_TEXT, "description": "a path in the folder of this file, or a name of the catalogue, and settings"},
        "quantity": {"enum": [quantity.name for quantity in _known()], "description": "what the figure is of"},
        "layer": {**_TEXT, "description": "the layers that it is of: a path, or a pattern with `*`"},
    }
    figure = {
        "type": "object",
        "properties": {key: said[key] for key in LISTED_KEYS},
        "required": ["spec", "quantity", "value"],
        "additionalProperties": False,
    }
    sections: dict[str, dict[str, Any]] = {
        "source": _CITED,
        "figures": {"type": "array", "items": figure, "minItems": 1, "description": "figures that archcalc checks"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": LIST_ID,
        "title": "archcalc list of figures",
        "type": "object",
        "properties": {name: sections[name] for name in listed.SECTIONS},
        "required": ["figures"],
        "additionalProperties": False,
        "definitions": _DEFINITIONS,
    }


def blocks_of(specs: Iterable[str]) -> list[Block]:
    """The blocks that files, the specs of folders, and specs of the catalogue define or import.

    UsageError for what does not exist, SpecError for a file that cannot be read.
    """
    documents = [catalogue.load(target.path)[0] for target in targets(specs) if not holds_list(target.path)]
    return [block for document in documents for block in (*document.blocks.values(), *document.imported.values())]


def _section(name: str) -> dict[str, Any]:
    figures = {quantity.name: {"$ref": "#/definitions/claim", "description": quantity.doc} for quantity in _known()}
    of_network = {name: figures[name] for name in figures if quantities()[name].of != "layers"}
    of_layer = {name: figures[name] for name in figures if quantities()[name].of != "network"}
    sections: dict[str, dict[str, Any]] = {
        "architecture": {**_TEXT, "description": "the network's name"},
        "source": {**_TEXT, "description": "where the figures of the network come from: paper and table"},
        "parameters": {
            "type": ["object", "null"],
            "description": "names that can be set from outside, and their defaults",
            "additionalProperties": _VALUE,
        },
        "import": {
            "type": ["object", "null"],
            "description": "file: the names of its blocks that are used here",
            "additionalProperties": {"anyOf": [{"type": "array", "items": _NAME}, _NAME]},
        },
        "input": {**_VALUE, "description": "the input volume, channels first: [3, 224, 224]"},
        "inputs": {
            "type": ["object", "null"],
            "description": "the input volumes of a network that has several, by name; the first begins the stream",
            "additionalProperties": _VALUE,
        },
        "blocks": {
            "type": ["object", "null"],
            "description": "signature: steps",
            "propertyNames": {"pattern": r"^[A-Za-z_]\w*\s*(\(.*\))?\s*$"},
            "additionalProperties": _STEPS,
        },
        "layers": {**_STEPS, "description": "the steps of the network"},
        "expect": {
            "type": ["object", "null"],
            "description": "figures that archcalc computes and checks",
            "properties": {
                **of_network,
                "source": _CITED,
                "layers": {
                    "type": "object",
                    "description": "figures of layers: path: {quantity: claim}",
                    "properties": {"source": _CITED},
                    "additionalProperties": {
                        "type": "object",
                        "properties": {**of_layer, "source": _CITED},
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        },
        "published": {
            "type": ["object", "null"],
            "description": "facts that archcalc cannot compute",
            "properties": {
                **{name: {"$ref": "#/definitions/fact", "description": fact.doc} for name, fact in FACTS.items()},
                "source": _CITED,
            },
            "additionalProperties": False,
        },
    }
    return sections[name]


def _known() -> list[Any]:
    return [quantities()[name] for name in sorted(quantities())]


_CITED: dict[str, Any] = {
    "anyOf": [_TEXT, {"type": "array", "items": _TEXT}],
    "description": "where the figure is from; in a section, for all figures in it",
}
_FIGURE: dict[str, Any] = {"type": ["string", "integer", "number"]}
_SAID: dict[str, dict[str, Any]] = {
    "value": {"anyOf": [_FIGURE, {"type": "array", "items": _VALUE}], "description": "the figure, as it is written"},
    "source": _CITED,
    "note": {**_TEXT, "description": "what else there is to say"},
    "erratum": {**_TEXT, "description": "why the figure is wrong, with the right arithmetic"},
    "truncated": {"type": "boolean", "description": "the source cuts digits off instead of rounding"},
    "tolerance": {**_FIGURE, "description": "a tolerance of its own: `2 %`, or an amount"},
    "with": {"type": "object", "additionalProperties": _VALUE, "description": "parameters of the spec to set"},
    "over": {**_TEXT, "description": "another spec: the value is a ratio of this figure to its"},
    "under": {**_TEXT, "description": "another spec: the value is a ratio of its figure to this one"},
}


def _claim() -> dict[str, Any]:
    return _stated(CLAIM_KEYS)


def _fact() -> dict[str, Any]:
    return _stated(FACT_KEYS)


def _stated(keys: Iterable[str]) -> dict[str, Any]:
    """A figure, a map of a figure and what is said of it, or a list of these."""
    full = {
        "type": "object",
        "title": "a figure and its source",
        "properties": {key: _SAID[key] for key in keys},
        "required": ["value"],
        "additionalProperties": False,
    }
    one: list[dict[str, Any]] = [_FIGURE, full]
    return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}}]}


def _blocks(blocks: Iterable[Block]) -> dict[str, dict[str, Any]]:
    """What calls of blocks may hold, by name; blocks of one name may have several signatures."""
    calls: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for name in chosen((*block.steps, *block.document.steps)):
            calls.setdefault(name, {"description": "what the parameter of this name says", "anyOf": [{}]})
        call = calls.setdefault(block.name, {"description": block.signature, "anyOf": []})
        call["anyOf"] += [form for form in _calls(block) if form not in call["anyOf"]]
    return calls


def _calls(block: Block) -> list[dict[str, Any]]:
    """The ways to call a block: by names, with the first argument alone or a row of several, with none."""
    required = [parameter.name for parameter in block.needed]
    named = {
        "type": "object",
        "title": block.name,
        "properties": {parameter.name: _VALUE for parameter in block.parameters},
        "required": required,
        "additionalProperties": False,
    }
    first = [_VALUE] if block.parameters and required in ([], [block.parameters[0].name]) else []
    row = {"anyOf": [{"type": "string"}, {"type": "array", "items": _VALUE, "minItems": len(required)}]}
    first += [row] if len(required) > 1 else []
    return [named, *first, *([] if required else [{"type": "null"}])]


def _word(called: dict[str, dict[str, Any]] | None) -> dict[str, Any]:
    """A step that is one word: a pattern and no list of words, which editors would offer a second time."""
    incomplete = [
        layer.name for layer in layers().values() if layer.one_of or any(a.required for a in layer.attributes.values())
    ]
    if called is None:
        return {"pattern": f"^(?!({'|'.join(incomplete)})$)[A-Za-z_]\\w*$"}
    complete = [layer for layer in layers() if layer not in incomplete]
    complete += [name for name, form in called.items() if {"type": "null"} in form["anyOf"]]
    return {"pattern": f"^({'|'.join(complete)})$"}


def _step_keys() -> dict[str, dict[str, Any]]:
    """What the step's own keys may hold, by key."""
    return {
        "as": {**_NAME, "description": "the step's name"},
        "from": {
            "anyOf": [*_LISTED, {"type": "object", "additionalProperties": {"anyOf": _LISTED}, "minProperties": 1}],
            "description": "its input, if not the step before; for a block, its inputs by its own names",
        },
        "repeat": {
            "anyOf": [_VALUE, {"type": "object", "minProperties": 1, "maxProperties": 1}],
            "description": "how many copies follow each other; `{i: 3}` counts them in i, from 0",
        },
        "when": {**_VALUE, "description": "the step is there only if this is true"},
        "trainable": {**_VALUE, "description": "false: its parameters are stored and not trained"},
        "weights": {**_NAME, "description": "steps with the same name here share their weights"},
    }


def _step(called: dict[str, dict[str, Any]] | None) -> dict[str, Any]:
    own = {key: {"$ref": f"#/definitions/{key}"} for key in STEP_KEYS}
    branches = {"type": "object", "additionalProperties": _STEPS, "description": "branches with outputs of their own"}
    words = {**{layer.name: _layer(layer) for layer in layers().values()}, HEAD: branches, **(called or {})}
    # Beside a layer stand the step's own keys, and beside a join its attributes too.
    beside = {
        layer.name: {attribute.name: _attribute(attribute) for attribute in layer.attributes.values()}
        for layer in layers().values()
        if layer.joins
    }
    forms = [
        _form({word: form, **own, **beside.get(word, {})}, title=word, required=[word]) for word, form in words.items()
    ]
    if called is None:
        other = f"^(?!({'|'.join((*words, *own))})$)[A-Za-z_]\\w*$"
        forms.append(_form(own, title="a block", patternProperties={other: {}}))
    return {"type": "object", "minProperties": 1, "anyOf": forms}


def _form(properties: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _layer(layer: Layer) -> dict[str, Any]:
    described = {"description": layer.summary}
    if layer.joins:
        conditional = {
            "type": "object",
            "properties": {
                "when": {**_VALUE, "description": "the branch is there only if this is true"},
                "steps": _STEPS,
            },
            "required": ["when"],
            "additionalProperties": False,
        }
        branch = {"if": {"type": "object"}, "then": conditional, "else": _STEPS}
        branches = {"type": "object", "additionalProperties": branch, "minProperties": 2}
        return {**described, "anyOf": [branches, {"type": "array", "items": _NAMES}, {"type": "null"}]}
    named = {
        "type": "object",
        "title": layer.name,
        "properties": {a.name: _attribute(a) for a in layer.attributes.values()},
        "required": [a.name for a in layer.attributes.values() if a.required],
        "additionalProperties": False,
    }
    if layer.one_of:
        named["oneOf"] = [{"required": [name]} for name in layer.one_of]
    bare: dict[str, Any] = {"type": "null"}
    if layer.first is not None:
        bare = _attribute(layer.attributes[layer.first])
    required = [a for a in layer.attributes.values() if a.required]
    forms = [named, bare] if len(required) <= 1 else [named]
    if not required and not layer.one_of and layer.first is not None:
        forms.append({"type": "null"})
    return {**described, "anyOf": forms}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    made = {**attribute.kind.json_schema(), "description": attribute.kind.said}
    if not attribute.required and type(attribute.default) in (int, bool, str):
        made["default"] = attribute.default
    return made
