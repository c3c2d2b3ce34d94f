"""Train the restorer through the frozen reader so that plates read better, and on pairs so that they look it.

    python -m models.train.restorer --reader runs/reader/average.weights.h5 --epochs 20
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from models import losses, reader, restorer, synth
from models.synth import degrade, drawing, formats, view
from models.train import loop
from models.train.feed import Batch

READING = 1.0  # weight of the reader's loss beside the mean absolute errors of pixels and outlines
PATIENCE = 0.3  # of the reader's loss; towards 1 only plates that are nearly read count, towards 0 it is plain CTC


def sharp(sample: view.Sample, sketch: drawing.Drawing) -> np.ndarray:
    """The crop (64, 128, 3) that the plate would give undegraded and in full resolution, its surroundings as seen."""
    height, width = view.CROP
    plate = cv2.warpPerspective(sketch.image, sample.onto, (width, height), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.ones(sketch.image.shape[:2], np.float32), sample.onto, (width, height))[:, :, None]
    return np.rint(plate * mask + sample.clear * (1 - mask)).astype(np.uint8)


def pair(rng: np.random.Generator, strengths: degrade.Strengths) -> tuple[view.Sample, np.ndarray]:
    """A degraded view of a plate, and what it should be restored to."""
    plate = formats.sample(rng, synth.SHARES)
    sketch = drawing.draw(plate, rng, dirt=strengths["dirt"])
    sample = view.see(rng, plate, sketch, strengths, clear=True)
    return sample, sharp(sample, sketch)


def make(batch: int, rng: np.random.Generator, progress: float) -> Batch:
    """One batch, degraded as hard as can be from the first half on; many of its plates are clear all the same."""
    pairs = [pair(rng, degrade.sample(rng, min(1.0, 0.5 + progress))) for _ in range(batch)]
    text = np.zeros((batch, reader.MAX_TEXT), np.int32)
    for n, (sample, _) in enumerate(pairs):
        text[n, : len(sample.text)] = sample.text
    targets = {
        "clear": np.stack([clear for _, clear in pairs]), "text": text,
        "length": np.array([len(sample.text) for sample, _ in pairs], np.int32),
    }
    return np.stack([sample.crop for sample, _ in pairs]), targets


def edges(images: keras.KerasTensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    return images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]


def patient(nll: keras.KerasTensor) -> keras.KerasTensor:
    """(1 − p^q)/q of p = exp(−nll), q = PATIENCE: unlike −ln p it lets a plate be that nobody could read."""
    return (1.0 - ops.exp(-PATIENCE * nll)) / PATIENCE


@keras.saving.register_keras_serializable(package="edge_alpr")
class RestorerTrainer(keras.Model):
    """The restorer with pixel, edge and reading losses; the reader is frozen."""

    def __init__(self, net: keras.Model, judge: keras.Model, reading: float = READING) -> None:
        super().__init__()
        judge.trainable = False
        self.net, self.judge, self.reading = net, judge, reading

    def call(self, crops, training=False):
        restored = self.net(ops.cast(crops, "float32") / 255.0, training=training)["restored"]
        return {"restored": restored, **self.judge(restored, training=False)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        clear = ops.cast(y["clear"], "float32") / 255.0
        looks = ops.mean(ops.abs(clear - y_pred["restored"]))
        looks += sum(ops.mean(ops.abs(a - b)) for a, b in zip(edges(clear), edges(y_pred["restored"]), strict=True))
        if not self.reading:
            return looks
        logits = reader.contract(y_pred["classes"], y_pred["masks"])
        return looks + self.reading * ops.mean(patient(losses.plain_ctc(y["text"], y["length"], logits)))


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
