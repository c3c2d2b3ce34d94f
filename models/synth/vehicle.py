"""What stands around a plate in a scene: a vehicle's rear, bodywork, the tangle about a motorbike, frames and lamps."""

from __future__ import annotations

import cv2
import numpy as np

from models.synth import drawing, formats
from models.synth.formats import Rng
from models.synth.noise import noise


def paste(image: np.ndarray, flat: np.ndarray, corners: np.ndarray) -> None:
    """Warp a flat picture into place, area-averaged, blending its edge."""
    w, h = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    if w < flat.shape[1] * 0.8:
        flat = cv2.resize(flat, (max(6, round(w * 1.1)), max(4, round(h * 1.1))), interpolation=cv2.INTER_AREA)
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 2, image.shape[1::-1])
    if (high - low < 2).any():
        return
    fh, fw = flat.shape[:2]
    full = np.array([[0, 0], [fw, 0], [fw, fh], [0, fh]], np.float32)
    matrix = cv2.getPerspectiveTransform(full, (corners - low).astype(np.float32))
    size = (high - low).tolist()
    warped = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(np.full((fh, fw), 255, np.uint8), matrix, size)[:, :, None] / np.float32(255)
    part = image[low[1] : high[1], low[0] : high[0]]
    part[:] = part * (1 - alpha) + warped * alpha


def surround(image: np.ndarray, rng: Rng, plate: formats.Plate, corners: np.ndarray) -> None:
    """Put a vehicle around a plate: a recognisable rear, bodywork, clutter, or nothing."""
    motorbike = plate.rows == 2 and plate.width < 250
    if rng.random() < (0.6 if motorbike else 0.15):
        clutter(image, rng, corners)
    kind = rng.choice(3, p=[0.3, 0.3, 0.4])
    body = rng.uniform(5, 245) * rng.uniform(0.7, 1.0, 3)
    if rng.random() < 0.15:  # as blue as the plate
        body = np.array(plate.background) * rng.uniform(0.5, 1.2)
    if kind == 0:
        metre = 1000 * np.linalg.norm(corners[1] - corners[0]) / plate.width
        rear(image, corners.mean(axis=0), metre * rng.uniform(0.7, 1.2), tuple(body.tolist()), motorbike=motorbike)
    elif kind == 1:
        vehicle(image, rng, corners, body)
    if rng.random() < 0.35:
        holder(image, rng, corners, body)


def rear(image: np.ndarray, centre: np.ndarray, metre: float, paint: tuple[float, ...], *, motorbike: bool) -> None:
    """Sketch the rear of a vehicle around the centre of its plate; `metre` in pixels."""

    def part(x: float, y: float, w: float, h: float, colour: tuple[float, ...]) -> None:
        low, high = (
            centre + np.array([x - w / 2, y - h / 2]) * metre,
            centre + np.array([x + w / 2, y + h / 2]) * metre,
        )
        cv2.rectangle(image, np.int32(low).tolist(), np.int32(high).tolist(), colour, -1, cv2.LINE_AA)

    dark, red, glass = (24, 24, 26), (196, 24, 22), (44, 52, 60)
    shade = tuple(0.7 * c for c in paint)
    if motorbike:  # wheel, mudguard, tail lamp, seat, handlebar
        part(0, 0.35, 0.13, 0.75, dark)
        part(0, -0.05, 0.34, 0.42, shade)
        part(0, -0.3, 0.26, 0.11, red)
        part(0, -0.55, 0.42, 0.3, paint)
        part(0, -0.75, 0.78, 0.06, dark)
        return
    for side in (-1, 1):
        part(0.62 * side, 0.5, 0.26, 0.4, dark)
    part(0, 0, 1.75, 0.85, paint)
    part(0, -0.72, 1.35, 0.62, shade)
    part(0, -0.7, 1.2, 0.45, glass)
    part(0, 0.32, 1.7, 0.2, shade)
    for side in (-1, 1):
        part(0.72 * side, -0.12, 0.26, 0.2, red)
    part(0, 0, 0.66, 0.26, shade)


def vehicle(image: np.ndarray, rng: Rng, corners: np.ndarray, body: np.ndarray) -> None:
    """Sketch bodywork of a colour, lamps, bumper or mudguard around a plate."""
    centre, (w, h) = corners.mean(axis=0), np.ptp(corners, axis=0)
    w = max(w, 1.6 * h)
    wide = rng.uniform(1.3, 4.5) * w
    tall = rng.uniform(0.6, 2.2) * w
    top = centre + (-wide / 2, -tall * rng.uniform(0.3, 0.8))
    bottom = top + (wide, tall)
    x0, y0 = np.maximum(np.int32(top), 0)
    x1, y1 = np.minimum(np.int32(bottom), image.shape[1::-1])
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    image[y0:y1, x0:x1] = body * (0.75 + 0.5 * noise(rng, y1 - y0, x1 - x0))[:, :, None]
    for side in (-1, 1):
        lamp = np.int32(centre + (side * wide * rng.uniform(0.3, 0.48), -tall * rng.uniform(0, 0.3)))
        colour = ((210, 30, 25), (250, 245, 225), (230, 140, 40))[rng.integers(3)]
        cv2.ellipse(
            image, lamp.tolist(), np.int32((0.12 * w + 2, 0.1 * w + 2)).tolist(), 0, 0, 360, colour, -1, cv2.LINE_AA
        )
    for _ in range(rng.integers(0, 9)):  # grille, bumper edges
        y = int(centre[1] + rng.uniform(-1, 1) * tall * 0.5)
        shade = (body * rng.uniform(0.2, 1.5)).clip(0, 255).tolist()
        cv2.line(
            image, (int(x0), y), (int(x1), y + int(rng.integers(-3, 4))), shade, int(rng.integers(1, 2 + h // 6)),
            cv2.LINE_AA,
        )


def clutter(image: np.ndarray, rng: Rng, corners: np.ndarray) -> None:
    """What hangs about a motorbike's plate: wheels, spokes, pipes, legs, lamps, in many pieces."""
    centre, reach = corners.mean(axis=0), np.ptp(corners, axis=0).max()
    for _ in range(rng.integers(8, 30)):
        at = np.int32(centre + rng.normal(0, 1.1, 2) * reach).tolist()
        extent = np.maximum(2, reach * rng.uniform(0.05, 0.8, 2)).astype(int)
        shade = rng.uniform(0, 90) if rng.random() < 0.6 else rng.uniform(0, 255)
        colour = (shade * rng.uniform(0.5, 1.0, 3) if rng.random() < 0.3 else np.full(3, shade)).tolist()
        kind = rng.integers(3)
        if kind == 0:
            angle, thick = float(rng.uniform(0, 180)), int(rng.choice([-1, 1, 2, 4]))
            cv2.ellipse(image, at, extent.tolist(), angle, 0, 360, colour, thick, cv2.LINE_AA)
        elif kind == 1:
            end = np.int32(at + rng.normal(0, 0.8, 2) * reach).tolist()
            cv2.line(image, at, end, colour, int(rng.integers(1, 3 + reach // 6)), cv2.LINE_AA)
        else:
            points = np.int32(at + rng.normal(0, 0.5, (5, 2)) * extent)
            cv2.fillPoly(image, [points], colour, cv2.LINE_AA)


def holder(image: np.ndarray, rng: Rng, corners: np.ndarray, body: np.ndarray) -> None:
    """The recess or the dealer's frame around a plate, of the body's colour, chrome or black, with words or without."""
    wide, tall = 1 + rng.uniform(0.02, 0.18), 1 + rng.uniform(0.06, 0.5)  # of the plate's size
    flat = np.empty((48, 96, 3), np.uint8)
    flat[:] = (body * rng.uniform(0.1, 0.9), rng.uniform(5, 40, 3), rng.uniform(150, 235, 3))[rng.integers(3)]
    centre = corners.mean(axis=0)
    if rng.random() < 0.4:
        coverage = np.zeros(flat.shape[:2], np.uint8)
        faces = drawing.faces_for(rng)
        for top in (0.01, 0.87):
            words = formats.pick(rng, formats.LETTERS, int(rng.integers(4, 14)))
            drawing.press(
                coverage, drawing.layout(formats.Line(words, top, top + 0.12), faces, rng, (96, 48), 1.0), faces, rng
            )
        flat[coverage > 127] = 255 - flat[0, 0]
        tall += 0.2
    paste(image, flat, centre + (corners - centre) * (wide, tall))


def headlights(image: np.ndarray, rng: Rng, corners: np.ndarray) -> None:
    """Two lamps that shine beside a plate at night and drown what is around them."""
    centre, w = corners.mean(axis=0), np.linalg.norm(corners[1] - corners[0])
    ys, xs = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    apart, up = rng.uniform(0.8, 1.7) * w, rng.uniform(-0.3, 0.7) * w
    colour = np.array([255, rng.uniform(215, 255), rng.uniform(150, 255)], np.float32)
    core, halo = rng.uniform(0.1, 0.35) * w, rng.uniform(0.4, 1.3) * w
    for side in (-1, 1):
        away = np.hypot(xs - centre[0] - side * apart, ys - centre[1] + up)
        shine = 2 * np.exp(-((away / core) ** 2)) + rng.uniform(0.05, 0.5) * np.exp(-away / halo)
        image += shine[:, :, None] * colour
