"""The OCR: backbone and attention of the Korean paper (seed 003), contracted on the host.

Input `crop` (64, 128, 3) in [0, 1]; outputs `classes` (8, 16, 2·A) logits and `masks` (8, 16, 4) in (0, 1).
A mask belongs to a row of text and a half column; the time step (row, column, half) attends to the eight cells
above each other there. A linear classifier commutes with the pooling, so nothing of it has to run on the TPU.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from edge.image import CROP
from edge.plates import alphabet
from models.layers import Row, conv, enlarge, stack

ROWS = 2  # of text
HALVES = 2  # time steps per column of the feature map
SETTLE = 0.25  # added to the attention mass: an unattended step fades to the uniform distribution
MAX_TEXT = 12

# Seed 003, "Backbone": index, kernel, expansion, output channels, stride. Expansions are MobileNetV3-Small's, narrowed
# where that costs least, until it takes less than nine tenths of the time of the paper's own reader (models.seed).
BACKBONE = (
    Row(3, 16, 16, 2),
    Row(3, 64, 24),
    Row(3, 64, 24),
    Row(5, 80, 40, 2),
    Row(5, 176, 40),
    Row(5, 176, 40),
    Row(5, 120, 48),
    Row(5, 144, 48),
    Row(5, 192, 80),
)


def build(
    *, batch_size: int | None = None, size: tuple[int, int] = CROP, more: tuple[Row, ...] = (), name: str = "reader"
) -> keras.Model:
    """The reader as it is deployed, for crops of that height and width, with `more` rows behind its backbone."""
    crop = keras.Input((*size, 3), batch_size=batch_size, name="crop")
    x = stack(conv(crop, 16, 3, stride=2), BACKBONE + more)
    outputs = {
        "classes": layers.Conv2D(HALVES * alphabet.SIZE, 1, name="classes")(x),
        "masks": layers.Conv2D(ROWS * HALVES, 1, activation="sigmoid", name="masks")(x),
    }
    return keras.Model(crop, outputs, name=name)


def segmenting(net: keras.Model) -> keras.Model:
    """The reader with its auxiliary head for training: `cells` (16, 32, 13), background and n-th character.

    Twice as wide for the wide reader.
    """
    features = net.get_layer("classes").input
    cells = layers.Conv2D(1 + MAX_TEXT, 1, name="cells")(enlarge(features))
    return keras.Model(net.input, {**net.output, "cells": cells})


def contract(classes: keras.KerasTensor, masks: keras.KerasTensor) -> keras.KerasTensor:
    """Logits by time step (batch, 64 or 128, A) of class and mask maps; the same sum as edge.ctc.contract."""
    height, width = classes.shape[1:3]
    classes = ops.reshape(classes, (-1, height, width, HALVES, alphabet.SIZE))
    masks = ops.reshape(masks, (-1, height, width, ROWS, HALVES))
    steps = ops.einsum("nhwrs,nhwsa->nrwsa", masks, classes)
    mass = ops.transpose(ops.sum(masks, axis=1), (0, 2, 1, 3))[..., None]
    return ops.reshape(steps / (mass + SETTLE), (-1, ROWS * width * HALVES, alphabet.SIZE))
