"""Every rule of the Edge TPU's table has a tiny network that keeps it and one that breaks it, converted for real."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from convert import check, flatbuffer, rules
from tests import tiny_models
from tests.test_check import Tail, convert, reasons  # noqa: F401

L, K = keras.layers, keras.ops
Change = Callable[[Any], None]


def tensorflow(function: Callable[[Any, Any], Any]) -> Tail:
    """A layer of one TensorFlow operation that Keras has not."""

    def tail(x: Any) -> Any:
        import tensorflow

        return L.Lambda(lambda y: function(tensorflow, y))(x)

    return tail


KEEPS: dict[str, Tail] = {
    "free": lambda x: L.Activation("tanh")(L.Conv2D(4, 1)(x)),
    "same_shapes": lambda x: K.maximum(L.Conv2D(8, 1)(x), x),
    "product": lambda x: x * L.Conv2D(8, 1, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x)),
    "no_activation": lambda x: L.AveragePooling2D(2)(x),
    "no_constants": lambda x: L.Concatenate()([x, L.Conv2D(3, 1)(x)]),
    "convolution": lambda x: L.Conv2D(4, 3, padding="same")(x),
    "square_dilation": lambda x: L.DepthwiseConv2D(3, dilation_rate=2, padding="same")(x),
    "dense": lambda x: L.Dense(4)(L.GlobalAveragePooling2D()(x)),
    "spatial": lambda x: L.GlobalAveragePooling2D(keepdims=True)(x),
    "small": lambda x: L.Conv2D(2, 1)(L.UpSampling2D(2, interpolation="bilinear")(x)),
    "pads_space": lambda x: L.MaxPooling2D(2)(L.ZeroPadding2D(((1, 1), (2, 0)))(x)),
    "per_channel_slope": lambda x: L.PReLU(shared_axes=[1, 2], alpha_initializer="ones")(L.Conv2D(4, 1)(x)),
    "keeps_layout": lambda x: L.Conv2D(3, 1)(L.Reshape((1, 16, 8))(L.AveragePooling2D((1, 16))(x))),
    "doubles": lambda x: L.Conv2D(2, 1)(L.UpSampling2D(2, interpolation="bilinear")(x)),
    "constant_places": tensorflow(lambda tf, y: tf.slice(y, [0, 2, 2, 0], [1, 8, 8, 8])),
    "flat": lambda x: L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x)),
    "splits_space": tensorflow(lambda tf, y: tf.concat(tf.split(y, 2, axis=3)[::-1], axis=3)),
}


def _option(name: str, option: str, value: int) -> Change:
    return lambda model: setattr(tiny_models.operation(model, name)[0].builtinOptions, option, value)


def _constant(name: str, place: int, change: Callable[[Any], Any]) -> Change:
    """Other numbers in a constant input of an operation."""

    def mended(model: Any) -> None:
        op = tiny_models.operation(model, name)[0]
        buffer = model.buffers[model.subgraphs[0].tensors[op.inputs[place]].buffer]
        numbers = np.frombuffer(bytes(buffer.data), np.int32)
        buffer.data = list(np.asarray(change(numbers), np.int32).tobytes())

    return mended


def _computed(name: str, place: int) -> Change:
    """A constant input of an operation as if it were computed."""

    def mended(model: Any) -> None:
        op = tiny_models.operation(model, name)[0]
        model.buffers[model.subgraphs[0].tensors[op.inputs[place]].buffer].data = None

    return mended


def _axis_of_batch(numbers: Any) -> Any:
    return np.zeros_like(numbers)


def _padded_channels(numbers: Any) -> Any:
    return np.where(np.arange(len(numbers)) == len(numbers) - 1, 2, numbers)


def _scales_per_unit(model: Any) -> None:
    op = tiny_models.operation(model, "FULLY_CONNECTED")[0]
    quantization = model.subgraphs[0].tensors[op.inputs[1]].quantization
    quantization.scale = [float(quantization.scale[0])] * 4
    quantization.zeroPoint = [0] * 4


# a network of its own, or a change to the file of the one that keeps the rule
BREAKS: dict[str, tuple[Tail | Change, str]] = {
    "same_shapes": (lambda x: K.maximum(L.Conv2D(1, 1)(x), x), r"MAXIMUM v\d: shapes .* broadcasting is unproved"),
    "product": (lambda x: x * L.Conv2D(1, 1)(x), r"MUL v\d: shapes .* broadcasting is unproved"),
    "no_activation": (_option("AVERAGE_POOL_2D", "fusedActivationFunction", 3), "a fused activation"),
    "no_constants": (
        lambda x: L.Concatenate()([x, K.ones((1, 16, 16, 2))]),
        r"CONCATENATION v\d: a constant operand|CONCATENATION v\d: .*constant",
    ),
    "convolution": (lambda x: L.Conv2D(8, 3, groups=4)(x), "Grouped convolution|grouped convolution"),
    "square_dilation": (_option("DEPTHWISE_CONV_2D", "dilationHFactor", 3), "dilation 3x2"),
    "dense": (_scales_per_unit, "one scale per unit"),
    "spatial": (lambda x: K.mean(x, axis=-1, keepdims=True), "reduces over batch or channels"),
    "small": (
        lambda x: L.GlobalAveragePooling2D(keepdims=True)(
            L.UpSampling2D(2, interpolation="bilinear")(L.UpSampling2D(2, interpolation="bilinear")(x))
        ),
        r"MEAN v\d: a map of 4096 cells; proved up to 1024",
    ),
    "pads_space": (_constant("PAD", 1, _padded_channels), "pads batch or channels"),
    "per_channel_slope": (
        lambda x: L.PReLU(alpha_initializer="ones")(L.Conv2D(4, 1)(x)), r"PRELU v\d: a slope per place",
    ),
    "keeps_layout": (lambda x: L.Reshape((8, 32, 8))(x), r"RESHAPE v\d: changes the layout"),
    "doubles": (lambda x: L.UpSampling2D(4, interpolation="bilinear")(x), "only doubling is proved"),
    "constant_places": (_computed("SLICE", 1), "must be quantized to 8 bits|places computed at run time"),
    "flat": (lambda x: K.softmax(x), r"SOFTMAX v\d: softmax over"),
    "splits_space": (_constant("SPLIT", 0, _axis_of_batch), "splits the batch"),
}  # fmt: skip


def judged(data: bytes) -> check.Report:
    return check.check(flatbuffer.parse(data), file="tiny.tflite")


@pytest.mark.parametrize("rule", KEEPS)
def test_a_network_that_keeps_the_rule_is_mapped(convert: Callable[..., bytes], rule: str) -> None:  # noqa: F811
    report = judged(convert(KEEPS[rule]))
    rows = rules.table()
    assert any(rule in rows[f.op].rules for f in report.ops), [f.op for f in report.ops]
    assert report.mapped, report.as_text()


@pytest.mark.parametrize("rule", BREAKS)
def test_a_network_that_breaks_the_rule_is_refused_with_its_reason(
    convert: Callable[..., bytes], rule: str  # noqa: F811
) -> None:
    how, reason = BREAKS[rule]
    if how.__name__ != "<lambda>" or how.__code__.co_varnames[:1] == ("model",):
        report = judged(tiny_models.mend(convert(KEEPS[rule]), how))
    else:
        report = judged(convert(how))
    assert not report.mapped
    assert re.search(reason, reasons(report)), report.as_text()


def test_every_rule_of_the_table_is_kept_and_broken_once() -> None:
    assert set(KEEPS) == set(rules.RULES)
    assert set(BREAKS) == set(rules.RULES) - {"free"}, "`free` asks for nothing that could be broken"
