"""Train the reader: focal CTC, the segmentation head, and at first the alignment that the renderer knows.

    python -m models.train.reader --epochs 60

About 200 plates a second on two cores; 60 epochs are 770 k plates, a bit more than an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models import losses, reader, synth
from models.fake_quantization import rounded
from models.synth import view
from models.train import loop, photographs
from models.train.feed import Batch

WEIGHTS = synth.SHARES
PARTS = 0.25  # of the rendered plates show a row or half of the only row


@cache
def real(folders: tuple[Path, ...]) -> tuple[list[photographs.Photograph], np.ndarray]:
    """The photographs, and how often each is taken: less where many begin alike, or their province becomes a habit."""
    pictures = [photograph for folder in folders for photograph in photographs.load(folder)]
    begins = [photograph.text[0] for photograph in pictures]
    shares = np.array([begins.count(first) ** -0.5 for first in begins])
    return pictures, shares / shares.sum()


def make(
    batch: int, folders: tuple[Path, ...], share: float, rng: np.random.Generator, progress: float
) -> Batch:
    """One batch; degradation rises to 0.8 over the first half, the alignment fades over the first third.

    With `folders`, a `share` of it are photographs, of which only the text is known.
    """
    level = min(0.8, 0.15 + 1.3 * progress)
    crops = np.empty((batch, *view.CROP, 3), np.uint8)
    targets = {
        "text": np.zeros((batch, reader.MAX_TEXT), np.int32),
        "length": np.zeros(batch, np.int32),
        "steps": np.full((batch, 2 * view.HALF_COLUMNS), view.IGNORE, np.int32),
        "cells": np.full((batch, 16, view.HALF_COLUMNS), view.IGNORE, np.int32),
        "alignment": np.full(batch, max(0.05, 1.0 - 3.0 * progress), np.float32),
    }
    for n in range(batch):
        if folders and rng.random() < share:
            pictures, shares = real(folders)
            photograph = pictures[rng.choice(len(pictures), p=shares)]
            crops[n], text = photographs.sample(rng, photograph, level), photograph.text
        else:
            sample = view.render(rng, weights=WEIGHTS, level=level, parts=PARTS)
            crops[n], text = sample.crop, sample.text
            targets["steps"][n], targets["cells"][n] = sample.steps, sample.cells
        targets["text"][n, : len(text)], targets["length"][n] = text, len(text)
    return crops, targets


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
        align = y["alignment"] * losses.aligned(y["steps"], logits)
        cells = losses.segmented(y["cells"], y_pred["cells"])
        return ops.mean(ctc + 4.0 * align + 0.3 * cells)


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
