"""Labelled photographs as training samples of the reader: a folder with labels.csv, half of it kept for measuring."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge.plates.alphabet import INDEX, PROVINCES, canonical, decode
from models.synth import allowed, degrade, held_out, picture_of, view

MARGIN = 0.3  # of the plate's size, kept around it for the jitter of the cut
PROVINCE_ENDS = 0.15  # of the width of a Chinese plate (GA 36): the middle between its Hanzi and its letter


@dataclass(frozen=True)
class Photograph:
    """A plate with its surroundings (h, w, 3) uint8 RGB, its corners (4, 2) there, and what it says."""

    image: np.ndarray
    corners: np.ndarray
    text: tuple[int, ...]


def load(folder: Path, *, held: bool = False, legible: bool = True) -> list[Photograph]:
    """The plates of a folder that may be trained on, or those `held` out; labels.csv: file, text, x y w h if framed.

    Unless they must be `legible`, plates without a text are among them.
    """
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    if rows and not {"file", "text"} <= set(rows[0]):
        raise ValueError(f"{folder}/labels.csv has no columns file and text; its first line must name them")
    rows = [row for row in rows if canonical(row["text"]) or not legible]
    rows = [row for row in rows if allowed(row) and held_out(row["text"]) == held]
    if not rows:
        use = "measure on" if held else "train on"
        raise ValueError(f"{folder}/labels.csv names no plate to {use}; label more, with a licence that allows it")
    return [_photograph(folder, row) for row in rows]


def _photograph(folder: Path, row: dict[str, str]) -> Photograph:
    picture = picture_of(folder, row["file"])
    height, width = picture.shape[:2]
    x, y, w, h = (float(row[k]) for k in "xywh") if row.get("x") else (0.0, 0.0, width, height)
    x0, y0 = max(0, int(x - MARGIN * w)), max(0, int(y - MARGIN * h))
    x1, y1 = min(width, int(x + w + MARGIN * w)), min(height, int(y + h + MARGIN * h))
    corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) - (x0, y0)
    text = tuple(INDEX[c] for c in canonical(row["text"]))
    return Photograph(picture[y0:y1, x0:x1].copy(), corners, text)


def without_province(photograph: Photograph) -> Photograph:
    """A Chinese plate of one row from its first letter on; any other as it is.

    Photographs show few provinces, and a reader that sees the others only drawn takes every photographed one for those.
    """
    if decode(list(photograph.text[:1])) not in PROVINCES:
        return photograph
    left, right = photograph.corners[0, 0], photograph.corners[1, 0]
    edge = round(left + PROVINCE_ENDS * (right - left))
    corners = np.maximum(photograph.corners - (edge, 0), (0, -np.inf))
    return replace(photograph, image=photograph.image[:, edge:], corners=corners, text=photograph.text[1:])


def sample(
    rng: np.random.Generator, photograph: Photograph, level: float, size: tuple[int, int] = view.CROP
) -> np.ndarray:
    """One crop (height, width, 3) uint8: cut anew, tilted a little, in another light, through another camera."""
    quad = view.cut(rng, photograph.corners, 0.6)
    quad = quad + rng.normal(0, 0.02, (4, 2)) * np.ptp(photograph.corners, axis=0)
    rows, columns = size
    goal = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    to_crop = cv2.getPerspectiveTransform(quad.astype(np.float32), goal)
    strengths = degrade.sample(rng, 0.5 * level)
    scene = photograph.image.astype(np.float32) * rng.uniform(0.7, 1.2) + rng.normal(0, 8, 3)
    extent = 0.7 * np.ptp(photograph.corners[:, 1])
    seen = degrade.optics(degrade.light(scene, strengths, rng), strengths, rng, float(extent))
    picture = degrade.sensor(seen, strengths, rng)
    return cv2.warpPerspective(
        picture, to_crop, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
