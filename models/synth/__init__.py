"""Rendered plates and scenes, licensed by construction, and which photographs may be learnt from beside them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from edge.plates.alphabet import canonical

LICENCES = ("MIT", "Apache-2.0")  # of photographs that may be trained on
SHARES = {"vn": 0.31, "br": 0.15, "cn": 0.2, "kr": 0.13, "latin": 0.21}  # of the regions, in training and calibration


def allowed(row: Mapping[str, str]) -> bool:
    """Whether a labelled photograph may be trained on; a table without licences is taken for the user's own."""
    return row.get("license") is None or row["license"].startswith(LICENCES)


def held_out(text: str) -> bool:
    """Whether a vehicle is only measured on: half of all, by a checksum of the plate, none without a text."""
    plate = canonical(text)
    return bool(plate) and zlib.crc32(plate.encode()) % 2 == 1


def picture_of(folder: Path, name: str) -> np.ndarray:
    """A picture (height, width, 3) uint8 RGB that labels.csv names; ValueError where it cannot be read."""
    picture = cv2.imread(str(folder / name))
    if picture is None:
        raise ValueError(f"{folder / name} is missing or no picture; correct labels.csv")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def calibration(name: str, rows: Iterable[dict[str, str]]) -> Iterator[np.ndarray]:
    """Pictures (1, height, width, 3) in [0, 1] of a calibration list (columns seed, level), black and white first."""
    from edge.wide import WIDE
    from models.synth import scene, view

    for number, row in enumerate(rows):
        rng, level = np.random.default_rng(int(row["seed"])), float(row["level"])
        if name == "detector":
            image = scene.render(rng, weights=SHARES, level=level).image
        else:
            size = WIDE if name == "wide_reader" else view.CROP
            image = view.render(rng, weights=SHARES, level=level, size=size).crop
        if number == 0:
            image[0, 0], image[0, 1] = 0, 255  # the input's range is exactly 0 … 1
        yield image[None].astype(np.float32) / np.float32(255)
