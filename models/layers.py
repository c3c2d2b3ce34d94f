"""Building blocks that the Edge TPU takes: convolution, batch norm folded away at export, ReLU6; no h-swish.

A network is a table of rows, one row a block, to be compared with its paper line by line.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers


@dataclass(frozen=True, slots=True)
class Row:
    """A bottleneck of MobileNetV3-Small: depthwise kernel, expanded and output channels, stride."""

    kernel: int
    expand: int
    out: int
    stride: int = 1
    squeeze: bool = False  # squeeze and excitation behind the depthwise convolution
    still: bool = False  # begins as the identity, so that it can join a net that is already trained


def conv(
    x: keras.KerasTensor, filters: int, kernel: int = 1, *, stride: int = 1, relu: bool = True, still: bool = False
) -> keras.KerasTensor:
    """Convolution, batch normalisation, which is zero at first where `still`, and, unless `relu` is off, ReLU6."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(gamma_initializer="zeros" if still else "ones")(x)
    return layers.ReLU(6.0)(x) if relu else x


def depthwise(x: keras.KerasTensor, kernel: int, *, stride: int = 1) -> keras.KerasTensor:
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU(6.0)(x)


def bottleneck(x: keras.KerasTensor, row: Row) -> keras.KerasTensor:
    """Expand, depthwise, project; added to its input where the shapes agree (MobileNetV3, mostly without SE)."""
    shortcut = x
    if row.expand != x.shape[-1]:
        x = conv(x, row.expand)
    x = depthwise(x, row.kernel, stride=row.stride)
    if row.squeeze:
        x = layers.Multiply()([x, excitation(x, row.expand // 4)])
    x = conv(x, row.out, relu=False, still=row.still)
    return layers.Add()([shortcut, x]) if row.stride == 1 and shortcut.shape[-1] == row.out else x


def excitation(x: keras.KerasTensor, squeezed: int) -> keras.KerasTensor:
    """How much each channel of (h, w, c) matters on this picture: (1, 1, c) in (0, 1)."""
    pooled = layers.AveragePooling2D(x.shape[1:3])(x)
    narrow = layers.Conv2D(squeezed, 1, activation="relu")(pooled)
    return layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(narrow)


def stack(x: keras.KerasTensor, rows: tuple[Row, ...]) -> keras.KerasTensor:
    for row in rows:
        x = bottleneck(x, row)
    return x


def enlarge(x: keras.KerasTensor) -> keras.KerasTensor:
    """Bilinear ×2: nearest becomes RESHAPE+TILE, which the Edge TPU compiler rejects."""
    return layers.UpSampling2D(2, interpolation="bilinear")(x)
