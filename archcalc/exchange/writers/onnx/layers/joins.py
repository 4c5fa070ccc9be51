"""Several values: sums, products, means, values behind one another."""

from __future__ import annotations

from archcalc.exchange.writers.onnx.graph import Site, Value
from archcalc.exchange.writers.onnx.layers.registry import written


def _operands(site: Site) -> list[str]:
    """The inputs, all in the form of the first, each with as many axes as the output: where one has fewer, axes of 1
    stand behind its channels."""
    last = site.inputs[0].last
    names = []
    for number, value in enumerate(site.inputs):
        name = site.by_position(number) if last else site.first(number)
        missing = site.output.rank - value.volume.rank
        if missing:
            behind = 1 if last else value.volume.rank + 2
            name = site.node("Unsqueeze", name, site.numbers(*range(behind, behind + missing)))
        names.append(name)
    return names


def _pair_or_all(site: Site, pair: str, several: str) -> Value:
    names = _operands(site)
    return site.like(site.node(pair if len(names) == 2 else several, *names))


@written
def add(site: Site) -> Value:
    return _pair_or_all(site, "Add", "Sum")


@written
def mean(site: Site) -> Value:
    return _pair_or_all(site, "Mean", "Mean")


@written
def multiply(site: Site) -> Value:
    first, *others = _operands(site)
    for other in others:
        first = site.node("Mul", first, other)
    return site.like(first)


@written
def subtract(site: Site) -> Value:
    return site.like(site.node("Sub", *_operands(site)))


@written
def divide(site: Site) -> Value:
    return site.like(site.node("Div", *_operands(site)))


@written
def concat(site: Site) -> Value:
    return site.like(site.node("Concat", *_operands(site), axis=site.axis(site["axis"])))
