"""Decoders: an embedding, layers of attention and a hidden layer on a residual stream, and a head over the vocabulary.

Each model type is a record of what differs. Source: models/TYPE/modeling_TYPE.py of transformers 5.24, by which the
parameters of each were measured, and its configuration_TYPE.py for the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from archcalc.diagnostics.diagnostic import plain
from archcalc.exchange.assembly import Assembly
from archcalc.exchange.huggingface.config import Config
from archcalc.exchange.huggingface.parts import Family, Network, positions, without_attention_dropout
from archcalc.exchange.operations.arguments import given
from archcalc.records import Record


class Traits(Record):
    """What a type of decoder is like. A flag may be a key of the configuration, or true or false for the whole type."""

    #: The normalisation, and whether it has parameters.
    norm: Literal["rms_norm", "layer_norm"] = "rms_norm"
    affine: bool = True
    #: Biases of the projections to query, key and value, of the one to the output, and of the hidden layer.
    bias: str | bool = "attention_bias"
    out_bias: str | bool = "attention_bias"
    hidden_bias: str | bool = "mlp_bias"
    #: Whether query and key are normalised, head by head.
    head_norm: bool = False
    #: A gate beside the hidden layer, or a hidden layer alone.
    gated: bool = True
    #: How attention and the hidden layer stand: one after the other, each with a normalisation before it (and one
    #: behind it too), or side by side, each with a normalisation or both with the same one.
    order: Literal["before", "around", "beside", "shared"] = "before"
    #: Positions: by rotation, by a table that is added, or by a table with two rows more.
    positions: Literal["rotary", "learned", "two more"] = "rotary"
    #: The embedding is multiplied by the square root of its width.
    scaled: bool = False
    head_bias: bool = False
    #: Keys of dropout rates: of the embedding, of what attention adds, and of what the hidden layer adds.
    embedding_dropout: str = ""
    attention_dropout: str = ""
    hidden_dropout: str = ""


class _Decoder:
    """The steps of one decoder."""

    def __init__(self, assembly: Assembly, config: Config, traits: Traits) -> None:
        self.net = Network(assembly)
        self.config = config
        self.traits = traits
        self.width = config.whole("hidden_size", "n_embd")
        self.heads = config.whole("num_attention_heads", "n_head")
        self.kv_heads = self._kv_heads()
        head_dim = config.get("head_dim")
        if head_dim is None and self.width % self.heads:
            raise config.refused("num_attention_heads", "does not divide the hidden size")
        self.head_dim = self.width // self.heads if head_dim is None else config.whole("head_dim")
        self.context = positions(config)[0]
        self.layers = config.whole("num_hidden_layers", "n_layer")
        _check(config)

    def _kv_heads(self) -> int:
        if self.config.type == "gpt_bigcode":
            return 1 if self.config.flag("multi_query", True) else self.heads
        return (
            self.heads if self.config.get("num_key_value_heads") is None else self.config.whole("num_key_value_heads")
        )

    def build(self) -> int:
        config, net, traits = self.config, self.net, self.traits
        head = config.head("ForCausalLM")
        if head not in ("ForCausalLM", "LMHeadModel", "Model", "ForSequenceClassification"):
            raise config.refused(
                "architectures",
                f"ends in {plain(head, 60)}, and ForCausalLM, ForSequenceClassification or Model is read",
            )
        vocabulary = config.whole("vocab_size")
        tied = head in ("ForCausalLM", "LMHeadModel") and config.flag("tie_word_embeddings")
        weights = "tokens" if tied else ""
        value = self._positions(net.embedding(vocabulary, self.width, "tokens", weights))
        if traits.scaled:
            value = net.scaled(value, round(self.width**0.5, 6))
        value = net.scaled(value, config.factor("embedding_multiplier"))
        value = net.dropout(value, config.rate(traits.embedding_dropout) if traits.embedding_dropout else 0)
        for number in range(self.layers):
            net.enter(f"layers.{number}", "decoder")
            value = self._layer(value, number)
        net.enter("")
        if not (config.type == "opt" and config.flag("_remove_final_layer_norm")):
            value = self._norm(value, "norm")
        if head == "Model":
            return value
        if head == "ForSequenceClassification":
            return net.linear(value, config.labels(), False, "score")
        value = net.linear(value, vocabulary, traits.head_bias, "head", weights)
        value = net.scaled(value, 1 / config.factor("logits_scaling"))
        return self._capped(value, config.get("final_logit_softcapping"))

    def _positions(self, value: int) -> int:
        if self.traits.positions == "learned":
            return self.net.step("position_embedding", value)
        if self.traits.positions == "two more":
            return self.net.step("add", (value, self.net.embedding(self.context + 2, self.width, "positions")))
        return value

    def _capped(self, value: int, cap: Any) -> int:
        if cap is None:
            return value
        limit = self.config.limit("final_logit_softcapping")
        return self.net.scaled(self.net.step("tanh", self.net.scaled(value, 1 / limit)), limit)

    def _layer(self, value: int, number: int) -> int:
        net, order = self.net, self.traits.order
        if order in ("beside", "shared"):
            inner = self._norm(value, "attention_norm")
            attention = self._attention(inner, number)
            beside = inner if order == "shared" else self._norm(value, "hidden_norm")
            return net.step("add", (value, attention, self._hidden(beside, number)))
        around = order == "around"
        branch = self._attention(self._norm(value, "attention_norm"), number)
        branch = self._norm(branch, "attention_output_norm") if around else branch
        value = net.step("add", (value, self._residual(branch)), name="attention_add")
        branch = self._hidden(self._norm(value, "hidden_norm"), number)
        branch = self._norm(branch, "hidden_output_norm") if around else branch
        return net.step("add", (value, self._residual(branch)), name="hidden_add")

    def _residual(self, branch: int) -> int:
        return self.net.scaled(branch, self.config.factor("residual_multiplier"))

    def _norm(self, value: int, name: str) -> int:
        return self.net.step(self.traits.norm, value, given(affine=(self.traits.affine, True)), name)

    def _flag(self, flag: str | bool) -> bool:
        return self.config.flag(flag) if isinstance(flag, str) else flag

    def _attention(self, value: int, number: int) -> int:
        bias, out_bias = self._flag(self.traits.bias), self._flag(self.traits.out_bias)
        rotary = self.traits.positions == "rotary" and _turns(self.config, number)
        attributes = given(
            heads=(self.heads, None),
            kv_heads=(self.kv_heads, self.heads),
            width=(self.head_dim, self.width // self.heads if self.width % self.heads == 0 else None),
            bias=(bias, True),
            out_bias=(out_bias, bias),
            causal=(True, False),
            sliding_window=(_window(self.config, number, self.layers) or self.context, self.context),
            rotary=(rotary, False),
            norm=("rms" if self.traits.head_norm else "none", "none"),
        )
        if self.config.get("attn_logit_softcapping") is not None:
            attributes["softcap"] = self.config.limit("attn_logit_softcapping")
        rate = self.config.rate("attention_dropout", "attn_pdrop")
        without_attention_dropout(self.net.assembly, rate)
        value = self.net.step("attention", value, attributes)
        name = self.traits.attention_dropout
        return self.net.dropout(value, self.config.rate(name) if name else 0)

    def _hidden(self, value: int, number: int) -> int:
        value = self._experts(value) if _has_experts(self.config, number) else self._hidden_layer(value)
        name = self.traits.hidden_dropout
        return self.net.dropout(value, self.config.rate(name) if name else 0)

    def _experts(self, value: int) -> int:
        config = self.config
        own = "moe_intermediate_size" if config.type == "qwen3_moe" else "intermediate_size"
        config.must_be("hidden_act", "silu")
        attributes = {
            "count": config.whole("num_local_experts", "num_experts"),
            "hidden": config.whole(own),
            "top_k": config.whole("num_experts_per_tok"),
        }
        return self.net.step("experts", value, attributes)

    def _hidden_layer(self, value: int) -> int:
        net, bias = self.net, self._flag(self.traits.hidden_bias)
        config = self.config
        key = _HIDDEN.get(config.type, "intermediate_size")
        hidden = 4 * self.width if config.get(key) is None else config.whole(key)
        activation = config.activation("hidden_act", "hidden_activation", "activation_function")
        if not self.traits.gated:
            inner = net.activation(net.linear(value, hidden, bias, "up"), activation)
            return net.linear(inner, self.width, bias, "down")
        gate = net.activation(net.linear(value, hidden, bias, "gate"), activation)
        product = net.step("multiply", (gate, net.linear(value, hidden, bias, "up")))
        return net.linear(product, self.width, bias, "down")


#: The key of the hidden layer's width, where it is not `intermediate_size`; null, or none, is four times the width.
_HIDDEN = {"opt": "ffn_dim", "gpt2": "n_inner", "gpt_bigcode": "n_inner", "gptj": "n_inner"}


def _check(config: Config) -> None:
    """Refusal for what changes a decoder and is not known here."""
    config.must_be("add_cross_attention", False)
    config.must_be("qk_layernorm", False)
    config.must_be("clip_qkv")
    config.must_be("do_layer_norm_before", True)
    config.must_be("layer_norm_elementwise_affine", True)
    config.must_be("use_bidirectional_attention", False)
    config.must_be("quantization_config")
    if config.type == "opt" and config.get("word_embed_proj_dim") not in (None, config.get("hidden_size")):
        raise config.refused("word_embed_proj_dim", "is not the hidden size")


def _turns(config: Config, number: int) -> bool:
    """Whether a layer has rotary positions: of SmolLM3's, every fourth has none."""
    if config.type != "smollm3":
        return True
    layers = config.get("no_rope_layers")
    if isinstance(layers, list) and number < len(layers):
        return bool(layers[number])
    every = config.whole("no_rope_layer_interval")
    return (number + 1) % every != 0


def _window(config: Config, number: int, layers: int) -> int | None:
    """The positions that a layer's attention sees; None for all."""
    if config.get("sliding_window") is None or not config.flag("use_sliding_window", True):
        return None
    kinds = config.words("layer_types")
    if kinds and len(kinds) != layers:
        raise config.refused("layer_types", "has not one for each layer")
    if not kinds and config.type in _ALTERNATING:
        kinds = tuple(_ALTERNATING[config.type][at % len(_ALTERNATING[config.type])] for at in range(layers))
    if kinds and kinds[number] not in ("full_attention", "sliding_attention"):
        raise config.refused("layer_types", f"holds `{plain(kinds[number], 60)}`, which is not known")
    if not kinds and config.type in ("qwen2", "qwen3"):
        return config.whole("sliding_window") if number >= config.whole("max_window_layers") else None
    sliding = not kinds or kinds[number] == "sliding_attention"
    return min(config.whole("sliding_window"), positions(config)[0]) if sliding else None


#: The kinds of layers that repeat, where a file does not list them.
_ALTERNATING = {
    "gemma2": ("sliding_attention", "full_attention"),
    "gemma3_text": ("sliding_attention",) * 5 + ("full_attention",),
    "cwm": ("full_attention",) + ("sliding_attention",) * 3,
}


def _has_experts(config: Config, number: int) -> bool:
    if config.type == "mixtral":
        return True
    if config.type != "qwen3_moe" or number in (config.get("mlp_only_layers") or ()):
        return False
    return (number + 1) % config.whole("decoder_sparse_step") == 0


def _family(traits: Traits, **defaults: Any) -> Family:
    return Family(defaults, positions, lambda assembly, config: _Decoder(assembly, config, traits).build())


def _silu(
    vocabulary: int, width: int, hidden: int, layers: int, heads: int, context: int, **more: Any
) -> Mapping[str, Any]:
    """The keys that most configurations have."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": context,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        **more,
    }


_NO_BIAS = Traits(bias=False, out_bias=False, hidden_bias=False)
_RESIDUAL = Traits(attention_dropout="resid_pdrop", hidden_dropout="resid_pdrop")
_PHI = _RESIDUAL._replace(
    norm="layer_norm",
    bias=True,
    out_bias=True,
    hidden_bias=True,
    gated=False,
    order="shared",
    head_bias=True,
    embedding_dropout="embd_pdrop",
)
_GPT2 = _RESIDUAL._replace(
    norm="layer_norm",
    bias=True,
    out_bias=True,
    hidden_bias=True,
    gated=False,
    positions="learned",
    embedding_dropout="embd_pdrop",
)
_GELU_TANH = "gelu_pytorch_tanh"
_GPT2_KEYS = {
    "vocab_size": 50257,
    "n_positions": 1024,
    "max_position_embeddings": 1024,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "gelu_new",
    "resid_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "attention_dropout": 0.1,
    "tie_word_embeddings": True,
}

FAMILIES = {
    "llama": _family(Traits(), **_silu(32000, 4096, 11008, 32, 32, 2048)),
    "mistral": _family(
        _NO_BIAS, **_silu(32000, 4096, 14336, 32, 32, 131072, num_key_value_heads=8, sliding_window=4096)
    ),
    "ministral3": _family(_NO_BIAS, **_silu(131072, 4096, 14336, 34, 32, 262144, num_key_value_heads=8, head_dim=128)),
    "mixtral": _family(
        _NO_BIAS,
        **_silu(32000, 4096, 14336, 32, 32, 131072, num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2),
    ),
    "granite": _family(Traits(), **_silu(32000, 4096, 11008, 32, 32, 2048)),
    "helium": _family(
        Traits(out_bias=False), **_silu(48000, 2560, 7040, 24, 20, 4096, num_key_value_heads=20, head_dim=128)
    ),
    "cwm": _family(
        Traits(bias=False, out_bias=False),
        **_silu(128256, 6144, 21504, 64, 48, 131072, num_key_value_heads=8, head_dim=128, sliding_window=8192),
    ),
    "smollm3": _family(
        Traits(),
        **_silu(
            *(128256, 2048, 11008, 36, 16, 32768),
            num_key_value_heads=4,
            use_sliding_window=False,
            no_rope_layer_interval=4,
            tie_word_embeddings=True,
        ),
    ),
    "ernie4_5": _family(
        Traits(bias="use_bias", out_bias="use_bias", hidden_bias="use_bias"),
        **_silu(103424, 1024, 3072, 18, 16, 131072, num_key_value_heads=2, head_dim=128, tie_word_embeddings=True),
    ),
    "qwen2": _family(
        Traits(bias=True, out_bias=False, hidden_bias=False),
        **_silu(
            151936, 4096, 22016, 32, 32, 32768, num_key_value_heads=32, use_sliding_window=False, max_window_layers=28
        ),
    ),
    "qwen3": _family(
        Traits(hidden_bias=False, head_norm=True),
        **_silu(
            *(151936, 4096, 22016, 32, 32, 32768),
            num_key_value_heads=32,
            head_dim=128,
            use_sliding_window=False,
            max_window_layers=28,
        ),
    ),
    "qwen3_moe": _family(
        Traits(hidden_bias=False, head_norm=True),
        **_silu(
            *(151936, 2048, 6144, 24, 32, 32768),
            num_key_value_heads=4,
            use_sliding_window=False,
            decoder_sparse_step=1,
            moe_intermediate_size=768,
            num_experts_per_tok=8,
            num_local_experts=128,
        ),
    ),
    "seed_oss": _family(
        Traits(out_bias="attention_out_bias", attention_dropout="residual_dropout", hidden_dropout="residual_dropout"),
        **_silu(
            *(155136, 4096, 27648, 64, 80, 524288),
            num_key_value_heads=8,
            head_dim=128,
            attention_bias=True,
            attention_dropout=0.1,
            residual_dropout=0.1,
        ),
    ),
    "phi3": _family(
        _RESIDUAL._replace(bias=False, out_bias=False, hidden_bias=False), **_silu(32064, 3072, 8192, 32, 32, 4096)
    ),
    "glm": _family(
        Traits(out_bias=False, hidden_bias=False),
        **_silu(151552, 4096, 13696, 40, 32, 131072, num_key_value_heads=2, head_dim=128, attention_bias=True),
    ),
    "glm4": _family(
        Traits(out_bias=False, hidden_bias=False, order="around"),
        **_silu(151552, 4096, 13696, 40, 32, 131072, num_key_value_heads=2, head_dim=128, attention_bias=True),
    ),
    "gemma": _family(
        Traits(hidden_bias=False, scaled=True),
        **_silu(
            *(256000, 3072, 24576, 28, 16, 8192),
            num_key_value_heads=16,
            head_dim=256,
            hidden_act=_GELU_TANH,
            tie_word_embeddings=True,
        ),
    ),
    "gemma2": _family(
        Traits(hidden_bias=False, scaled=True, order="around"),
        **_silu(
            *(256000, 2304, 9216, 26, 8, 8192),
            num_key_value_heads=4,
            head_dim=256,
            hidden_act=_GELU_TANH,
            sliding_window=4096,
            tie_word_embeddings=True,
            attn_logit_softcapping=50.0,
            final_logit_softcapping=30.0,
        ),
    ),
    "gemma3_text": _family(
        Traits(hidden_bias=False, scaled=True, head_norm=True, order="around"),
        **_silu(
            *(262208, 2304, 9216, 26, 8, 131072),
            num_key_value_heads=4,
            head_dim=256,
            hidden_act=_GELU_TANH,
            sliding_window=4096,
            tie_word_embeddings=True,
        ),
    ),
    "olmo": _family(
        Traits(norm="layer_norm", affine=False, hidden_bias=False), **_silu(50304, 4096, 11008, 32, 32, 2048)
    ),
    "stablelm": _family(
        Traits(
            norm="layer_norm", bias="use_qkv_bias", out_bias=False, hidden_bias=False, hidden_dropout="hidden_dropout"
        ),
        **_silu(50304, 2560, 6912, 32, 32, 4096, num_key_value_heads=32),
    ),
    "starcoder2": _family(
        Traits(
            norm="layer_norm",
            bias="use_bias",
            out_bias="use_bias",
            hidden_bias="use_bias",
            gated=False,
            embedding_dropout="embedding_dropout",
            attention_dropout="residual_dropout",
            hidden_dropout="residual_dropout",
        ),
        **_silu(
            *(49152, 3072, 12288, 30, 24, 4096),
            num_key_value_heads=2,
            hidden_act=_GELU_TANH,
            use_bias=True,
            tie_word_embeddings=True,
        ),
    ),
    "phi": _family(
        _PHI,
        **_silu(51200, 2048, 8192, 24, 32, 2048, hidden_act="gelu_new"),
    ),
    "gpt_neox": _family(
        Traits(
            norm="layer_norm",
            hidden_bias=True,
            gated=False,
            order="beside",
            embedding_dropout="hidden_dropout",
            attention_dropout="hidden_dropout",
            hidden_dropout="hidden_dropout",
        ),
        **_silu(50432, 6144, 24576, 44, 64, 2048, hidden_act="gelu", attention_bias=True),
    ),
    "gptj": _family(
        _PHI._replace(bias=False, out_bias=False),
        **{
            **_GPT2_KEYS,
            "vocab_size": 50400,
            "max_position_embeddings": 2048,
            "hidden_size": 4096,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "resid_pdrop": 0,
            "embd_pdrop": 0,
            "attention_dropout": 0,
            "tie_word_embeddings": False,
        },
    ),
    "gpt2": _family(_GPT2, **_GPT2_KEYS),
    "gpt_bigcode": _family(_GPT2, **{**_GPT2_KEYS, "hidden_act": _GELU_TANH}),
    "opt": _family(
        _GPT2._replace(
            bias="enable_bias",
            out_bias="enable_bias",
            hidden_bias="enable_bias",
            positions="two more",
            embedding_dropout="",
            attention_dropout="dropout",
            hidden_dropout="dropout",
        ),
        **{
            **_silu(50272, 768, 3072, 12, 12, 2048, hidden_act="relu", ffn_dim=3072, enable_bias=True, dropout=0.1),
            "tie_word_embeddings": True,
        },
    ),
}
