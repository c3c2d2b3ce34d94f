"""What the low-resolution paper (seed 001) is measured against: first cut the characters apart, then read each.

`Networks` is its first baseline, two convolutional networks in cascade; `HandCrafted` its third, connected components
and a HOG-SVM (Gonçalves et al. 2016). Both see what the multi-task CNN sees, learn from the same plates and answer in
the same form: classes (n, 7) of 36, −1 where no character was found.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import keras
import numpy as np
from keras import layers

from models.low_resolution import CHARACTERS, CLASSES, HEIGHT, WIDTH
from models.train.low_resolution import Views, schedule, unit

CELL = (32, 20)  # height, width of a character that was cut out
CORE = 0.35  # half of the part of a character's width that the map marks, so that neighbours stay apart
GRID, BINS = 4, 9  # pixels of a cell's side, directions: Dalal and Triggs 2005


def cut(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """One character of a plate (40, 120) as (32, 20); what is beyond the plate is left out."""
    x0, y0, x1, y1 = np.round(box).astype(int)
    x0, y0 = max(0, min(x0, WIDTH - 2)), max(0, min(y0, HEIGHT - 2))
    return cv2.resize(picture[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)], CELL[::-1], interpolation=cv2.INTER_LINEAR)


def characters(given: Views, *, seed: int, jitter: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """All characters of labelled plates (7n, 32, 20), cut a pixel or so loosely, and their classes (7n,)."""
    noise = np.random.default_rng(seed).normal(0, jitter, given.boxes.shape)
    boxes = given.boxes + noise
    cells = [cut(picture, box) for picture, row in zip(given.pictures, boxes, strict=True) for box in row]
    return np.stack(cells), given.classes.reshape(-1)


def marked(boxes: np.ndarray) -> np.ndarray:
    """The map (20, 60) that a segmenter should show for boxes (7, 4): the core of every character."""
    wanted = np.zeros((HEIGHT // 2, WIDTH // 2), np.float32)
    for x0, y0, x1, y1 in boxes / 2:
        middle, half = (x0 + x1) / 2, max(0.6, (x1 - x0) * CORE)
        wanted[max(0, round(y0)) : round(y1), max(0, round(middle - half)) : max(1, round(middle + half))] = 1
    return wanted


def segmenter() -> keras.Model:
    """The first network of the cascade: the probability (20, 60, 1) of standing on a character."""
    plate = keras.Input((HEIGHT, WIDTH, 1))
    fine = layers.MaxPooling2D(2)(layers.Conv2D(16, 5, padding="same", activation="relu")(plate))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(fine)
    x = layers.MaxPooling2D(2)(x)
    for _ in range(2):
        x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), fine])
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    return keras.Model(plate, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def classifier() -> keras.Model:
    """The second network of the cascade: logits (36,) of a character (32, 20, 1)."""
    cell = keras.Input((*CELL, 1))
    x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, padding="same", activation="relu")(cell))
    x = layers.MaxPooling2D(2)(layers.Conv2D(64, 3, padding="same", activation="relu")(x))
    x = layers.MaxPooling2D(2)(layers.Conv2D(64, 3, padding="same", activation="relu")(x))
    x = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(layers.Flatten()(x)))
    return keras.Model(cell, layers.Dense(CLASSES)(x))


def blobs(shown: np.ndarray) -> np.ndarray:
    """Boxes (k ≤ 7, 4) in the plate, left to right, of the largest blobs of a map (20, 60) of probabilities."""
    _, _, found, _ = cv2.connectedComponentsWithStats((shown > 0.5).astype(np.uint8), connectivity=4)
    x, y, w, h, area = found[1:].T
    keep = np.argsort(-area)[:CHARACTERS]
    keep = keep[area[keep] >= 4]
    keep = keep[np.argsort(x[keep])]
    spare = w * (0.5 / CORE - 1) / 2  # what the core leaves out on each side
    return 2.0 * np.stack([x - spare, y, x + w + spare, y + h], axis=1)[keep]


def answers(pictures: np.ndarray, boxes: list[np.ndarray], name: Callable) -> np.ndarray:
    """Classes (n, 7) of the characters in the boxes of every picture, by `name`, which names (k, 32, 20) cells."""
    told = np.full((len(pictures), CHARACTERS), -1)
    places = [(n, slot) for n, row in enumerate(boxes) for slot in range(len(row))]
    if places:
        told[tuple(np.array(places).T)] = name(np.stack([cut(pictures[n], boxes[n][slot]) for n, slot in places]))
    return told


class Networks:
    """Two convolutional networks in cascade."""

    def __init__(self, given: Views, *, seed: int, epochs: int) -> None:
        keras.utils.set_random_seed(seed)
        self.finder, self.namer = segmenter(), classifier()
        steps = epochs * -(-len(given.pictures) // 32)
        self.finder.compile(schedule(2e-3, steps), "binary_crossentropy", jit_compile=False)
        maps = np.stack([marked(row) for row in given.boxes])[..., None]
        self.finder.fit(unit(given.pictures), maps, batch_size=32, epochs=epochs, verbose=0)
        cells, classes = characters(given, seed=seed)
        entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.namer.compile(schedule(2e-3, 2 * -(-len(cells) // 64)), entropy, jit_compile=False)
        self.namer.fit(unit(cells), classes, batch_size=64, epochs=2, verbose=0)  # there are seven times as many

    def boxes(self, pictures: np.ndarray) -> list[np.ndarray]:
        return [blobs(shown) for shown in self.finder.predict(unit(pictures), batch_size=256, verbose=0)[..., 0]]

    def name(self, cells: np.ndarray) -> np.ndarray:
        return np.argmax(self.namer.predict(unit(cells), batch_size=512, verbose=0), axis=-1)


class HandCrafted:
    """Connected components of the binarized plate, then a linear SVM on histograms of oriented gradients."""

    def __init__(self, given: Views, *, seed: int, epochs: int = 4) -> None:
        cells, classes = characters(given, seed=seed)
        features, wanted = described(cells), np.eye(CLASSES, dtype=np.float32)[classes]
        keras.utils.set_random_seed(seed)
        one = keras.Input(features.shape[1:])
        self.machine = keras.Model(one, layers.Dense(CLASSES, kernel_regularizer=keras.regularizers.L2(1e-5))(one))
        self.machine.compile(schedule(1e-2, epochs * -(-len(cells) // 64)), "categorical_hinge", jit_compile=False)
        self.machine.fit(features, wanted, batch_size=64, epochs=epochs, verbose=0)

    def boxes(self, pictures: np.ndarray) -> list[np.ndarray]:
        return [components(picture) for picture in pictures]

    def name(self, cells: np.ndarray) -> np.ndarray:
        return np.argmax(self.machine.predict(described(cells), batch_size=512, verbose=0), axis=-1)


def described(cells: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (k, 1008) of characters (k, 32, 20), normalised over blocks of 2 × 2."""
    pictures = cells.astype(np.float32)
    dy, dx = (np.gradient(pictures, axis=axis) for axis in (1, 2))
    strength, turn = np.hypot(dx, dy), np.mod(np.arctan2(dy, dx), np.pi) / np.pi * BINS
    low, share = np.floor(turn).astype(int) % BINS, turn - np.floor(turn)
    votes = np.zeros((*cells.shape, BINS), np.float32)
    np.put_along_axis(votes, low[..., None], (strength * (1 - share))[..., None], axis=-1)
    np.put_along_axis(votes, (low[..., None] + 1) % BINS, (strength * share)[..., None], axis=-1)
    high, wide = CELL[0] // GRID, CELL[1] // GRID
    cell = votes.reshape(len(cells), high, GRID, wide, GRID, BINS).sum(axis=(2, 4))
    block = np.concatenate([cell[:, a : high - 1 + a, b : wide - 1 + b] for a in (0, 1) for b in (0, 1)], axis=-1)
    block /= np.linalg.norm(block, axis=-1, keepdims=True) + 1e-3
    return block.reshape(len(cells), -1)


def components(picture: np.ndarray) -> np.ndarray:
    """Boxes (k ≤ 7, 4), left to right, of what stands out of a plate (40, 120) like characters, dark or light."""
    best = np.zeros((0, 4))
    for dark in (cv2.THRESH_BINARY_INV, cv2.THRESH_BINARY):
        large = cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        _, ink = cv2.threshold(large, 0, 255, dark | cv2.THRESH_OTSU)
        x, y, w, h, _ = cv2.connectedComponentsWithStats(ink)[2][1:].T / 3
        like = (h > 0.3 * HEIGHT) & (h < 0.85 * HEIGHT) & (w < 0.25 * WIDTH) & (w > 1)
        found = np.stack([x, y, x + w, y + h], axis=1)[like]
        if len(found):
            found = found[np.argsort(np.abs(np.ptp(found[:, 1::2], axis=1) - np.median(h[like])))[:CHARACTERS]]
            found = found[np.argsort(found[:, 0])]
        best = max(best, found, key=len)
    return best


def read(method: Networks | HandCrafted, pictures: np.ndarray, boxes: np.ndarray | None = None) -> np.ndarray:
    """The classes (n, 7) that a cascade reads; with `boxes` (n, 7, 4) its second step alone."""
    return answers(pictures, method.boxes(pictures) if boxes is None else list(boxes), method.name)
