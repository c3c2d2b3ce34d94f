"""Training that feels the rounding to come: kernels and activations pass through the grid of the uint8 file.

Kernels are rounded to 8 bits a channel, symmetric, batch normalisation folded in before as the converter does it;
activations to 8 bits a tensor over the range of the batch. Gradients pass straight through (Jacob et al. 2018, §3).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

ROUNDED = (layers.ReLU, layers.Add, layers.Multiply)  # what the file keeps between two convolutions
FUSED = (layers.BatchNormalization, layers.ReLU)  # what becomes part of the convolution before it


def on_grid(x: keras.KerasTensor, low: keras.KerasTensor, high: keras.KerasTensor, steps: int) -> keras.KerasTensor:
    """`x` at the nearest of `steps` + 1 values from `low` to `high`, one of which is 0; the gradient is that of `x`."""
    scale = ops.maximum(high - low, 1e-6) / steps
    rounded = ops.round(ops.clip(x, low, high) / scale) * scale
    return x + ops.stop_gradient(rounded - x)


def activation(x: keras.KerasTensor) -> keras.KerasTensor:
    """A tensor as uint8 over its own range, 0 included."""
    return on_grid(x, ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0), 255)


@keras.saving.register_keras_serializable(package="edge_alpr")
class Rounded(layers.Layer):
    """An activation, rounded."""

    def call(self, x):
        return activation(x)


@keras.saving.register_keras_serializable(package="edge_alpr")
class RoundedConvolution(layers.Layer):
    """A convolution and, where one follows, its batch normalisation with frozen statistics, by rounded kernels."""

    def __init__(self, convolution: Any, norm: Any = None) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, norm

    def call(self, x):
        layer, norm = self.convolution, self.norm
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        kernel, shift = layer.kernel, layer.bias if layer.use_bias else 0.0
        if norm is not None:
            gain = norm.gamma / ops.sqrt(norm.moving_variance + norm.epsilon)
            kernel = kernel * (gain[:, None] if depthwise else gain)
            shift = norm.beta + (shift - norm.moving_mean) * gain
        peak = ops.max(ops.abs(kernel), axis=(0, 1, 3) if depthwise else (0, 1, 2), keepdims=True)
        kernel = on_grid(kernel, -peak, peak, 254)
        convolve = ops.depthwise_conv if depthwise else ops.conv
        return layer.activation(convolve(x, kernel, strides=layer.strides, padding=layer.padding) + shift)


def rounded(net: keras.Model) -> keras.Model:
    """The same net with the same variables, its convolutions and activations rounded."""

    def call(layer: Any, *inputs: Any, **keywords: Any) -> Any:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            norm = _next(layer) if isinstance(_next(layer), layers.BatchNormalization) else None
            y = RoundedConvolution(layer, norm)(*inputs)
            return y if isinstance(_next(layer), FUSED) else Rounded()(y)
        if isinstance(layer, layers.BatchNormalization):  # in the convolution before it
            return inputs[0] if isinstance(_next(layer), layers.ReLU) else Rounded()(inputs[0])
        y = layer(*inputs, **keywords)
        return Rounded()(y) if isinstance(layer, ROUNDED) else y

    return keras.models.clone_model(net, clone_function=lambda layer: layer, call_function=call)


def _next(layer: Any) -> Any:
    """What takes the output of a layer first; None after the last."""
    nodes = layer._outbound_nodes
    return nodes[0].operation if nodes else None
