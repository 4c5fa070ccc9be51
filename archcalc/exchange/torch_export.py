"""PyTorch's export archives (`.pt2`): the model's JSON to a graph, every field checked, and that to a flat network.

The format is that of torch.export.save, schema version 8, as torch/_export/serde/schema.py describes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archcalc.diagnostics.diagnostic import fail
from archcalc.exchange.archive import read_json
from archcalc.exchange.flat import Flat
from archcalc.exchange.graph import Graph, Name, Operation, Symbol, Tensor
from archcalc.exchange.open_sizes import read_open
from archcalc.language.document import MAX_LAYERS

#: The enumeration ScalarType of the schema.
_TYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
}

_MISSING: Any = object()

_WRITTEN = 'write it with `torch.export.save(torch.export.export(model, (input,)), "model.pt2")`'


class _Damaged(Exception):
    """The archive is not as the schema says; the message says where."""


def read(path: Path, shown: str, *, partial: bool = False) -> Flat:
    """The network of an export archive; `partial` leaves out operations that are not known, but for their outputs.

    SpecError if it is damaged, UsageError if it cannot be read."""
    model = read_json(path, shown, _holds_the_model, _WRITTEN)
    try:
        exported = graph(path.stem, model)
    except _Damaged as error:
        raise fail("bad-archive", f"{shown} is not as torch.export writes it: {error}") from None
    return read_open(exported, shown, partial=partial)


def _holds_the_model(member: str) -> bool:
    """Whether an archive's member is the model: in the layout of today, or in the one before it."""
    return member.endswith("models/model.json") or member == "serialized_exported_program.json"


def graph(name: str, model: Any) -> Graph:
    """The graph in a model's JSON."""
    module = _of(model, "graph_module", dict)
    body = _of(module, "graph", dict)
    nodes = _of(body, "nodes", list)
    if len(nodes) > MAX_LAYERS:
        raise _Damaged(f"it has {len(nodes):,} operations, and the largest network has {MAX_LAYERS:,} layers")
    inputs: list[str] = []
    owned: dict[str, dict[str, str]] = {"parameter": {}, "buffer": {}, "tensor_constant": {}}
    temporary: set[str] = set()
    signature = _of(module, "signature", dict)
    for spec in _of(signature, "input_specs", list):
        kind, content = _only(spec)
        if kind == "user_input":
            argument = _argument(_of(content, "arg", dict))
            if isinstance(argument, Name):
                inputs.append(str(argument))
        elif kind in owned:
            arg = _of(_of(content, "arg", dict), "name", str)
            path = owned[kind][arg] = _of(content, f"{kind}_name", str)
            if kind == "buffer" and not _of(content, "persistent", bool, True):
                temporary.add(path)
        elif kind != "constant_input":
            raise _Damaged(f"it has an input of the kind {kind}, and inputs are tensors")
    outputs: list[str] = []
    for spec in _of(signature, "output_specs", list):
        kind, content = _only(spec)
        argument = _argument(_of(content, "arg", dict)) if kind == "user_output" else None
        if isinstance(argument, Name):
            outputs.append(str(argument))
    values = _of(body, "tensor_values", dict)
    tensors = {key: _tensor(value) for key, value in values.items()}
    return Graph(
        name,
        tuple(inputs),
        owned["parameter"],
        owned["buffer"],
        owned["tensor_constant"],
        tensors,
        [_operation(node) for node in nodes],
        tuple(outputs),
        _ranges(model),
        numbers={key: _size(value) for key, value in _of(body, "sym_int_values", dict, {}).items()},
        temporary=frozenset(temporary),
        hints=dict(hint for name in inputs if name in values for hint in _hints(values[name])),
    )


def _hints(tensor: Any) -> Iterator[tuple[str, int]]:
    """What the open sizes of a tensor were in the export."""
    for size in _of(tensor, "sizes", list):
        kind, content = _only(size)
        if kind == "as_expr":
            hint = _of(content, "hint", dict, None)
            value = None if hint is None else hint.get("as_int")
            if type(value) is int and 0 < value < 2**31:
                yield _of(content, "expr_str", str), value


def _of(value: Any, key: str, kind: type, default: Any = _MISSING) -> Any:
    """The field of an object, of that type."""
    if not isinstance(value, dict):
        raise _Damaged(f"where `{key}` should be there is no object")
    found = value.get(key, default)
    if found is _MISSING:
        raise _Damaged(f"`{key}` is missing")
    if type(found) is not kind and found is not default:
        raise _Damaged(f"`{key}` is of the wrong type")
    return found


def _only(value: Any) -> tuple[str, Any]:
    """The one entry of an object that is a tagged union."""
    if not isinstance(value, dict) or len(value) != 1:
        raise _Damaged("an object that should have one field has more, or none")
    return next(iter(value.items()))


def _size(value: Any) -> int | Symbol:
    kind, content = _only(value)
    if kind == "as_int" and type(content) is int and 0 <= content < 2**63:
        return content
    if kind == "as_expr":
        return Symbol(_of(content, "expr_str", str))
    raise _Damaged(f"a size is neither a number nor an expression: {kind}")


def _tensor(value: Any) -> Tensor:
    dtype = _TYPES.get(_of(value, "dtype", int), "unknown")
    return Tensor(
        tuple(_size(size) for size in _of(value, "sizes", list)),
        tuple(_size(size) for size in _of(value, "strides", list)),
        dtype,
    )


def _argument(value: Any) -> Any:
    """An argument as a value of our own: names, sizes, numbers, words, lists of these, None."""
    kind, content = _only(value)
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Name(_of(content, "name", str))
    if kind in ("as_tensors", "as_optional_tensors"):
        if not isinstance(content, list):
            raise _Damaged(f"`{kind}` is not a list")
        return [_argument(item) if kind == "as_optional_tensors" else Name(_of(item, "name", str)) for item in content]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        tag, inner = _only(content)
        return Name(inner) if tag == "as_name" and isinstance(inner, str) else _plain(inner)
    if kind in ("as_sym_ints", "as_sym_floats", "as_sym_bools"):
        if not isinstance(content, list):
            raise _Damaged(f"`{kind}` is not a list")
        return [_argument({kind[:-1]: item}) for item in content]
    if kind in ("as_ints", "as_floats", "as_bools", "as_strings"):
        if not isinstance(content, list):
            raise _Damaged(f"`{kind}` is not a list")
        return [_plain(item) for item in content]
    if kind in ("as_int", "as_float", "as_bool", "as_string", "as_scalar_type", "as_memory_format", "as_layout"):
        return _plain(content)
    return None if kind == "as_device" else Unreadable(kind)


class Unreadable(str):
    """An argument of a kind that no rule reads: only who asks for it is refused."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    if value is None or type(value) in (int, float, bool, str):
        return value
    raise _Damaged("an argument is neither a number nor text")


def _operation(node: Any) -> Operation:
    target = _of(node, "target", str)
    # torch.ops.aten.conv2d.default: a namespace, a name and an overload; `_operator.add` has neither.
    parts = target.removeprefix("torch.ops.").split(".")
    name = parts[1] if len(parts) > 1 and parts[0] == "aten" else ".".join(parts[:2])
    arguments = {}
    for given in _of(node, "inputs", list):
        arguments[_of(given, "name", str)] = _argument(_of(given, "arg", dict))
    outputs: list[str] = []
    for made in _of(node, "outputs", list):
        value = _argument(made)
        outputs += [str(each) for each in (value if isinstance(value, list) else [value]) if isinstance(each, Name)]
    metadata = _of(node, "metadata", dict)
    return Operation(
        name,
        parts[2] if len(parts) > 2 else "",
        arguments,
        tuple(outputs),
        _modules(_of(metadata, "nn_module_stack", str, "")),
        _last_line(_of(metadata, "stack_trace", str, "")),
    )


def _modules(text: str) -> tuple[tuple[str, str], ...]:
    """`key,path,class` triples, joined by semicolons, as paths and classes; the model itself has an empty path."""
    modules = []
    for triple in text.split(";") if text else ():
        parts = triple.split(",")
        if len(parts) < 3:
            raise _Damaged("`nn_module_stack` has an entry without path and class")
        modules.append((_path(parts[1]), parts[2]))
    return tuple(modules)


def _path(text: str) -> str:
    """A module's path; a module that is called again has `@1` behind it."""
    return text.partition("@")[0]


def _last_line(trace: str) -> str:
    """The code in the last line of a stack trace, without where it stands."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    return lines[-1] if lines and not lines[-1].startswith("File ") else ""


def _ranges(model: Any) -> dict[str, tuple[int | None, int | None]]:
    """The bounds of each symbol."""
    found = {}
    for symbol, bounds in _of(model, "range_constraints", dict, {}).items():
        least, most = _of(bounds, "min_val", int, None), _of(bounds, "max_val", int, None)
        found[symbol] = (least, most)
    return found
