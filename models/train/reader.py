"""Train the reader: focal CTC, the segmentation head, and at first the alignment that the renderer knows.

    python -m models.train.reader --epochs 60

An epoch is 6,400 plates, half of them seen wide, which are three inputs each: a minute and a half on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from edge import windows
from models import losses, reader, synth
from models.fake_quantization import rounded
from models.synth import view
from models.train import loop, photographs
from models.train.feed import Batch

WEIGHTS = synth.SHARES
WIDE_WEIGHTS = {"vn": 0.2, "br": 0.15, "cn": 0.35, "kr": 0.15, "latin": 0.15}  # Hanzi gain most by being seen wide
WIDE = 0.25  # plates seen wide, to a row of a batch; each takes a row for every window
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
    rng: np.random.Generator, folders: tuple[Path, ...], share: float, level: float, size: tuple[int, int]
) -> tuple[np.ndarray, tuple[int, ...], np.ndarray, np.ndarray]:
    """Crop, text, steps and cells of a rendered plate, or for a `share` of a photograph, with its text alone."""
    wide = size != view.CROP
    pictures, shares = real(folders, wide)
    if not pictures or rng.random() >= share:
        sample = view.render(rng, weights=WIDE_WEIGHTS if wide else WEIGHTS, level=level, size=size)
        return sample.crop, sample.text, sample.steps, sample.cells
    photograph = pictures[rng.choice(len(pictures), p=shares)]
    if rng.random() < HIDDEN:
        photograph = photographs.without_province(photograph)
    unknown = np.full((17, size[1] // 2), view.IGNORE)
    return photographs.sample(rng, photograph, level, size), photograph.text, unknown[0], unknown[1:, : size[1] // 4]


def make(
    batch: int, folders: tuple[Path, ...], share: float, rng: np.random.Generator, progress: float
) -> Batch:
    """One batch of whole plates, and after them the windows of plates seen wide, one plate after the other.

    Degradation rises to 0.8 over the first half, the alignment fades over the first third.
    With `folders`, a `share` of it are photographs, of which only the text is known.
    """
    level = min(0.8, 0.15 + 1.3 * progress)
    wide = max(1, round(WIDE * batch))
    whole = max(1, batch - wide * len(windows.KEPT))
    made = [example(rng, folders, share, level, size) for size in [view.CROP] * whole + [windows.WIDE] * wide]
    crops = [crop for crop, *_ in made[:whole]] + [seen for crop, *_ in made[whole:] for seen in windows.windows(crop)]
    text = np.zeros((len(made), reader.MAX_TEXT), np.int32)
    for row, (_, characters, *_) in zip(text, made, strict=True):
        row[: len(characters)] = characters
    targets = {
        "text": text,
        "length": (text > 0).sum(axis=1).astype(np.int32),
        "steps": np.array([steps for _, _, steps, _ in made[:whole]], np.int32),
        "wide steps": np.array([steps for _, _, steps, _ in made[whole:]], np.int32),
        "cells": np.array([cells for *_, cells in made[:whole]], np.int32),
        "alignment": np.full(len(made), max(0.05, 1.0 - 3.0 * progress), np.float32),
    }
    return np.array(crops), targets


def stitched(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Logits (plates, 128, A) of plates seen wide from those (plates · windows, 64, A) of their windows."""
    steps, characters = logits.shape[1:]
    seen = ops.reshape(logits, (-1, len(windows.KEPT), reader.ROWS, steps // reader.ROWS, characters))
    rows = ops.concatenate([seen[:, n, :, kept] for n, kept in enumerate(windows.KEPT)], axis=2)
    return ops.reshape(rows, (-1, rows.shape[1] * rows.shape[2], characters))


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
        whole = ops.shape(y["steps"])[0]
        logits = reader.contract(y_pred["classes"], y_pred["masks"])
        views = (logits[:whole], y["steps"]), (stitched(logits[whole:]), y["wide steps"])
        texts = zip((y["text"][:whole], y["text"][whole:]), (y["length"][:whole], y["length"][whole:]), strict=True)
        ctc = [losses.focal_ctc(*text, seen) for text, (seen, _) in zip(texts, views, strict=True)]
        align = [losses.aligned(steps, seen) for seen, steps in views]
        cells = losses.segmented(y["cells"], y_pred["cells"][:whole])
        return ops.mean(ops.concatenate(ctc) + 4.0 * y["alignment"] * ops.concatenate(align)) + 0.3 * ops.mean(cells)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = loop.arguments("reader", epochs=60)
    parser.add_argument(
        "--photographs", type=Path, nargs="*", default=(), help="folders with labels.csv, of which half is trained on"
    )
    parser.add_argument("--share", type=float, default=0.04, help="of photographs in a batch (default %(default)s)")
    parser.add_argument(
        "--rounded", action="store_true", help="train with the rounding of the uint8 file: the last epochs, with --init"
    )
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    net = reader.build()
    trained = reader.segmenting(net)
    batches = partial(make, options.batch, tuple(options.photographs), options.share)
    loop.train(ReaderTrainer(rounded(trained) if options.rounded else trained), net, batches, options)


if __name__ == "__main__":
    main()
