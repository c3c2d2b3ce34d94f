"""A thorough search for the plates of one picture: the whole, its quarters, from afar, then every plate from near.

A still picture is seen once, so it may cost several detections: the quarters show plates that are too small for the
detector's input in the whole picture, the view from afar those that are too large or that fill it, and the view from
near gives corners as exact as those of a large plate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np

from edge.detector import suppress
from edge.records import Box, Detection, Image

LARGE = 600  # pixels on its longer side from which a picture is also searched by quarters
QUARTER = 0.6  # of the longer side: quarters overlap, so that a plate on a border is whole in one of them
BORDER = 3.0  # pixels from the edge of a quarter within which a plate may be cut off
AFAR = 0.3  # margin of the view from afar, of the picture's width and height
NEAR = 3.5  # sides of the view from near, in plate widths
SAME = 0.25  # IoU above which the plate seen from near is the one that was looked for


class Detects(Protocol):
    """Finds plates in a frame."""

    def detect(self, image: Image) -> list[Detection]: ...


class Thorough:
    """A detector that takes its time."""

    def __init__(self, detector: Detects) -> None:
        self._detector = detector

    def detect(self, image: Image) -> list[Detection]:
        """Plates in picture pixels, surest first; what the whole picture shows counts before the other views."""
        found = self._detector.detect(image)
        others = self._in_quarters(image) + from_afar(self._detector, image)
        plates = suppress(found + sorted(others, key=lambda plate: -plate.score))
        closer = [self._from_near(image, plate) for plate in plates]
        return suppress(sorted(closer, key=lambda plate: -plate.score))

    def _in_quarters(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        if max(height, width) < LARGE:
            return []
        side = round(QUARTER * max(height, width))
        whole = Box(0, 0, width, height)
        quarters = {
            Box(x, y, min(width, x + side), min(height, y + side))
            for x in (0, max(0, width - side))
            for y in (0, max(0, height - side))
        }
        return [
            plate
            for quarter in sorted(quarters, key=lambda q: (q.y0, q.x0))
            for plate in self._within(image, quarter)
            if _uncut(plate.box, quarter, whole)
        ]

    def _from_near(self, image: Image, plate: Detection) -> Detection:
        """The same plate with the corners that it shows from near; as it was where it is not seen there."""
        box, (height, width) = plate.box, image.shape[:2]
        reach = NEAR * max(box.width, 1.5 * box.height) / 2
        if 2 * reach > 0.8 * max(height, width):
            return plate
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        left, top = max(0, round(x - reach)), max(0, round(y - reach))
        view = Box(left, top, min(width, round(x + reach)), min(height, round(y + reach)))
        seen = [near for near in self._within(image, view) if near.box.iou(box) > SAME]
        return max(seen, key=lambda near: near.box.iou(box) * near.score, default=plate)

    def _within(self, image: Image, part: Box) -> list[Detection]:
        x0, y0, x1, y1 = int(part.x0), int(part.y0), int(part.x1), int(part.y1)
        return [plate.moved(x0, y0) for plate in self._detector.detect(image[y0:y1, x0:x1])]


def from_afar(detector: Detects, image: Image) -> list[Detection]:
    """Plates of a picture with a margin around it, surest first: those that fill it."""
    height, width = image.shape[:2]
    top, left = round(AFAR * height), round(AFAR * width)
    framed = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_REPLICATE)
    plates = [plate.moved(-left, -top) for plate in detector.detect(np.asarray(framed, np.uint8))]
    return [replace(plate, box=plate.box.within(width, height)) for plate in plates]


def _uncut(plate: Box, quarter: Box, whole: Box) -> bool:
    """Whether a plate keeps away from those edges of its quarter that run through the picture."""
    return (
        (quarter.x0 == whole.x0 or plate.x0 > quarter.x0 + BORDER)
        and (quarter.y0 == whole.y0 or plate.y0 > quarter.y0 + BORDER)
        and (quarter.x1 == whole.x1 or plate.x1 < quarter.x1 - BORDER)
        and (quarter.y1 == whole.y1 or plate.y1 < quarter.y1 - BORDER)
    )
