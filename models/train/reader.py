"""Train the reader: focal CTC, the segmentation head, and at first the alignment that the renderer knows.

    python -m models.train.reader --epochs 60

An epoch is 12,800 plates: about a minute and a half on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from edge.image import CROP
from models import losses, reader, synth
from models.fake_quantization import rounded
from models.synth import view
from models.train import loop, photographs
from models.train.feed import Batch

FLAT = 2.5  # width over height of a photographed plate from which it has a single row
HIDDEN = 0.75  # of the Chinese photographs are cut without their province


@cache
def real(folders: tuple[Path, ...], wide: bool) -> tuple[list[photographs.Photograph], np.ndarray]:
    """The photographs, and how often each is taken: less where many begin alike, or their province becomes a habit.

    To be seen `wide`, only those that are so flat that they have a single row.
    """
    pictures = [photograph for folder in folders for photograph in photographs.load(folder)]
    pictures = [one for one in pictures if not wide or np.divide(*np.ptp(one.corners, axis=0)) >= FLAT]
    begins = [photograph.text[0] for photograph in pictures]
    shares = np.array([begins.count(first) ** -0.5 for first in begins])
    return pictures, shares / shares.sum()


def example(
    rng: np.random.Generator,
    folders: tuple[Path, ...],
    share: float,
    level: float,
    size: tuple[int, int],
    weights: dict[str, float],
) -> tuple[np.ndarray, tuple[int, ...], np.ndarray, np.ndarray]:
    """Crop, text, steps and cells of a rendered plate, or for a `share` of a photograph, with its text alone."""
    pictures, shares = real(folders, size != CROP)
    if not pictures or rng.random() >= share:
        sample = view.render(rng, weights=weights, level=level, size=size)
        return sample.crop, sample.text, sample.steps, sample.cells
    photograph = pictures[rng.choice(len(pictures), p=shares)]
    if rng.random() < HIDDEN:
        photograph = photographs.without_province(photograph)
    unknown = np.full((17, size[1] // 2), view.IGNORE)
    return photographs.sample(rng, photograph, level, size), photograph.text, unknown[0], unknown[1:, : size[1] // 4]


def make(
    batch: int,
    folders: tuple[Path, ...],
    share: float,
    size: tuple[int, int],
    weights: dict[str, float],
    rng: np.random.Generator,
    progress: float,
) -> Batch:
    """One batch of plates seen in that `size`.

    Degradation rises to 0.8 over the first half, the alignment fades over the first third.
    With `folders`, a `share` of it are photographs, of which only the text is known. `weights` are those of regions.
    """
    level = min(0.8, 0.15 + 1.3 * progress)
    crops, texts, steps, cells = zip(
        *(example(rng, folders, share, level, size, weights) for _ in range(batch)), strict=True
    )
    text = np.zeros((batch, reader.MAX_TEXT), np.int32)
    for row, characters in zip(text, texts, strict=True):
        row[: len(characters)] = characters
    targets = {
        "text": text,
        "length": (text > 0).sum(axis=1).astype(np.int32),
        "steps": np.array(steps, np.int32),
        "cells": np.array(cells, np.int32),
        "alignment": np.full(batch, max(0.05, 1.0 - 3.0 * progress), np.float32),
    }
    return np.array(crops), targets


@keras.saving.register_keras_serializable(package="edge_alpr")
class ReaderTrainer(keras.Model):
    """The reader with its three losses."""

    def __init__(self, net: keras.Model) -> None:
        super().__init__()
        self.net = net

    def call(self, crops, training=False):
        return self.net(ops.cast(crops, "float32") / 255.0, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        logits = reader.contract(y_pred["classes"], y_pred["masks"])
        ctc = losses.focal_ctc(y["text"], y["length"], logits)
        align = losses.aligned(y["steps"], logits)
        cells = losses.segmented(y["cells"], y_pred["cells"])
        return ops.mean(ctc + 4.0 * y["alignment"] * align) + 0.3 * ops.mean(cells)


def arguments(name: str) -> argparse.ArgumentParser:
    """The options of the recipes of both readers."""
    parser = loop.arguments(name, epochs=60)
    parser.add_argument(
        "--photographs", type=Path, nargs="*", default=(), help="folders with labels.csv, of which half is trained on"
    )
    parser.add_argument("--share", type=float, default=0.04, help="of photographs in a batch (default %(default)s)")
    parser.add_argument(
        "--rounded", action="store_true", help="train with the rounding of the uint8 file: the last epochs, with --init"
    )
    return parser


def train(net: keras.Model, weights: dict[str, float], options: argparse.Namespace) -> None:
    """Fit a reader to plates seen as its input has them."""
    trained = reader.segmenting(net)
    size = tuple(net.input.shape[1:3])
    batches = partial(make, options.batch, tuple(options.photographs), options.share, size, weights)
    loop.train(ReaderTrainer(rounded(trained) if options.rounded else trained), net, batches, options)


def main(words: Sequence[str] | None = None) -> None:
    options = arguments("reader").parse_args(words)
    keras.utils.set_random_seed(options.seed)
    train(reader.build(), synth.SHARES, options)


if __name__ == "__main__":
    main()
