"""What an optimizer keeps for each parameter from one update to the next.

Sources: the state dictionaries of torch.optim's classes of these names, measured with torch 2.14.1; `amsgrad` is its
Adam with that option. For `lion` and `adam8bit`, bitsandbytes.optim.Lion and Adam8bit, measured with version 0.50.2
(Chen et al. 2023, arXiv:2302.06675; Dettmers et al. 2021, arXiv:2110.02861). What an update makes and drops again, its
fused or per-tensor temporaries, is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archcalc.layers.outcome import Tensor
from archcalc.sizes.kinds import ceil_div

#: The step counter that torch.optim keeps beside each parameter tensor, a float32.
_STEP = 4

#: bitsandbytes keeps a float32 scale for every block of 256 values, and leaves tensors below 4,096 values in float32.
_BLOCK = 256
_LEAST_IN_8_BITS = 4096

#: The tables of the 256 values that 8 bits stand for, one for signed and one for unsigned, in float32.
_TABLES = 2 * 256 * 4


def _nothing(parameter: Tensor) -> int:
    return 0


def _one_copy(parameter: Tensor) -> int:
    """Momentum, Lion's too: a float32 for each value, and no counter."""
    return 4 * parameter.elements


def _one_moment(parameter: Tensor) -> int:
    """Adagrad's sum, RMSprop's mean of squares."""
    return 4 * parameter.elements + _STEP


def _two_moments(parameter: Tensor) -> int:
    """Adam's two means."""
    return 8 * parameter.elements + _STEP


def _three_moments(parameter: Tensor) -> int:
    """Adam's two means, and the largest that the second has been: Reddi et al. 2018, arXiv:1904.09237."""
    return 12 * parameter.elements + _STEP


def _factored(parameter: Tensor) -> int:
    """Adafactor's second moment: of a matrix (the last two axes) only its row and column means.

    Source: Shazeer & Stern 2018, arXiv:1804.04235, algorithm 4; torch.optim.Adafactor, which keeps no first moment.
    """
    if len(parameter.shape) < 2:
        return 4 * parameter.elements + _STEP
    rows, columns = parameter.shape[-2:]
    return 4 * (parameter.elements // columns + parameter.elements // rows) + _STEP


def _two_moments_in_8_bits(parameter: Tensor) -> int:
    if parameter.elements < _LEAST_IN_8_BITS:
        return 8 * parameter.elements
    return 2 * (parameter.elements + 4 * ceil_div(parameter.elements, _BLOCK))


#: Bytes of state for one parameter tensor, by optimizer.
STATE: dict[str, Callable[[Tensor], int]] = {
    "none": _nothing,
    "sgd": _nothing,
    "momentum": _one_copy,
    "adam": _two_moments,
    "adamw": _two_moments,
    "amsgrad": _three_moments,
    "lion": _one_copy,
    "adagrad": _one_moment,
    "rmsprop": _one_moment,
    "adafactor": _factored,
    "adam8bit": _two_moments_in_8_bits,
}
OPTIMIZERS = tuple(STATE)


#: Those whose state has the type of the parameters that they update, as torch.optim makes it; bitsandbytes' is
#: float32.
_OF_THE_PARAMETERS = frozenset(("momentum", "adam", "adamw", "amsgrad", "adagrad", "rmsprop", "adafactor"))


def state(optimizer: str, parameter: Tensor, width: int) -> int:
    """Bytes of state for one parameter tensor that is updated in a type of that many bytes: 4, or 2 where there are no
    float32 copies. The step counter is a float32 in either."""
    full = STATE[optimizer](parameter)
    if optimizer not in _OF_THE_PARAMETERS:
        return full
    counter = STATE[optimizer](Tensor("no values", 0))
    return (full - counter) * width // 4 + counter


def shared_state(optimizer: str, parameters: Iterable[Tensor]) -> int:
    """Bytes that an optimizer keeps once for all parameters: the tables of 8 bits, if any parameter is kept so."""
    in_8_bits = optimizer == "adam8bit" and any(tensor.elements >= _LEAST_IN_8_BITS for tensor in parameters)
    return _TABLES if in_8_bits else 0
