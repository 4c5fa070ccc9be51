"""Holds the reader of config.json against transformers: every model type is built on the meta device and compared.

    python tests/exchange/check_transformers.py

Needs torch, transformers and archcalc in one environment. Every type is read as each of its classes, with its defaults,
with each flag turned that it has, and in small. Prints whose parameters differ, and the exit code is then 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

from archcalc import api
from archcalc.exchange.huggingface import decoders, encoders, images
from archcalc.quantities.registry import figure

FLAGS = ("attention_bias", "mlp_bias", "use_bias", "tie_word_embeddings", "use_qkv_bias", "qkv_bias", "enable_bias")
SMALL = {"num_hidden_layers": 2, "hidden_size": 96, "num_attention_heads": 6, "vocab_size": 300, "pad_token_id": 1}


def classes(kind: str) -> list[str]:
    """The classes of a model type that are read."""
    known = transformers.models.auto.modeling_auto
    if kind in decoders.FAMILIES:
        return [known.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind]]
    base = known.MODEL_MAPPING_NAMES[kind]
    ends = ("ForImageClassification",) if kind in images.FAMILIES else ("ForMaskedLM", "ForSequenceClassification")
    return [base, *(base.removesuffix("Model") + end for end in ends)]


def variants(kind: str) -> Iterator[dict[str, Any]]:
    """What is set apart from the defaults."""
    yield {}
    default = transformers.AutoConfig.for_model(kind)
    for flag in FLAGS:
        if isinstance(getattr(default, flag, None), bool) and (flag, kind in encoders.FAMILIES) != (FLAGS[3], True):
            yield {"num_hidden_layers": 2, flag: not getattr(default, flag)}
    yield SMALL


def configuration(kind: str, keys: dict[str, Any]) -> Any:
    """A configuration with keys set, and what must go with them."""
    config = transformers.AutoConfig.for_model(kind)
    if "num_hidden_layers" in keys and getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:2]
    for key, value in keys.items():
        setattr(config, key, value)
    if "hidden_size" in keys:
        if getattr(config, "num_key_value_heads", None) and kind != "gpt_bigcode":
            config.num_key_value_heads = 3
        if getattr(config, "head_dim", None):
            config.head_dim = 16
        if kind == "opt":
            config.word_embed_proj_dim = keys["hidden_size"]
    return config


def measured(config: Any, name: str) -> int:
    """The parameters of a class, shared ones once."""
    with torch.device("meta"):
        model = getattr(transformers, name)(config)
    model.tie_weights()
    return sum(parameter.numel() for parameter in {id(each): each for each in model.parameters()}.values())


def main() -> int:
    exact = wrong = 0
    for kind in {**decoders.FAMILIES, **encoders.FAMILIES, **images.FAMILIES}:
        for keys in variants(kind):
            for name in classes(kind):
                config = configuration(kind, keys)
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "config.json"
                    path.write_text(json.dumps({**json.loads(config.to_json_string()), "architectures": [name]}))
                    computed = figure(api.load(path).analyse(), "params")
                real = measured(config, name)
                exact += computed == real
                if computed != real:
                    wrong += 1
                    print(f"{name} with {keys}: {computed:,} computed, {real:,} in transformers")
    print(f"{exact} of {exact + wrong} are exact")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
