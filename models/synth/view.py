"""A plate as a camera sees it and as the detector cuts it out: the training sample of reader, QAM and restorer."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.plates.alphabet import INDEX
from models.synth import degrade, drawing, formats
from models.synth.degrade import Strengths
from models.synth.formats import Plate, Rng

CROP = (64, 128)  # height, width of what reader, QAM and restorer take
HALF_COLUMNS = 32
MARGIN = 0.04  # of the plate's size on each side, as edge.image.rectify leaves it
SLIP = 0.015  # of the plate's size: where a plate is parted, beside the gap between two characters or rows
MAX_TEXT = 12
IGNORE = 255


@dataclass(frozen=True)
class Sample:
    """One rendered crop and all that is known of it.

    crop, clear: (64, 128, 3) uint8, as seen and as the same view without degradations (None unless asked for);
    text: indices; steps: (64,) character index by time step, 0 blank, IGNORE where either would do;
    cells: (16, 32) uint8, 0 background, n the n-th character in reading order; onto: (3, 3) from drawing to crop.
    """

    crop: np.ndarray
    clear: np.ndarray | None
    plate: Plate
    text: tuple[int, ...]
    steps: np.ndarray
    cells: np.ndarray
    strengths: Strengths
    onto: np.ndarray


def surroundings(rng: Rng, height: int, width: int) -> np.ndarray:
    """What is around a plate: bodywork, bumper edges, mud; (height, width, 3) float32."""
    base = rng.uniform(5, 235) * rng.uniform(0.75, 1.0, 3)
    image = base * (0.7 + 0.6 * drawing.noise(rng, height, width))[:, :, None]
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


def part(rng: Rng, sketch: drawing.Drawing) -> tuple[drawing.Drawing, np.ndarray]:
    """One of the two parts in which a plate is looked at closely (edge.parts): a row, or half of a single row.

    The drawing with the characters of that part alone, and its corners (4, 2) in the drawing.
    """
    height, width = sketch.image.shape[:2]
    first, two = rng.random() < 0.5, max(sketch.rows) > 0
    axis, size = (1, height) if two else (0, width)
    gaps = [n for n in range(1, len(sketch.text)) if not two or sketch.rows[n] != sketch.rows[n - 1]]
    begins, ends = sketch.boxes[:, axis], sketch.boxes[:, axis + 2]
    gap = min(gaps, key=lambda n: abs((ends[n - 1] + begins[n]) / size - 1 + rng.normal(0, 0.15)))
    edge = rng.uniform(*sorted((ends[:gap].max(), begins[gap:].min()))) + rng.normal(0, SLIP * size)
    low, high = rng.normal(-MARGIN, 0.02, 2) * (width, height), (1 + rng.normal(MARGIN, 0.02, 2)) * (width, height)
    (high if first else low)[axis] = edge
    kept = slice(0, gap) if first else slice(gap, None)
    text = sketch.text[kept]
    seen = drawing.Drawing(sketch.image, text, (0,) * len(text), sketch.boxes[kept])
    return seen, np.array([low, (high[0], low[1]), high, (low[0], high[1])])


def targets(sketch: drawing.Drawing, to_crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time-step classes (64,) and ordinal character cells (16, 32) from the projected character boxes."""
    steps = np.zeros(2 * HALF_COLUMNS, np.uint8)
    cells = np.zeros((16, HALF_COLUMNS), np.uint8)
    for n, (character, row, box) in enumerate(zip(sketch.text, sketch.rows, sketch.boxes, strict=True), 1):
        quad = project(box[[0, 1, 2, 1, 2, 3, 0, 3]], to_crop) / 4
        cv2.fillConvexPoly(cells, np.round(quad).astype(np.int32), n)
        left, right = quad[[0, 3], 0].mean(), quad[[1, 2], 0].mean()
        middle, half = (left + right) / 2, max(0.5, (right - left) * 0.5)
        for column in range(max(0, int(left)), min(HALF_COLUMNS, int(right) + 1)):
            away = abs(column + 0.5 - middle) / half
            step = row * HALF_COLUMNS + column
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
    parts: float = 0.0,
) -> Sample:
    """One sample of a region drawn by `weights`, degraded up to `level` (or exactly as `strengths` says).

    A share of `parts` shows one of its parts alone.
    """
    plate = formats.sample(rng, weights)
    strengths = strengths or degrade.sample(rng, level)
    sketch = drawing.draw(plate, rng, dirt=strengths["dirt"])
    return see(rng, plate, sketch, strengths, clear=clear, jitter=jitter, parts=parts)


def see(
    rng: Rng, plate: Plate, sketch: drawing.Drawing, strengths: Strengths, *, clear: bool = False, jitter: float = 1.0,
    parts: float = 0.0,
) -> Sample:
    """One view of a plate that has been drawn; of the same drawing there may be several."""
    width = 160 * 0.22 ** strengths["low_resolution"] * rng.uniform(0.9, 1.1)
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
    if parts and rng.random() < parts:
        sketch, around = part(rng, sketch)
        quad = project(around * shrink, to_view) + rng.normal(0, 0.012 * jitter, (4, 2)) * np.ptp(corners, axis=0)
    else:
        quad = cut(rng, corners, jitter)
    to_crop = cv2.getPerspectiveTransform(
        quad.astype(np.float32), np.array([[0, 0], [128, 0], [128, 64], [0, 64]], np.float32)
    )
    seen = world if strengths["occlusion"] == 0 else degrade.soil(rng, world, strengths["occlusion"])
    view = degrade.sensor(degrade.optics(degrade.light(seen, strengths, rng), strengths, rng, extent), strengths, rng)
    sharp = None
    if clear:
        mild = np.clip(world, 0, 255).astype(np.uint8)
        sharp = cv2.warpPerspective(mild, to_crop, CROP[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    crop = cv2.warpPerspective(
        view, to_crop, CROP[::-1], flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT if rng.random() < 0.2 else cv2.BORDER_REPLICATE,
    )
    stretch = np.diag([*shrink, 1.0])
    onto = to_crop @ to_view @ stretch
    steps, cells = targets(sketch, onto)
    return Sample(crop, sharp, plate, tuple(INDEX[c] for c in sketch.text), steps, cells, strengths, onto)
