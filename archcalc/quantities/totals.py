"""Parameters, operations, volumes and depth: what the analysis itself knows."""

from __future__ import annotations

from typing import Any

from archcalc.analysis.totals import AnalysedLayer
from archcalc.quantities.registry import Part, quantity, summed
from archcalc.sizes.kinds import Size, total
from archcalc.sizes.volume import Volume
from archcalc.units import BYTES, LAYERS, VOLUME


@summed(local=True, bound="exact")
def params(part: Part, row: AnalysedLayer) -> Size:
    """Weights, biases and other values that belong to layers and are trained, or could be: shared ones counted once."""
    return row.params


@summed(local=True, bound="exact")
def active_params(part: Part, row: AnalysedLayer) -> Size:
    """Parameters that one position uses: all, but of a mixture of experts only those of the experts that are picked."""
    return row.params - (0 if row.shares else row.outcome.idle)


@summed(title="trainable", depends=["freeze"], by_place=True, bound="exact")
def trainable_params(part: Part, row: AnalysedLayer) -> Size:
    """Parameters that training changes: without those that are frozen."""
    return row.params if part.trained[row.node.index] else 0


@summed(local=True)
def weights(part: Part, row: AnalysedLayer) -> Size:
    """Weights of convolutions and linear layers, without biases and without normalisation, shared weights counted
    once."""
    if not row.has_weights or row.shares:
        return 0
    return total(tensor.elements for tensor in row.outcome.params if not tensor.name.endswith("bias"))


@summed(local=True)
def buffers(part: Part, row: AnalysedLayer) -> Size:
    """Stored values that are not trained, such as running statistics."""
    return row.buffers


@summed(BYTES, title="parameter memory", local=True, bound="exact")
def params_bytes(part: Part, row: AnalysedLayer) -> Size:
    """Bytes of the parameters in float32."""
    return 4 * row.params


@summed(title="MACs", depends=["samples"], local=True)
def macs(part: Part, row: AnalysedLayer) -> Size:
    """Multiply-accumulates of convolutions, linear layers and matrix products, without bias: what papers from ResNet on
    call FLOPs."""
    return row.macs


@summed(title="FLOPs", depends=["samples"], local=True)
def flops(part: Part, row: AnalysedLayer) -> Size:
    """Floating-point operations: 2 per MAC, and every other operation."""
    return row.flops


@summed(depends=["samples"], local=True)
def operations(part: Part, row: AnalysedLayer) -> Size:
    """Operations other than multiply-accumulates."""
    return row.operations


@summed(depends=["samples"], local=True)
def bias_additions(part: Part, row: AnalysedLayer) -> Size:
    """Additions of biases, one per value of the output: a table that counts `(k*k*C + 1)` has them in it."""
    return total(operation.amount for operation in row.outcome.operations if operation.role == "bias")


@quantity(LAYERS, of="network")
def depth(part: Part) -> int:
    """Weighted layers on the longest path from the input to the output: convolutions and linear layers."""
    return part.analysis.depth


@summed(LAYERS, local=True, bound="exact")
def layers(part: Part, row: AnalysedLayer) -> int:
    """Layers of any kind, each use of a shared one counted."""
    return 1


@summed(depends=["samples"], local=True)
def neurons(part: Part, row: AnalysedLayer) -> Size:
    """Values that come out of weighted layers, as AlexNet's paper counts its 650,000."""
    return row.output.elements if row.has_weights else 0


@summed(depends=["samples"], local=True)
def connections(part: Part, row: AnalysedLayer) -> Size:
    """What feeds each unit, its bias included, as LeNet-5's paper counts: a convolution's multiply-accumulates and
    bias additions, a pooling unit's window and the bias of its scaling, and each pair of input and radial basis."""
    biases = total(operation.amount for operation in row.outcome.operations if operation.role == "bias")
    return row.macs + biases + row.output.elements * row.outcome.fan_in


@quantity(VOLUME, bound="exact")
def output(part: Part) -> Volume:
    """The volume that comes out, of the network or of the last of some layers, for one sample."""
    if part.whole:
        return part.analysis.interpretation.volume(part.analysis.network.outputs["output"])
    return part.layers[-1].output


@quantity(VOLUME, bound="exact")
def input(part: Part) -> Volume:  # noqa: A001  (the name of the quantity)
    """The volume that goes in, to the network or to the first of some layers, for one sample."""
    if part.whole:
        return part.analysis.network.input
    return part.analysis.input_volumes(part.layers[0])[0]


def _input_bytes(part: Part) -> Size:
    return 4 * total(volume.elements for volume in part.analysis.network.inputs.values())


@quantity(BYTES, of="network", depends=["samples"], bound="exact")
def input_bytes(part: Part) -> Any:
    """Bytes of the network's input in float32."""
    return part.samples(_input_bytes(part))


@quantity(BYTES, depends=["samples"], bound="exact")
def output_bytes(part: Part) -> Any:
    """Bytes of the volume that comes out, in float32, whether or not it has storage of its own."""
    return part.samples(4 * output(part).elements)


@summed(BYTES, title="activations", depends=["samples"], beside=_input_bytes, bound="none")
def activation_bytes(part: Part, row: AnalysedLayer) -> Size:
    """Bytes of the input and of all outputs that have storage of their own, in float32: in-place layers and views add
    nothing. The sum of the table in the CS231n notes; of some layers, their outputs alone."""
    return row.activation_bytes


@summed(BYTES, title="activations without input", depends=["samples"], bound="none")
def activation_bytes_without_input(part: Part, row: AnalysedLayer) -> Size:
    """Bytes of all outputs that have storage of their own, in float32, without the network's input: the feature memory
    of convnet-burden."""
    return row.activation_bytes


@summed(BYTES, title="activations out of place", depends=["samples"], bound="none")
def activation_bytes_out_of_place(part: Part, row: AnalysedLayer) -> Size:
    """Bytes of all outputs in float32, without the network's input, if no layer worked in place: only views and what is
    dropped out have no storage of their own."""
    return row.output_bytes if row.outcome.storage == "inplace" else row.activation_bytes
