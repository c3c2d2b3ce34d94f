"""A gate whose plates are painted in colours, and the five small models that read them: real files, linear in colour.

A plate is 128x64 pixels with a blue mark above it; each character is two columns of its colour, then two columns of the
blank's. Characters are digits, as colours on a circle in red and green; the empty lower row is a bluish blank.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge.manifest import Tensor
from edge.plates.alphabet import BLANK, CHARACTERS, INDEX, SIZE
from tests.stick import Map, release

SIDE, CELL = 384, 8
WIDTH, HEIGHT = 128, 64
MARGIN = 0.04  # that the crop adds on each side
BELOW = 5.5  # cells from the centre of the mark to the centre of its plate
COLOURS = 11  # ten digits and the blank, evenly on the circle
SURE = 100.0  # logits on the circle
LOWER = 0.3  # blue of the lower row


def colour(index: int) -> np.ndarray:
    """Red, green, blue of the k-th colour of the circle, 0 to 1."""
    angle = 2 * math.pi * index / COLOURS
    return np.array([0.5 + 0.45 * math.cos(angle), 0.5 + 0.45 * math.sin(angle), 0.0])


def picture(*plates: tuple[str, int, int]) -> np.ndarray:
    """An RGB frame with plates: text of at most four digits, and the cell (column, row) of the mark."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    for text, column, row in plates:
        x, y = column * CELL, row * CELL
        image[y : y + CELL, x : x + CELL] = (0, 0, 255)
        left, top = x + CELL // 2 - WIDTH // 2, y + CELL // 2 + int(BELOW * CELL) - HEIGHT // 2
        for place in range(8):
            known = place % 2 == 0 and place // 2 < len(text)
            index = int(text[place // 2]) if known else COLOURS - 1
            stripe = slice(max(0, left + 16 * place), max(0, left + 16 * (place + 1)))
            image[top : top + HEIGHT // 2, stripe] = np.rint(255 * colour(index))
            image[top + HEIGHT // 2 : top + HEIGHT, stripe] = np.rint(255 * (colour(COLOURS - 1) + (0, 0, LOWER)))
    return image


def png(*plates: tuple[str, int, int]) -> bytes:
    """The frame as a file."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture(*plates), cv2.COLOR_RGB2BGR))[1])


def zoo(folder: Path) -> Path:
    """The five models under their released names, for the CPU and for the stick."""
    folder.mkdir(exist_ok=True)
    frame = Tensor("image", "image:0", (1, SIDE, SIDE, 3), "uint8", 1 / 255, 0)
    crop = Tensor("crop", "crop:0", (1, HEIGHT, WIDTH, 3), "uint8", 1 / 255, 0)
    release(folder, "detector", frame, _detector(), settings={"threshold": 0.5})
    release(folder, "quality", crop, [_constant("quality", 0.8), _constant("degraded", 0.0)])
    release(folder, "restorer", crop, [_same()])
    wide = replace(crop, shape=(1, HEIGHT, 2 * WIDTH, 3))
    release(folder, "reader", crop, _reader(WIDTH), alphabet=CHARACTERS)
    release(folder, "wide_reader", wide, _reader(2 * WIDTH), alphabet=CHARACTERS)
    return folder


def _detector() -> list[Map]:
    cells = SIDE // CELL
    inner = np.array([WIDTH, HEIGHT]) / (1 + 2 * MARGIN) / CELL  # the crop shall be the whole plate
    box = np.array([0.0, BELOW, *np.log(inner)])
    corners = np.array([-1.0, -1, 1, -1, 1, 1, -1, 1])
    return [
        _cells("heat", cells, cells, np.array([[0.0, 0, 1]]), np.zeros(1), (1 / 256, 0)),
        _cells("box", cells, cells, np.zeros((4, 3)), box, (1 / 32, 64)),
        _cells("corners", cells, cells, np.zeros((8, 3)), corners, (1 / 64, 128)),
        _cells("rows", cells, cells, np.zeros((1, 3)), np.zeros(1), (1 / 256, 0)),
    ]


def _reader(width: int) -> list[Map]:
    weights, bias = np.zeros((SIZE, 3)), np.full(SIZE, -SURE)
    for place, index in enumerate([*(INDEX[digit] for digit in "0123456789"), BLANK]):
        outward = (colour(place) - colour(place).clip(0.5, 0.5)) * (1, 1, 0) / 0.45
        weights[index], bias[index] = SURE * outward / 0.45, -SURE * float(outward @ (0.5, 0.5, 0)) / 0.45
    twice, both = np.concatenate([weights, weights]), np.concatenate([bias, bias])
    blue = np.array([[0.0, 0, -1], [0, 0, -1], [0, 0, 1], [0, 0, 1]]) / LOWER
    return [
        _cells("classes", HEIGHT // CELL, width // CELL, twice, both, (SURE / 127, 128)),
        _cells("masks", HEIGHT // CELL, width // CELL, blue, np.array([1.0, 1, 0, 0]), (1 / 255, 0)),
    ]


def _cells(name: str, rows: int, columns: int, weights: np.ndarray, bias: np.ndarray, steps: tuple[float, int]) -> Map:
    tensor = Tensor(name, f"{name}:0", (1, rows, columns, len(bias)), "uint8", *steps)
    return Map(tensor, (CELL, CELL), weights, bias)


def _constant(name: str, value: float) -> Map:
    tensor = Tensor(name, f"{name}:0", (1, 1, 1, 1), "uint8", 1 / 256, 0)
    return Map(tensor, (HEIGHT, WIDTH), np.zeros((1, 3)), np.array([value]))


def _same() -> Map:
    tensor = Tensor("restored", "restored:0", (1, HEIGHT, WIDTH, 3), "uint8", 1 / 255, 0)
    return Map(tensor, (1, 1), np.eye(3), np.zeros(3))
