"""The columns of the lecture's table: memory as `224*224*64=3.211M` values, weights as `(3*3*3)*64=1,728`.

Source: Stanford CS231n, lecture 9 (2017), VGG-16: a line for each layer, outputs in values, weights without biases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archcalc.analysis.totals import AnalysedLayer
from archcalc.commands.report.row import Row
from archcalc.quantities.registry import Part, quantities, summing
from archcalc.sizes.traced import arithmetic
from archcalc.units import bytes_decimal, exact, short


def memory(network: Part, row: Row) -> str:
    """The values that are stored, as a product: height, width, channels."""
    stored = _having(network, row, "activation_bytes")
    values = row.measure(quantities()["activation_bytes"], network) // 4
    products = ["*".join(str(layer.output).split("x")) for layer in stored]
    return _equation(products * int(network.setup.batch), values, _shortly)


def all_memory(network: Part) -> str:
    """The values that are stored, the input among them, and their bytes."""
    size = quantities()["activation_bytes"].measure(network)
    return f"{_shortly(size // 4)}*4={bytes_decimal(size)}"


def weights(network: Part, row: Row) -> str:
    """The weights, as a product: kernel and input channels, output channels."""
    products = [_product(network, layer) for layer in _having(network, row, "weights")]
    return _equation(products, row.measure(quantities()["weights"], network), exact)


def all_weights(network: Part) -> str:
    """All weights."""
    return exact(quantities()["weights"].measure(network))


def _having(network: Part, row: Row, name: str) -> list[AnalysedLayer]:
    """The layers that add to a quantity."""
    amount = summing(name).amount
    assert amount is not None
    return [layer for layer in row.layers if amount(network, layer)]


def _product(network: Part, layer: AnalysedLayer) -> str:
    from archcalc.commands.explain.answer import traced_outcome  # which only this column needs

    tensors = traced_outcome(network.analysis, layer).params
    return "+".join(arithmetic(tensor.elements) for tensor in tensors if not tensor.name.endswith("bias"))


def _shortly(value: int) -> str:
    return short(value).replace(" ", "")


def _equation(products: Sequence[str], value: int, write: Callable[[int], str]) -> str:
    """`2*(a*b)=value` for two layers of one product; the value alone where they differ."""
    if len(set(products)) != 1:
        return write(value)
    times = f"{len(products)}*({products[0]})" if len(products) > 1 else products[0]
    return f"{times}={write(value)}"
