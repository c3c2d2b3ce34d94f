"""Street and gate scenes with plates whose corners are known exactly, and with everything that only looks like a plate.

The ground is procedural, or a photograph that may be trained on (its own boxes stay targets); vehicles are sketched
around each plate; signs, timestamps and grilles are the hard negatives.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.synth import allowed, degrade, drawing, formats, held_out, picture_of
from models.synth.formats import Rng
from models.synth.noise import noise
from models.synth.vehicle import headlights, paste, surround
from models.synth.view import quadrilateral

EDGE = 8  # pixels from the edge of a scene within which no plate is exchanged
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Target:
    """A plate in a scene: corners (4, 2) in pixels, TL TR BR BL; `exact` is False where only the box is known."""

    corners: np.ndarray
    rows: int
    exact: bool = True

    @property
    def box(self) -> tuple[float, float, float, float]:
        return (*self.corners.min(axis=0).tolist(), *self.corners.max(axis=0).tolist())


@dataclass(frozen=True)
class Scene:
    """image (size, size, 3) uint8 RGB with its plates, and how strongly the whole frame is degraded."""

    image: np.ndarray
    plates: tuple[Target, ...]
    strengths: degrade.Strengths


class Photographs:
    """Frames with plate boxes from folders with labels.csv: those whose licence allows it and that are not held out."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.frames = [frame for folder in folders for frame in _frames(folder)]

    def ground(self, rng: Rng, size: int) -> tuple[np.ndarray, list[Target]]:
        """A random cut, mirrored, letterboxed or stretched a little, as (size, size, 3) float32 with its plates."""
        picture, boxes = self.frames[rng.integers(len(self.frames))]
        h, w = picture.shape[:2]
        zoom = rng.uniform(0.3, 1.0)
        cw, ch = int(w * zoom), int(min(h, w * zoom * rng.uniform(0.7, 1.2)))
        x, y = int(rng.integers(0, w - cw + 1)), int(rng.integers(0, h - ch + 1))
        scale = size / max(cw, ch)
        image = np.full((size, size, 3), 114, np.uint8)
        nw, nh = round(cw * scale), round(ch * scale)
        ox, oy = (size - nw) // 2, (size - nh) // 2
        image[oy : oy + nh, ox : ox + nw] = cv2.resize(
            picture[y : y + ch, x : x + cw], (nw, nh), interpolation=cv2.INTER_LINEAR
        )
        targets = []
        for bx, by, bw, bh in boxes:
            x0, y0, x1, y1 = bx - x, by - y, bx + bw - x, by + bh - y
            if x1 <= 0 or y1 <= 0 or x0 >= cw or y0 >= ch:
                continue
            corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]) * scale + (ox, oy)
            if x0 < 0 or y0 < 0 or x1 > cw or y1 > ch:  # cut at the edge: neither a plate nor background
                low, high = np.maximum(corners[0], 0).astype(int), corners[2].astype(int)
                image[low[1] : high[1] + 1, low[0] : high[0] + 1] = 114
            else:
                targets.append(Target(corners, 1, exact=False))
        if rng.random() < 0.5:
            image = image[:, ::-1].copy()
            mirrored = [np.stack([size - t.corners[[1, 0, 3, 2], 0], t.corners[[1, 0, 3, 2], 1]], 1) for t in targets]
            targets = [Target(corners, 1, exact=False) for corners in mirrored]
        grey = image.mean(axis=2, keepdims=True)
        image = grey + (image - grey) * rng.uniform(-0.2, 1.2)  # the hue of one camera is not to be learnt
        return image.astype(np.float32), targets


def _frames(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of a folder, at most 900 pixels long, RGB, each with the boxes (n, 4) of all its plates."""
    plates: dict[str, list[dict[str, str]]] = defaultdict(list)
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            plates[row["file"]].append(row)
    frames = []
    for name, rows in sorted(plates.items()):
        if not all(row.get("x") and allowed(row) and not held_out(row.get("text", "")) for row in rows):
            continue
        picture = picture_of(folder, name)
        scale = min(1.0, 900 / max(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes = np.array([[float(row[k]) for k in "xywh"] for row in rows])
        frames.append((picture, boxes * scale))
    if not frames:
        raise ValueError(f"{folder} holds no frame that may be trained on; choose another folder")
    return frames


def procedural(rng: Rng, size: int) -> np.ndarray:
    """Sky, walls, road, clutter: (size, size, 3) float32."""
    image = np.empty((size, size, 3), np.float32)
    horizon = int(rng.uniform(0.05, 0.7) * size)
    for part in (image[:horizon], image[horizon:]):
        if part.size:
            tone = rng.uniform(10, 240) * rng.uniform(0.75, 1.0, 3)
            part[:] = tone * (0.6 + 0.8 * noise(rng, *part.shape[:2]))[:, :, None]
    for _ in range(rng.integers(4, 26)):
        colour = (rng.uniform(0, 255) * rng.uniform(0.6, 1.0, 3)).tolist()
        p = rng.integers(0, size, 2)
        extent = rng.integers(4, size // 2, 2) * rng.choice([0.2, 0.5, 1.0])
        q = (p + extent).astype(int)
        kind = rng.integers(4)
        if kind == 0:
            cv2.rectangle(image, p.tolist(), q.tolist(), colour, -1 if rng.random() < 0.6 else 2, cv2.LINE_AA)
        elif kind == 1:
            cv2.ellipse(
                image, p.tolist(), (extent / 2).astype(int).tolist(), float(rng.uniform(0, 180)), 0, 360, colour,
                -1 if rng.random() < 0.6 else 3, cv2.LINE_AA,
            )
        elif kind == 2:
            cv2.line(image, p.tolist(), rng.integers(0, size, 2).tolist(), colour, int(rng.integers(1, 9)), cv2.LINE_AA)
        else:
            points = (p + rng.normal(0, 1, (5, 2)) * extent / 2).astype(np.int32)
            cv2.fillPoly(image, [points], colour, cv2.LINE_AA)
    return image


def exchange(image: np.ndarray, rng: Rng, target: Target, plate: formats.Plate) -> Target:
    """Hang another plate in the place of a photographed one, as bright as that was; one at the edge stays."""
    x0, y0, x1, y1 = target.box
    if min(x0, y0) < EDGE or max(x1, y1) > image.shape[0] - EDGE:
        return target
    low, high = np.maximum(np.int32((x0 - 2, y0 - 2)), 0), np.int32((x1 + 3, y1 + 3))
    spot = image[low[1] : high[1], low[0] : high[0]]
    bright = np.percentile(spot, 90) / max(plate.background)
    spot[:] = np.median(np.concatenate([spot[0], spot[-1]]), axis=0) * rng.uniform(0.5, 1.0)
    wide = (x1 - x0) * rng.uniform(0.9, 1.25) * (0.75 if plate.rows == 2 else 1.0)
    corners = quadrilateral(rng, wide, wide * plate.height / plate.width, 0.5 * rng.random())
    corners += ((x0 + x1) / 2, (y0 + y1) / 2)
    flat = np.clip(drawing.draw(plate, rng).image * bright * rng.uniform(0.8, 1.2), 0, 255).astype(np.uint8)
    paste(image, flat, corners)
    return Target(corners, plate.rows)


def lettering(image: np.ndarray, rng: Rng) -> None:
    """Text that is no plate: a shop sign, a lorry's side, a timestamp, stickers."""
    size = image.shape[0]
    faces = drawing.faces_for(rng)
    text = "".join(
        LETTERS[i] + (" " if rng.random() < 0.15 else "") for i in rng.integers(0, len(LETTERS), rng.integers(3, 18))
    )
    if rng.random() < 0.35:
        day = f"{rng.integers(2010, 2030)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        text = f"{day} {rng.integers(24):02d}.{rng.integers(60):02d}"
    tall = int(rng.uniform(7, 60))
    wide = int(min(size * 0.9, tall * len(text) * rng.uniform(0.5, 0.9)))
    coverage = np.zeros((tall + 6, wide + 6), np.uint8)
    line = formats.Line(text, 0.1 + rng.uniform(0, 0.1), 0.9, 0.02, 0.98)
    drawing.press(coverage, drawing.layout(line, faces, rng, (wide + 6, tall + 6), 1.0), faces, rng)
    x, y = int(rng.integers(0, max(1, size - wide - 6))), int(rng.integers(0, size - tall - 6))
    part = image[y : y + tall + 6, x : x + wide + 6]
    if rng.random() < 0.4 and (len(text) > 11 or tall < 14):  # a board; never one that could be a plate
        part[:] = rng.uniform(0, 255) * rng.uniform(0.3, 1, 3)
    alpha = coverage[: part.shape[0], : part.shape[1], None] / np.float32(255)
    part[:] = part * (1 - alpha) + (rng.uniform(0, 255, 3) if rng.random() < 0.5 else rng.choice([0.0, 250.0])) * alpha


def boards(image: np.ndarray, rng: Rng) -> None:
    """Blank or striped rectangles of a plate's shape: grilles, reflectors, empty holders, windows."""
    size = image.shape[0]
    w = rng.uniform(20, 140)
    h = w * rng.uniform(0.18, 0.75)
    corners = quadrilateral(rng, w, h, rng.random()) + rng.uniform(0.1, 0.9, 2) * size
    flat = np.empty((24, 72, 3), np.uint8)
    flat[:] = rng.uniform(0, 255) * rng.uniform(0.7, 1, 3)
    step = int(rng.integers(3, 12))
    if rng.random() < 0.6:
        stripes = flat[::step] if rng.random() < 0.5 else flat[:, ::step]
        stripes[:] = rng.uniform(0, 255)
    paste(image, flat, corners)


def place(rng: Rng, size: int, plate: formats.Plate, taken: list[np.ndarray]) -> np.ndarray | None:
    """Corners for a plate of any size and tilt that meets no plate already there; None where there is no room."""
    for _ in range(8):
        low, high = ((16, 350), (24, 130), (300, 378))[rng.choice(3, p=[0.35, 0.61, 0.04])]
        wide = np.exp(rng.uniform(np.log(low), np.log(high)))
        if plate.rows == 2 and high < 350:
            wide *= 0.72
        corners = quadrilateral(rng, wide, wide * plate.height / plate.width, rng.random() * 1.5)
        if rng.random() < 0.06:
            turn = rng.uniform(-0.75, 0.75)
            corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        extent = np.ptp(corners, axis=0)
        if (extent >= size - 4).any():
            continue
        corners += rng.uniform(extent / 2 + 1, size - extent / 2 - 1)
        grown = 1.3 * extent / 2
        if all(
            (np.abs(corners.mean(axis=0) - other.mean(axis=0)) > grown + np.ptp(other, axis=0) / 2).any()
            for other in taken
        ):
            return corners
    return None


def render(
    rng: Rng, *, size: int = 384, weights: dict[str, float], level: float = 1.0, photographs: Photographs | None = None
) -> Scene:
    """One scene with 0 … 5 plates."""
    real = photographs is not None and rng.random() < 0.55
    image, targets = photographs.ground(rng, size) if real and photographs else (procedural(rng, size), [])
    kept = [np.s_[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] for x0, y0, x1, y1 in (t.box for t in targets)]
    plates = [image[where].copy() for where in kept]
    for _ in range(rng.integers(0, 3 if real else 5)):
        lettering(image, rng)
    for _ in range(rng.integers(0, 3)):
        boards(image, rng)
    for where, pixels in zip(kept, plates, strict=True):
        image[where] = pixels
    if rng.random() < 0.5:
        targets = [exchange(image, rng, target, formats.sample(rng, weights)) for target in targets]
    if real and targets and rng.random() < 0.5:
        count = 0
    else:
        count = int(rng.choice([0, 1, 2, 3, 5], p=[0.1, 0.45, 0.25, 0.12, 0.08]))
    taken = [t.corners for t in targets]
    drawn = []
    for _ in range(count):
        plate = formats.sample(rng, weights)
        corners = place(rng, size, plate, taken)
        if corners is None:
            continue
        if not (real and targets):
            surround(image, rng, plate, corners)
        taken.append(corners)
        drawn.append((plate, corners))
    for plate, corners in drawn:
        strength = float(rng.random() ** 2 * level)
        paste(image, drawing.draw(plate, rng, dirt=strength * (rng.random() < 0.4)).image, corners)
        targets.append(Target(corners, plate.rows))
    strengths = degrade.sample(rng, 0.55 * level)
    extent = 6.0 if not targets else min(np.ptp(t.corners[:, 1]) for t in targets) * 0.6
    if real:
        strengths["glare"] = strengths["shadow"] = 0.0
    if rng.random() < 0.12:
        strengths["night"] = float(rng.uniform(0.5, 1.0) * level)
    image = degrade.light(image, strengths, rng)
    for _, corners in drawn if strengths["night"] > 0.4 else ():
        if rng.random() < 0.5:
            headlights(image, rng, corners)
    image = degrade.optics(image, strengths, rng, min(extent, 40.0))
    picture = degrade.sensor(image, strengths, rng)
    bars(picture, rng, targets)
    return Scene(picture, tuple(targets), strengths)


def bars(picture: np.ndarray, rng: Rng, targets: list[Target]) -> None:
    """The grey above and below, or left and right, that the letterbox leaves of a wide or tall frame."""
    size, axis = picture.shape[0], int(rng.random() < 0.7)
    room = min([0.25 * size, *(min(t.box[axis], size - t.box[axis + 2]) - 2 for t in targets)])
    width = int(rng.uniform(-0.6, 1.0) * room)
    if width > 0:
        turned = picture if axis else picture.transpose(1, 0, 2)
        turned[:width] = turned[-width:] = 114
