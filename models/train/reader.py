"""Train the reader: focal CTC, the segmentation head, and at first the alignment that the renderer knows.

    python -m models.train.reader --epochs 60

About 200 plates a second on two cores; 60 epochs are 770 k plates, a bit more than an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
from keras import ops

from models import losses, reader, synth
from models.synth import view
from models.train import loop
from models.train.feed import Batch

WEIGHTS = synth.SHARES


def make(batch: int, rng: np.random.Generator, progress: float) -> Batch:
    """One batch; degradation rises to 0.8 over the first half, the alignment fades over the first third."""
    level = min(0.8, 0.15 + 1.3 * progress)
    samples = [view.render(rng, weights=WEIGHTS, level=level) for _ in range(batch)]
    text = np.zeros((batch, reader.MAX_TEXT), np.int32)
    for n, sample in enumerate(samples):
        text[n, : len(sample.text)] = sample.text
    targets = {
        "text": text,
        "length": np.array([len(s.text) for s in samples], np.int32),
        "steps": np.stack([s.steps for s in samples]).astype(np.int32),
        "cells": np.stack([s.cells for s in samples]).astype(np.int32),
        "alignment": np.full(batch, max(0.05, 1.0 - 3.0 * progress), np.float32),
    }
    return np.stack([s.crop for s in samples]), targets


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
    options = loop.arguments("reader", epochs=60).parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    net = reader.build()
    loop.train(ReaderTrainer(reader.segmenting(net)), net, partial(make, options.batch), options)


if __name__ == "__main__":
    main()
