"""What a training step multiplies: the forward pass, and the gradients of weights and of inputs."""

from __future__ import annotations

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import Size, total


class Backward(Record):
    """Multiply-accumulates of one layer's backward pass, for one sample.

    `by_weights` makes the gradient by the weights, `by_input` the one by the layer's input, `by_products` those by
    both operands of each matrix product.
    """

    by_weights: Size
    by_input: Size
    by_products: Size

    @property
    def macs(self) -> Size:
        """All of them."""
        return self.by_weights + self.by_input + self.by_products


class TrainingCost(Record):
    """Multiply-accumulates of one training step, for one sample; `recomputed` if every layer's forward pass is run
    again in the backward pass, as checkpointing of the whole network does."""

    forward: Size
    by_weights: Size
    by_input: Size
    by_products: Size

    @property
    def backward(self) -> Size:
        """Of the backward pass."""
        return self.by_weights + self.by_input + self.by_products

    @property
    def macs(self) -> Size:
        """Of the whole step."""
        return self.forward + self.backward

    @property
    def recomputed(self) -> Size:
        """Of the whole step with the forward pass run twice."""
        return self.macs + self.forward


def wants_input_gradient(row: AnalysedLayer, gradients: Gradients) -> bool:
    """Whether something learned lies before the layer: nobody asks for a gradient by the network's input."""
    return any(map(gradients.of_value, row.node.inputs))


def backward(row: AnalysedLayer, wanted: bool) -> Backward:
    """The backward pass of a layer; `wanted` tells whether a gradient by its input is.

    Each multiply-accumulate with a weight returns once for the gradient by the weight and once for the one by the
    input; each between values once for either operand. The operands of attention's products and the input of its
    last projection are learned, whatever the layer's input is.
    """
    outcome = row.outcome
    weights = outcome.macs - outcome.products
    return Backward(weights, weights if wanted else outcome.inner, 2 * outcome.products)


def training_cost(analysis: Analysis, setup: Setup) -> TrainingCost:
    """The cost of one training step on one sample. Source: the chain rule; ResNet-50 at 224 pixels takes
    3 * 4,089,184,256 - 118,013,952 (the first convolution needs no gradient by the image)."""
    wanted = gradients(analysis.interpretation, setup)
    parts = [backward(row, wants_input_gradient(row, wanted)) for row in analysis.layers]
    return TrainingCost(
        total(row.macs for row in analysis.layers),
        total(part.by_weights for part in parts),
        total(part.by_input for part in parts),
        total(part.by_products for part in parts),
    )
