"""The QAM: one small look at a crop says how readable it is and whether it should be restored first.

Input `crop` (64, 128, 3) in [0, 1]; outputs `quality` (1, 1, 1): how sure reader and grammars are of its text (EQ-LPR,
seed 004, Eq. 3, asks the reader alone); `degraded` (1, 1, 1): the router's verdict of the adaptive Vietnamese system
(seed 000).
"""

from __future__ import annotations

import keras
from keras import layers

from edge.plates import alphabet
from models import reader
from models.layers import conv

# Filters, kernel, stride. Whole convolutions, because at this size they take no longer than bottlenecks of a third of
# their multiplications; the stem sees every pixel once. Most weights stand where the map is small.
ROWS = ((16, 4, 4), (32, 3, 2), (40, 3, 1), (64, 3, 2), (128, 3, 1))


def build(*, batch_size: int | None = None) -> keras.Model:
    """Five convolutions and one mean over the plate."""
    crop = keras.Input((64, 128, 3), batch_size=batch_size, name="crop")
    x = crop
    for filters, kernel, stride in ROWS:
        x = conv(x, filters, kernel, stride=stride)
    x = layers.AveragePooling2D(x.shape[1:3], name="plate")(x)
    outputs = {name: layers.Conv2D(1, 1, activation="sigmoid", name=name)(x) for name in ("quality", "degraded")}
    return keras.Model(crop, outputs, name="quality")


def taught(net: keras.Model) -> keras.Model:
    """The QAM with a head for training: `classes` (8, 16, 2·A), logits as the reader has them.

    What a character can be confused with is what makes the reader unsure, so the score has to know what it is. Each
    cell of the features, 16 × 16 pixels, makes four of the head's.
    """
    features = net.get_layer("plate").input
    classes = layers.Conv2DTranspose(reader.HALVES * alphabet.SIZE, 2, strides=2)(features)
    return keras.Model(net.input, {**net.output, "classes": classes})
