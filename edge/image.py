"""Pictures in and out of shape: decoding, letterbox and its inverse, rectification of plates.

Coordinates are edges, not centres: the first pixel of a row covers 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import BadImage
from edge.records import Box, Corners, Image

GREY = 114  # padding around a letterboxed frame
CROP = (64, 128)  # height, width of a rectified plate
MARGIN = 0.04  # of the plate's width and height, left around it on each side
FINEST = 8  # a plate is sampled at most this many times finer than its crop


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame was put into a square input; `to_frame` is the way back."""

    scale_x: float  # input pixels per frame pixel
    scale_y: float
    left: int
    top: int

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) in input pixels as frame pixels."""
        return (points - (self.left, self.top)) / (self.scale_x, self.scale_y)


def letterbox(image: Image, size: tuple[int, int]) -> tuple[Image, Letterbox]:
    """Fit a picture into (height, width) with its aspect kept, centred on grey."""
    height, width = image.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas = np.full((*size, 3), GREY, np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[0], left : left + inner[1]] = cv2.resize(
        image, inner[::-1], interpolation=method
    )
    return canvas, Letterbox(inner[1] / width, inner[0] / height, left, top)


def corners_of(box: Box) -> Corners:
    """The corners of a box, as for a plate that stands upright."""
    return (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)


def rectify(
    image: Image, plate: Corners | Box, size: tuple[int, int] = CROP, *, margin: float = MARGIN
) -> Image:
    """Cut a plate out and stretch it flat to (height, width) with a margin around it.

    Where the plate is larger than the crop it is sampled finer and averaged down, so that nothing
    aliases; beyond the picture its edge is repeated.
    """
    corners = np.array(corners_of(plate) if isinstance(plate, Box) else plate, np.float64)  # (4, 2)
    patch, origin = _around(image, corners, margin)
    finer = _sampling(corners, size)
    height, width = size[0] * finer[0], size[1] * finer[1]
    inset_x, inset_y = width * margin / (1 + 2 * margin), height * margin / (1 + 2 * margin)
    target = np.array(corners_of(Box(inset_x, inset_y, width - inset_x, height - inset_y)))
    # cv2 counts from the centre of the first pixel
    matrix = cv2.getPerspectiveTransform(
        (corners - origin - 0.5).astype(np.float32), (target - 0.5).astype(np.float32)
    )
    crop = cv2.warpPerspective(
        patch, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(crop, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def fill(image: Image, size: tuple[int, int] = CROP) -> Image:
    """A plate that has already been cut out, stretched to (height, width)."""
    height, width = image.shape[:2]
    return rectify(image, Box(0, 0, width, height), size, margin=0.0)


def _around(image: Image, corners: NDArray[np.float64], margin: float) -> tuple[Image, NDArray[np.float64]]:
    """The part of a picture that a plate touches, at least one pixel, and where it begins."""
    height, width = image.shape[:2]
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = (high - low) * (2 * margin) + 2
    x0, y0 = (int(v) for v in np.clip(np.floor(low - reach), 0, (width - 1, height - 1)))
    x1, y1 = (int(v) for v in np.clip(np.ceil(high + reach), (x0 + 1, y0 + 1), (width, height)))
    return image[y0:y1, x0:x1], np.array((x0, y0), np.float64)


def _sampling(corners: NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int]:
    """How much finer than the crop a plate is sampled, down and across."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)  # top, right, bottom, left
    across, down = max(sides[0], sides[2]) / size[1], max(sides[1], sides[3]) / size[0]
    finer = (min(FINEST, max(1, math.ceil(float(f)))) for f in (down, across))
    rows, columns = finer
    return rows, columns


def decode_image(source: bytes | Path, *, name: str = "") -> Image:
    """RGB picture (height, width, 3) of an image file or its bytes, turned as its EXIF says.

    BadImage for a file that is missing, empty, cut short or no picture.
    """
    label = name or (str(source) if isinstance(source, Path) else "the image")
    data = _bytes(source) if isinstance(source, Path) else source
    if not data:
        raise BadImage(f"{label} is empty. Copy or save the picture again.")
    if _cut_short(data):
        raise BadImage(f"{label} is cut short: the end of the picture is missing. Copy or save it again.")
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as problem:
        raise BadImage(
            f"{label} cannot be decoded ({problem.err}). Make it smaller or save it as JPEG."
        ) from problem
    if decoded is None:
        raise BadImage(f"{label} is not a picture that can be decoded. Use JPEG, PNG, BMP, TIFF or WebP.")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadImage(
            f"{path} cannot be read ({problem.strerror}). Check the path and its permissions."
        ) from problem


def _cut_short(data: bytes) -> bool:
    """Whether a PNG or JPEG lacks its end; inside a JPEG's scan FF D9 can only be the end marker."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    return data.startswith(b"\xff\xd8") and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
