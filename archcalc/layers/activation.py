"""Activations: a function of each value by itself (softmax: of each position's channels).

Operations are counted per value and by kind; a root, a logarithm or an error function counts as one exponential.
What is saved depends on which of input and output the derivative is written in, and on whether the function
overwrites its input: if it does and the derivative needs that input, a framework keeps a copy of it.
"""

from typing import Annotated

from archcalc.layers.arithmetic import of_softmax
from archcalc.layers.attributes import OneAxis, Switch, Word
from archcalc.layers.outcome import (
    EVERYTHING,
    WEIGHTS,
    Composition,
    Outcome,
    Saved,
    Step,
    Tensor,
    gradients_of,
    one_node,
    operations,
    saves,
)
from archcalc.layers.registry import layer
from archcalc.sizes.kinds import Size, product
from archcalc.sizes.volume import Volume


def _activation(x: Volume, saved: Saved, inplace: bool = False, **per_value: Size) -> Outcome:
    n = x.elements
    counted = operations("activation", **{kind: n * times for kind, times in per_value.items()})
    return Outcome(x, operations=counted, saved=(saved,), storage="inplace" if inplace else "new")


def _input_or_copy(x: Volume, inplace: bool) -> Saved:
    """The input, or the copy that is made of it before it is overwritten."""
    return Saved("copy of the input", x.elements, needed_by=(0,), made="gradient") if inplace else saves("input", 0)


def _input_or_output(inplace: bool) -> Saved:
    """The input, or the output where it overwrites the input and the derivative can be had from either."""
    return saves("output" if inplace else "input", 0)


@layer
def relu(x: Volume, *, inplace: Switch = True) -> Outcome:
    """max(x, 0). One comparison per value.

    It overwrites its input unless `inplace: false`, or unless something else needs that input, as in torchvision's
    networks and the lecture's table.
    Saved for backward: the output.
    Source: torch.nn.ReLU; derivatives.yaml, relu.
    """
    return _activation(x, saves("output", 0), inplace, compare=1)


@layer
def relu6(x: Volume, *, inplace: Switch = True) -> Outcome:
    """min(max(x, 0), 6). Two comparisons per value.

    Saved for backward: the input; a copy of it where it is overwritten.
    Source: torch.nn.ReLU6; derivatives.yaml, hardtanh.
    """
    return _activation(x, _input_or_copy(x, inplace), inplace, compare=2)


@layer
def leaky_relu(x: Volume, *, inplace: Switch = False) -> Outcome:
    """x where positive, a small multiple of x elsewhere. A comparison and a multiplication per value.

    Saved for backward: the input; the output where it overwrites the input.
    Source: torch.nn.LeakyReLU; derivatives.yaml, leaky_relu.
    """
    return _activation(x, _input_or_output(inplace), inplace, compare=1, multiply=1)


@layer
def prelu(x: Volume, *, per_channel: Switch = False) -> Outcome:
    """Leaky ReLU whose slope is learned: one for all, or one for each channel. A comparison and a multiplication.

    Saved for backward: the input.
    Source: He et al. 2015, arXiv:1502.01852; torch.nn.PReLU; derivatives.yaml, _prelu_kernel.
    """
    slopes = x.channels if per_channel else 1
    weight = Tensor("weight", slopes)
    # The kernel makes both gradients at full size, wanted or not; the slopes' is then summed.
    whole = (Tensor("gradient of inputs", x.elements), Tensor("unsummed gradient of weight", x.elements))
    backward = one_node(
        Step("_prelu_kernel_backward", ("gradient", "input", "weight"), whole),
        Step("sum", ("unsummed gradient of weight",), gradients_of(weight), (WEIGHTS,)),
    )
    made = _activation(x, saves("input"), compare=1, multiply=1)
    return made._replace(
        saved=(saves("input"), saves("weight")),
        params=(weight,),
        composition=Composition(backward=backward),
    )


@layer
def elu(x: Volume, *, inplace: Switch = False) -> Outcome:
    """x where positive, a * (exp(x) - 1) elsewhere. A comparison, an exponential, an addition, a multiplication.

    Saved for backward: the input; the output where it overwrites the input.
    Source: torch.nn.ELU; derivatives.yaml, elu.
    """
    return _activation(x, _input_or_output(inplace), inplace, compare=1, exponential=1, add=1, multiply=1)


@layer
def selu(x: Volume, *, inplace: Switch = False) -> Outcome:
    """ELU with fixed constants that keep mean and variance, scaled. As ELU and one multiplication more.

    Saved for backward: the input; the output where it overwrites the input.
    Source: torch.nn.SELU; derivatives.yaml, elu.
    """
    return _activation(x, _input_or_output(inplace), inplace, compare=1, exponential=1, add=1, multiply=2)


@layer
def gelu(x: Volume, *, approximate: Annotated[str, Word("none", "tanh")] = "none") -> Outcome:
    """x * (1 + erf(x / sqrt(2))) / 2. Three multiplications, an addition and an error function per value.

    With `approximate: tanh`, x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2: seven multiplications, two
    additions and a hyperbolic tangent, as GPT-2 has it.
    Saved for backward: the input.
    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415; torch.nn.GELU; derivatives.yaml, gelu.
    """
    if approximate == "tanh":
        # The tangent is 1 product, 1 exponential, 2 additions, 1 division, as the layer `tanh` counts it.
        return _activation(x, saves("input", 0), multiply=8, add=4, exponential=1, divide=1)
    return _activation(x, saves("input", 0), multiply=3, add=1, exponential=1)


@layer
def silu(x: Volume, *, inplace: Switch = True) -> Outcome:
    """x / (1 + exp(-x)), also called Swish. An exponential, an addition and a division per value.

    Saved for backward: the input; a copy of it where it is overwritten.
    Source: torch.nn.SiLU; derivatives.yaml, silu.
    """
    return _activation(x, _input_or_copy(x, inplace), inplace, exponential=1, add=1, divide=1)


@layer
def mish(x: Volume, *, inplace: Switch = False) -> Outcome:
    """x * tanh(softplus(x)). Three exponentials, three additions, two multiplications, a division per value.

    Saved for backward: the input; a copy of it where it is overwritten.
    Source: Misra 2019, arXiv:1908.08681; torch.nn.Mish; derivatives.yaml, mish.
    """
    return _activation(x, _input_or_copy(x, inplace), inplace, exponential=3, add=3, multiply=2, divide=1)


@layer
def sigmoid(x: Volume) -> Outcome:
    """1 / (1 + exp(-x)). An exponential, an addition and a division per value.

    Saved for backward: the output.
    Source: torch.nn.Sigmoid; derivatives.yaml, sigmoid.
    """
    return _activation(x, saves("output", 0), exponential=1, add=1, divide=1)


@layer
def tanh(x: Volume) -> Outcome:
    """Hyperbolic tangent, (e - 1) / (e + 1) with e = exp(2x). A product, an exponential, two additions, a division.

    Saved for backward: the output.
    Source: torch.nn.Tanh; derivatives.yaml, tanh.
    """
    return _activation(x, saves("output", 0), multiply=1, exponential=1, add=2, divide=1)


@layer
def softplus(x: Volume) -> Outcome:
    """log(1 + exp(x)). Two exponentials (one a logarithm) and an addition per value.

    Saved for backward: the input.
    Source: torch.nn.Softplus; derivatives.yaml, softplus.
    """
    return _activation(x, saves("input", 0), exponential=2, add=1)


@layer
def hardsigmoid(x: Volume, *, inplace: Switch = False) -> Outcome:
    """min(max(x + 3, 0), 6) / 6. An addition, two comparisons and a multiplication per value.

    Saved for backward: the input; a copy of it where it is overwritten.
    Source: torch.nn.Hardsigmoid; derivatives.yaml, hardsigmoid.
    """
    return _activation(x, _input_or_copy(x, inplace), inplace, add=1, compare=2, multiply=1)


@layer
def hardswish(x: Volume, *, inplace: Switch = True) -> Outcome:
    """x * hardsigmoid(x). As hardsigmoid and one multiplication more.

    Saved for backward: the input; a copy of it where it is overwritten.
    Source: Howard et al. 2019, arXiv:1905.02244; torch.nn.Hardswish; derivatives.yaml, hardswish.
    """
    return _activation(x, _input_or_copy(x, inplace), inplace, add=1, compare=2, multiply=2)


@layer
def softmax(x: Volume, *, over: OneAxis = "channels") -> Outcome:
    """exp(x) over its sum, across the channels of each position, or along another axis.

    Operations: a comparison (for the largest), a subtraction, an exponential, an addition and a division per value,
    one comparison and one addition fewer for each sum.
    Saved for backward: the output.
    Source: torch.nn.Softmax; derivatives.yaml, _softmax.
    """
    n = x.elements
    sums = product(size for axis, size in enumerate(x.shape) if axis != over)
    return Outcome(
        x,
        operations=operations("activation", **of_softmax(n, sums)),
        saved=(saves("output", 0),),
        windows=EVERYTHING if over else (),
    )
