"""Images whose channels are written last."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.language.network import is_input
from archcalc.sizes.volume import said_channels_last
from archcalc.warnings.registry import Found, about_network


@about_network
def channels_last(analysis: Analysis) -> Iterator[Found]:
    """The input has the sizes of an image with its channels last, and a window slides along them as if they were
    positions: `[32, 32, 3]` is a map of 32x3 with 32 channels. Every figure of the network is that of another one.

    Write the channels first: `[3, 32, 32]`.
    """
    network = analysis.network
    for row in analysis.layers:
        windows = row.outcome.windows
        for source in filter(is_input, row.node.inputs):
            message = said_channels_last(network.input_volume(source))
            if message and windows and windows[-1].last > windows[-1].first:
                yield Found(network.document.inputs[network.name_of(source)].place, message)
