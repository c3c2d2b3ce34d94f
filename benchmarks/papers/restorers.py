"""Restorers that start alike: taught only to look like the clear plate, or also to be read by the frozen reader."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np

from benchmarks.papers.claims import Claim, difference, verdict
from benchmarks.papers.experiment import rendered
from benchmarks.papers.restoration import mixed, rendered_plates
from edge import ctc
from edge.plates.alphabet import canonical, decode
from models import reader, restorer
from models.train import loop
from models.train.restorer import READING, RestorerTrainer, make

WEIGHTS = Path("models/weights")
BATCH = 64
RATE = 5e-4
Pairs = Mapping[str, np.ndarray]


def pairs(count: int, seed: int) -> dict[str, np.ndarray]:
    """Degraded crops with what they should be restored to, as the recipe makes them at the end of its curriculum."""
    crops, targets = make(count, np.random.default_rng(seed), 1.0)
    return {"crop": crops, **targets}


def released(build: keras.Model, name: str) -> keras.Model:
    build.load_weights(WEIGHTS / f"{name}.weights.h5")
    return build


class Lesson:
    """Trainings with one weight of the reading loss, all from the released restorer; the reader stays as it is."""

    def __init__(self, judge: keras.Model, given: Pairs, reading: float) -> None:
        self.net, self.given = restorer.build(), given
        for layer in self.net.layers:  # so short a training would leave the statistics behind the weights
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        self.trainer = RestorerTrainer(self.net, judge, reading)
        self.trainer.compile(optimizer=loop.optimizer(RATE, len(given["crop"]) // BATCH, average=False))

    def taught(self, seed: int) -> keras.Model:
        """The restorer after one pass over the pairs in an order of their own."""
        released(self.net, "restorer")
        for variable in self.trainer.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        order = np.random.default_rng(seed).permutation(len(self.given["crop"]) // BATCH * BATCH)
        for chosen in order.reshape(-1, BATCH):
            targets = {name: values[chosen] for name, values in self.given.items() if name != "crop"}
            self.trainer.train_on_batch(self.given["crop"][chosen], targets)
        return self.net


def restored(net: keras.Model, crops: np.ndarray) -> np.ndarray:
    """Crops (n, 64, 128, 3) uint8 through a restorer, as uint8 again."""
    clearer = net.predict(crops / np.float32(255), batch_size=BATCH, verbose=0)["restored"]
    return np.clip(np.rint(clearer * 255), 0, 255).astype(np.uint8)


def read(judge: keras.Model, crops: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Which crops the reader reads exactly along the best path, (n,) of bool."""
    maps = judge.predict(crops / np.float32(255), batch_size=BATCH, verbose=0)
    pairs_of_maps = zip(maps["classes"], maps["masks"], strict=True)
    indices = [ctc.greedy(ctc.log_softmax(ctc.contract(c[None], m[None]))) for c, m in pairs_of_maps]
    return np.array([canonical(decode(list(i))) == text for i, text in zip(indices, texts, strict=True)])


def restorers_compared(asked: argparse.Namespace) -> Iterator[Claim]:
    """What the loss through the reader is worth: exact match of the same degraded plates after either training."""
    count, tests = (1280, 400) if asked.reduced else (2560, 2000)
    given = rendered(asked.runs / "vietnamese" / f"pairs-{count}.npz", lambda: pairs(count, 1))
    plates = rendered_plates(tests, (99,), mixed(1.0))
    judge = released(reader.build(), "reader")
    results: dict[float, list[np.ndarray]] = {0.0: [], READING: []}
    for reading, found in results.items():
        lesson = Lesson(judge, given, reading)
        for seed in range(asked.seeds):
            found.append(read(judge, restored(lesson.taught(seed), plates["crop"]), plates["text"]))
            print(f"  reading loss × {reading:g}, seed {seed}: {found[-1].mean():.3f} read restored", flush=True)
    plain = read(judge, plates["crop"], plates["text"])
    looks, reads = (100 * np.mean(found) for found in results.values())
    figures = f"as seen {100 * plain.mean():.1f}, restored to look {looks:.1f}, restored to be read {reads:.1f} %"
    gain = difference(results[READING], results[0.0])
    yield Claim("the loss through the frozen reader makes restored plates read better", "–", figures, tests,
                asked.seeds, gain, verdict(gain))  # fmt: skip
