"""Recurrent layers. Of Keras's, the gated recurrent unit alone has two biases for each gate, as PyTorch's all have."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Setting, Site, Unwritten, Written
from archcalc.exchange.writers.keras.layers.registry import WRITTEN, computed


def _recurrent(name: str, module: str, *, biases: bool) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        if site["bias"] and not biases:
            raise Unwritten(f"the second bias of {name}")
        if site.attributes.get("projection"):
            raise Unwritten(f"a projection of {name}")
        bias = "" if site["bias"] else ", use_bias=False"
        layer = f"{module}({{out}}, return_sequences=True{bias})"
        both = f"layers.Bidirectional({layer})" if site["bidirectional"] else layer
        call = "{0}"
        for number in range(site["layers"]):
            called = "{n}" if number == site["layers"] - 1 else f"{{n_{number}}}"
            call = f"{both[:-1]}, name={called})({call})"
        return computed(call, Setting("out", site["out"]))

    return write


WRITTEN.update(
    rnn=_recurrent("rnn", "layers.SimpleRNN", biases=False),
    gru=_recurrent("gru", "layers.GRU", biases=True),
    lstm=_recurrent("lstm", "layers.LSTM", biases=False),
)
