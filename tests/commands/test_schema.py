"""The JSON Schema accepts what archcalc accepts, and catches what an editor can catch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from archcalc.commands.schema.answer import blocks_of, json_schema, list_schema
from archcalc.language.shipped import folder

VALIDATOR = jsonschema.Draft7Validator(json_schema())


def accepts(text: str) -> bool:
    document: Any = yaml.safe_load(text)
    return bool(VALIDATOR.is_valid(document))


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(json_schema())
    jsonschema.Draft7Validator.check_schema(list_schema())


@pytest.mark.parametrize("path", sorted(Path(folder()).rglob("*.yaml")), ids=lambda path: path.stem)
def test_it_accepts_the_catalogue(path: Path) -> None:
    found = list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert not found, found[0]


@pytest.mark.parametrize(
    "step",
    [
        "relu",
        "linear: 10",
        "linear: {out: 4 * width}",
        "conv: {out: 8, kernel: [1, 7], padding: same}",
        "conv: {out: 8, kernel: 3, padding: [[1, 2], [1, 2]]}",
        "bottleneck: {width: 8}",
        "add: {residual: [relu], shortcut: []}",
        "concat: [high, low]",
        "concat: [wave.*/skip, input]",
        "{concat: [high, low], axis: height}",
        "{matmul: {queries: [relu], keys: []}, transposed: true, as: scores}",
        "{dense: 2, from: {maps: [input, layer.*]}}",
        "add: {residual: [relu], shortcut: {when: stride == 1}}",
        "concat: {one: {when: true, steps: [relu]}, other: []}",
        "{relu: , trainable: false}",
        "{relu: , from: wave.*}",
        "upsample: {to: size(skip)}",
        "reshape: [channels, -1]",
        "{relu: , repeat: {i: 3}, as: last, when: i > 2}",
        "reshape: shape",
        "{relu: , as: on, from: no}",
        "decode: {heads: 2}",
        "{decode: 2, from: {queries: input, memory: encoded}}",
    ],
)
def test_it_accepts(step: str) -> None:
    assert accepts(f"input: [3, 8, 8]\nlayers:\n  - {step}\n")


@pytest.mark.parametrize(
    "step",
    [
        "conv: {out: 8}",
        "upsample: {scale: 2, to: 8}",
        "upsample:",
        "add: {residual: [relu], shortcut: {steps: []}}",
        "add: {residual: [relu], shortcut: {when: true, step: []}}",
        "conv: {out: 8, kernel: 3, kernal: 3}",
        "linear: {}",
        "{concat: [high, low], transposed: true}",
        "{relu: , axis: height}",
        "dropout: {rate: [1]}",
        "relu: {inplace: 3}",
    ],
)
def test_it_refuses(step: str) -> None:
    assert not accepts(f"input: [3, 8, 8]\nlayers:\n  - {step}\n")


@pytest.mark.parametrize("name", ["12", "on", "1998-01-01", "", "1.5"])
def test_names_may_look_like_other_things(name: str) -> None:
    assert accepts(f"architecture: '{name}'\ninput: [3]")
    document = yaml.load(f"architecture: {name}\ninput: [3]", Loader=yaml.BaseLoader)
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "step",
    [
        "{conv: {out: 8, kernel: 3}, padding: 1}",
        "{relu: , repaet: 3}",
        "{relu: , linear: 3}",
        "{add: {a: [], b: []}, c: []}",
    ],
)
def test_beside_a_layer_stand_the_keys_of_the_step_alone(step: str) -> None:
    assert not accepts(f"input: [3, 8, 8]\nlayers:\n  - {step}\n")


RESIDUAL = """
architecture: residual
input: [3, 8, 8]
blocks:
  residual(out, stride=1):
    - conv: {out: out, kernel: 3, stride: stride}
layers:
  - residual: 8
"""


@pytest.fixture
def of_residual(tmp_path: Path) -> jsonschema.Draft7Validator:
    """The schema that knows the blocks of one folder."""
    (tmp_path / "residual.yaml").write_text(RESIDUAL)
    return jsonschema.Draft7Validator(json_schema(blocks_of([str(tmp_path)])))


@pytest.mark.parametrize(
    "step", ["residual: 8", "residual: {out: 8, stride: 2}", "relu", "{residual: 8, repeat: 3}", "{head: {a: [relu]}}"]
)
def test_a_schema_of_specs_accepts_calls_of_their_blocks(step: str, of_residual: jsonschema.Draft7Validator) -> None:
    assert of_residual.is_valid(yaml.safe_load(f"layers:\n  - {step}\n"))


@pytest.mark.parametrize(
    "step", ["rleu", "cnv: 8", "residual", "residual: {out: 8, strid: 2}", "{residual: 8, repaet: 3}", "residuals: 8"]
)
def test_a_schema_of_specs_refuses_any_other_step(step: str, of_residual: jsonschema.Draft7Validator) -> None:
    assert not of_residual.is_valid(yaml.safe_load(f"layers:\n  - {step}\n"))


@pytest.mark.parametrize(
    "claims",
    [
        "{params: 3}",
        "{params: {value: 3M, source: a paper}}",
        "{params: [3, {value: 4, erratum: it is 3}]}",
        "{output: [3, 8, 8]}",
        "{source: a paper, layers: {conv1: {params: 3}}}",
    ],
)
def test_it_accepts_claims(claims: str) -> None:
    assert accepts(f"expect: {claims}")


@pytest.mark.parametrize(
    "claims", ["{parms: 3}", "{params: {valu: 3}}", "{params: {source: a paper}}", "{layers: {conv1: {depth: 3}}}"]
)
def test_it_refuses_claims(claims: str) -> None:
    assert not accepts(f"expect: {claims}")


def test_it_knows_the_published_facts() -> None:
    assert accepts("published: {year: 2015, top5_error: {value: 7.3 %, source: a paper}}")
    assert not accepts("published: {yaer: 2015}")


LISTS = jsonschema.Draft7Validator(list_schema())


@pytest.mark.parametrize(
    "figures",
    [
        "[{spec: resnet50, quantity: params, value: 25_557_032}]",
        "[{spec: a.pt2, quantity: output, layer: conv1, value: [3, 8, 8], source: [a paper, table 1], note: 3}]",
        "[{spec: a.yaml, quantity: macs, value: <= 4G, with: {batch: 2}, over: vgg16, erratum: so, truncated: true}]",
    ],
)
def test_it_accepts_lists_of_figures(figures: str) -> None:
    assert LISTS.is_valid(yaml.safe_load(f"source: a table\nfigures: {figures}"))


@pytest.mark.parametrize(
    "figures",
    ["[]", "{}", "[a]", "[{spec: a, quantity: parms, value: 1}]", "[{spec: a, quantity: params}]", "[{}]"],
)
def test_it_refuses_lists_of_figures(figures: str) -> None:
    assert not LISTS.is_valid(yaml.safe_load(f"figures: {figures}"))


def test_it_refuses_an_unknown_section() -> None:
    assert not accepts("laiers: []")


def test_a_block_may_name_its_inputs() -> None:
    assert accepts("input: [3]\nlayers:\n  - decode:\n    from: {input: low, memory: high}\n")
    assert not accepts("input: [3]\nlayers:\n  - relu:\n    from: []\n")
