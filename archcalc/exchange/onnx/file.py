"""An ONNX file to records: read without its weights, its shapes inferred, and what follows from constants computed."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcalc.diagnostics.diagnostic import SpecError, UsageError, fail, plain
from archcalc.exchange.graph import Symbol
from archcalc.exchange.onnx.constants import evaluate
from archcalc.exchange.onnx.nodes import Model, Node
from archcalc.exchange.onnx.protobuf import Malformed, Schema, without_data
from archcalc.language.document import MAX_LAYERS

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

#: Bytes of a tensor that are read; sizes, axes and factors are shorter, and weights longer.
_LONGEST = 65_536
#: Values of a tensor that are kept.
_MAX_VALUES = 8192
#: Bytes of a model without its weights.
_MAX_BYTES = 64_000_000
#: How often shapes are inferred: constants that follow from shapes make more shapes known.
_PASSES = 8
#: The batch of a model whose batch is open: 2, which is told from a size of 1.
_BATCH = 2

# The fields of onnx.proto that hold values, by number.
_TENSOR: Schema = {4: None, 5: None, 6: None, 7: None, 9: None, 10: None, 11: None}
_SPARSE: Schema = {1: _TENSOR, 2: _TENSOR}
_NODE: Schema = {5: {5: _TENSOR, 10: _TENSOR, 22: _SPARSE}}
_MODEL: Schema = {7: {1: _NODE, 5: _TENSOR, 15: _SPARSE}}


def load(path: Path, shown: str) -> Model:
    """The model in a file. UsageError if it cannot be read, or onnx is not installed; SpecError if it is damaged."""
    try:
        import onnx
    except ImportError:
        raise UsageError("ONNX files need the package onnx: pip install 'archcalc[onnx]'") from None
    from google.protobuf.message import DecodeError

    try:
        found = onnx.load_model_from_string(_structure(path, shown))
    except (DecodeError, Malformed) as error:
        raise _damaged(shown, f"it is no protobuf message: {error}") from None
    graph = found.graph
    if not graph.node or not graph.output:
        raise _damaged(shown, "it has no graph of operators")
    if not all(isinstance(text, str) for text in _texts(found)):
        raise _damaged(shown, "a name in it is not UTF-8 text")
    if len(graph.node) > MAX_LAYERS:
        raise fail("too-large", f"{shown} has {len(graph.node):,} operators, and {MAX_LAYERS:,} are read at the most")
    return _Inference(onnx, found, path.stem, shown).model()


def _texts(model: ModelProto) -> Iterator[object]:
    """Every name in a model and its graph: what is not UTF-8 comes as bytes."""
    graph = model.graph
    yield model.producer_name
    yield from (each.domain for each in model.opset_import)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (each.name for each in node.attribute)
        yield from (text for each in node.metadata_props for text in (each.key, each.value))
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)


def _structure(path: Path, shown: str) -> bytes:
    """The file without its weights."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            structure = without_data(data, _MODEL, _LONGEST)
    except ValueError:  # an empty file has nothing to map
        raise _damaged(shown, "it is empty") from None
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror or error}") from None
    if len(structure) > _MAX_BYTES:
        raise fail("too-large", f"{shown} has more than {_MAX_BYTES:,} bytes beside its weights")
    return structure


def _damaged(shown: str, message: str) -> SpecError:
    return fail("bad-onnx", f"{shown} cannot be read as ONNX: {message}")


class _Inference:
    """Shapes and constants, which follow from one another."""

    def __init__(self, onnx: Any, model: ModelProto, name: str, shown: str) -> None:
        self.onnx = onnx
        self.proto = model
        self.name = name
        self.shown = shown
        self.constants: dict[str, Any] = {}
        #: NumPy's types of values, as far as they are known.
        self.types: dict[str, Any] = {}

    def model(self) -> Model:
        graph = self.proto.graph
        initial = {tensor.name: self._array(tensor) for tensor in graph.initializer}
        self.constants = {name: value for name, value in initial.items() if value is not None}
        inputs = [each for each in graph.input if each.name not in initial]
        _close_batch(graph, inputs)
        nodes = [self._node(node) for node in graph.node]
        zeros = frozenset(name for name, tensor in self._tensors(graph) if _is_zero(tensor))
        stored = dict(self._stored(graph))
        weights = {name for name, shape in stored.items() if prod(shape) != 1}
        for name in weights:
            self.constants.pop(name, None)
        for _ in range(_PASSES):
            shapes = self._inferred_shapes()
            computed = self._computed(nodes, shapes, weights)
            if not computed:
                break
            nodes = [node for node in nodes if not set(node.outputs) <= computed]
        read = {name for node in nodes for name in node.inputs} | {each.name for each in graph.output}
        return Model(
            self.name,
            max((each.version for each in self.proto.opset_import if each.domain in _OWN_DOMAINS), default=1),
            self.proto.producer_name,
            tuple(each.name for each in inputs if each.name in read),
            tuple(each.name for each in graph.output),
            nodes,
            stored,
            zeros,
            frozenset(initial),
            self.constants,
            shapes,
        )

    def _inferred_shapes(self) -> dict[str, tuple[int | Symbol, ...]]:
        try:
            self.proto = self.onnx.shape_inference.infer_shapes(
                self.proto, check_type=True, strict_mode=True, data_prop=True
            )
        except (self.onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
            raise _damaged(self.shown, f"its shapes are inconsistent: {_first_line(error)}") from None
        graph = self.proto.graph
        values = (*graph.value_info, *graph.input, *graph.output)
        for each in values:
            with suppress(KeyError):  # no type, or one that NumPy has not
                self.types[each.name] = self.onnx.helper.tensor_dtype_to_np_dtype(each.type.tensor_type.elem_type)
        shapes = {name: shape for each in values for name, shape in _shape(each)}
        return {**shapes, **{tensor.name: tuple(tensor.dims) for tensor in graph.initializer}}

    def _tensors(self, graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
        """The tensors in the graph's list, and the constants between the nodes."""
        yield from ((tensor.name, tensor) for tensor in graph.initializer)
        for node in graph.node:
            if node.op_type == "Constant":
                yield from ((node.output[0], each.t) for each in node.attribute if each.name == "value")

    def _stored(self, graph: GraphProto) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The tensors in the file that hold fractions, by name, with their shapes: in the graph's list, as constants
        between the nodes, and as shapes alone, whose values were left out."""
        initial = {tensor.name: tensor for tensor in graph.initializer}
        for name, tensor in initial.items():
            if tensor.data_type in _FRACTIONS:
                yield name, tuple(tensor.dims)
        for node in graph.node:
            value = next((each for each in node.attribute if each.name in ("value", "sparse_value")), None)
            if value is None or len(node.output) != 1:
                continue
            sparse = value.type == value.SPARSE_TENSOR
            tensor = value.sparse_tensor.values if sparse else value.t
            if tensor.data_type not in _FRACTIONS:
                continue
            if node.op_type == "Constant":
                yield node.output[0], tuple(value.sparse_tensor.dims if sparse else tensor.dims)
            elif node.op_type == "ConstantOfShape" and len(node.input) == 1 and node.input[0] in initial:
                sizes = self.constants.get(node.input[0])
                if sizes is not None:
                    yield node.output[0], tuple(int(size) for size in sizes.reshape(-1))

    def _computed(self, nodes: list[Node], shapes: dict[str, tuple[int | Symbol, ...]], weights: set[str]) -> set[str]:
        """Evaluate what follows from constants, and make it constants of the graph; returns the names of the values."""
        computed: set[str] = set()
        for node in nodes:
            if not weights.isdisjoint(node.outputs):
                continue
            values = [self.constants.get(name) for name in node.inputs]
            made = evaluate(node, values, [self._shape_of(name, shapes) for name in node.inputs])
            for name, value in zip(node.outputs, made, strict=False):
                dtype = self.types.get(name)
                self.constants[name] = value if dtype is None else value.astype(dtype)
                computed.add(name)
        if computed:
            graph = self.proto.graph
            kept = [node for node in graph.node if not set(node.output) <= computed]
            del graph.node[:]
            graph.node.extend(kept)
            graph.initializer.extend(
                self.onnx.numpy_helper.from_array(self.constants[name], name) for name in sorted(computed)
            )
        return computed

    def _shape_of(self, name: str, shapes: dict[str, tuple[int | Symbol, ...]]) -> tuple[int | Symbol, ...] | None:
        """The shape of a value: of one that was just computed, its own."""
        value = self.constants.get(name)
        return shapes.get(name) if value is None else value.shape

    def _array(self, tensor: TensorProto) -> Any:
        """The values of a tensor, None where they are not in the file, or are many."""
        if prod(tensor.dims) > _MAX_VALUES or tensor.data_location == tensor.EXTERNAL:
            return None
        try:
            return self.onnx.numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def _node(self, node: NodeProto) -> Node:
        said = {each.key: each.value for each in node.metadata_props}
        return Node(
            node.op_type if node.domain in _OWN_DOMAINS else f"{node.domain}::{node.op_type}",
            {each.name: self._attribute(each) for each in node.attribute},
            tuple(node.input),
            tuple(node.output),
            tuple(_modules(node.name, said)),
            _last_line(said.get("pkg.torch.onnx.stack_trace", "")),
            node.name,
        )

    def _attribute(self, attribute: AttributeProto) -> Any:
        """An attribute as numbers, text, an array, or lists; a graph as itself."""
        if attribute.type == attribute.TENSOR:
            return self._array(attribute.t)
        value = self.onnx.helper.get_attribute_value(attribute)
        if isinstance(value, float):
            return shortest(value)
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        return list(value) if attribute.type == attribute.INTS else value


#: The types of tensors that may be weights: float32, float16, float64, bfloat16.
_FRACTIONS = (1, 10, 11, 16)
#: The domain of ONNX's own operators has two names.
_OWN_DOMAINS = ("", "ai.onnx")


def shortest(value: float) -> float:
    """The shortest decimal that is this number in float32: 0.2, and not 0.20000000298023224."""
    import numpy as np

    return float(str(np.float32(value)))


def _close_batch(graph: GraphProto, inputs: list[ValueInfoProto]) -> None:
    """Give an open batch, the first size of an input, a number, wherever it is named; forget other open sizes."""
    named: set[str] = set()
    for each in inputs:
        dims = each.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value"):
            named.add(dims[0].dim_param)
            dims[0].dim_value = _BATCH
    for each in (*graph.input, *graph.output, *graph.value_info):
        for dim in each.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                if dim.dim_param in named - {""}:
                    dim.dim_value = _BATCH
                elif each not in inputs:
                    dim.Clear()


def _shape(value: ValueInfoProto) -> Iterator[tuple[str, tuple[int | Symbol, ...]]]:
    """The name of a tensor and its shape, if that is known."""
    if value.type.tensor_type.HasField("shape"):
        dims = value.type.tensor_type.shape.dim
        yield (
            value.name,
            tuple(dim.dim_value if dim.HasField("dim_value") else Symbol(dim.dim_param or "?") for dim in dims),
        )


def _modules(name: str, said: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The modules around a node: as torch's exporter writes them into its metadata, or its older one into the name."""
    scopes = _QUOTED.findall(said.get("pkg.torch.onnx.name_scopes", ""))
    classes = _QUOTED.findall(said.get("pkg.torch.onnx.class_hierarchy", ""))
    if scopes and len(scopes) == len(classes):
        yield from zip(scopes[:-1], classes[:-1], strict=True)  # the last is the operation itself
    elif name.startswith("/"):
        path = outer = ""
        for scope in name.split("/")[1:-1]:
            # A module in a list has the list's name before its own: /encoder/layers/layers.0/conv.
            inner = scope.removeprefix(outer) if outer and scope.startswith(f"{outer}.") else f".{scope}"
            path, outer = (path + inner).removeprefix("."), scope
            yield path, ""


_QUOTED = re.compile(r"'([^']*)'")


def _last_line(trace: str) -> str:
    lines = trace.strip().splitlines()
    return plain(lines[-1].strip(), 200) if lines and not lines[-1].lstrip().startswith("File ") else ""


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return plain(lines[0], 300) if lines else type(error).__name__


def _is_zero(tensor: TensorProto) -> bool:
    """Whether all values of a tensor are in the file and zero; the first that is not ends the search."""
    if tensor.raw_data:
        return re.match(rb"\0*\Z", tensor.raw_data) is not None
    return bool(tensor.float_data) and not any(tensor.float_data)
