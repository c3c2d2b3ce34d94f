"""A plate seen wide: twice as wide as the reader's input, a plate's two rows side by side, read through windows.

A character of a single row is 14 of the input's 128 pixels wide; seen wide it has 28. What a window reads beside
its inner borders is left to its neighbour, so that a character may stand across a border; together they are one look.
The reader learns such views beside whole plates (models.synth.view.pieces).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.image import CROP, MARGIN, corners_of, part_of, rectify
from edge.records import Box, Corners, Image

WIDE = (CROP[0], 2 * CROP[1])  # height, width
STRIDE = CROP[1] // 2  # pixels from one window to the next
KEPT = (slice(0, 24), slice(8, 24), slice(8, 32))  # by window, of the 32 steps of each row of text
ROWS_PART = {"br": 0.58, "cn": 0.4, "kr": 0.4}  # by region, of the plate's height from above
MIDDLE = 0.5


def spread(image: Image, plate: Corners, *, rows: int, region: str | None) -> Image:
    """The wide view (64, 256, 3) of a plate with so many rows of text, with a margin around it."""
    if rows == 1:
        return rectify(image, plate, WIDE)
    edge, low, high = ROWS_PART.get(region or "", MIDDLE), -MARGIN, 1 + MARGIN
    shares = Box(low, low, high, edge), Box(low, edge, high, high)
    return np.hstack([rectify(image, part_of(plate, corners_of(row)), margin=0.0) for row in shares])


def windows(wide: Image) -> list[Image]:
    """The reader's inputs (64, 128, 3) of a wide view, from left to right."""
    return [np.ascontiguousarray(wide[:, n * STRIDE : n * STRIDE + CROP[1]]) for n in range(len(KEPT))]


def stitch(log_posteriors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The log posteriors (128, characters) of a wide view from those (64, characters) of its windows."""
    by_row = [seen.reshape(ctc.ROWS, -1, seen.shape[-1]) for seen in log_posteriors]
    kept = [seen[:, steps] for seen, steps in zip(by_row, KEPT, strict=True)]
    return np.concatenate(kept, axis=1).reshape(-1, log_posteriors[0].shape[-1])
