"""Pictures in and out of shape: decoding, letterbox and its inverse, rectification of plates.

Coordinates are edges, not centres: the first pixel of a row covers 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.errors import BadImage
from edge.records import Box, Corners, Image, Point

GREY = 114  # padding around a letterboxed frame
CROP = (64, 128)  # height, width of a rectified plate
MARGIN = 0.04  # of the plate's width and height, left around it on each side
SOFT = 0.55  # standard deviation in pixels of what is softened before it is made smaller
FINEST = 8  # a plate is sampled at most this many times finer than its crop


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a frame was put into a square input; `point` is the way back."""

    scale_x: float  # input pixels per frame pixel
    scale_y: float
    left: int
    top: int

    def point(self, x: float, y: float) -> Point:
        """One point in input pixels as frame pixels."""
        return (x - self.left) / self.scale_x, (y - self.top) / self.scale_y


def letterbox(image: Image, size: tuple[int, int]) -> tuple[Image, Letterbox]:
    """Fit a picture into (height, width) with its aspect kept, centred on grey."""
    canvas = np.empty((*size, 3), np.uint8)
    return canvas, letterbox_into(canvas, image)


def letterbox_into(canvas: Image, image: Image) -> Letterbox:
    """The same into a canvas that is there already."""
    rows, columns = canvas.shape[:2]
    height, width = image.shape[:2]
    scale = min(rows / height, columns / width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - inner[0]) // 2, (columns - inner[1]) // 2
    bottom, right = top + inner[0], left + inner[1]
    canvas[:top] = canvas[bottom:] = canvas[:, :left] = canvas[:, right:] = GREY
    _resize(image, canvas[top:bottom, left:right])
    return Letterbox(inner[1] / width, inner[0] / height, left, top)


def _resize(image: Image, into: Image) -> None:
    """Fit a picture into another: halved while it can be, then softened and interpolated, so that nothing aliases.

    Averaging over areas reads no better and takes twice as long, at 1280×720 as long as the detector itself.
    """
    height, width = into.shape[:2]
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_LINEAR), np.uint8)
    if image.shape[0] > height:
        image = np.asarray(cv2.GaussianBlur(image, (3, 3), SOFT), np.uint8)
    cv2.resize(image, (width, height), dst=into, interpolation=cv2.INTER_LINEAR)


def corners_of(box: Box) -> Corners:
    """The corners of a box, as for a plate that stands upright."""
    return (box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)


def part_of(plate: Corners, shares: Corners) -> Corners:
    """The corners in the picture of a part of a plate, or of more than it, given in shares of its width and height."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    onto = cv2.getPerspectiveTransform(unit, np.array(plate, np.float32))
    moved = cv2.perspectiveTransform(np.array([shares], np.float32), onto)[0]
    tl, tr, br, bl = ((float(x), float(y)) for x, y in moved)
    return tl, tr, br, bl


def rectify(
    image: Image, plate: Corners | Box, size: tuple[int, int] = CROP, *, margin: float = MARGIN
) -> Image:
    """Cut a plate out and stretch it flat to (height, width) with a margin around it.

    Where the plate is larger than the crop it is sampled finer and averaged down, so that nothing
    aliases; beyond the picture its edge is repeated.
    """
    corners = corners_of(plate) if isinstance(plate, Box) else plate
    patch, (left, top) = _around(image, corners, margin)
    down, across = _sampling(corners, size)
    height, width = size[0] * down, size[1] * across
    inset_x, inset_y = width * margin / (1 + 2 * margin), height * margin / (1 + 2 * margin)
    target = corners_of(Box(inset_x, inset_y, width - inset_x, height - inset_y))
    # cv2 counts from the centre of the first pixel
    matrix = cv2.getPerspectiveTransform(
        np.array([(x - left - 0.5, y - top - 0.5) for x, y in corners], np.float32),
        np.array([(x - 0.5, y - 0.5) for x, y in target], np.float32),
    )
    crop = cv2.warpPerspective(
        patch, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(crop, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def fill(image: Image, size: tuple[int, int] = CROP) -> Image:
    """A plate that has already been cut out, stretched to (height, width)."""
    height, width = image.shape[:2]
    return rectify(image, Box(0, 0, width, height), size, margin=0.0)


def _around(image: Image, corners: Corners, margin: float) -> tuple[Image, tuple[int, int]]:
    """The part of a picture that a plate touches, at least one pixel, and where it begins."""
    height, width = image.shape[:2]
    x0, x1 = _span([x for x, _ in corners], margin, width)
    y0, y1 = _span([y for _, y in corners], margin, height)
    return image[y0:y1, x0:x1], (x0, y0)


def _span(places: list[float], margin: float, size: int) -> tuple[int, int]:
    """What a plate and the margin around it cover of `size` pixels, at least one of them."""
    low, high = min(places), max(places)
    reach = (high - low) * (2 * margin) + 2
    begin = min(max(math.floor(low - reach), 0), size - 1)
    return begin, min(max(math.ceil(high + reach), begin + 1), size)


def _sampling(corners: Corners, size: tuple[int, int]) -> tuple[int, int]:
    """How much finer than the crop a plate is sampled, down and across."""
    top_left, top_right, bottom_right, bottom_left = corners
    across = max(math.dist(top_left, top_right), math.dist(bottom_right, bottom_left)) / size[1]
    down = max(math.dist(top_right, bottom_right), math.dist(bottom_left, top_left)) / size[0]
    return min(FINEST, max(1, math.ceil(down))), min(FINEST, max(1, math.ceil(across)))


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
