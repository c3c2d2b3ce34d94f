"""The QAM: one small look at a crop says how readable it is and whether it should be restored first.

Input `crop` (64, 128, 3) in [0, 1]; outputs `quality` (1, 1, 1): how surely the reader reads it, the target of EQ-LPR
(seed 004, Eq. 3); `degraded` (1, 1, 1): the router's verdict of the adaptive Vietnamese system (seed 000).
"""

from __future__ import annotations

import keras
from keras import layers

from models.layers import Row, conv, stack

ROWS = (Row(3, 16, 24, 2), Row(3, 48, 32, 2), Row(3, 96, 32), Row(3, 96, 32), Row(3, 96, 32))


def build(*, batch_size: int | None = None) -> keras.Model:
    """A stem that sees every pixel once, five small blocks, one mean over the plate."""
    crop = keras.Input((64, 128, 3), batch_size=batch_size, name="crop")
    x = conv(stack(conv(crop, 16, 4, stride=4), ROWS), 96)
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    outputs = {name: layers.Conv2D(1, 1, activation="sigmoid", name=name)(x) for name in ("quality", "degraded")}
    return keras.Model(crop, outputs, name="quality")
