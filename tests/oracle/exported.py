"""The code that `archcalc export` writes, run: parameters, buffers, MACs, output shapes, saved bytes, beside the
spec's. Nothing is computed: the module stands on the meta device, or on a CPU whose tensors have no values."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import torch
from oracle.translate import WITHOUT
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

import archcalc
from archcalc.analysis.totals import Analysis, analyse
from archcalc.diagnostics.diagnostic import SpecError
from archcalc.exchange import folded
from archcalc.exchange.writers import pytorch
from archcalc.exchange.writers.pytorch.layers import OF_SEQUENCES
from archcalc.language.document import Parameter
from archcalc.language.expand import expand
from archcalc.language.network import INPUT_INDEX
from archcalc.memory.setup import Setup
from archcalc.memory.storages import Storages, saved_memory
from archcalc.quantities.registry import figure
from archcalc.sizes.volume import Volume

BATCH = 2

#: Layers whose tensors for the backward pass cannot be told without values: torch.nn has no such layer, or a kernel
#: that hides them, that runs on values alone but in bfloat16, or that is another one without values, as for a gated
#: recurrent unit of two directions.
UNTOLD = frozenset({*WITHOUT, "experts", "gru", "lstm"})


class Run(NamedTuple):
    """What a network has: parameters and buffers in all, MACs and shapes for one sample of the batch, bytes saved for
    the batch (None where they cannot be told)."""

    params: int
    buffers: int
    macs: int
    shapes: tuple[tuple[int, ...], ...]
    saved_bytes: int | None


def class_of(analysis: Analysis) -> type[nn.Module]:
    """The network that the code describes: its last class."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec("".join(pytorch.write(analysis)), names)
    return [each for each in names.values() if isinstance(each, type) and issubclass(each, nn.Module)][-1]


def module_of(analysis: Analysis) -> nn.Module:
    """The network, made without arguments."""
    return class_of(analysis)()


def with_other_arguments(analysis: Analysis) -> list[tuple[str, Any, int, int]]:
    """Each constructor argument of the network, another value of it, and the parameters that the spec and the code then
    have; a value with which the spec is no network is not tried."""
    network = class_of(analysis)
    found = []
    for name, parameter in inspect.signature(network).parameters.items():
        for given, value in other_values(analysis, name, parameter.default):
            try:
                ours = int(figure(analyse(expand(analysis.network.document, given)), "params"))
            except SpecError:
                continue
            with torch.device("meta"):
                module = network(**{name: value})
            found.append((name, value, ours, sum(each.numel() for each in module.parameters())))
    return found


def other_values(analysis: Analysis, name: str, value: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """What a spec is given for other values of an argument of its code, and the argument."""
    stated = [each.name for each in analysis.network.document.parameters if not _follows(each)]
    for other in _others(value):
        settings = {**analysis.network.parameters, name: other}
        given = {each: settings[each] for each in {*stated, name}}
        yield given, float(other) if isinstance(other, Fraction) else other


def _follows(parameter: Parameter) -> bool:
    """Whether a parameter of a spec follows from others."""
    return parameter.default is not None and bool(parameter.default.names)


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, tuple):
        return [tuple(2 * each for each in value), tuple(each + 1 for each in value)]
    return [Fraction(value) / 2] if isinstance(value, float) else [2 * value, value + 2]


def of_spec(analysis: Analysis) -> Run:
    """archcalc's figures."""
    interpretation = analysis.interpretation
    shapes = tuple((BATCH, *interpretation.volume(value).shape) for value in interpretation.network.outputs.values())
    saved = None
    if _told(analysis):
        saved = saved_memory(Storages(interpretation, Setup(batch=BATCH))).total.at(BATCH)
    params, buffers, macs = (int(figure(analysis, name)) for name in ("params", "buffers", "macs"))
    return Run(params, buffers, macs, shapes, saved)


def of_code(analysis: Analysis) -> Run:
    """PyTorch's."""
    with _as_default(_dtype(analysis)):
        return _of_code(analysis)


@contextmanager
def _as_default(dtype: str) -> Iterator[None]:
    """Tensors that are made are of this type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _of_code(analysis: Analysis) -> Run:
    with torch.device("meta"):
        module = module_of(analysis)
        inputs = examples(analysis)
    params = sum(parameter.numel() for parameter in module.parameters())
    buffers = sum(buffer.numel() for buffer in _persistent(module))
    products = {torch.ops.aten._grouped_mm: _flops_of_grouped_products}
    with FlopCounterMode(display=False, custom_mapping=products) as counter:
        outputs = module.eval()(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    flops = counter.get_total_flops()
    assert flops % (2 * BATCH) == 0
    volumes = (analysis.interpretation.volume(value) for value in analysis.network.outputs.values())
    shapes = tuple(_in_order(output, volume) for output, volume in zip(outputs, volumes, strict=True))
    return Run(params, buffers, flops // 2 // BATCH, shapes, _saved(analysis) if _told(analysis) else None)


def of_export(analysis: Analysis, *, fold: bool = False) -> Run:
    """archcalc's figures of the archive that torch.export makes of the code, or of the spec that it is folded into.
    SpecError names what the reader of archives does not know."""
    with _as_default(_dtype(analysis)), torch.device("meta"):
        program = torch.export.export(module_of(analysis).train(), tuple(examples(analysis)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.pt2"
        torch.export.save(program, path)
        if fold:
            text = "".join(folded(path, path.name))
            path = path.with_suffix(".yaml")
            path.write_text(text)
        return of_spec(archcalc.load(path).analyse())


def _told(analysis: Analysis) -> bool:
    return not any(node.layer.name in UNTOLD for node in analysis.network.nodes)


def _dtype(analysis: Analysis) -> str:
    """Products of experts with the rows that they got have a kernel for bfloat16 alone."""
    return "bfloat16" if any(node.layer.name == "experts" for node in analysis.network.nodes) else "float32"


def _persistent(module: nn.Module) -> list[torch.Tensor]:
    """The buffers that are stored with the parameters, each once."""
    own = {id(parameter) for parameter in module.parameters()}
    stored = {id(each): each for each in module.state_dict(keep_vars=True).values()}
    return [each for key, each in stored.items() if key not in own]


def _flops_of_grouped_products(rows: Any, weights: Any, *_: Any, **__: Any) -> int:
    """Every row meets the matrix of its group."""
    count, inner = rows
    return 2 * int(count) * int(inner) * int(weights[-1])


def _in_order(output: torch.Tensor, volume: Volume) -> tuple[int, ...]:
    """The shape of an output, channels first; a sequence's are last."""
    last = (BATCH, *volume.space, volume.channels)
    return (BATCH, *volume.shape) if tuple(output.shape) == last else tuple(output.shape)


def examples(analysis: Analysis, batch: int = BATCH) -> list[torch.Tensor]:
    """The inputs: whole numbers where the network looks them up, the channels last where it reads a sequence."""
    made = []
    for number, volume in enumerate(analysis.network.inputs.values()):
        same = {INPUT_INDEX - number}
        for node, outcome in zip(analysis.network.nodes, analysis.interpretation.outcomes, strict=True):
            if node.inputs[0] in same and outcome.storage == "view":
                same.add(node.index)
        readers = {node.layer.name for node in analysis.network.nodes if same & {*node.inputs}}
        is_sequence = volume.rank == 1 and any(
            node.layer.name in OF_SEQUENCES and analysis.interpretation.volume(index).rank == 1
            for node in analysis.network.nodes
            for index in same & {*node.inputs}
        )
        shape = (*volume.space, volume.channels) if is_sequence else volume.shape
        made.append(torch.zeros(batch, *shape, dtype=torch.int64 if "embedding" in readers else None))
    return made


def _saved(analysis: Analysis) -> int:
    """Bytes of all tensors that autograd saves in training, each storage once, without parameters and buffers."""
    kept: dict[int, torch.UntypedStorage] = {}
    with FakeTensorMode(), torch.device("cpu"):
        module = module_of(analysis).train()
        own = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = storage
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = module(*examples(analysis))
        del outputs
        return sum(storage.nbytes() for storage in kept.values())
