"""Encoders of text: BERT, RoBERTa and DistilBERT, whose normalisations stand behind the additions.

Source: models/TYPE of transformers 5.24, by which their parameters were measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archcalc.diagnostics.diagnostic import plain
from archcalc.exchange.assembly import Assembly
from archcalc.exchange.huggingface.config import Config
from archcalc.exchange.huggingface.parts import Family, Network, without_attention_dropout
from archcalc.records import Record


class Traits(Record):
    """What a type of encoder is like."""

    #: What an input without `architectures` is read as.
    otherwise: str
    #: Rows of the table of positions that no position uses.
    padding: int = 0
    #: Whether a table of segments is added.
    segments: bool = True


class _Encoder:
    """The steps of one encoder."""

    def __init__(self, assembly: Assembly, config: Config, traits: Traits) -> None:
        self.net = Network(assembly)
        self.config = config
        self.traits = traits
        self.width = config.whole("hidden_size", "dim")
        self.rate = config.rate("hidden_dropout_prob", "dropout")
        self.activation = config.activation("hidden_act", "activation")
        config.must_be("is_decoder", False)
        config.must_be("add_cross_attention", False)
        config.must_be("position_embedding_type", "absolute")
        config.must_be("quantization_config")

    def build(self) -> int:
        head = self.config.head(self.traits.otherwise)
        value = self._embedded(head)
        for number in range(self.config.whole("num_hidden_layers", "n_layers")):
            self.net.enter(f"layers.{number}", "encoder")
            value = self._layer(value)
        self.net.enter("")
        return self._head(value, head)

    def _embedded(self, head: str) -> int:
        net, config = self.net, self.config
        if head == "ForMaskedLM":  # untied, the class has a second bias, which it does not use
            config.must_be("tie_word_embeddings", True)
        weights = "tokens" if head == "ForMaskedLM" else ""
        tables = [net.embedding(config.whole("vocab_size"), self.width, "tokens", weights)]
        if self.traits.segments:
            tables.append(net.embedding(config.whole("type_vocab_size"), self.width, "segments"))
        if self.traits.padding:
            rows = config.whole("max_position_embeddings")
            tables.append(net.embedding(rows, self.width, "positions"))
        value = net.step("add", tuple(tables)) if len(tables) > 1 else tables[0]
        if not self.traits.padding:
            value = net.step("position_embedding", value)
        return net.dropout(net.step("layer_norm", value), self.rate)

    def _layer(self, value: int) -> int:
        net, config = self.net, self.config
        rate = config.rate("attention_probs_dropout_prob", "attention_dropout")
        without_attention_dropout(net.assembly, rate)
        branch = net.step("attention", value, {"heads": config.whole("num_attention_heads", "n_heads")})
        if config.type != "distilbert":
            branch = net.dropout(branch, self.rate)
        value = net.step("layer_norm", net.step("add", (value, branch), name="attention_add"), name="attention_norm")
        hidden = net.linear(
            value, config.whole("hidden_dim" if config.type == "distilbert" else "intermediate_size"), True, "up"
        )
        branch = net.dropout(net.linear(net.activation(hidden, self.activation), self.width, True, "down"), self.rate)
        return net.step("layer_norm", net.step("add", (value, branch), name="hidden_add"), name="hidden_norm")

    def _head(self, value: int, head: str) -> int:
        """The layers of the model's class behind the encoder."""
        net, config = self.net, self.config
        bert = config.type == "bert"
        if head == "Model":
            return self._first(value, "tanh") if config.type != "distilbert" else value
        if head == "ForMaskedLM":
            value = net.activation(
                net.linear(value, self.width, True, "transform"),
                ("gelu", {}) if config.type == "roberta" else self.activation,
            )
            value = net.step("layer_norm", value, name="transform_norm")
            return net.linear(value, config.whole("vocab_size"), True, "head", "tokens")
        rate = config.rate("classifier_dropout") if config.get("classifier_dropout") is not None else self.rate
        if head == "ForTokenClassification":
            return net.linear(net.dropout(value, rate), config.labels(), True, "classifier")
        if head == "ForQuestionAnswering":
            return net.linear(value, config.labels(), True, "classifier")
        if head != "ForSequenceClassification":
            raise config.refused("architectures", f"ends in {plain(head, 60)}, which is not known for an encoder")
        if config.type == "roberta":
            value = net.dropout(net.step("select_token", value), rate)
            value = net.dropout(net.step("tanh", net.linear(value, self.width, True, "dense")), rate)
        elif bert:
            value = net.dropout(self._first(value, "tanh"), rate)
        else:
            value = net.dropout(self._first(value, "relu"), config.rate("seq_classif_dropout"))
        return net.linear(value, config.labels(), True, "classifier")

    def _first(self, value: int, activation: str) -> int:
        """A layer on the first position."""
        return self.net.step(
            activation, self.net.linear(self.net.step("select_token", value), self.width, True, "pooler")
        )


def _family(traits: Traits, **defaults: Any) -> Family:
    def shape(config: Config) -> tuple[int, ...]:
        length = config.whole("max_position_embeddings") - traits.padding
        if length < 1:
            raise config.refused("max_position_embeddings", "leaves no position")
        return (length,)

    return Family(defaults, shape, lambda assembly, config: _Encoder(assembly, config, traits).build())


_BERT: Mapping[str, Any] = {
    "vocab_size": 30522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "tie_word_embeddings": True,
}

FAMILIES = {
    "bert": _family(Traits("BertModel"), **_BERT),
    # Positions are counted from behind the number of the padding token.
    "roberta": _family(Traits("RobertaModel", padding=2), **{**_BERT, "vocab_size": 50265}),
    "distilbert": _family(
        Traits("DistilBertModel", segments=False),
        **{**_BERT, "num_hidden_layers": 6, "hidden_dim": 3072, "seq_classif_dropout": 0.2},
    ),
}
