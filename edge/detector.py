"""Plates in a frame: letterbox, invoke, and decode the four maps into detections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from edge.binding import Output
from edge.errors import ModelMismatch
from edge.image import Letterbox, letterbox_into
from edge.records import Box, Corners, Detection, Image
from edge.runtime import Model
from edge.settings import Detecting

OVERLAP = 0.5  # IoU above which two boxes are one plate
INSIDE = 0.7  # share of a box inside a better one above which it is a part of that plate
FAINTEST = 0.5  # a quadrilateral below this share of its box is no plate seen from any side
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # the cells that a peak outdoes
Maps = Mapping[str, Output]


class Detector:
    """Finds every plate of a frame, whatever its kind and number of rows."""

    def __init__(self, model: Model, settings: Detecting | None = None) -> None:
        self._model = model
        self._settings = settings or Detecting()
        self._size = model.manifest.inputs[0].shape[1:3]
        threshold = self._settings.threshold
        if threshold is None:
            threshold = (model.manifest.settings or {}).get("threshold")
        if threshold is None:
            raise ModelMismatch("The detector's manifest gives no threshold. Package the detector again.")
        self._threshold = threshold

    def detect(self, image: Image) -> list[Detection]:
        """Plates in frame pixels, surest first; an empty list where there is none."""
        height, width = image.shape[:2]
        maps, transform = self._model.on(partial(letterbox_into, image=image))
        stride = self._size[0] // maps["heat"].shape[1]
        found = [
            plate
            for plate in decode_maps(maps, self._threshold, stride, transform, (height, width))
            if plate.box.height >= self._settings.min_height and plate.box.width > 0
        ]
        return suppress(found)[: self._settings.max_plates]


def decode_maps(
    maps: Maps, threshold: float, stride: int, transform: Letterbox, frame: tuple[int, int]
) -> list[Detection]:
    """Every peak of the heat map as a detection in frame pixels, surest first, overlaps not yet removed."""
    peaks = _peaks(maps["heat"], threshold)
    return [_plate(maps, cell, score, stride, transform, frame) for cell, score in peaks]


def _peaks(heat: Output, threshold: float) -> list[tuple[tuple[int, int], float]]:
    """The cells (row, column) at or above the threshold that no neighbour outdoes, with their heat, hottest first."""
    hot = {cell: heat.at(*cell)[0] for cell in heat.cells(threshold)}
    peaks = [
        (cell, value)
        for cell, value in hot.items()
        if all(hot.get((cell[0] + down, cell[1] + across), value) <= value for down, across in AROUND)
    ]
    return sorted(peaks, key=lambda peak: -peak[1])


def _plate(
    maps: Maps, cell: tuple[int, int], score: float, stride: int, transform: Letterbox, frame: tuple[int, int]
) -> Detection:
    """The plate whose centre lies in this cell (row, column)."""
    row, column = cell
    dx, dy, log_width, log_height = maps["box"].at(row, column)
    x, y = (column + 0.5 + dx) * stride, (row + 0.5 + dy) * stride  # in input pixels
    half_width, half_height = math.exp(log_width) * stride / 2, math.exp(log_height) * stride / 2
    x0, y0 = transform.point(x - half_width, y - half_height)
    x1, y1 = transform.point(x + half_width, y + half_height)
    box = Box(_within(x0, frame[1]), _within(y0, frame[0]), _within(x1, frame[1]), _within(y1, frame[0]))
    spread = maps["corners"].at(row, column)
    a, b, c, d = (
        transform.point(x + across * half_width, y + down * half_height)
        for across, down in zip(spread[::2], spread[1::2], strict=True)
    )
    rows = 2 if maps["rows"].at(row, column)[0] >= 0.5 else 1
    return Detection(box, score, _plausible((a, b, c, d), box), rows)


def _within(place: float, size: int) -> float:
    return min(max(place, 0.0), float(size))


def _plausible(corners: Corners, box: Box) -> Corners | None:
    """Corners that go round a quadrilateral clockwise and fill their box, else None."""
    area = 0.0
    for (x0, y0), (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], corners[2:] + corners[:2], strict=True):
        if (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1) <= 0:
            return None
        area += (x0 * y1 - x1 * y0) / 2
    return corners if FAINTEST * 0.5 * box.area < area < 2 * box.area + 4 else None


def suppress(plates: list[Detection]) -> list[Detection]:
    """Keep the first of boxes that overlap or lie inside each other; one inside a less sure one stays as well."""
    kept: list[Detection] = []
    for plate in plates:
        if not any(_same_plate(plate, better) for better in kept):
            kept.append(plate)
    return kept


def _same_plate(plate: Detection, better: Detection) -> bool:
    a, b = plate.box, better.box
    if a.iou(b) > OVERLAP:
        return True
    shared = Box(max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1))
    surer_inside = plate.score > better.score and a.area < b.area
    return shared.area > INSIDE * min(a.area, b.area) and not surer_inside
