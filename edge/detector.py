"""Plates in a frame: letterbox, invoke, and decode the four maps into detections."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelMismatch
from edge.image import Letterbox, letterbox
from edge.records import Box, Corners, Detection, Image
from edge.runtime import Model
from edge.settings import Detecting

OVERLAP = 0.5  # IoU above which two boxes are one plate
INSIDE = 0.7  # share of a box inside a better one above which it is a part of that plate
FAINTEST = 0.5  # a quadrilateral below this share of its box is no plate seen from any side
Maps = Mapping[str, NDArray[np.float32]]


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
        canvas, transform = letterbox(image, (self._size[0], self._size[1]))
        maps = self._model(image=canvas)
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
    heat = maps["heat"][0, ..., 0]  # (rows, columns)
    peaks = (heat >= threshold) & (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8)))
    cells = np.argwhere(peaks)  # (plates, 2) row, column
    cells = cells[np.argsort(-heat[peaks], kind="stable")]
    rows, columns = cells[:, 0], cells[:, 1]
    offset, log_size = np.split(maps["box"][0, rows, columns].astype(np.float64), 2, axis=1)
    centre = (cells[:, ::-1] + 0.5 + offset) * stride  # (plates, 2) x, y in input pixels
    size = np.exp(log_size) * stride
    spread = maps["corners"][0, rows, columns].reshape(-1, 4, 2) * size[:, np.newaxis] / 2
    boxes = transform.to_frame(np.stack([centre - size / 2, centre + size / 2], axis=1))
    boxes = np.clip(boxes, 0, (frame[1], frame[0]))
    corners = transform.to_frame(centre[:, np.newaxis] + spread)
    two_rows = maps["rows"][0, rows, columns, 0] >= 0.5
    return [
        _detection(boxes[i], float(heat[rows[i], columns[i]]), corners[i], 2 if two_rows[i] else 1)
        for i in range(len(cells))
    ]


def _detection(box: NDArray[np.float64], score: float, corners: NDArray[np.float64], rows: int) -> Detection:
    (x0, y0), (x1, y1) = box.tolist()
    whole = Box(x0, y0, x1, y1)
    return Detection(whole, score, _plausible(corners, whole), rows)


def _plausible(corners: NDArray[np.float64], box: Box) -> Corners | None:
    """Corners that go round a quadrilateral clockwise and fill their box, else None."""
    edges = np.roll(corners, -1, axis=0) - corners
    after = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    area = cv2.contourArea(corners.astype(np.float32))
    if (turns <= 0).any() or not FAINTEST * 0.5 * box.area < area < 2 * box.area + 4:
        return None
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return a, b, c, d


def suppress(plates: list[Detection]) -> list[Detection]:
    """Keep the surest of boxes that overlap or lie inside each other; the order stays."""
    kept: list[Detection] = []
    for plate in plates:
        if not any(_same_plate(plate.box, better.box) for better in kept):
            kept.append(plate)
    return kept


def _same_plate(box: Box, better: Box) -> bool:
    shared = Box(
        max(box.x0, better.x0), max(box.y0, better.y0), min(box.x1, better.x1), min(box.y1, better.y1)
    )
    return box.iou(better) > OVERLAP or shared.area > INSIDE * min(box.area, better.area)
