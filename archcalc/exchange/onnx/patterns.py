"""Several operators that are one layer, found in a model and replaced there by one."""

from __future__ import annotations

from collections import Counter

from archcalc.exchange.onnx.nodes import Model, Node


def simplified(model: Model) -> Model:
    """The model with each product with a matrix of its own and the bias behind it as one MatMul of three inputs, and
    each value times its sigmoid as a Swish."""
    uses = Counter(name for node in model.nodes for name in node.inputs)
    uses.update(model.outputs)
    makers = {name: node for node in model.nodes for name in node.outputs}
    replaced: dict[int, Node | None] = {}
    for node in model.nodes:
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


def _is_linear(model: Model, node: Node) -> bool:
    return node.kind == "MatMul" and len(node.inputs) == 2 and len(model.shapes.get(node.inputs[1], ())) == 2


def _is_bias(model: Model, product: Node, name: str) -> bool:
    """Whether a value is a tensor of the model with a number for each column of the product's matrix."""
    return model.stored.get(name) == model.shapes[product.inputs[1]][1:]
