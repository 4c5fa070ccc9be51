"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Callable

from archcalc.exchange.code.layers import Setting, Written, given
from archcalc.exchange.writers.pytorch.layers.registry import WRITTEN, Site


def _recurrent(module: str) -> Callable[[Site], Written]:
    def write(site: Site) -> Written:
        projection = site.attributes.get("projection")
        settings = (
            given("input_size", site.channels),
            given("hidden_size", site["out"]),
            Setting("num_layers", site["layers"], 1),
            Setting("bias", site["bias"], True),
            Setting("batch_first", True, False),
            Setting("bidirectional", site["bidirectional"], False),
            Setting("proj_size", projection or 0, 0),
        )
        return Written(f"{{m}}({site.by_position()})", module, settings, last=True, pairs=True)

    return write


WRITTEN.update(rnn=_recurrent("nn.RNN"), gru=_recurrent("nn.GRU"), lstm=_recurrent("nn.LSTM"))
