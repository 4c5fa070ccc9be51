"""Parameters, operations, volumes and depth: what the analysis itself knows."""

from __future__ import annotations

from archcalc.analysis.totals import AnalysedLayer
from archcalc.quantities.registry import BYTES, VOLUME, Part, quantity
from archcalc.sizes.kinds import Size, product, total
from archcalc.sizes.volume import Volume


@quantity(sums=True)
def params(part: Part) -> Size:
    """Learned values, each once however often it is used."""
    return total(row.params for row in part.layers)


@quantity(of="network")
def trainable_params(part: Part) -> Size:
    """Learned values that training changes."""
    return part.analysis.totals.trainable_params


@quantity(sums=True)
def weights(part: Part) -> Size:
    """Values that are multiplied and accumulated: weights of convolutions and linear layers, without biases and
    without normalisation, each once however often it is used."""
    return total(_weights(row) for row in part.layers if row.has_weights and not row.shares)


def _weights(row: AnalysedLayer) -> Size:
    return total(tensor.elements for tensor in row.outcome.params if not tensor.name.endswith("bias"))


@quantity(sums=True)
def buffers(part: Part) -> Size:
    """Stored values that are not learned, such as running statistics."""
    return total(row.buffers for row in part.layers)


@quantity(BYTES, sums=True)
def params_bytes(part: Part) -> Size:
    """Bytes of the parameters in float32."""
    return 4 * params(part)


@quantity(sums=True)
def macs(part: Part) -> Size:
    """Multiply-accumulates of one sample, without bias: what papers from ResNet on call FLOPs."""
    return total(row.macs for row in part.layers)


@quantity(sums=True)
def flops(part: Part) -> Size:
    """Floating-point operations of one sample: 2 per multiply-accumulate, and every other operation."""
    return total(row.flops for row in part.layers)


@quantity(sums=True)
def operations(part: Part) -> Size:
    """Operations of one sample other than multiply-accumulates."""
    return total(row.operations for row in part.layers)


@quantity(sums=True)
def bias_additions(part: Part) -> Size:
    """Additions of biases, one per value of the output: a table that counts `(k*k*C + 1)` has them in it."""
    return total(
        operation.amount for row in part.layers for operation in row.outcome.operations if operation.role == "bias"
    )


@quantity(of="network")
def depth(part: Part) -> int:
    """Layers with weights on the longest way from the input to the output: convolutions and linear layers."""
    return part.analysis.totals.depth


@quantity(sums=True)
def neurons(part: Part) -> Size:
    """Values that come out of layers with weights, as AlexNet's paper counts its 650,000."""
    return total(row.output.elements for row in part.layers if row.has_weights)


@quantity(sums=True)
def connections(part: Part) -> Size:
    """What feeds each unit, its bias included, as LeNet-5's paper counts: a convolution's multiply-accumulates and
    bias additions, a pooling unit's window and the bias of its scaling, and each pair of input and radial basis."""
    return total(_connections(row) for row in part.layers)


def _connections(row: AnalysedLayer) -> Size:
    if row.layer == "rbf":  # one for each input and centre; the centres are stored and not learned
        return row.buffers
    pooled = row.outcome.windows if row.node.layer.family == "pool" and row.outcome.windows else ()
    window = product(each.last - each.first + 1 for each in pooled) if pooled else 0
    biases = total(
        operation.amount
        for operation in row.outcome.operations
        if operation.kind == "add" and (operation.role == "bias" or row.layer == "affine")
    )
    return row.macs + biases + row.output.elements * window


@quantity(VOLUME)
def output(part: Part) -> Volume:
    """The volume that comes out, of the network or of the last of some layers."""
    if part.whole:
        return part.analysis.interpretation.volume(part.analysis.network.outputs["output"])
    return part.layers[-1].output


@quantity(VOLUME)
def input(part: Part) -> Volume:  # noqa: A001  (the name of the quantity)
    """The volume that goes in, to the network or to the first of some layers."""
    if part.whole:
        return part.analysis.network.input
    return part.analysis.input_volumes(part.layers[0])[0]


@quantity(BYTES, sums=True)
def outputs_bytes(part: Part) -> Size:
    """Bytes of every output that has a storage of its own, in float32, one sample: in-place layers and views add
    nothing, and the network's input is not in it. The feature memory of convnet-burden."""
    return total(row.outputs_bytes for row in part.layers)


@quantity(BYTES, sums=True)
def outputs_bytes_out_of_place(part: Part) -> Size:
    """Bytes of every output in float32, one sample, if no layer worked in place: only views and what is dropped out
    have no storage of their own."""
    return total(row.output_bytes if row.outcome.storage == "inplace" else row.outputs_bytes for row in part.layers)


@quantity(BYTES, of="network")
def outputs_bytes_with_input(part: Part) -> Size:
    """Bytes of the network's input and of every output that has a storage of its own, in float32, one sample: the
    sum of the table in the CS231n notes."""
    return part.analysis.totals.input_bytes + outputs_bytes(part)
