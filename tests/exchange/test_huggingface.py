"""Hugging Face's config.json: each model type has the parameters that its class in transformers has.

`python tests/exchange/check_transformers.py` holds them against transformers itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inline import totals

from archcalc import api
from archcalc.analysis.totals import Analysis
from archcalc.cli import group
from archcalc.diagnostics.diagnostic import Diagnostic, SpecError
from archcalc.exchange.huggingface import decoders, encoders, images

FAMILIES = {**decoders.FAMILIES, **encoders.FAMILIES, **images.FAMILIES}
#: A decoder in small: 2 layers of width 8 with 4 heads of 2, 2 of them with keys and values of their own.
SMALL = {
    "vocab_size": 10,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 2,
    "max_position_embeddings": 6,
}
ATTENTION = 8 * 8 + 2 * 8 * 4 + 8 * 8
GATED = 3 * 8 * 12
PLAIN = 2 * 8 * 12


def _path(tmp_path: Path, model: Any) -> Path:
    path = tmp_path / "config.json"
    path.write_text(model if isinstance(model, str) else json.dumps(model), encoding="utf-8")
    return path


def _analysed(tmp_path: Path, kind: str, **keys: Any) -> Analysis:
    return api.load(_path(tmp_path, {"model_type": kind, **keys})).analyse()


def _params(tmp_path: Path, kind: str, **keys: Any) -> int:
    return int(totals(_analysed(tmp_path, kind, **{**SMALL, **keys})).params)


def _found(tmp_path: Path, model: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        api.load(_path(tmp_path, model)).analyse()
    return caught.value.diagnostics[0]


@pytest.mark.parametrize(
    ("kind", "keys", "expected"),
    [
        # Two normalisations and a last one, a head apart from the table of tokens.
        ("llama", {}, 2 * 10 * 8 + 2 * (ATTENTION + GATED + 2 * 8) + 8),
        ("llama", {"tie_word_embeddings": True}, 10 * 8 + 2 * (ATTENTION + GATED + 2 * 8) + 8),
        ("llama", {"attention_bias": True}, 2 * 10 * 8 + 2 * (ATTENTION + 8 + 4 + 4 + 8 + GATED + 2 * 8) + 8),
        ("llama", {"mlp_bias": True}, 2 * 10 * 8 + 2 * (ATTENTION + GATED + 12 + 12 + 8 + 2 * 8) + 8),
        ("llama", {"num_key_value_heads": None}, 2 * 10 * 8 + 2 * (4 * 8 * 8 + GATED + 2 * 8) + 8),
        ("llama", {"architectures": ["LlamaModel"]}, 10 * 8 + 2 * (ATTENTION + GATED + 2 * 8) + 8),
        (
            "llama",
            {"architectures": ["LlamaForSequenceClassification"], "num_labels": 3},
            13 * 8 + 2 * (ATTENTION + GATED + 16) + 8,
        ),
        ("qwen2", {}, 2 * 10 * 8 + 2 * (ATTENTION + 8 + 4 + 4 + GATED + 2 * 8) + 8),
        # Query and key are normalised by a scale of a head's width each.
        ("qwen3", {}, 2 * 10 * 8 + 2 * (ATTENTION + 2 * 2 + GATED + 2 * 8) + 8),
        # Four normalisations in a layer, and one table for tokens and head.
        ("gemma3_text", {}, 10 * 8 + 2 * (ATTENTION + 2 * 2 + GATED + 4 * 8) + 8),
        ("gemma2", {}, 10 * 8 + 2 * (ATTENTION + GATED + 4 * 8) + 8),
        # A router to 3 experts.
        ("mixtral", {"num_local_experts": 3}, 2 * 10 * 8 + 2 * (ATTENTION + 8 * 3 + 3 * GATED + 2 * 8) + 8),
        # Normalisations without parameters.
        ("olmo", {}, 2 * 10 * 8 + 2 * (ATTENTION + GATED)),
        # One normalisation for both branches, with biases everywhere, in the head too.
        (
            "phi",
            {},
            2 * 10 * 8 + 10 + 2 * (ATTENTION + 8 + 4 + 4 + 8 + PLAIN + 12 + 8 + 2 * 8) + 2 * 8,
        ),
    ],
)
def test_a_decoder_has_the_parameters_of_its_type(
    tmp_path: Path, kind: str, keys: dict[str, Any], expected: int
) -> None:
    assert _params(tmp_path, kind, **keys) == expected


@pytest.mark.parametrize(
    ("kind", "keys", "published"),
    [
        ("gpt2", {}, 124_439_808),
        ("llama", {}, 6_738_415_616),
        ("mistral", {}, 7_241_732_096),
        ("mixtral", {}, 46_702_792_704),
        ("bert", {}, 109_482_240),
        (
            "vit",
            {"architectures": ["ViTForImageClassification"], "id2label": {str(n): str(n) for n in range(1000)}},
            86_567_656,
        ),
    ],
)
def test_what_a_file_leaves_out_is_as_its_class_sets_it(
    tmp_path: Path, kind: str, keys: dict[str, Any], published: int
) -> None:
    assert totals(_analysed(tmp_path, kind, **keys)).params == published


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_every_type_is_read_with_its_defaults(tmp_path: Path, kind: str) -> None:
    layers = {"num_hidden_layers": 2, "n_layer": 2, "n_layers": 2}

    assert totals(_analysed(tmp_path, kind, **layers)).params > 0


def test_a_layer_is_a_block_named_by_what_it_is(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["import", str(_path(tmp_path, {"model_type": "llama", **SMALL}))])

    assert "  - decoder:\n    repeat: 2\n" in result.output


def test_windows_and_rotation_are_those_of_each_layer(tmp_path: Path) -> None:
    keys = {**SMALL, "num_hidden_layers": 6, "sliding_window": 3}

    attentions = [
        node.attributes
        for node in _analysed(tmp_path, "gemma3_text", **keys).network.nodes
        if node.layer.name == "attention"
    ]
    assert [each.get("sliding_window") for each in attentions] == [3, 3, 3, 3, 3, None]

    alternating = [
        (node.attributes.get("sliding_window"), node.attributes["softcap"])
        for node in _analysed(tmp_path, "gemma2", **keys).network.nodes
        if node.layer.name == "attention"
    ]
    assert alternating == [(3, 50), (None, 50)] * 3

    turned = [
        node.attributes.get("rotary", False)
        for node in _analysed(tmp_path, "smollm3", **keys).network.nodes
        if node.layer.name == "attention"
    ]
    assert turned == [True, True, True, False, True, True]


def test_a_masked_language_model_shares_its_table(tmp_path: Path) -> None:
    keys = {**SMALL, "type_vocab_size": 2}

    model = _params(tmp_path, "bert", **keys)
    masked = _params(tmp_path, "bert", **keys, architectures=["BertForMaskedLM"])

    # A layer, a normalisation and a bias over the vocabulary, in place of the layer on the first position.
    assert masked - model == (8 * 8 + 8) + 2 * 8 + 10 - (8 * 8 + 8)


def test_dropout_of_attentions_weights_is_said(tmp_path: Path) -> None:
    shown = CliRunner().invoke(group, ["show", str(_path(tmp_path, {"model_type": "gpt2"}))]).output

    assert "# without the dropout of attention's weights (0.1)" in shown


def test_the_network_has_the_name_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tiny-llama"
    folder.mkdir()

    assert api.load(_path(folder, {"model_type": "llama"})).expand().document.architecture == "tiny-llama"


def test_a_model_type_that_is_not_known_is_refused_with_those_that_are(tmp_path: Path) -> None:
    found = _found(tmp_path, {"model_type": "lama"})

    assert found.rule == "unknown-model-type"
    assert found.help is not None
    assert found.help.startswith("did you mean `llama`? known are bert, ")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"hidden_size": "8"}, "`hidden_size` is not a whole number from 1"),
        ({"hidden_size": 0}, "`hidden_size` is not a whole number from 1"),
        ({"hidden_size": True}, "`hidden_size` is not a whole number from 1"),
        ({"num_hidden_layers": 10**17}, "`num_hidden_layers` is not a whole number from 1"),
        ({"num_attention_heads": 3, "head_dim": None}, "`num_attention_heads` does not divide the hidden size"),
        ({"num_key_value_heads": 3}, "does not fit"),
        ({"hidden_act": "quick_gelu"}, "`hidden_act` `quick_gelu` is not known"),
        ({"hidden_act": ["silu"]}, "`hidden_act` is not a word"),
        ({"attention_bias": 1}, "`attention_bias` is neither true nor false"),
        ({"attention_dropout": 2}, "`attention_dropout` is not a rate from 0 to 1"),
        ({"attn_logit_softcapping": -50.0}, "`attn_logit_softcapping` is not a number above 0"),
        ({"quantization_config": {"bits": 4}}, "`quantization_config` is "),
        ({"architectures": ["A", "B"]}, "`architectures` holds several classes"),
        ({"architectures": ["LlamaForTokenWeaving"]}, "`architectures` ends in ForTokenWeaving"),
        ({"architectures": "LlamaModel"}, "`architectures` is not a list of words"),
        ({"sliding_window": 4, "layer_types": ["full_attention"]}, "`layer_types` has not one for each layer"),
        ({"sliding_window": 4, "layer_types": ["x", "x"]}, "`layer_types` holds `x`, which is not known"),
    ],
)
def test_a_key_that_is_not_known_is_refused(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    found = _found(tmp_path, {"model_type": "llama", **SMALL, **keys})

    assert message in found.message
    assert "_" not in message.partition("`")[0]


def test_a_finding_points_at_the_key(tmp_path: Path) -> None:
    found = _found(tmp_path, '{\n  "model_type": "llama",\n  "hidden_size": -8\n}')

    assert found.place is not None
    assert (found.place.line, found.place.column) == (3, 3)


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("", "bad-json", "this is not JSON: Expecting value"),
        ("[1]", "bad-json", "is not a JSON object"),
        ("{}", "bad-json", "is not a model that is known here"),
        ('{"a": ' * 100_000, "bad-json", "it nests too deep"),
        ('{"a": ' + "9" * 5000 + "}", "bad-json", "is not JSON"),
        ('{"model_type": ["llama"]}', "unknown-model-type", "is not known"),
        ('{"model_type": "\\u001b[2J"}', "unknown-model-type", "is not known"),
        ('{"model_type": "llama", "num_hidden_layers": 100000}', "too-large", "more than 200,000 layers"),
        ('{"model_type": "llama", "vocab_size": NaN}', "bad-config", "`vocab_size` is not a whole number"),
    ],
)
def test_a_damaged_file_is_a_finding(tmp_path: Path, text: str, rule: str, message: str) -> None:
    found = _found(tmp_path, text)

    assert (found.rule, message in found.message) == (rule, True), found
    assert "\x1b" not in str(SpecError([found]))
