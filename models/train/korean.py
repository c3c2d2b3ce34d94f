"""Train the Korean paper's reader (seed 003) on rendered plates: focal CTC, and a segmentation that only training sees.

    python -m models.train.korean --plates 9000 --steps 1000

Everything is rendered first and held in memory, so that the variants of an experiment can learn from the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from edge.plates.alphabet import CHARACTERS, decode
from models import losses, reader, seed
from models.synth import formats, view
from models.train import loop
from models.train.feed import Batch, feed

Arrays = Mapping[str, np.ndarray]
KOREA = {"kr": 1.0}
RARE = "더러머저노로두루"  # use characters that are in no region's name
RARELY = 0.05  # share of their plates that is kept in a set where they are rare
EASIEST, HARDEST = 0.1, 0.7  # degradation of the first and the last plate of a training set
ALIGN, CELLS = 4.0, 0.3  # weights of the losses beside CTC, as in models.train.reader


def rare(text: str) -> bool:
    """Whether a plate shows one of the characters that are made rare."""
    return any(character in text for character in RARE)


def render(
    count: int, number: int, *, weights: dict[str, float] = KOREA, level: float | None = None, share: float = 1.0
) -> dict[str, np.ndarray]:
    """Plates of a level of degradation, or ever harder ones; only a `share` of those with rare characters.

    crops (n, 64, 128, 3); text (n, 12) of our alphabet and its length (n,); steps (n, 64) and cells (n, 16, 32) as
    models.synth.view has them.
    """
    samples: list[view.Sample] = []
    dice, tried = np.random.default_rng([number, 0]), 0
    while len(samples) < count:
        tried += 1
        text = formats.sample(np.random.default_rng([number, tried]), weights).text
        if not rare(text) or dice.random() < share:
            hardness = level if level is not None else EASIEST + (HARDEST - EASIEST) * len(samples) / count
            samples.append(view.render(np.random.default_rng([number, tried]), weights=weights, level=hardness))
    text = np.zeros((count, reader.MAX_TEXT), np.int32)
    for n, sample in enumerate(samples):
        text[n, : len(sample.text)] = sample.text
    return {
        "crops": np.stack([s.crop for s in samples]), "text": text,
        "length": np.array([len(s.text) for s in samples], np.int32),
        "steps": np.stack([s.steps for s in samples]), "cells": np.stack([s.cells for s in samples]),
    }


def texts(arrays: Arrays) -> list[str]:
    """What stands on the plates."""
    return [decode(row.tolist()) for row in arrays["text"]]


def spaced(text: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Which character is looked for at which of the net's 16 time steps (n, 16), the n-th always at the same one.

    The longest text of all takes the whole width; what is between is left open.
    """
    steps = np.full((len(text), seed.TIME_STEPS), losses.IGNORE, np.int32)
    places = np.arange(length.max()) * seed.TIME_STEPS // length.max()
    for row, characters, count in zip(steps, text, length.tolist(), strict=True):
        row[places[:count]] = characters[:count]
    return steps


def for_seed(arrays: Arrays, alphabet: str = seed.CHARACTERS) -> dict[str, np.ndarray]:
    """The plates as the paper's net learns them: its alphabet's indices, its 16 time steps."""
    table = np.array([0, *(1 + alphabet.find(character) for character in CHARACTERS)], np.int32)
    text = table[arrays["text"]]
    return {**arrays, "text": text, "steps": spaced(text, arrays["length"])}


def draw(arrays: Arrays, batch: int, rng: np.random.Generator, progress: float) -> Batch:
    """A batch of plates, of the first and easiest ones to begin with; the alignment fades over the first half."""
    chosen = rng.integers(int(len(arrays["crops"]) * min(1.0, 0.3 + 1.4 * progress)), size=batch)
    targets = {name: array[chosen].astype(np.int32) for name, array in arrays.items() if name != "crops"}
    targets["alignment"] = np.full(batch, max(0.0, 1.0 - 2.0 * progress), np.float32)
    return arrays["crops"][chosen], targets


@keras.saving.register_keras_serializable(package="edge_alpr")
class SeedTrainer(keras.Model):
    """The paper's net with its losses: CTC, focal or plain, and segmentation or none."""

    def __init__(self, net: keras.Model, *, focal: bool = True, segmentation: bool = True) -> None:
        super().__init__()
        self.net, self.focal, self.segmentation = net, focal, segmentation

    def call(self, crops, training=False):
        return self.net(ops.cast(crops, "float32") / 255.0, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        logits = seed.contract(y_pred["classes"], y_pred["masks"])
        ctc = (losses.focal_ctc if self.focal else losses.plain_ctc)(y["text"], y["length"], logits)
        loss = ctc + ALIGN * y["alignment"] * losses.aligned(y["steps"], logits)
        return ops.mean(loss + CELLS * losses.segmented(y["cells"], y_pred["cells"]) if self.segmentation else loss)


def fit(trainer: keras.Model, arrays: Arrays, *, steps: int, number: int, batch: int = 16, rate: float = 2e-3) -> None:
    """Train on so many batches of the plates; `number` says in which order."""
    trainer.compile(optimizer=loop.optimizer(rate, steps, average=False), jit_compile=False)
    batches = feed(partial(draw, arrays, batch), seed=number, workers=0, start=0, total=steps + 1)  # fit looks ahead
    parts = max(1, steps // 250)
    trainer.fit(batches, steps_per_epoch=steps // parts, epochs=parts, shuffle=False, verbose=2)


def trained(
    arrays: Arrays, *, number: int, steps: int, focal: bool = True, segmentation: bool = True, init: Path | None = None
) -> keras.Model:
    """The paper's net as it is deployed, trained on Korean plates; `init`: weights of a net with the same backbone."""
    keras.utils.set_random_seed(number)
    net = seed.build()
    if init:
        net.load_weights(init, skip_mismatch=True)  # the heads are of another alphabet
    taught = seed.segmenting(net) if segmentation else net
    fit(SeedTrainer(taught, focal=focal, segmentation=segmentation), for_seed(arrays), steps=steps, number=number)
    return net


def posteriors(net: keras.Model, crops: np.ndarray, alphabet: str = seed.CHARACTERS) -> np.ndarray:
    """Log posteriors (n, 16, 1 + characters) over our alphabet of crops (n, 64, 128, 3), as edge.ctc takes them."""
    found = np.full((len(crops), seed.TIME_STEPS, 1 + len(CHARACTERS)), -30.0, np.float32)
    mine = [0, *(1 + CHARACTERS.index(character) for character in alphabet)]
    for n in range(0, len(crops), 128):
        maps = net(crops[n : n + 128].astype(np.float32) / 255.0)
        logits = seed.contract(maps["classes"], maps["masks"])
        found[n : n + 128, :, mine] = ops.convert_to_numpy(ops.log_softmax(logits))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m models.train.korean", description="Train the Korean paper's net.")
    parser.add_argument("--plates", type=int, default=9000, help="rendered (default %(default)s)")
    parser.add_argument("--steps", type=int, default=1000, help="batches of 16 plates (default %(default)s)")
    parser.add_argument("--plain", action="store_true", help="CTC that is not focal")
    parser.add_argument("--alone", action="store_true", help="without the segmentation head")
    parser.add_argument("--init", type=Path, help="weights whose backbone to start from instead of chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/korean"), help="folder for the weights")
    options = parser.parse_args(arguments)
    net = trained(
        render(options.plates, options.seed), number=options.seed, steps=options.steps, focal=not options.plain,
        segmentation=not options.alone, init=options.init,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    net.save_weights(options.out / "korean.weights.h5")
    print(f"{options.out / 'korean.weights.h5'}: seed {options.seed}, {options.steps} batches of 16")


if __name__ == "__main__":
    main()
