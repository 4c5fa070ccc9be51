"""Memory: what training saves for the backward pass, peaks, and the largest batch that fits."""

from __future__ import annotations

from archcalc.analysis.totals import AnalysedLayer
from archcalc.diagnostics.diagnostic import UsageError
from archcalc.quantities.registry import Dependency, Part, quantity, summed
from archcalc.sizes.kinds import Size
from archcalc.units import BYTES, SAMPLES

_SAVING: tuple[Dependency, ...] = ("batch", "dtype", "device", "freeze", "checkpoint")
_TRAINING: tuple[Dependency, ...] = (*_SAVING, "optimizer", "accumulate", "masters")
_INFERENCE: tuple[Dependency, ...] = ("batch", "dtype", "device")


@summed(BYTES, title="saved", depends=_SAVING, by_place=True, bound="none")
def saved_bytes(part: Part, row: AnalysedLayer) -> Size:
    """Bytes of the tensors that autograd saves in the forward pass for the backward pass, each storage once, at the
    layer that saves it first; the network's input included and parameters not."""
    return part.memory.saved.layers[row.node.index].at(part.setup.batch)


@quantity(BYTES, title="saved without input", of="network", depends=_SAVING, bound="none")
def saved_bytes_without_input(part: Part) -> Size:
    """The same without the network's input."""
    return part.memory.saved.without_input.at(part.setup.batch)


def _untrained(part: Part) -> str:
    return part.memory.why_not_trained


@quantity(
    BYTES, title="training peak", of="network", depends=_TRAINING, kinds="numbers", absence=_untrained, bound="none"
)
def training_peak_bytes(part: Part) -> int | None:
    """Bytes at the peak of a training step: parameters, buffers, gradients, optimizer state and activations, every
    tensor freed after its last use. Not in it: the allocator's rounding, kernels' workspaces, the CUDA context."""
    return part.memory.training.peak_bytes(int(part.setup.batch)) if part.memory.trains else None


@quantity(BYTES, title="eager training peak", of="network", depends=_TRAINING, kinds="numbers", absence=_untrained)
def training_peak_eager_bytes(part: Part) -> int | None:
    """The same with every tensor held as long as PyTorch holds it where every layer and block is a Python module: an
    argument until its module returns, a saved tensor and a gradient until autograd's node has run, targets and loss
    throughout."""
    if not part.memory.trains:
        return None
    batch = int(part.setup.batch)
    return part.memory.training.persistent.total + part.memory.eager_training.bytes_at(batch)


@quantity(
    BYTES,
    title="training peak with gradients",
    of="network",
    depends=_TRAINING,
    kinds="numbers",
    absence=_untrained,
    bound="none",
)
def training_peak_with_grads_bytes(part: Part) -> int | None:
    """Bytes of activations and of the parameters' gradients at the peak of a training step, without parameters, buffers
    and optimizer state."""
    return part.memory.training.timeline.bytes_at(int(part.setup.batch)) if part.memory.trains else None


@quantity(
    BYTES,
    title="training peak without gradients",
    of="network",
    depends=_TRAINING,
    kinds="numbers",
    absence=_untrained,
    bound="none",
)
def training_peak_without_params_and_grads_bytes(part: Part) -> int | None:
    """Bytes of activations at the peak of a training step, without parameters and their gradients."""
    return part.memory.training.activations.bytes_at(int(part.setup.batch)) if part.memory.trains else None


@quantity(BYTES, title="inference peak", of="network", depends=_INFERENCE, kinds="numbers", bound="none")
def inference_peak_bytes(part: Part) -> int:
    """Bytes of activations at the peak of a forward pass without gradients, the input held throughout and every other
    tensor freed after its last use, but mixed precision's copies of parameters, which stay. Parameters and buffers are
    not in it."""
    return part.memory.inference.bytes_at(int(part.setup.batch))


@quantity(BYTES, title="eager inference peak", of="network", depends=_INFERENCE, kinds="numbers", bound="none")
def inference_peak_eager_bytes(part: Part) -> int:
    """The same where every layer and block is a Python module, whose caller holds its input until it returns."""
    return part.memory.eager_inference.bytes_at(int(part.setup.batch))


@quantity(BYTES, title="ideal inference peak", of="network", depends=_INFERENCE, kinds="numbers", bound="none")
def inference_peak_ideal_bytes(part: Part) -> int:
    """The same with nothing held but outputs that are still needed: no indices, no intermediate tensors, and the
    input only until its last use."""
    return part.memory.ideal_inference.bytes_at(int(part.setup.batch))


@quantity(BYTES, title="inference memory", of="network", depends=_INFERENCE, kinds="numbers", bound="none")
def inference_memory_bytes(part: Part) -> int:
    """Bytes at the peak of a forward pass without gradients, with parameters and buffers."""
    return part.memory.inference_budget.peak_bytes(int(part.setup.batch))


def _limit(part: Part) -> int:
    if part.setup.memory is None:
        raise UsageError("the largest batch depends on a memory: name one with `memory` or `gpu`")
    return part.setup.memory


@quantity(
    SAMPLES,
    title="largest batch",
    of="network",
    depends=(*_TRAINING[1:], "memory", "gpu"),
    kinds="ints",
    absence=_untrained,
    bound="none",
)
def largest_training_batch(part: Part) -> int | None:
    """The largest batch whose training peak fits a memory; 0 if not even one sample fits."""
    return part.memory.largest_training_batch(_limit(part))


@quantity(
    SAMPLES,
    title="largest inference batch",
    of="network",
    depends=(*_INFERENCE[1:], "memory", "gpu"),
    kinds="ints",
    bound="none",
)
def largest_inference_batch(part: Part) -> int | None:
    """The largest batch whose inference, with parameters and buffers, fits a memory; 0 if not even one sample fits."""
    return part.memory.largest_inference_batch(_limit(part))
