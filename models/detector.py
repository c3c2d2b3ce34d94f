"""The detector: anchor-free, whole frame letterboxed; a heat map of plate centres and, at each, the plate's shape.

Input `image` (384, 384, 3) in [0, 1]; outputs on the stride-8 map (48, 48): `heat` (1) in (0, 1); `box` (4): centre
offset from the cell's centre in cells, ln of width and height in cells; `corners` (8): TL TR BR BL relative to the
box's centre in half sizes; `rows` (1): probability of two rows of text. After CenterNet (Zhou et al. 2019, Objects as
Points), with a small feature pyramid in place of its decoder.
"""

from __future__ import annotations

import keras
from keras import layers

from models.layers import Row, bottleneck, conv, depthwise, enlarge, stack

SIZE = 384
STRIDE = 8
MAP = SIZE // STRIDE

STEM = 16
TO_STRIDE_8 = (Row(3, 16, 16, 2), Row(3, 64, 24, 2), Row(3, 88, 24))
TO_STRIDE_16 = (Row(5, 96, 40, 2), Row(5, 200, 40), Row(5, 200, 40), Row(5, 144, 48))
TO_STRIDE_32 = (Row(5, 288, 96, 2), Row(5, 384, 96))
PYRAMID = 48


def build(*, batch_size: int | None = None) -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3), batch_size=batch_size, name="image")
    fine = stack(conv(image, STEM, 3, stride=2), TO_STRIDE_8)
    middle = stack(fine, TO_STRIDE_16)
    x = conv(stack(middle, TO_STRIDE_32), PYRAMID)
    for lateral in (middle, fine):
        x = layers.Add()([enlarge(x), conv(lateral, PYRAMID)])
        x = conv(depthwise(x, 5), PYRAMID)
    x = bottleneck(x, Row(5, 96, PYRAMID))
    x = conv(depthwise(x, 5), 64)
    prior = keras.initializers.Constant(-4.0)  # few cells hold a plate
    outputs = {
        "heat": layers.Conv2D(1, 1, activation="sigmoid", bias_initializer=prior, name="heat")(x),
        "box": layers.Conv2D(4, 1, name="box")(x),
        "corners": layers.Conv2D(8, 1, name="corners")(x),
        "rows": layers.Conv2D(1, 1, activation="sigmoid", name="rows")(x),
    }
    return keras.Model(image, outputs, name="detector")
