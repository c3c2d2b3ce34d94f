"""Draw a plate flat: sheet, rim, bands, screws, pressed characters, dirt; and say where each character stands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.synth import atlas, wear
from models.synth.formats import LETTERS, Line, Plate, Rng, pick
from models.synth.noise import noise

SEPARATORS = "-.· *"  # a star stands for a coat of arms, a seal or a sticker

HANZI_STROKE = 0.09  # of a character's height
SEALS = np.array([(190, 30, 40), (30, 60, 150), (30, 130, 70), (225, 190, 60), (120, 120, 120)], float)  # RGB


@dataclass(frozen=True)
class Drawing:
    """A flat plate: image (height, width, 3) uint8, characters with their row, boxes (n, 4) as x0, y0, x1, y1."""

    image: np.ndarray
    text: str
    rows: tuple[int, ...]
    boxes: np.ndarray


def is_hanzi(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def glyph(faces: dict[str, atlas.Face], character: str) -> np.ndarray:
    kind = "latin" if character in faces["latin"].glyphs else "hangul" if "\uac00" <= character <= "\ud7a3" else "hanzi"
    return faces[kind].glyphs[character]


def layout(
    line: Line, faces: dict[str, atlas.Face], rng: Rng, size: tuple[int, int], stretch: float
) -> list[tuple[str, int, int, int, int]]:
    """Character cells (character, x, y, width, height) of a line, fitted to its span of a (width, height) plate."""
    width, height = size
    top, bottom = round(line.top * height), round(line.bottom * height)
    cap = max(6, bottom - top)
    gap = rng.uniform(0.1, 0.2) * cap
    latin = faces["latin"].glyphs
    narrow = rng.uniform(0.45, 0.8) if any(map(is_hanzi, line.text)) else rng.uniform(0.6, 1.0)
    cells: list[tuple[str, float]] = []
    for character in line.text:
        if character in SEPARATORS:
            spaces = {"-": rng.uniform(0.18, 0.34), " ": rng.uniform(0.1, 0.5), "*": rng.uniform(0.18, 0.55)}
            share = spaces.get(character, rng.uniform(0.06, 0.16))
            cells.append((character, share * cap))
        else:
            aspect = 1.0 if is_hanzi(character) else glyph(faces, character).shape[1] / atlas.HEIGHT
            share = stretch if character in latin else narrow  # Hangul and Hanzi are set as narrow as the digits
            cells.append((character, aspect * share * cap))
    total = sum(w for _, w in cells) + gap * (len(cells) - 1)
    span = (line.right - line.left) * width
    widest = rng.uniform(1.0, 1.25 if rng.random() < 0.85 else 1.9)  # the digits of Korean green plates are squares
    squeeze = min(span / total, widest)
    start = line.left * width + (span - total * squeeze) * rng.uniform(0.35, 0.65)
    placed, x, low = [], start, rng.uniform(0.7, 1.0)  # Hangul is often less tall than the digits
    for character, w in cells:
        tall = round(cap * low) if "\uac00" <= character <= "\ud7a3" else cap
        placed.append((character, round(x), top + (cap - tall) // 2, max(3, round(w * squeeze)), tall))
        x += (w + gap) * squeeze
    return placed


def press(
    coverage: np.ndarray, cells: list, faces: dict[str, atlas.Face], rng: Rng
) -> list[tuple[str, int, int, int, int]]:
    """Stamp the cells into the coverage map (height, width) and return those that are characters."""
    height, width = coverage.shape
    narrowed, kept = rng.random() < 0.6, []
    bold = rng.uniform(0, 0.04) if rng.random() < 0.6 else 0.0  # of a character's height: Hanzi as bold as the digits
    for character, x, y, w, h in cells:
        if character in " *":
            continue
        if character in SEPARATORS:
            thick = max(2, round(h * rng.uniform(0.09, 0.17)))
            middle = y + (h // 2 if character != "." else h - thick)
            wide = w if character == "-" else max(2, round(thick * 1.1))
            coverage[max(0, middle - thick // 2) : middle + (thick + 1) // 2, max(0, x) : x + wide] = 255
            continue
        x0, x1 = max(0, x), min(width, x + w)
        y1 = min(height, y + h)
        if x1 - x0 < 2 or y1 - y < 2:
            continue
        shape = glyph(faces, character)
        bitmap = cv2.resize(shape, (x1 - x0, y1 - y), interpolation=cv2.INTER_AREA)
        if is_hanzi(character):  # set narrow, not squeezed: their uprights stay as thick
            lost = HANZI_STROKE * (h - w * shape.shape[0] / shape.shape[1]) if narrowed else 0
            bitmap = cv2.dilate(bitmap, np.ones((1 + round(bold * h), 1 + round(max(lost, bold * h))), np.uint8))
        np.maximum(coverage[y:y1, x0:x1], bitmap, out=coverage[y:y1, x0:x1])
        kept.append((character, x0, y, x1, y1))
    return kept


# The alphabets of strokes.ALPHABETS by the plates that are pressed with them, and how many of those are drawn so.
PRESSED = {
    "vn": ("vietnamese", 0.65), "br grey": ("brazilian", 0.7), "br mercosul": ("forgery proof", 0.7),
    "latin eu": ("forgery proof", 0.25), "cn": ("chinese", 0.65),
}


def faces_for(rng: Rng, kind: str = "") -> dict[str, atlas.Face]:
    """A face for each script; `kind` is the plate's region and kind, where its alphabet is peculiar."""
    kinds = atlas.load()
    latin = kinds["stroke" if rng.random() < 0.62 else "font"]
    for begins, (alphabet, share) in PRESSED.items():
        if kind.startswith(begins) and rng.random() < share:
            latin = kinds[alphabet]
    return {
        "latin": latin[rng.integers(len(latin))], "hangul": kinds["hangul"][rng.integers(len(kinds["hangul"]))],
        "hanzi": kinds["hanzi"][rng.integers(len(kinds["hanzi"]))],
    }


def weigh(coverage: np.ndarray, rng: Rng) -> np.ndarray:
    """The same characters bolder or thinner, by a pixel or two of a coverage map (height, width)."""
    kernel = np.ones(tuple(rng.integers(1, 4, 2)), np.uint8)
    return (cv2.dilate if rng.random() < 0.6 else cv2.erode)(coverage, kernel)


def hatch(rng: Rng, size: tuple[int, int]) -> np.ndarray:
    """Diagonal stripes (height, width) in [0, 1] on a plate of that (width, height)."""
    ys, xs = np.mgrid[0 : size[1], 0 : size[0]]
    wave = np.sin(2 * np.pi / (rng.uniform(0.05, 0.13) * size[1]) * (xs + rng.choice([-1, 1]) * ys))
    return 1 - rng.uniform(0.2, 0.8) * (wave > rng.uniform(-0.2, 0.6))


def sheet(plate: Plate, rng: Rng, size: tuple[int, int]) -> np.ndarray:
    """The blank plate (height, width, 3) float32: ground colour, gradient, bands."""
    width, height = size
    tint = np.array(plate.background, np.float32) * rng.uniform(0.82, 1.06) + rng.normal(0, 6, 3)
    image = np.empty((height, width, 3), np.float32)
    image[:] = tint
    if plate.gradient is not None:
        ramp = np.linspace(1, 0, height, dtype=np.float32)[:, None, None] ** rng.uniform(0.7, 1.6)
        image = image * (1 - ramp) + np.array(plate.gradient, np.float32) * ramp
    if plate.kind == "us" and rng.random() < 0.4:  # a landscape
        ground = np.clip((noise(rng, height, width) - rng.uniform(0.3, 0.6)) * 3, 0, rng.uniform(0.2, 0.6))[:, :, None]
        image = image * (1 - ground) + rng.uniform(60, 255, 3).astype(np.float32) * ground
    if plate.band is not None:
        side, share, colour = plate.band
        part = image[: round(share * height)] if side == "top" else image[:, : round(share * width)]
        part[:] = np.array(colour, np.float32) * rng.uniform(0.7, 1.3)
    return image


def rim(coverage: np.ndarray, rng: Rng) -> None:
    height, width = coverage.shape
    inset, thick = int(rng.integers(1, 2 + height // 24)), max(1, round(height * rng.uniform(0.012, 0.035)))
    cv2.rectangle(
        coverage, (inset, inset), (width - 1 - inset, height - 1 - inset), int(rng.integers(120, 256)), thick,
        cv2.LINE_AA,
    )


def bolts(image: np.ndarray, rng: Rng, xs: tuple[float, ...], y: float, sizes: tuple[float, float]) -> None:
    """Bolts of one kind at (x, y), fractions of the plate, of a radius in fractions of its height, with their shade."""
    height, width = image.shape[:2]
    size, bright, shade = max(1, round(height * rng.uniform(*sizes))), rng.uniform(20, 250), rng.random() < 0.4
    axes = size, max(1, round(size * rng.uniform(0.8, 1.3)))
    for x in xs:
        centre = round(x * width), round(y * height)
        if shade:
            below = centre[0] + size // 2, centre[1] + size // 2
            cv2.ellipse(image, below, axes, 0, 0, 360, [0.4 * bright] * 3, -1, cv2.LINE_AA)
        cv2.ellipse(image, centre, axes, 0, 0, 360, [bright] * 3, -1, cv2.LINE_AA)


def fittings(image: np.ndarray, plate: Plate, rng: Rng) -> None:
    """Bolts and stickers where they sit on plates of that kind, and a few anywhere."""
    height, width = image.shape[:2]
    flat = plate.rows == 1 and plate.height / plate.width < 0.25
    for _ in range(rng.choice([0, 2, 4], p=[0.35, 0.45, 0.2])):
        x, y = rng.choice([0.12, 0.3, 0.7, 0.88, 0.5]), rng.choice([0.08, 0.1, 0.9, 0.5])
        y = rng.choice([0.07, 0.93]) if flat and 0.2 < x < 0.8 else y
        bolts(image, rng, (x + rng.normal(0, 0.01),), y, (0.015, 0.04))
    if plate.region == "cn" and rng.random() < 0.6:  # over the tops of the second and the sixth character
        for y in (0.08, 0.92)[: 1 + int(rng.random() < 0.4)]:
            bolts(image, rng, (rng.uniform(0.22, 0.3), rng.uniform(0.7, 0.78)), y, (0.04, 0.08))
    if plate.rows == 2 and rng.random() < 0.25:  # through the upper row
        bolts(image, rng, (rng.uniform(0.2, 0.36), rng.uniform(0.64, 0.82)), rng.uniform(0.14, 0.32), (0.025, 0.05))
    if plate.rows == 1 and rng.random() < 0.25:  # at both ends, as tall as a character's stroke is wide
        inset = rng.uniform(0.02, 0.05)
        bolts(image, rng, (inset, 1 - inset), rng.uniform(0.4, 0.6), (0.03, 0.09))
    if plate.kind == "us":
        american(image, rng)
    if rng.random() < 0.08:
        x, y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height
        cv2.circle(
            image, (round(x), round(y)), max(1, round(height * rng.uniform(0.04, 0.08))),
            rng.uniform(30, 255, 3).tolist(), -1, cv2.LINE_AA,
        )


def american(image: np.ndarray, rng: Rng) -> None:
    """Bolts, the stickers of month and year in the corners, and a dealer's frame over rim and captions."""
    height, width = image.shape[:2]
    for y in (rng.uniform(0.08, 0.15), rng.uniform(0.85, 0.92)):
        if rng.random() < 0.6:
            bolts(image, rng, (rng.uniform(0.17, 0.26), rng.uniform(0.74, 0.83)), y, (0.02, 0.05))
    for x, y in ((0.03, 0.04), (0.84, 0.04), (0.03, 0.82), (0.84, 0.82)):
        if rng.random() < 0.3:
            low = np.int32(((x + rng.uniform(0, 0.03)) * width, (y + rng.uniform(0, 0.04)) * height))
            high = low + np.int32((rng.uniform(0.08, 0.13) * width, rng.uniform(0.1, 0.16) * height))
            cv2.rectangle(image, low.tolist(), high.tolist(), rng.uniform(0, 255, 3).tolist(), -1)
    if rng.random() < 0.35:
        tone = (rng.uniform(5, 40), rng.uniform(150, 235), rng.uniform(0, 255))[rng.integers(3)]
        top, bottom = round(rng.uniform(0.04, 0.22) * height), round(rng.uniform(0.04, 0.19) * height)
        side = round(rng.uniform(0.01, 0.04) * width)
        for part in (image[:top], image[height - bottom :], image[:, :side], image[:, width - side :]):
            part[:] = tone * rng.uniform(0.8, 1.0, 3)
        words = np.zeros((height, width), np.uint8)
        faces = faces_for(rng)
        for begins, ends in ((0.01, top / height - 0.02), (1.01 - bottom / height, 0.98)):
            if ends - begins > 0.08 and rng.random() < 0.7:
                text = pick(rng, LETTERS, int(rng.integers(4, 14)))
                left = rng.uniform(0.06, 0.3)
                cells = layout(Line(text, begins, ends, left, 1 - left), faces, rng, (width, height), 1.0)
                press(words, cells, faces, rng)
        image[words > 127] = 235 if tone < 120 else 25


def emblem(image: np.ndarray, rng: Rng, x: int, y: int, w: int, h: int) -> None:
    """A shield, one or two round seals, or a sticker in a cell of the text."""
    colours = rng.choice(SEALS, 2)
    middle = x + w // 2
    kind = rng.choice(4, p=[0.2, 0.35, 0.25, 0.2])
    if kind == 3:  # a star, or the outline of a country
        angles = np.linspace(0, 2 * np.pi, 2 * int(rng.integers(4, 7)), endpoint=False) + rng.uniform(0, 1)
        reach = np.where(np.arange(len(angles)) % 2, rng.uniform(0.3, 0.7), 1.0) * min(w, 0.4 * h) * 0.5
        star = np.stack([middle + reach * np.cos(angles), y + h * 0.5 + reach * np.sin(angles)], axis=1)
        cv2.fillPoly(image, [np.round(star).astype(np.int32)], rng.uniform(10, 90, 3).tolist(), cv2.LINE_AA)
    elif kind == 0:
        top, low = y + round(h * rng.uniform(0.05, 0.3)), y + round(h * rng.uniform(0.5, 0.75))
        half = max(1, round(w * 0.4))
        left, right, waist = middle - half, middle + half, (top + low) // 2
        shield = np.array([(left, top), (right, top), (right, waist), (middle, low), (left, waist)], np.int32)
        cv2.fillPoly(image, [shield], colours[0].tolist(), cv2.LINE_AA)
        cv2.line(image, (middle, top + 1), (middle, low - 2), colours[1].tolist(), max(1, w // 6), cv2.LINE_AA)
    elif kind == 1:
        outer, inner = rng.uniform(0.32, 0.52) * w, rng.uniform(0.55, 0.9)
        for share, colour in zip((rng.uniform(0.15, 0.34), rng.uniform(0.58, 0.78)), colours, strict=True):
            centre = (middle, y + round(h * share))
            cv2.circle(image, centre, max(2, round(outer)), (225, 225, 225), -1, cv2.LINE_AA)
            cv2.circle(image, centre, max(1, round(outer * inner)), colour.tolist(), -1, cv2.LINE_AA)
    else:  # a sticker, or a picture in stripes
        low, high = y + round(h * rng.uniform(0.1, 0.35)), y + round(h * rng.uniform(0.55, 0.85))
        left, right = x + round(w * rng.uniform(-0.1, 0.15)), x + w - round(w * rng.uniform(-0.1, 0.15))
        cv2.rectangle(
            image, (left, low), (right, high), colours[0].tolist(), -1 if rng.random() < 0.7 else max(1, w // 8),
            cv2.LINE_AA,
        )
        for at in rng.uniform(low, high, rng.integers(0, 4)).astype(int).tolist():
            cv2.line(image, (left, at), (right, at), colours[1].tolist(), max(1, (high - low) // 6), cv2.LINE_AA)


def draw(plate: Plate, rng: Rng, *, height: int = 72, dirt: float = 0.0) -> Drawing:
    """Draw a plate at a height in pixels; `dirt` in [0, 1] is its strength of soiling and wear."""
    height = round(height * (1.0 if plate.rows == 1 else 1.5))
    size = (round(height * plate.width / plate.height), height)
    faces, stretch = faces_for(rng, f"{plate.region} {plate.kind}"), rng.uniform(0.85, 1.2)
    image = sheet(plate, rng, size)
    captions = np.zeros(image.shape[:2], np.uint8)
    for caption in plate.captions:
        press(captions, layout(caption, faces, rng, size, 1.0), faces, rng)
    coverage = np.zeros(image.shape[:2], np.uint8)
    if rng.random() < plate.border:
        rim(coverage, rng)
    characters: list[tuple[str, int, int, int, int]] = []
    rows: list[int] = []
    emblems = []
    for line in plate.lines:
        cells = layout(line, faces, rng, size, stretch)
        emblems += [cell[1:] for cell in cells if cell[0] == "*"]
        placed = press(coverage, cells, faces, rng)
        characters += placed
        rows += [line.row] * len(placed)
    if rng.random() < 0.5:
        coverage = weigh(coverage, rng)
    painted = wear.paint(coverage, characters, rng)
    if plate.kind.startswith("mercosul") and rng.random() < 0.35:  # ink printed in stripes, or with tiny words
        painted = painted * hatch(rng, size)
    ink = np.array(plate.ink, np.float32) + rng.normal(0, 8, 3)
    caption_ink = np.array((235, 235, 235) if plate.band and plate.band[0] == "top" else plate.ink, np.float32)
    fade = 1 - max(dirt * rng.uniform(0, 0.5), rng.uniform(0, 0.75) * (rng.random() < 0.06))
    for cover, colour, strength in ((captions, caption_ink, 0.9), (painted, ink, fade)):
        alpha = (cover.astype(np.float32) * (strength / 255))[:, :, None]
        image = image * (1 - alpha) + colour * alpha
    if rng.random() < 0.7:  # pressed characters catch the light on one flank and shade the other
        slope = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.8, 2.0)).astype(np.float32)
        dy, dx = rng.integers(-2, 3, 2)
        flank = np.roll(slope, (dy, dx), (0, 1)) - np.roll(slope, (-dy, -dx), (0, 1))
        image += flank[:, :, None] * rng.uniform(0.1, 0.35)
    for cell in emblems:
        emblem(image, rng, *cell)
    fittings(image, plate, rng)
    wear.mar(image, plate.rows, rng)
    if dirt > 0:
        mask = np.clip((noise(rng, height, size[0]) - (1 - 0.75 * dirt)) * rng.uniform(2, 8), 0, 0.92)[:, :, None]
        image = (
            image * (1 - mask)
            + (rng.uniform(0.25, 1) * np.array((190, 178, 160), np.float32) + rng.normal(0, 8, 3)) * mask
        )
    boxes = np.array([c[1:] for c in characters], np.float32).reshape(-1, 4)
    return Drawing(np.clip(image, 0, 255).astype(np.uint8), "".join(c[0] for c in characters), tuple(rows), boxes)
