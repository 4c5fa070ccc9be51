"""Functions of each value by itself that are no activations: roots, powers, limits, differences, quotients."""

from archcalc.layers.attributes import Factor, OptionalNumber
from archcalc.layers.broadcast import broadcast, operands
from archcalc.layers.outcome import (
    Composition,
    Outcome,
    Step,
    Tensor,
    gradient_step,
    nth,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.conditions import equal
from archcalc.sizes.kinds import certainly_equal
from archcalc.sizes.volume import Volume

_OF_INPUT = "gradient of input"


@layer
def exp(x: Volume) -> Outcome:
    """The exponential of each value.

    Operations: one exponential per value. Saved for backward: the output.
    Source: torch.exp; derivatives.yaml, exp.
    """
    return Outcome(
        x,
        operations=operations("elementwise", exponential=x.elements),
        saved=(saves("output", 0),),
    )


@layer
def log(x: Volume) -> Outcome:
    """The natural logarithm of each value.

    Operations: one per value, counted as an exponential. Saved for backward: the input.
    Source: torch.log; derivatives.yaml, log.
    """
    return Outcome(
        x,
        operations=operations("elementwise", exponential=x.elements),
        saved=(saves("input", 0),),
    )


@layer
def sqrt(x: Volume) -> Outcome:
    """The square root of each value.

    Operations: one per value, counted as an exponential. Saved for backward: the output.
    Source: torch.sqrt; derivatives.yaml, sqrt.
    """
    n = x.elements
    return Outcome(
        x,
        operations=operations("elementwise", exponential=n),
        saved=(saves("output", 0),),
        composition=Composition(
            backward=one_node(
                Step("mul", ("output",), (Tensor("twice the root", n),)),
                Step("div", ("gradient", "twice the root"), (Tensor(_OF_INPUT, n),)),
            )
        ),
    )


@layer
def square(x: Volume) -> Outcome:
    """The square of each value.

    Operations: one multiplication per value. Saved for backward: the input.
    Source: torch.square; derivatives.yaml, pow.
    """
    return Outcome(
        x,
        operations=operations("elementwise", multiply=x.elements),
        saved=(saves("input", 0),),
        composition=_of_power(x),
        function="pow",
    )


def _of_power(x: Volume) -> Composition:
    """The derivative of a power: the exponent times the power below it."""
    n = x.elements
    return Composition(
        backward=one_node(
            Step("pow", ("input",), (Tensor("lower power", n),)),
            Step("mul", ("lower power",), (Tensor("multiple of the lower power", n),)),
            Step("mul", ("gradient", "multiple of the lower power"), (Tensor(_OF_INPUT, n),)),
        )
    )


@layer
def abs(x: Volume) -> Outcome:  # noqa: A001  the name that frameworks have for it
    """The absolute value of each value.

    Operations: one comparison per value. Saved for backward: the input.
    Source: torch.abs; derivatives.yaml, abs.
    """
    n = x.elements
    return Outcome(
        x,
        operations=operations("elementwise", compare=n),
        saved=(saves("input", 0),),
        composition=Composition(
            backward=one_node(
                Step("sgn", ("input",), (Tensor("sign", n),)),
                Step("mul", ("gradient", "sign"), (Tensor(_OF_INPUT, n),)),
            )
        ),
    )


@layer
def clamp(
    x: Volume,
    *,
    least: OptionalNumber = None,
    most: OptionalNumber = None,
) -> Outcome:
    """Values below `least` become `least`, those above `most` become `most`; at least one of the two is given.

    Operations: one comparison per value and limit. Saved for backward: the input.
    Source: torch.clamp; derivatives.yaml, clamp.
    """
    n = x.elements
    limits = [name for name, limit in (("lt", most), ("gt", least)) if limit is not None]
    message = "clamp needs `least` or `most`: limits given"
    masks = [f"mask by {name}" for name in limits]
    return Outcome(
        x,
        operations=operations("elementwise", compare=n * len(limits)),
        saved=(saves("input", 0),),
        conditions=() if limits else (equal("missing-attribute", 0, 1, message),),
        composition=Composition(
            backward=one_node(
                Step("scalar_tensor", (), (Tensor("zero", 1, per="batch"),)),
                *(Step(name, ("input",), (Tensor(mask, n, "bool"),)) for name, mask in zip(limits, masks, strict=True)),
                # Two masks become one, in the place of the first.
                *((Step("logical_and_", tuple(masks), ()),) if len(masks) == 2 else ()),
                Step("where", ("gradient", "zero", *masks[:1]), (Tensor(_OF_INPUT, n),)),
            )
        ),
    )


@layer
def subtract(*xs: Volume) -> Outcome:
    """The first branch less the second, value by value.

    Each is repeated along the axes that it lacks or has of size 1, as in a sum.
    Operations: one addition per value of the result. Saved for backward: nothing.
    Source: torch.sub; derivatives.yaml, sub.
    """
    output, conditions = broadcast(xs)
    n = output.elements
    backward = []
    if len(xs) == 2:
        first, second = xs
        negated = Tensor("negative gradient", n)
        backward.append(Step("neg", ("gradient",), (negated,), (1,)))
        backward += gradient_step("sum", "negative gradient", second, output, 1)
        backward += gradient_step("sum", "gradient", first, output, 0)
        if certainly_equal(second.elements, n):
            backward[0] = Step("neg", ("gradient",), (Tensor(nth(_OF_INPUT, 1), n),), (1,))
    return Outcome(
        output,
        operations=operations("elementwise", add=n),
        function="sub",
        conditions=(*operands(xs, "subtract"), *conditions),
        composition=Composition(backward=one_node(*backward)),
    )


@layer
def divide(*xs: Volume) -> Outcome:
    """The first branch over the second, value by value.

    Each is repeated along the axes that it lacks or has of size 1, as in a sum.
    Operations: one division per value of the result. Saved for backward: both branches.
    Source: torch.div; derivatives.yaml, div.
    """
    output, conditions = broadcast(xs)
    n = output.elements
    backward: list[Step] = []
    if len(xs) == 2:
        first, second = xs
        whole = certainly_equal(second.elements, n)
        made = nth(_OF_INPUT, 1) if whole else "unsummed gradient of input 1"
        direct = _OF_INPUT if certainly_equal(first.elements, n) else "unsummed gradient of input"
        backward = [
            Step("div", ("input", "input 1"), (Tensor("quotient", n),), (1,)),
            Step("div", ("quotient", "input 1"), (Tensor("quotient by the divisor", n),), (1,)),
            Step("neg", ("gradient",), (Tensor("negative gradient", n),), (1,)),
            Step("mul", ("negative gradient", "quotient by the divisor"), (Tensor(made, n),), (1,)),
            Step("div", ("gradient", "input 1"), (Tensor(direct, n),), (0,)),
            *gradient_step("sum", made, second, output, 1),
            *gradient_step("sum", direct, first, output, 0),
        ]
    return Outcome(
        output,
        operations=operations("elementwise", divide=n),
        function="div",
        saved=(saves("input", 1), saves("input", 0, 1, of=1)) if len(xs) == 2 else (),
        conditions=(*operands(xs, "divide"), *conditions),
        composition=Composition(backward=one_node(*backward)),
    )


@layer
def power(x: Volume, *, exponent: Factor) -> Outcome:
    """Each value to a fixed power: `power: 3`, `power: -0.5` for one over the root.

    Operations: one per value, counted as an exponential. Saved for backward: the input.
    Source: torch.pow; derivatives.yaml, pow.
    """
    return Outcome(
        x,
        operations=operations("elementwise", exponential=x.elements),
        saved=(saves("input", 0),),
        composition=_of_power(x),
        function="pow",
    )
