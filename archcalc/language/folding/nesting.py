"""Nodes to steps with branches: what a join adds or stacks is nested in it where the paths meet nowhere else."""

from __future__ import annotations

from archcalc.language.document import OUTPUT
from archcalc.language.folding.growth import Growth, growths
from archcalc.language.folding.items import Item, Steps
from archcalc.language.network import Network, Node, is_input

#: How deep branches nest in branches; what lies deeper is named.
DEEPEST = 8


def nest(network: Network) -> Steps:
    """The steps of the whole network, in the order of its nodes."""
    heads = {index: name for name, index in network.outputs.items() if name != OUTPUT}
    main = _reaching(network, network.outputs[OUTPUT])
    growing = {join: growth for growth in growths(network) for join in growth.joins}
    steps: Steps = []
    for node in network.nodes:
        growth = growing.get(node.index)
        steps.append((growth is None and _joined(node, steps)) or _alone(node))
        if growth is not None:
            steps[-1].grows = True
            if node.index == growth.end:
                steps[-1:] = [_run(growth, steps), steps[-1]]
        for name, index in network.outputs.items():
            if name != OUTPUT and index == node.index:
                steps.append(_head(name, index, steps, main))
    for name, index in heads_of_input(heads):
        steps.insert(0, _empty_head(name, index, 0))
    return steps


def heads_of_input(heads: dict[int, str]) -> list[tuple[str, int]]:
    """Heads that end at an input of the network itself."""
    return [(name, index) for index, name in heads.items() if is_input(index)]


def _reaching(network: Network, end: int) -> set[int]:
    """The nodes on a way to a node."""
    found: set[int] = set()
    open_ = [end]
    while open_:
        index = open_.pop()
        if not is_input(index) and index not in found:
            found.add(index)
            open_ += network.nodes[index].inputs
    return found


def _alone(node: Node) -> Item:
    """A step for one node, which names what it reads unless it is one value."""
    item = Item(node.index, node.index, node.index)
    item.layer = node.layer.name
    item.names = tuple(node.layer.attributes)
    item.values = [node.attributes.get(name, attribute.default) for name, attribute in node.layer.attributes.items()]
    if node.tied is not None:
        item.tied = repr(node.tied)
    item.frozen = not node.trainable
    if len(node.inputs) == 1 and not node.layer.joins:
        item.source = node.inputs[0]
    else:
        item.refs = node.inputs
    return item


def _run(growth: Growth, steps: Steps) -> Item:
    """The steps of a run as one, which is repeated and reads all copies before it. They leave `steps`."""
    begin = len(steps) - 1
    while begin and steps[begin - 1].first >= growth.first:
        begin -= 1
    item = Item(growth.first, growth.end - 1, growth.end - 1)
    item.grows = True
    item.source = growth.source
    item.repeat = len(growth.joins)
    second, third = growth.joins[:2]
    item.body = [step for step in steps[begin:] if second <= step.first < third]
    item.body[0].refs = ()
    item.depth = max(step.depth for step in item.body)
    del steps[begin:-1]
    return item


def _joined(node: Node, steps: Steps) -> Item | None:
    """A join with the steps that lead to it as its branches; None where they do not nest. They leave `steps`."""
    if not node.layer.joins or len(node.inputs) < 2:
        return None
    found = _branches(node, steps)
    if found is None:
        return None
    source, branches = found
    item = _alone(node)
    item.refs = ()
    item.source = source
    item.branches = branches
    inner = [step for branch in branches for step in branch]
    item.depth = 1 + max(step.depth for step in inner)
    if item.depth > DEEPEST:
        return None
    item.first = inner[0].first
    del steps[len(steps) - len(inner) :]
    return item


def _branches(node: Node, steps: Steps) -> tuple[int, list[Steps]] | None:
    """The value at which all branches of a join begin, and the steps of each branch, empty for that value itself."""
    for empty in _possible_sources(node, steps):
        ends = [index for index in node.inputs if index != empty]
        if not ends or ends != sorted(set(ends)) or ends[-1] != node.index - 1:
            continue
        branches = _segments(ends, steps, empty)
        if branches is not None:
            nonempty = iter(branches)
            return empty, [[] if index == empty else next(nonempty) for index in node.inputs]
    return None


def _possible_sources(node: Node, steps: Steps) -> list[int]:
    """Values at which the branches of a join may begin: one of its inputs, or what the last branch begins with."""
    repeated = {index for index in node.inputs if node.inputs.count(index) > 1}
    if len(repeated) > 1:
        return []
    candidates = list(repeated) or sorted(set(node.inputs))
    if not repeated:
        ends = set(node.inputs)
        # Backwards through the last branch, to where the branch before it ends.
        for step in reversed(steps):
            if step.output in ends and step.output != node.index - 1:
                break
            if step.source is not None:
                candidates.append(step.source)
    return list(dict.fromkeys(candidates))


def _segments(ends: list[int], steps: Steps, source: int) -> list[Steps] | None:
    """The last steps, cut behind each of the ends; None if one of the cuts falls into a step, or a segment does not
    begin at the source."""
    segments: list[Steps] = []
    position = len(steps)
    for number in range(len(ends) - 1, -1, -1):
        if position == 0 or steps[position - 1].output != ends[number]:
            return None
        begin = position - 1
        # A segment begins where a step reads the source and the one before it ends another segment, or is the rest.
        if number:
            while begin > 0 and steps[begin - 1].output != ends[number - 1]:
                begin -= 1
        else:
            while begin > 0 and steps[begin].source != source:
                begin -= 1
        if steps[begin].source != source or any(step.head for step in steps[begin:position]):
            return None
        if steps[begin].first <= source:
            return None
        segments.append(steps[begin:position])
        position = begin
    return segments[::-1]


def _head(name: str, end: int, steps: Steps, main: set[int]) -> Item:
    """A head: the last steps as far as they lead to nothing else."""
    begin = len(steps)
    while begin and not steps[begin - 1].head and steps[begin - 1].output not in main:
        begin -= 1
    if begin == len(steps) or steps[begin].source is None:
        return _empty_head(name, end, len(steps))
    item = Item(steps[begin].first, end, end)
    item.head = name
    item.source = steps[begin].source
    item.branches = [steps[begin:]]
    del steps[begin:]
    return item


def _empty_head(name: str, end: int, first: int) -> Item:
    item = Item(max(end, 0), end, end)
    item.head = name
    item.source = end
    item.branches = [[]]
    return item
