"""Distil the QAM from the trained reader: how sure its text is, what it reads, and what should be restored.

    python -m models.train.quality --reader models/weights/reader.weights.h5 --photographs FOLDER …

The pictures are rendered and read once, in lots that stay on disk, then learnt from in many epochs. Photographs need no
text: what counts is what the reader makes of them (EQ-LPR, seed 004).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from edge.plates.alphabet import BLANK, SIZE, canonical, decode
from edge.plates.decide import conclude, fold
from models import quality, reader, synth
from models.synth import view
from models.synth.degrade import Strengths
from models.train import loop, photographs
from models.train.feed import Batch, feed
from models.train.photographs import Photograph

Arrays = Mapping[str, np.ndarray]

# How much of each degradation makes a crop worth restoring: those that a network can undo, by their strength.
UNDOABLE = {
    "low_resolution": 0.8, "defocus": 1.4, "motion": 1.4, "noise": 0.7, "jpeg": 0.5, "night": 0.7, "glare": 0.9,
    "shadow": 0.4,
}
VERDICT = 0.5
SCORE = 4.0  # weight of the score's loss beside those of the verdict and of the reading
BLANKS = 0.05  # weight of a time step that is surely a blank; of a character that much and 1
UNKNOWN = -1.0
LOT = 5000  # pictures that are rendered and read together: a minute of one core, 130 MB
LIKELIEST = 6  # characters of a time step whose posteriors are kept


def degraded(strengths: Strengths) -> float:
    """1 where the strongest degradation that can be undone passes the verdict, else 0."""
    return float(max(weight * strengths[name] for name, weight in UNDOABLE.items()) > VERDICT)


def pictures(count: int, taken: Sequence[Sequence[Photograph]], share: float, seed: int) -> dict[str, np.ndarray]:
    """Crops (n, 64, 128, 3) uint8 with `text` (n, 12), `length` (n,) and `degraded` (n,), all unknown of photographs.

    A `share` of them shows plates that were `taken`, as many of every folder, cut anew and in another light.
    """
    crops = np.empty((count, *view.CROP, 3), np.uint8)
    text, length = np.zeros((count, reader.MAX_TEXT), np.int32), np.zeros(count, np.int32)
    verdict = np.full(count, UNKNOWN, np.float32)
    for n in range(count):
        rng = np.random.default_rng([seed, n])
        level = float(rng.uniform(0.1, 1.0))
        if taken and rng.random() < share:
            folder = taken[rng.integers(len(taken))]
            crops[n] = photographs.sample(rng, folder[rng.integers(len(folder))], level)
            continue
        sample = view.render(rng, weights=synth.SHARES, level=level)
        crops[n], verdict[n], length[n] = sample.crop, degraded(sample.strengths), len(sample.text)
        text[n, : length[n]] = sample.text
    return {"crops": crops, "text": text, "length": length, "degraded": verdict}


def believed(log_posteriors: np.ndarray, text: str) -> float:
    """How sure the grammars make a `text` of a look (64, A), or, where it is empty, the text that they prefer."""
    candidates = conclude(fold(log_posteriors), None)
    if not text:
        return candidates[0].confidence if candidates else 0.0
    return sum(candidate.confidence for candidate in candidates if candidate.text == text)


def judged(teacher: keras.Model, shown: Arrays, batch: int = 256) -> dict[str, np.ndarray]:
    """What the reader makes of the crops: `sure` (n,), `masks` (n, 8, 16, 4), and of every time step its `likeliest`
    characters and their `posteriors`, (n, 64, LIKELIEST) each.

    `sure` is the confidence of the true text where one is known, else of the one read: what a reading without a region
    comes to, so that O beside 0 on a plate whose form is known costs a clear picture nothing.
    """
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(shown["crops"]), batch):
        chosen = slice(start, start + batch)
        out = teacher.predict_on_batch(shown["crops"][chosen].astype(np.float32) / 255)
        logits = reader.contract(ops.convert_to_tensor(out["classes"]), ops.convert_to_tensor(out["masks"]))
        log_posteriors = ops.convert_to_numpy(ops.log_softmax(logits))
        texts = [canonical(decode(indices.tolist())) for indices in shown["text"][chosen]]
        sure = [believed(one, text) for one, text in zip(log_posteriors, texts, strict=True)]
        likeliest = np.argsort(-log_posteriors, axis=-1)[..., :LIKELIEST]
        parts.append({
            "sure": np.array(sure, np.float32),
            "likeliest": likeliest.astype(np.uint8),
            "posteriors": np.exp(np.take_along_axis(log_posteriors, likeliest, axis=-1)).astype(np.float16),
            "masks": out["masks"].astype(np.float16),
        })
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def draw(teacher: keras.Model, taken: Sequence[Sequence[Photograph]], options: argparse.Namespace) -> list[Path]:
    """The lots of `options.pictures`, folders of one file an array; those that are not there are drawn and read."""
    count = min(LOT, options.pictures)
    lots = [options.out / "lots" / f"{number:04}" for number in range(math.ceil(options.pictures / LOT))]
    start = sum(lot.exists() for lot in lots)
    show = partial(_shown, count, taken, options.share)
    shown = feed(show, seed=options.seed, workers=options.workers, start=start, total=len(lots))
    for lot, (arrays, _) in zip(lots[start:], shown, strict=True):
        unfinished = lot.with_suffix(".part")
        unfinished.mkdir(parents=True, exist_ok=True)
        for name, values in (arrays | judged(teacher, arrays)).items():
            np.save(unfinished / f"{name}.npy", values)
        unfinished.rename(lot)
        print(f"{lot} is drawn and read", flush=True)
    return lots


def _shown(
    count: int, taken: Sequence[Sequence[Photograph]], share: float, rng: np.random.Generator, progress: float
) -> Batch:
    return pictures(count, taken, share, int(rng.integers(2**31))), None


def make(lots: Sequence[Path], batch: int, rng: np.random.Generator, progress: float) -> Batch:
    """One batch of the pictures of a lot."""
    lot = lots[rng.integers(len(lots))]
    arrays = {file.stem: np.load(file, mmap_mode="r") for file in lot.glob("*.npy")}
    chosen = np.sort(rng.integers(len(arrays["crops"]), size=batch))
    targets = {name: arrays[name][chosen].astype(np.float32) for name in ("sure", "degraded", "masks")}
    likeliest, posteriors = arrays["likeliest"][chosen].astype(int), arrays["posteriors"][chosen].astype(np.float32)
    read = np.zeros((*likeliest.shape[:2], SIZE), np.float32)
    np.put_along_axis(read, likeliest, posteriors, axis=-1)
    return arrays["crops"][chosen], {**targets, "read": read / read.sum(axis=-1, keepdims=True)}


def where_known(target: keras.KerasTensor, probability: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy of the targets that are not UNKNOWN."""
    known = ops.cast(target >= 0, "float32")
    loss = ops.binary_crossentropy(ops.maximum(target, 0.0), probability)
    return ops.sum(known * loss) / (ops.sum(known) + 1.0)


def misread(posteriors: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy of time steps (batch, 64, A), where those of characters count, the many blanks hardly."""
    weights = 1.0 + BLANKS - posteriors[..., BLANK]
    each = -ops.sum(posteriors * ops.log_softmax(logits), axis=-1)
    return ops.sum(weights * each) / ops.sum(weights)


@keras.saving.register_keras_serializable(package="edge_alpr")
class QualityTrainer(keras.Model):
    """The QAM with the losses of its score, of its verdict and of its reading."""

    def __init__(self, net: keras.Model) -> None:
        super().__init__()
        self.net = net

    def call(self, crops, training=False):
        return self.net(ops.cast(crops, "float32") / 255.0, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        score, verdict = (ops.reshape(y_pred[name], (-1,)) for name in ("quality", "degraded"))
        judgement = SCORE * where_known(y["sure"], score) + where_known(y["degraded"], verdict)
        return judgement + misread(y["read"], reader.contract(y_pred["classes"], y["masks"]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = loop.arguments("quality", epochs=36)
    parser.add_argument("--reader", type=Path, required=True, help="weights of the trained reader, the teacher")
    parser.add_argument("--pictures", type=int, default=40000, help="drawn once, in lots of 5000 (default %(default)s)")
    parser.add_argument(
        "--photographs", type=Path, nargs="*", default=(), help="folders with labels.csv; their plates need no text"
    )
    parser.add_argument("--share", type=float, default=0.2, help="of photographs (default %(default)s)")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    teacher = reader.build()
    teacher.load_weights(options.reader)
    lots = draw(teacher, [photographs.load(folder, legible=False) for folder in options.photographs], options)
    options.workers = 0  # nothing is left to render
    net = quality.build()
    loop.train(QualityTrainer(quality.taught(net)), net, partial(make, lots, options.batch), options)


if __name__ == "__main__":
    main()
