"""Train the restorer on pairs of degraded and clear views, and through the frozen reader so that plates read better.

    python -m models.train.restorer --reader runs/reader/average.weights.h5 --epochs 20
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models import losses, reader, restorer
from models.synth import view
from models.train import loop
from models.train.feed import Batch
from models.train.reader import WEIGHTS

READING = 0.02  # weight of the reader's loss beside the mean absolute error of pixels


def make(batch: int, rng: np.random.Generator, progress: float) -> Batch:
    level = min(0.9, 0.3 + progress)
    samples = [view.render(rng, weights=WEIGHTS, level=level, clear=True) for _ in range(batch)]
    text = np.zeros((batch, reader.MAX_TEXT), np.int32)
    for n, sample in enumerate(samples):
        text[n, : len(sample.text)] = sample.text
    targets = {
        "clear": np.stack([s.clear for s in samples]), "text": text,
        "length": np.array([len(s.text) for s in samples], np.int32),
    }
    return np.stack([s.crop for s in samples]), targets


def edges(images: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    return images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]


@keras.saving.register_keras_serializable(package="edge_alpr")
class RestorerTrainer(keras.Model):
    """The restorer with pixel, edge and reading losses; the reader is frozen."""

    def __init__(self, net: keras.Model, judge: keras.Model) -> None:
        super().__init__()
        judge.trainable = False
        self.net, self.judge = net, judge

    def call(self, crops, training=False):
        restored = self.net(ops.cast(crops, "float32") / 255.0, training=training)["restored"]
        return {"restored": restored, **self.judge(restored, training=False)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        clear = ops.cast(y["clear"], "float32") / 255.0
        pixels = ops.mean(ops.abs(clear - y_pred["restored"]))
        outline = sum(ops.mean(ops.abs(a - b)) for a, b in zip(edges(clear), edges(y_pred["restored"]), strict=True))
        logits = reader.contract(y_pred["classes"], y_pred["masks"])
        reading = ops.mean(losses.focal_ctc(y["text"], y["length"], logits))
        return pixels + outline + READING * reading


def main(arguments: Sequence[str] | None = None) -> None:
    parser = loop.arguments("restorer", epochs=20)
    parser.add_argument("--reader", type=Path, required=True, help="weights of the trained reader, the judge")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    judge = reader.build()
    judge.load_weights(options.reader)
    net = restorer.build()
    loop.train(RestorerTrainer(net, judge), net, partial(make, options.batch), options)


if __name__ == "__main__":
    main()
