"""The JSON Schema of the language, from the layers' signatures: for editors, which complete and check with it.

It accepts every spec that archcalc accepts. It does not know which blocks a file has, so a call of a block is any
key that is not a layer's; archcalc itself is the judge.
"""

from __future__ import annotations

from typing import Any

from archcalc.language.document import HEAD, SECTIONS
from archcalc.layers.registry import Attribute, Layer, layers

_VALUE: dict[str, Any] = {"$ref": "#/definitions/value"}
_STEPS: dict[str, Any] = {"$ref": "#/definitions/steps"}
#: YAML 1.1 reads some words as other things (`on` is true, 1998 a number); archcalc reads text.
_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_NAME: dict[str, Any] = {"type": ["string", "boolean"], "pattern": r"^[A-Za-z_][\w./]*$"}


def json_schema() -> dict[str, Any]:
    """The schema, draft-07."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "archcalc spec",
        "type": "object",
        "properties": {name: _section(name) for name in SECTIONS},
        "additionalProperties": False,
        "definitions": {
            "value": {
                "description": "a number, a word, an expression, or a list of these",
                "anyOf": [{"type": ["integer", "number", "string", "boolean"]}, {"type": "array", "items": _VALUE}],
            },
            "steps": {
                "type": ["array", "null"],
                "items": {"anyOf": [{"$ref": "#/definitions/step"}, {"$ref": "#/definitions/word"}]},
            },
            "word": {"type": "string", "anyOf": [{"enum": sorted(layers())}, {"pattern": r"^[A-Za-z_]\w*$"}]},
            "step": _step(),
        },
    }


def _section(name: str) -> dict[str, Any]:
    sections: dict[str, dict[str, Any]] = {
        "architecture": {**_TEXT, "description": "the network's name"},
        "source": {**_TEXT, "description": "where the figures of the network come from: paper and table"},
        "parameters": {"type": ["object", "null"], "additionalProperties": _VALUE},
        "import": {
            "type": ["object", "null"],
            "description": "file: the names of its blocks that are used here",
            "additionalProperties": {"anyOf": [{"type": "array", "items": _NAME}, _NAME]},
        },
        "input": {**_VALUE, "description": "the input volume, channels first: [3, 224, 224]"},
        "blocks": {
            "type": ["object", "null"],
            "description": "signature: steps",
            "propertyNames": {"pattern": r"^[A-Za-z_]\w*\s*(\(.*\))?\s*$"},
            "additionalProperties": _STEPS,
        },
        "layers": _STEPS,
        "expect": {"type": ["object", "null"], "description": "figures that archcalc computes and checks"},
        "published": {"type": ["object", "null"], "description": "facts that cannot be computed"},
    }
    return sections[name]


def _step() -> dict[str, Any]:
    own = {
        "as": {**_NAME, "description": "the step's name"},
        "from": {
            "anyOf": [
                _NAME,
                {"type": "array", "items": _NAME, "minItems": 1},
                {"type": "object", "additionalProperties": _NAME, "minProperties": 1},
            ],
            "description": "its input, if not the step before; for a block, its inputs by its own names",
        },
        "repeat": {
            "anyOf": [_VALUE, {"type": "object", "minProperties": 1, "maxProperties": 1}],
            "description": "how many copies follow each other; `{i: 3}` counts them in i, from 0",
        },
        "when": {**_VALUE, "description": "the step is there only if this is true"},
        "weights": {**_NAME, "description": "steps with the same name here share their weights"},
        HEAD: {"type": "object", "additionalProperties": _STEPS, "description": "branches with outputs of their own"},
    }
    return {
        "type": "object",
        "properties": {**own, **{layer.name: _layer(layer) for layer in layers().values()}},
        "patternProperties": {r"^[A-Za-z_]\w*$": {}},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    described = {"description": layer.summary}
    if layer.joins:
        branches = {"type": "object", "additionalProperties": _STEPS, "minProperties": 2}
        return {**described, "anyOf": [branches, {"type": "array", "items": _NAME}, {"type": "null"}]}
    named = {
        "type": "object",
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
