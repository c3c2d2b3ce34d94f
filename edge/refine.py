"""The corners of a plate refined by what it shows: set upright by its strokes, narrowed to its text.

Corners that are a little off leave a lean in the cut, by which 1 looks like 7 and K like X. Strokes stand where the
columns of a row of text differ most from their neighbours: the correction of slant that handwriting is read with.
What the detector takes for a plate is sometimes all of the recess around it: then its text is far too narrow.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.image import MARGIN, corners_of, part_of, rectify
from edge.records import Box, Corners, Image, Reading

SIZE = (96, 192)  # height, width of what is looked at
LEANS = sorted((step / 50 for step in range(-18, 19)), key=abs)  # of its width, from lower to upper edge
BANDS = {1: ((0.12, 0.88),), 2: ((0.06, 0.46), (0.54, 0.94))}  # by rows of text, of the plate's height
FRAME = 12  # columns at either side that may show the plate's frame
SHADING = (31, 31)  # pixels over which the ground is taken for even

NARROW = 0.6  # of the cut: what a row of text spans less of is a narrower plate than its corners say
USUAL = 0.74  # of the cut: what the row of text of a plate mostly spans
FEW = 4  # steps of the reader, below which their span says nothing


def upright(image: Image, plate: Corners, *, rows: int) -> Corners:
    """The corners by which the characters of a plate with so many rows of text stand upright."""
    grey = np.asarray(cv2.cvtColor(rectify(image, plate, SIZE, margin=0.0), cv2.COLOR_RGB2GRAY), np.float32)
    bands = [grey[round(begin * SIZE[0]) : round(end * SIZE[0])] for begin, end in BANDS[rows]]
    ink = [band - cv2.blur(band, SHADING) for band in bands]
    lean = max(LEANS, key=lambda tried: sum(_contrast(band, tried) for band in ink))
    half = lean / 2
    return part_of(plate, ((half, 0.0), (1 + half, 0.0), (1 - half, 1.0), (-half, 1.0)))


def _contrast(ink: NDArray[np.float32], lean: float) -> float:
    """How much the columns of a row of text differ from their neighbours, once that lean is taken away."""
    height, width = ink.shape
    shear = lean * SIZE[1] / SIZE[0]
    matrix = np.array([[1, shear, -shear * height / 2], [0, 1, 0]])
    straight = cv2.warpAffine(ink, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return float(np.square(np.diff(straight[:, FRAME:-FRAME].sum(axis=0))).sum())


def narrowed(plate: Corners, reading: Reading) -> Corners | None:
    """The corners of a plate whose only row of text is too narrow for them, read with MARGIN; None of any other."""
    said = reading.log_posteriors.reshape(ctc.ROWS, -1, reading.log_posteriors.shape[-1]).argmax(axis=-1) != ctc.BLANK
    steps = np.flatnonzero(said.any(axis=0))
    if reading.rows != 1 or len(steps) < FEW:
        return None
    begin, end = steps[0] / said.shape[1], (steps[-1] + 1) / said.shape[1]
    if end - begin >= NARROW:
        return None
    half, middle = (end - begin) / USUAL / 2, (begin + end) / 2 * (1 + 2 * MARGIN) - MARGIN
    return part_of(plate, corners_of(Box(middle - half, 0, middle + half, 1)))
