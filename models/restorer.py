"""The restorer: a small U-Net that says what to change in a degraded crop to have the clear one, 64×128 in and out.

Input `crop` (64, 128, 3) in [0, 1]; output `restored` (64, 128, 3), of the same range but for a little above 1. It
begins as the identity, so that a clear crop is not the worse for it. Bilinear enlargement and additions instead of
transposed convolutions and concatenations keep every op on the Edge TPU (seed 000, conditional restoration).
"""

from __future__ import annotations

import keras
from keras import layers

from models.layers import Row, conv, enlarge, stack

LEVELS = (Row(3, 32, 24, 2), Row(3, 96, 40, 2), Row(5, 160, 64, 2))
BOTTOM = (Row(5, 192, 64), Row(5, 192, 64))


def build(*, batch_size: int | None = None) -> keras.Model:
    crop = keras.Input((64, 128, 3), batch_size=batch_size, name="crop")
    x = conv(crop, 16, 3, stride=2)
    skips = []
    for row in LEVELS:
        skips.append(x)
        x = stack(x, (row,))
    x = stack(x, BOTTOM)
    for skip in reversed(skips):
        x = layers.Add()([conv(enlarge(x), skip.shape[-1]), skip])
        x = stack(x, (Row(3, 2 * skip.shape[-1], skip.shape[-1]),))
    change = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="change")(conv(enlarge(x), 16, 3))
    restored = layers.ReLU(6.0, name="restored")(layers.Add()([crop, change]))
    return keras.Model(crop, {"restored": restored}, name="restorer")
