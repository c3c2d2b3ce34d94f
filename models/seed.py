"""The Korean paper's own reader (seed 003): the measure for every latency of ours, and the start of its reproduction.

Input `crop` (64, 128, 3) in [0, 1]; outputs `classes` (8, 16, 82) logits and `masks` (8, 16, 16) in (0, 1), one mask a
time step. The contraction [T, 128] × [128, A] is left to the host, as in models.reader: a linear classifier commutes
with the pooling. Rows are the paper's table without the blocks that it strikes out; expansions are MobileNetV3-Small's.
The widths of its attention are not given; they were chosen so that the net costs what the paper says: 198,050
parameters (paper: 198,189) and 27.54 MMAC = 55.07 MFLOP (paper: 55.06) as deployed, batch normalisation folded away.
A mask sees the whole plate, so that it finds the n-th character of one row of text or of two alike.
"""

from __future__ import annotations

from dataclasses import replace

import keras
from keras import layers, ops

from edge.plates.alphabet import DIGITS, HANGUL
from models.layers import Row, conv, enlarge, excitation, stack

# "Backbone", indices 1 to 9: kernel, expansion, #out, stride; index 0 is the stem.
BACKBONE = (
    Row(3, 16, 16, 2),
    Row(3, 72, 24),
    Row(3, 88, 24),
    Row(5, 96, 40, 2),
    Row(5, 240, 40),
    Row(5, 240, 40),
    Row(5, 120, 48),
    Row(5, 144, 48),
    Row(5, 288, 96),
)
SQUEEZED = (0, 3, 4, 5, 6, 7, 8)  # rows that have SE in MobileNetV3-Small, where the paper takes it away
TIME_STEPS = 16
CHARACTERS = DIGITS + "".join(dict.fromkeys(HANGUL))  # of Korean plates
CLASSES = 1 + len(CHARACTERS)  # 82 as in the paper; the blank is the first
SETTLE = 0.25  # added to the attention mass, as in models.reader
GLOBAL, LOCAL = 72, 138  # channels of the two attention blocks


def build(*, batch_size: int | None = None, classes: int = CLASSES, squeeze: bool = False) -> keras.Model:
    """The net as the paper deploys it, for so many classes, the blank among them; or with its SE blocks put back."""
    crop = keras.Input((64, 128, 3), batch_size=batch_size, name="crop")
    rows = tuple(replace(row, squeeze=squeeze and n in SQUEEZED) for n, row in enumerate(BACKBONE))
    local = conv(stack(conv(crop, 16, 3, stride=2), rows), LOCAL)
    attended = layers.Multiply()([local, excitation(local, GLOBAL)])
    outputs = {
        "classes": layers.Conv2D(classes, 1, name="classes")(attended),
        "masks": layers.Conv2D(TIME_STEPS, 1, activation="sigmoid", name="masks")(attended),
    }
    return keras.Model(crop, outputs, name="seed")


def segmenting(net: keras.Model) -> keras.Model:
    """The net with its head for training: `cells` (16, 32, 17), background and which character is where."""
    attended = net.get_layer("classes").input
    cells = layers.Conv2D(1 + TIME_STEPS, 1, name="cells")(enlarge(attended))
    return keras.Model(net.input, {**net.output, "cells": cells})


def contract(classes: keras.KerasTensor, masks: keras.KerasTensor) -> keras.KerasTensor:
    """Logits by time step (batch, 16, classes): the class map (batch, 8, 16, classes) pooled under every mask."""
    mass = ops.sum(masks, axis=(1, 2))[..., None]
    return ops.einsum("nhwt,nhwa->nta", masks, classes) / (mass + SETTLE)
