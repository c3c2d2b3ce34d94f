"""Train EQ-LPR (seed 004) on rendered looks at passing plates: reading and quality awareness by turns.

    python -m models.train.eq_lpr --kind E --plates 5000 --epochs 4
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models import eq_lpr
from models.eq_lpr import EqLpr
from models.train.iq_stan import render

Arrays = Mapping[str, np.ndarray]
BATCH, RATE = 64, 2e-3


def singly(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Looks (5n, 25, 84, 3) uint8 and their texts (5n, 7), each on its own."""
    looks = arrays["looks"]
    return looks.reshape(-1, *looks.shape[2:]), np.repeat(arrays["text"], looks.shape[1], axis=0)


def batches(arrays: Arrays, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Looks (64, 25, 84, 3) in [0, 1] and texts (64, 7), every look once."""
    looks, texts = singly(arrays)
    order = rng.permutation(len(looks))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        yield looks[chosen].astype(np.float32) / 255, texts[chosen]


def steps(arrays: Arrays, epochs: int) -> int:
    return epochs * (arrays["looks"].shape[0] * arrays["looks"].shape[1] // BATCH)


def optimizer(total: int) -> keras.optimizers.Optimizer:
    """Adam, its rate falling to nothing as a cosine after a short rise."""
    rate = keras.optimizers.schedules.CosineDecay(RATE / 20, total, warmup_target=RATE, warmup_steps=total // 10)
    return keras.optimizers.Adam(rate, global_clipnorm=5.0)


def readable(arrays: Arrays, *, epochs: int, seed: int) -> list[np.ndarray]:
    """The weights of a recogniser that was trained alone: where all three architectures begin."""
    keras.utils.set_random_seed(seed)
    net = eq_lpr.build("E")
    net.taught.compile(optimizer=optimizer(steps(arrays, epochs)), loss=eq_lpr.reading_loss, jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for looks, texts in batches(arrays, rng):
            net.taught.train_on_batch([looks, texts], texts)
    return net.taught.get_weights()


def begin(kind: str, start: Sequence[np.ndarray] | None) -> EqLpr:
    """An architecture with the weights of a trained recogniser; the second CNN of P begins with them as well."""
    net = eq_lpr.build(kind)
    if start is not None:
        net.taught.set_weights(start)
        if kind == "P":
            for mine, theirs in zip(cnn(net.scoring), cnn(net.reading), strict=True):
                mine.set_weights(theirs.get_weights())
    return net


def cnn(net: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model's CNN that hold weights, in order."""
    kinds = keras.layers.Conv2D, keras.layers.BatchNormalization
    return [layer for layer in net.layers if isinstance(layer, kinds)]


def fit(
    kind: str, arrays: Arrays, *, epochs: int, seed: int, start: Sequence[np.ndarray] | None = None,
    distil: bool = True,
) -> EqLpr:
    """A trained architecture: with every batch first a step for L_r, then one for L_q or, of E, L*_q (section 2.2)."""
    keras.utils.set_random_seed(seed)
    net, total = begin(kind, start), steps(arrays, epochs)
    losses = {"quality": eq_lpr.scoring_loss} | ({"features": eq_lpr.distance} if kind == "E" else {})
    weights = {name: float(distil or name == "quality") for name in losses}
    net.taught.compile(optimizer=optimizer(total), loss=eq_lpr.reading_loss, jit_compile=False)
    net.scoring.compile(optimizer=optimizer(total), loss=losses, loss_weights=weights, jit_compile=False)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for looks, texts in batches(arrays, rng):
            net.taught.train_on_batch([looks, texts], texts)
            read = net.reading.predict_on_batch(looks)
            sure = ops.convert_to_numpy(eq_lpr.sureness(read["characters"]))[:, None]
            targets = {"quality": sure, "features": read["features"]}
            net.scoring.train_on_batch(looks, {name: targets[name] for name in losses})
    return net


def predict(net: EqLpr, looks: np.ndarray) -> dict[str, np.ndarray]:
    """Of looks (n, 25, 84, 3) uint8: `quality` (n,), `sure` (n,), the α that it estimates, and `classes` (n, 7)."""
    parts = [looks[n : n + 256].astype(np.float32) / 255 for n in range(0, len(looks), 256)]
    logits = np.concatenate([net.reading.predict_on_batch(part)["characters"] for part in parts])
    quality = np.concatenate([net.scoring.predict_on_batch(part)["quality"] for part in parts])
    sure = ops.convert_to_numpy(eq_lpr.sureness(logits))
    return {"quality": quality[:, 0], "sure": sure, "classes": logits.argmax(axis=-1)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m models.train.eq_lpr", description="Train EQ-LPR.")
    parser.add_argument("--kind", choices=eq_lpr.KINDS, default="E", help="architecture (default %(default)s)")
    parser.add_argument("--plates", type=int, default=5000, help="rendered plates of five looks (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="times each is learnt from (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/eq_lpr"), help="folder for the weights")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    net = fit(asked.kind, render(asked.plates, asked.seed), epochs=asked.epochs, seed=asked.seed)
    net.reading.save_weights(asked.out / "reading.weights.h5")
    net.scoring.save_weights(asked.out / "scoring.weights.h5")


if __name__ == "__main__":
    main()
