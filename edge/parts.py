"""A plate in two parts, its rows or the halves of its only row, so that each fills the reader's input.

A character of a single row is 14 of the input's 128 pixels wide; seen as half a row it is twice as wide. The reader
learns such parts beside whole plates (models.synth.view.part).
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from edge import ctc
from edge.image import MARGIN
from edge.plates.decide import conclude
from edge.records import Corners, Reading

ROWS_PART = {"br": 0.58, "cn": 0.4, "kr": 0.4}  # by region, of the plate's height from above
MIDDLE = 0.5


def parts(plate: Corners, reading: Reading) -> tuple[Corners, Corners]:
    """The corners of both parts, with a margin on three sides, for what was read of the plate cut with MARGIN."""
    low, high = -MARGIN, 1 + MARGIN
    if reading.rows == 2:
        edge = ROWS_PART.get(reading.region or "", MIDDLE)
        return _corners(plate, low, low, high, edge), _corners(plate, low, edge, high, high)
    edge = gap(reading) * (1 + 2 * MARGIN) - MARGIN
    return _corners(plate, low, low, edge, high), _corners(plate, edge, low, high, high)


def gap(reading: Reading) -> float:
    """Where two characters of a single row part nearest the middle of the crop, as a share of its width."""
    rows = reading.log_posteriors.argmax(axis=1).reshape(ctc.ROWS, -1)
    row = rows[int((rows != ctc.BLANK).sum(axis=1).argmax())]
    spoken = np.flatnonzero(row != ctc.BLANK)
    pairs = [(a, b) for a, b in itertools.pairwise(spoken) if b > a + 1 or row[a] != row[b]]
    gaps = [float(a + b + 1) / 2 / len(row) for a, b in pairs]
    return min(gaps, key=lambda place: abs(place - MIDDLE), default=MIDDLE)


def join(first: Reading, second: Reading, *, rows: int, region: str | None) -> Reading:
    """The reading of a plate of so many rows, of which one part was read after the other."""
    log_posteriors = np.concatenate([first.log_posteriors, second.log_posteriors])
    return Reading(conclude(log_posteriors, region), log_posteriors, rows)


def _corners(plate: Corners, x0: float, y0: float, x1: float, y1: float) -> Corners:
    """The corners in the picture of a part that is given in shares of the plate."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    onto = cv2.getPerspectiveTransform(unit, np.array(plate, np.float32))
    part = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], np.float32)
    tl, tr, br, bl = ((float(x), float(y)) for x, y in cv2.perspectiveTransform(part, onto)[0])
    return tl, tr, br, bl
