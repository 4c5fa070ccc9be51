"""Several operators that are one layer, found in a model and replaced there by one."""

from __future__ import annotations

from collections import Counter

from archcalc.exchange.onnx.nodes import Model, Node

#: Recurrent layers: [L, directions, N, H].
RECURRENT = frozenset({"RNN", "GRU", "LSTM"})
#: An attribute of ours: the states are [L, N, directions * H].
JOINED = "joined directions"
#: The inputs that are their states before the first position.
_STATES = slice(5, 7)


def simplified(model: Model) -> Model:
    """The model with each product with a matrix of its own and the bias behind it as one MatMul of three inputs, each
    value times its sigmoid as a Swish, and each recurrent layer with its directions as one axis and
    without first states of zeros."""
    uses = Counter(name for node in model.nodes for name in node.inputs)
    uses.update(model.outputs)
    makers = {name: node for node in model.nodes for name in node.outputs}
    readers = {name: node for node in model.nodes for name in node.inputs}
    replaced: dict[int, Node | None] = {}
    for node in model.nodes:
        if node.kind in RECURRENT:
            passed = [maker for name in node.inputs[_STATES] for maker in _zeros(model, makers, uses, name)]
            states = tuple("" if _is_zero(model, makers, name) else name for name in node.inputs[_STATES])
            inputs = (*node.inputs[: _STATES.start], *states, *node.inputs[_STATES.stop :])
            recurrent = node._replace(inputs=inputs)
            replaced.update((id(each), None) for each in passed)
            turned = readers.get(node.outputs[0]) if uses[node.outputs[0]] == 1 else None
            joined = readers.get(turned.outputs[0]) if turned is not None and _is_turned(turned) else None
            if joined is not None and joined.kind == "Reshape" and len(model.shapes.get(joined.outputs[0], ())) == 3:
                outputs = (joined.outputs[0], *node.outputs[1:])
                recurrent = recurrent._replace(outputs=outputs, attributes={**node.attributes, JOINED: 1})
                replaced.update({id(turned): None, id(joined): None})
            replaced[id(node)] = recurrent
        for one, other in (node.inputs, node.inputs[::-1]) if len(node.inputs) == 2 else ():
            inner = makers.get(one)
            if inner is None or uses[one] != 1:
                continue
            if node.kind == "Add" and _is_linear(model, inner) and _is_bias(model, inner, other):
                replaced[id(node)] = inner._replace(inputs=(*inner.inputs, other), outputs=node.outputs)
            elif node.kind == "Mul" and inner.kind == "Sigmoid" and inner.inputs == (other,):
                replaced[id(node)] = node._replace(kind="Swish", inputs=(other,))
            else:
                continue
            replaced[id(inner)] = None
            break
    kept = (replaced.get(id(node), node) for node in model.nodes)
    return model._replace(nodes=[node for node in kept if node is not None])


def _is_zero(model: Model, makers: dict[str, Node], name: str) -> bool:
    """Whether a value is zeros, or zeros that are repeated for each sample."""
    value = model.constants.get(name)
    if name in model.zeros or (value is not None and not value.any()):
        return True
    made = makers.get(name)
    return made is not None and made.kind in ("Expand", "Slice") and _is_zero(model, makers, made.inputs[0])


def _zeros(model: Model, makers: dict[str, Node], uses: Counter[str], name: str) -> list[Node]:
    """What repeats zeros for nothing but a layer's first state."""
    made = makers.get(name)
    if made is None or made.kind == "Constant" or uses[name] != 1 or not _is_zero(model, makers, name):
        return []
    return [made, *_zeros(model, makers, uses, made.inputs[0])]


def _is_turned(node: Node) -> bool:
    """Whether a node puts the batch before the directions."""
    return node.kind == "Transpose" and node.attributes.get("perm") == [0, 2, 1, 3]


def _is_linear(model: Model, node: Node) -> bool:
    return node.kind == "MatMul" and len(node.inputs) == 2 and len(model.shapes.get(node.inputs[1], ())) == 2


def _is_bias(model: Model, product: Node, name: str) -> bool:
    """Whether a value is a tensor of the model with a number for each column of the product's matrix."""
    return model.stored.get(name) == model.shapes[product.inputs[1]][1:]
