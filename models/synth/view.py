"""A plate as a camera sees it and as the detector cuts it out: the training sample of reader, QAM and restorer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from edge.plates.alphabet import INDEX
from models.synth import degrade, drawing, formats
from models.synth.degrade import Strengths
from models.synth.formats import Plate, Rng
from models.synth.noise import noise

CROP = (64, 128)  # height, width of what reader, QAM and restorer take
MARGIN = 0.04  # of the plate's size on each side, as edge.image.rectify leaves it
MAX_TEXT = 12
IGNORE = 255
SLIP = 0.015  # of the plate's height: where two rows are parted, beside the middle between them


@dataclass(frozen=True)
class Sample:
    """One rendered crop and all that is known of it.

    crop, clear: (64, 128, 3) uint8, as seen and as the same view without degradations (None unless asked for);
    text: indices; steps: (64,) character index by time step, 0 blank, IGNORE where either would do;
    cells: (16, 32) uint8, 0 background, n the n-th character in reading order; onto: (3, 3) from drawing to crop.
    Of a plate seen wide all are twice as wide and the text is one row; of two rows `onto` is the upper one's.
    """

    crop: np.ndarray
    clear: np.ndarray | None
    plate: Plate
    text: tuple[int, ...]
    steps: np.ndarray
    cells: np.ndarray
    strengths: Strengths
    onto: np.ndarray


class Piece(NamedTuple):
    """A part of a crop: what is drawn there, the way (3, 3) from the view to it, its height and width."""

    sketch: drawing.Drawing
    to_crop: np.ndarray
    size: tuple[int, int]


def surroundings(rng: Rng, height: int, width: int) -> np.ndarray:
    """What is around a plate: bodywork, bumper edges, mud; (height, width, 3) float32."""
    base = rng.uniform(5, 235) * rng.uniform(0.75, 1.0, 3)
    image = base * (0.7 + 0.6 * noise(rng, height, width))[:, :, None]
    for _ in range(rng.integers(0, 4)):
        shade = rng.uniform(0, 255) * rng.uniform(0.8, 1, 3)
        p, q = rng.integers(0, (width, height), (2, 2))
        if rng.random() < 0.6:
            q = np.array([width, p[1] + rng.integers(-6, 7)])
            p = np.array([0, p[1]])
        cv2.line(image, p.tolist(), q.tolist(), shade.tolist(), int(rng.integers(1, 2 + height // 8)), cv2.LINE_AA)
    return image.astype(np.float32)


def quadrilateral(rng: Rng, width: float, height: float, strength: float) -> np.ndarray:
    """Corners (4, 2), TL TR BR BL around the origin, of a plate of the given size seen at an angle."""
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (width, height)
    corners[:, 1] *= 1 - 0.25 * strength * rng.random()
    corners[:, 0] *= 1 - 0.4 * strength * rng.random()
    lean = rng.normal(0, 0.32) * strength
    corners[:, 0] += corners[:, 1] * lean
    turn = rng.normal(0, 0.3) * strength
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return corners + rng.normal(0, 0.035 * strength, (4, 2)) * (width, height)


def project(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (n, 2) through a homography."""
    return cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix).reshape(-1, 2)


def cut(rng: Rng, corners: np.ndarray, jitter: float) -> np.ndarray:
    """Where the detector cuts: corners (4, 2) of the crop in the view, rectified mostly, a plain box else."""
    size = np.ptp(corners, axis=0)
    if rng.random() < 0.55:
        noise = rng.normal(0, 0.028 * jitter, (4, 2)) + rng.normal(0, 0.02 * jitter, (1, 2))
        quad = corners + noise * size
        centre = quad.mean(axis=0)
        return centre + (quad - centre) * (1 + 2 * MARGIN + rng.normal(0, 0.04 * jitter, (1, 2)))
    low, high = corners.min(axis=0), corners.max(axis=0)
    low = low + rng.uniform(-0.16, 0.02, 2) * size * jitter
    high = high + rng.uniform(-0.02, 0.16, 2) * size * jitter
    return np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def pieces(
    rng: Rng, sketch: drawing.Drawing, quad: np.ndarray, to_view: np.ndarray, size: tuple[int, int]
) -> list[Piece]:
    """What a crop of a (height, width) is put together of, from left to right.

    One piece, or, where a plate of two rows is seen wide, each row by itself (edge.wide.spread).
    """
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    flat = cv2.getPerspectiveTransform(quad.astype(np.float32), unit)
    height, width = size
    rows = np.array(sketch.rows)
    if size == CROP or not rows.any():
        return [Piece(sketch, np.diag([width, height, 1.0]) @ flat, size)]
    between = (sketch.boxes[rows == 0, 3].max() + sketch.boxes[rows == 1, 1].min()) / 2
    edge = project(np.array([[sketch.image.shape[1] / 2, between]]), flat @ to_view)[0, 1]
    edge = float(np.clip(edge + rng.normal(0, SLIP), 0.2, 0.8))
    found = []
    for row, (begin, end) in enumerate(((0.0, edge), (edge, 1.0))):
        kept = rows == row
        text = "".join(c for c, here in zip(sketch.text, kept, strict=True) if here)
        stretch = height / (end - begin)
        to_crop = np.array([[width / 2, 0, 0], [0, stretch, -begin * stretch], [0, 0, 1.0]]) @ flat
        alone = drawing.Drawing(sketch.image, text, (0,) * len(text), sketch.boxes[kept])
        found.append(Piece(alone, to_crop, (height, width // 2)))
    return found


def targets(sketch: drawing.Drawing, to_crop: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Time-step classes (width/2,) and ordinal character cells (16, width/4) from the projected character boxes."""
    columns = width // 4
    steps = np.zeros(2 * columns, np.uint8)
    cells = np.zeros((16, columns), np.uint8)
    for n, (character, row, box) in enumerate(zip(sketch.text, sketch.rows, sketch.boxes, strict=True), 1):
        quad = project(box[[0, 1, 2, 1, 2, 3, 0, 3]], to_crop) / 4
        cv2.fillConvexPoly(cells, np.round(quad).astype(np.int32), n)
        left, right = quad[[0, 3], 0].mean(), quad[[1, 2], 0].mean()
        middle, half = (left + right) / 2, max(0.5, (right - left) * 0.5)
        for column in range(max(0, int(left)), min(columns, int(right) + 1)):
            away = abs(column + 0.5 - middle) / half
            step = row * columns + column
            below = steps[step] not in (0, IGNORE)  # another of the same row: which comes first is the reader's to find
            steps[step] = IGNORE if below or 0.55 <= away < 1.0 else INDEX[character] if away < 0.55 else 0
    return steps, cells


def render(
    rng: Rng,
    *,
    weights: dict[str, float],
    level: float = 1.0,
    clear: bool = False,
    strengths: Strengths | None = None,
    jitter: float = 1.0,
    size: tuple[int, int] = CROP,
) -> Sample:
    """One sample of a region drawn by `weights`, degraded up to `level` (or exactly as `strengths` says).

    `size` is the crop's height and width: CROP, or edge.wide.WIDE.
    """
    plate = formats.sample(rng, weights)
    strengths = strengths or degrade.sample(rng, level)
    sketch = drawing.draw(plate, rng, dirt=strengths["dirt"])
    return see(rng, plate, sketch, strengths, clear=clear, jitter=jitter, size=size)


def see(
    rng: Rng, plate: Plate, sketch: drawing.Drawing, strengths: Strengths, *, clear: bool = False, jitter: float = 1.0,
    size: tuple[int, int] = CROP,
) -> Sample:
    """One view of a plate that has been drawn; of the same drawing there may be several."""
    finer = rng.uniform(1.0, size[1] / CROP[1]) if size != CROP else 1.0
    width = finer * 160 * 0.22 ** strengths["low_resolution"] * rng.uniform(0.9, 1.1)
    height = width * plate.height / plate.width
    flat = sketch.image
    if width < flat.shape[1] * 0.8:
        flat = cv2.resize(
            flat, (max(8, round(width * 1.15)), max(6, round(height * 1.15))), interpolation=cv2.INTER_AREA
        )
    steep = 1.6 if rng.random() < 0.25 else 1.0
    corners = quadrilateral(rng, width, height, steep * strengths["perspective"])
    margin = 0.18 * np.ptp(corners, axis=0) + 2
    corners -= corners.min(axis=0) - margin
    w, h = np.ceil(corners.max(axis=0) + margin).astype(int)
    full = np.array(
        [
            [0, 0], [sketch.image.shape[1], 0], [sketch.image.shape[1], sketch.image.shape[0]],
            [0, sketch.image.shape[0]],
        ],
        np.float32,
    )
    shrink = np.array([flat.shape[1] / sketch.image.shape[1], flat.shape[0] / sketch.image.shape[0]], np.float32)
    to_view = cv2.getPerspectiveTransform(full * shrink, corners.astype(np.float32))
    world = surroundings(rng, h, w)
    warped = cv2.warpPerspective(flat, to_view, (w, h), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full(flat.shape[:2], 255, np.uint8), to_view, (w, h), flags=cv2.INTER_LINEAR)
    alpha = (mask.astype(np.float32) / 255)[:, :, None]
    world = world * (1 - alpha) + warped.astype(np.float32) * alpha
    extent = height * (0.7 if plate.rows == 1 else 0.4)
    stretch = np.diag([*shrink, 1.0])
    found = pieces(rng, sketch, cut(rng, corners, jitter), to_view @ stretch, size)
    seen = world if strengths["occlusion"] == 0 else degrade.soil(rng, world, strengths["occlusion"])
    view = degrade.sensor(degrade.optics(degrade.light(seen, strengths, rng), strengths, rng, extent), strengths, rng)
    beyond = cv2.BORDER_CONSTANT if rng.random() < 0.2 else cv2.BORDER_REPLICATE
    crop = seen_through(found, view, beyond)
    sharp = seen_through(found, np.clip(world, 0, 255).astype(np.uint8), cv2.BORDER_REPLICATE) if clear else None
    onto = [piece.to_crop @ to_view @ stretch for piece in found]
    known = [targets(piece.sketch, way, piece.size[1]) for piece, way in zip(found, onto, strict=True)]
    steps = np.hstack([steps.reshape(2, -1) for steps, _ in known]).ravel()
    cells = np.hstack([cells for _, cells in known])
    return Sample(crop, sharp, plate, tuple(INDEX[c] for c in sketch.text), steps, cells, strengths, onto[0])


def seen_through(found: list[Piece], view: np.ndarray, beyond: int) -> np.ndarray:
    """The crop of a view that is put together of those pieces; `beyond`: OpenCV's border outside the view."""
    return np.hstack([
        cv2.warpPerspective(view, piece.to_crop, piece.size[::-1], flags=cv2.INTER_LINEAR, borderMode=beyond)
        for piece in found
    ])
