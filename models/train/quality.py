"""Distil the QAM from the trained reader: how surely it reads the truth, and what should be restored first.

    python -m models.train.quality --reader runs/reader/average.weights.h5 --epochs 16
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models import quality, reader
from models.synth import view
from models.synth.degrade import Strengths
from models.train import loop
from models.train.feed import Batch
from models.train.reader import WEIGHTS

# How much of each degradation makes a crop worth restoring: those that a network can undo, by their strength.
UNDOABLE = {
    "low_resolution": 0.8, "defocus": 1.4, "motion": 1.4, "noise": 0.7, "jpeg": 0.5, "night": 0.7, "glare": 0.9,
    "shadow": 0.4,
}
VERDICT = 0.5


def degraded(strengths: Strengths) -> float:
    """1 where the strongest degradation that can be undone passes the verdict, else 0."""
    return float(max(weight * strengths[name] for name, weight in UNDOABLE.items()) > VERDICT)


def make(batch: int, rng: np.random.Generator, progress: float) -> Batch:
    samples = [view.render(rng, weights=WEIGHTS, level=float(rng.uniform(0.1, 1.0))) for _ in range(batch)]
    text = np.zeros((batch, reader.MAX_TEXT), np.int32)
    for n, sample in enumerate(samples):
        text[n, : len(sample.text)] = sample.text
    targets = {
        "text": text, "length": np.array([len(s.text) for s in samples], np.int32),
        "degraded": np.array([degraded(s.strengths) for s in samples], np.float32),
    }
    return np.stack([s.crop for s in samples]), targets


@keras.saving.register_keras_serializable(package="edge_alpr")
class QualityTrainer(keras.Model):
    """The QAM taught by a frozen reader: soft cross-entropy against the probability that it reads the truth."""

    def __init__(self, net: keras.Model, teacher: keras.Model) -> None:
        super().__init__()
        teacher.trainable = False
        self.net, self.teacher = net, teacher

    def call(self, crops, training=False):
        x = ops.cast(crops, "float32") / 255.0
        return {**self.net(x, training=training), **self.teacher(x, training=False)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        logits = reader.contract(y_pred["classes"], y_pred["masks"])
        steps = ops.full_like(y["length"], logits.shape[1])
        sure = ops.exp(-ops.ctc_loss(y["text"], logits, y["length"], steps, mask_index=0))
        score = ops.reshape(y_pred["quality"], (-1,))
        verdict = ops.reshape(y_pred["degraded"], (-1,))
        return ops.mean(
            ops.binary_crossentropy(ops.stop_gradient(sure), score) + ops.binary_crossentropy(y["degraded"], verdict)
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = loop.arguments("quality", epochs=16)
    parser.add_argument("--reader", type=Path, required=True, help="weights of the trained reader, the teacher")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    teacher = reader.build()
    teacher.load_weights(options.reader)
    net = quality.build()
    loop.train(QualityTrainer(net, teacher), net, partial(make, options.batch), options)


if __name__ == "__main__":
    main()
