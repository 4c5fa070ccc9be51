"""Encoders of images: ViT, whose patches are a sequence with a class token in front.

Source: models/vit of transformers 5.24, by which its parameters were measured.
"""

from __future__ import annotations

from archcalc.diagnostics.diagnostic import plain
from archcalc.exchange.assembly import Assembly
from archcalc.exchange.flat import SOURCE
from archcalc.exchange.huggingface.config import Config
from archcalc.exchange.huggingface.parts import Family, Network, without_attention_dropout
from archcalc.exchange.operations.arguments import given


def _input(config: Config) -> tuple[int, ...]:
    return (config.whole("num_channels"), config.whole("image_size"), config.whole("image_size"))


def _vit(assembly: Assembly, config: Config) -> int:
    net = Network(assembly)
    width, patch = config.whole("hidden_size"), config.whole("patch_size")
    head = config.head("ViTModel")
    if head not in ("Model", "ForImageClassification"):
        raise config.refused("architectures", f"ends in {plain(head, 60)}, and ForImageClassification or Model is read")
    value = net.step("conv", SOURCE, given(out=(width, None), kernel=(patch, None), stride=(patch, 1)), "patches")
    value = net.step("position_embedding", net.step("class_token", net.step("tokens", value)))
    rate = config.rate("hidden_dropout_prob")
    value = net.dropout(value, rate)
    for number in range(config.whole("num_hidden_layers")):
        net.enter(f"layers.{number}", "encoder")
        value = _layer(net, config, value, rate)
    net.enter("")
    value = net.step("select_token", net.step("layer_norm", value))
    if head == "ForImageClassification":
        return net.linear(value, config.labels(), True, "classifier")
    activation = config.activation("pooler_act")
    return net.activation(
        net.linear(
            value,
            width if config.get("pooler_output_size") is None else config.whole("pooler_output_size"),
            True,
            "pooler",
        ),
        activation,
    )


def _layer(net: Network, config: Config, value: int, rate: float) -> int:
    without_attention_dropout(net.assembly, config.rate("attention_probs_dropout_prob"))
    bias = config.flag("qkv_bias", True)
    attributes = given(heads=(config.whole("num_attention_heads"), None), bias=(bias, True), out_bias=(True, bias))
    branch = net.step("attention", net.step("layer_norm", value, name="attention_norm"), attributes)
    value = net.step("add", (value, net.dropout(branch, rate)), name="attention_add")
    inner = net.linear(net.step("layer_norm", value, name="hidden_norm"), config.whole("intermediate_size"), True, "up")
    branch = net.linear(
        net.activation(inner, config.activation("hidden_act")), config.whole("hidden_size"), True, "down"
    )
    return net.step("add", (value, net.dropout(branch, rate)), name="hidden_add")


FAMILIES = {
    "vit": Family(
        {
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "hidden_act": "gelu",
            "image_size": 224,
            "patch_size": 16,
            "num_channels": 3,
            "pooler_act": "tanh",
        },
        _input,
        _vit,
    )
}
