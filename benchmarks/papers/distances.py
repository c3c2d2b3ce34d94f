"""The plates on which the low-resolution paper (seed 001) is tried: rendered ones from near and far, and real ones."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from benchmarks.papers.experiment import rendered
from benchmarks.papers.far_views import photographs
from edge.plates.alphabet import CHARACTERS as ALPHABET
from models.low_resolution import CHARACTERS
from models.train.low_resolution import Views, grey, passing, views

FAR_WIDTH = 49  # pixels of the paper's low-resolution plates
QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 75)


def photographed(asked: argparse.Namespace) -> dict[str, np.ndarray]:
    """The grey plates of Brazil among the real photographs, as they are and scaled down as far ones; with classes."""
    crops, texts = [], []
    for crop, text, _ in photographs(asked.photographs, ("br_frames",)):
        if len(text) == CHARACTERS and text[:3].isalpha() and text[3:].isdigit():
            crops.append(crop)
            texts.append([ALPHABET.index(character) for character in text])
    small = [cv2.resize(crop, (FAR_WIDTH, FAR_WIDTH // 2), interpolation=cv2.INTER_AREA) for crop in crops]
    small = [cv2.imdecode(cv2.imencode(".jpg", one, QUALITY)[1], cv2.IMREAD_COLOR) for one in small]
    large = [cv2.resize(one, (128, 64), interpolation=cv2.INTER_LINEAR) for one in small]
    return {"photo": grey(np.stack(crops)), "photo far": grey(np.stack(large)), "photo classes": np.array(texts)}


@dataclass(frozen=True)
class World:
    """The rendered plates to learn from and to test on, and the real ones."""

    near: Views
    far: Views
    pairs: tuple[np.ndarray, np.ndarray]
    tests: dict[str, np.ndarray]  # pictures (n, 40, 120) by name
    truths: dict[str, np.ndarray]  # classes (n, 7) by name
    crops: dict[str, np.ndarray]  # of the rendered tests, (n, 64, 128, 3)
    boxes: np.ndarray  # (n, 7, 4) in the far pictures

    @classmethod
    def rendered(cls, asked: argparse.Namespace, originals: int, pairs: int, tests: int) -> World:
        def kept(seed: int, count: int) -> dict[str, np.ndarray]:
            return rendered(asked.runs / f"passing-{seed}-{count}.npz", partial(passing, seed, count))

        given, two, new = kept(1, originals), kept(2, pairs), kept(3, tests)
        near, far = views(new, "near"), views(new, "far")
        pictures = {"near": near.pictures, "far": far.pictures}
        truths = {"near": near.classes, "far": far.classes}
        if asked.photographs:
            real = photographed(asked)
            classes = real.pop("photo classes")
            pictures |= real
            truths |= dict.fromkeys(real, classes)
        both = grey(two["near"]), grey(two["far"])
        crops = {name: new[name] for name in ("near", "far")}
        return cls(views(given, "near"), views(given, "far"), both, pictures, truths, crops, far.boxes)
