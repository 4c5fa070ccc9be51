"""Normalisations and noise."""

from __future__ import annotations

from archcalc.exchange.keras.call import Call
from archcalc.exchange.keras.registry import keras_layer
from archcalc.exchange.operations.arguments import given
from archcalc.exchange.operations.registry import Refusal


def _over_channels(call: Call, value: int, default: int = -1) -> None:
    if call.axis(call.config.get("axis", default), call.volume(value)) != 0:
        raise Refusal("it is not over the channels")


def _scaled(call: Call, value: int, layer: str, scale: bool, shift: bool) -> int:
    """A normalisation with scale and shift, or with one of them behind it."""
    if scale == shift:
        return call.step(layer, value, given(affine=(scale, True)))
    value = call.step(layer, value, {"affine": False})
    return call.within("affine", value, given(scale=(scale, True), bias=(shift, True)))


@keras_layer("BatchNormalization", "SyncBatchNormalization")
def batch_norm(call: Call) -> int:
    """`batch_norm`."""
    value = call.input()
    _over_channels(call, value)
    return _scaled(call, value, "batch_norm", call.flag("scale", True), call.flag("center", True))


@keras_layer("LayerNormalization")
def layer_norm(call: Call) -> int:
    """`layer_norm`, over the channels."""
    value = call.input()
    _over_channels(call, value)
    if call.flag("rms_scaling", False):
        return call.step("rms_norm", value)
    return _scaled(call, value, "layer_norm", call.flag("scale", True), call.flag("center", True))


@keras_layer("RMSNormalization")
def rms_norm(call: Call) -> int:
    """`rms_norm`."""
    value = call.input()
    _over_channels(call, value)
    return call.step("rms_norm", value)


@keras_layer("GroupNormalization")
def group_norm(call: Call) -> int:
    """`group_norm`."""
    value = call.input()
    _over_channels(call, value)
    groups = call.whole("groups", 32)
    scaled, shifted = call.flag("scale", True), call.flag("center", True)
    if shifted and not scaled:
        raise Refusal("it has a shift and no scale")
    groups = call.volume(value).channels if groups == -1 else groups
    own = given(groups=(groups, None), affine=(scaled, True), bias=(shifted or not scaled, True))
    return call.step("group_norm", value, own)


@keras_layer("UnitNormalization")
def unit_norm(call: Call) -> int:
    """`normalize`."""
    value = call.input()
    _over_channels(call, value)
    return call.step("normalize", value)


@keras_layer("Normalization")
def normalization(call: Call) -> int:
    """Mean and variance of the data, which are stored and not trained unless they are given: a frozen `affine`."""
    value = call.input()
    _over_channels(call, value)
    call.trainable = False
    if call.config.get("mean") is None:
        return call.step("affine", value)
    shape = {"shape": (call.volume(value).channels,), "buffer": False}
    centred = call.within("subtract", (value, call.within("constant", value, shape)))
    return call.within("divide", (centred, call.within("constant", value, shape)))


@keras_layer("Dropout")
def dropout(call: Call) -> int:
    """`dropout`."""
    if call.config.get("noise_shape") is None:
        return call.step("dropout", call.input(), given(rate=(call.number("rate", 0.5), 0.5)))
    shape = call.config["noise_shape"]
    if isinstance(shape, list) and shape[1:] == [1] * call.volume(call.input()).rank + [1]:
        return call.step("drop_path", call.input(), given(rate=(call.number("rate", 0.5), 0.5)))
    raise Refusal("its noise_shape is neither that of its input nor one number for each sample")


@keras_layer("ActivityRegularization", "Identity", "GaussianNoise", "Masking")
def identity(call: Call) -> int:
    """Nothing that is there at inference."""
    if call.kind == "Masking":
        raise Refusal("it hides positions")
    return call.input()


@keras_layer("LayerScale")
def layer_scale(call: Call) -> int:
    """`layer_scale`."""
    return call.step("layer_scale", call.input())


@keras_layer("StochasticDepth")
def stochastic_depth(call: Call) -> int:
    """`drop_path`."""
    rate = call.number("drop_path_rate")
    return call.step("drop_path", call.input(), given(rate=(rate, 0.5))) if rate else call.input()


@keras_layer("CustomScaleLayer")
def scaled_residual(call: Call) -> int:
    """The sum of a tensor and a second one times a number, as Inception-ResNet has it."""
    if len(call.inputs) != 2 or call.numbers:
        raise Refusal("it reads other than two tensors")
    value, residual = call.inputs
    return call.step("add", (value, call.within("scale", residual, {"factor": call.number("scale")})))


@keras_layer("Rescaling")
def rescaling(call: Call) -> int:
    """`scale` by a number and the sum with one; those for each channel are a constant."""
    value = call.input()
    for key, layer, nothing in (("scale", "multiply", 1.0), ("offset", "add", 0.0)):
        given_ = call.config.get(key, nothing)
        if isinstance(given_, list):
            shape = {"shape": (call.volume(value).channels,), "buffer": False}
            if len(given_) != call.volume(value).channels:
                raise Refusal(f"its {key} has another number of values than its input has channels")
            value = call.within(layer, (value, call.within("constant", value, shape)))
        elif call.number(key, nothing) != nothing:
            value = _with_number(call, value, layer, call.number(key, nothing))
    return value


def _with_number(call: Call, value: int, layer: str, number: float) -> int:
    if layer == "multiply":
        return call.within("scale", value, {"factor": number})
    return call.within("add", (value, call.within("constant", value, {"shape": (1,), "buffer": False})))
