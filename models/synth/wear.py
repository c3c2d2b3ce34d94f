"""What years and roads do to a plate: paint that is gone, film that flakes, mud, and what hangs over it.

Laid out after photographs of motorbikes' plates that a reader took for others (docs/training.md, eleventh round).
"""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.formats import Rng
from models.synth.noise import noise

Cell = tuple[str, int, int, int, int]  # character, x0, y0, x1, y1


def paint(coverage: np.ndarray, cells: list[Cell], rng: Rng) -> np.ndarray:
    """What paint is left of the pressed characters: of a coverage (height, width), another."""
    height, width = coverage.shape
    painted = coverage
    if rng.random() < 0.12:  # come off in patches; the pressed shape stays
        painted = coverage * np.clip((noise(rng, height, width) - rng.uniform(0.1, 0.4)) * 8, rng.uniform(0, 0.5), 1)
    if cells and rng.random() < 0.05:  # single characters bare, with a rest of paint along their edges
        painted = painted.astype(np.float32)
        edges = cv2.morphologyEx(coverage, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) * rng.uniform(0.3, 0.9)
        for n in rng.integers(len(cells), size=rng.integers(1, 3)):
            _, x0, y0, x1, y1 = cells[n]
            part = np.s_[max(0, y0) : y1, x0:x1]
            painted[part] = np.maximum(painted[part] * rng.uniform(0, 0.5), edges[part])
    return painted


def flake(image: np.ndarray, rng: Rng) -> None:
    """Film and paint torn off with hard edges, down to the ground or to metal and rust."""
    height, width = image.shape[:2]
    field = noise(rng, height, width)
    torn = field > np.quantile(field, 1 - rng.uniform(0.01, 0.1))
    under = image.reshape(-1, 3).max(axis=0) if rng.random() < 0.6 else rng.uniform(40, 200) * rng.uniform(0.6, 1.0, 3)
    image[torn] = under * (0.85 + 0.3 * noise(rng, height, width)[torn])[:, None]


def splash(image: np.ndarray, rng: Rng) -> None:
    """Mud, droppings or glue in a few spots as wide as a stroke or half a character."""
    height, width = image.shape[:2]
    shade = rng.uniform(20, 245) * rng.uniform(0.75, 1.0, 3)
    for _ in range(rng.integers(1, 5)):
        angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        reach = height * rng.uniform(0.02, 0.1) * rng.uniform(0.5, 1.2, (10, 1))
        outline = rng.random(2) * (width, height) + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(image, [np.round(outline).astype(np.int32)], shade.tolist(), cv2.LINE_AA)


def overhang(image: np.ndarray, rng: Rng) -> None:
    """The lamp, the hook or the mudguard that a plate is mounted under hides the top of some characters."""
    height, width = image.shape[:2]
    left, right = np.sort(rng.uniform(0, 1, 2)) * width
    low, slope = rng.uniform(0.06, 0.2) * height, rng.uniform(-0.1, 0.2) * width
    outline = np.array([(left - slope, 0), (right + slope, 0), (right, low), (left, low * rng.uniform(0.6, 1.2))])
    cv2.fillPoly(image, [np.round(outline).astype(np.int32)], [rng.uniform(5, 90)] * 3, cv2.LINE_AA)


def mar(image: np.ndarray, rows: int, rng: Rng) -> None:
    """A few plates torn, a few splashed, a few of two rows under something that hangs over them."""
    if rng.random() < 0.05:
        flake(image, rng)
    if rng.random() < 0.08:
        splash(image, rng)
    if rows == 2 and rng.random() < 0.08:
        overhang(image, rng)
