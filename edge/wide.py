"""A plate seen wide: twice as wide as the reader's input, a plate's two rows side by side.

A character of a single row is 14 of the reader's 128 pixels wide; seen wide it has 28.
"""

from __future__ import annotations

import numpy as np

from edge.image import CROP, MARGIN, corners_of, part_of, rectify
from edge.records import Box, Corners, Image

WIDE = (CROP[0], 2 * CROP[1])  # height, width
ROWS_PART = {"br": 0.58, "cn": 0.4, "kr": 0.35}  # by region, of the plate's height from above
MIDDLE = 0.5


def spread(image: Image, plate: Corners, *, rows: int, region: str | None, margin: float = MARGIN) -> Image:
    """The wide view (64, 256, 3) of a plate with so many rows of text, with a margin around it."""
    if rows == 1:
        return rectify(image, plate, WIDE, margin=margin)
    edge, low, high = ROWS_PART.get(region or "", MIDDLE), -margin, 1 + margin
    shares = Box(low, low, high, edge), Box(low, edge, high, high)
    return np.hstack([rectify(image, part_of(plate, corners_of(row)), margin=0.0) for row in shares])
