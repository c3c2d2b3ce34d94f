"""The OCR for a plate seen wide (edge.wide): the reader for twice as many columns, two rows deeper.

It reads a plate in doubt, so it may cost more than the reader.
"""

from __future__ import annotations

from pathlib import Path

import keras

from edge.wide import WIDE
from models import reader
from models.layers import Row

MORE = (Row(5, 240, 80, still=True), Row(5, 240, 80, still=True))


def build(*, batch_size: int | None = None) -> keras.Model:
    """The wide reader as it is deployed: `crop` (64, 256, 3), `classes` (8, 32, 2·A), `masks` (8, 32, 4)."""
    return reader.build(batch_size=batch_size, size=WIDE, more=MORE, name="wide_reader")


def grown(weights: Path) -> keras.Model:
    """The wide reader that reads as the reader with those weights does: the rows behind its own change nothing yet."""
    short, net = reader.build(size=WIDE), build()
    short.load_weights(weights)
    rows, heads = short.layers[:-2], short.layers[-2:]
    for layer, same in [*zip(rows, net.layers, strict=False), *zip(heads, net.layers[-2:], strict=True)]:
        same.set_weights(layer.get_weights())
    return net
