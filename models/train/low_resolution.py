"""Train the networks of the low-resolution paper (seed 001): the model that makes far views, then the multi-task CNN.

    python -m models.train.low_resolution --plates 2520 --samples 40000 --width 0.125

Writes `generative.weights.h5` and `multi_task.weights.h5`. Everything is rendered first and held in memory, so that the
variants of an experiment can be trained on the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from models import low_resolution
from models.low_resolution import CHARACTERS, HEIGHT, WIDTH
from models.synth import distance, formats, view

MIDDLE, SPREAD = 128, 55  # grey values: mean and standard deviation of a levelled picture
LETTERS = 3  # of a Brazilian plate, before its digits
Draw = Callable[[np.random.Generator], formats.Plate]


@dataclass(frozen=True)
class Views:
    """Many plates from one distance: pictures (n, 40, 120) uint8, boxes (n, 7, 4) there, classes (n, 7) of 36."""

    pictures: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray

    def __getitem__(self, which: slice | np.ndarray) -> Views:
        return Views(self.pictures[which], self.boxes[which], self.classes[which])


def grey(crops: np.ndarray) -> np.ndarray:
    """Crops (n, 64, 128, 3) as the networks see them, (n, 40, 120), all in the same light."""
    small = (cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops)
    return levelled(np.stack([cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for one in small]))[0]


def levelled(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (n, h, w) uint8 brought to one mean and contrast, and their own (n, 1, 1): two views differ in light."""
    mean = pictures.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    spread = pictures.std(axis=(1, 2), keepdims=True, dtype=np.float32) + 1
    return np.clip((pictures - mean) / spread * SPREAD + MIDDLE, 0, 255).astype(np.uint8), mean, spread


def passing(seed: int, count: int) -> dict[str, np.ndarray]:
    """So many Brazilian plates from near and from far: crops (n, 64, 128, 3), boxes (n, 7, 4) there, classes (n, 7)."""
    rng = np.random.default_rng(seed)
    pairs = []
    while len(pairs) < count:
        near, far = distance.render(rng, distance.brazilian(rng))
        if len(near.sample.text) == CHARACTERS:
            pairs.append((near, far))
    found = {"classes": np.array([near.sample.text for near, _ in pairs]) - 1}  # index 0 of the alphabet is the blank
    for name, looks in zip(("near", "far"), zip(*pairs, strict=True), strict=True):
        found[name] = np.stack([look.sample.crop for look in looks])
        found[f"{name}_boxes"] = np.stack([look.boxes for look in looks]).astype(np.float32)
    return found


def views(found: dict[str, np.ndarray], name: str) -> Views:
    """The `near` or `far` views among rendered plates."""
    scale = np.array([WIDTH / view.CROP[1], HEIGHT / view.CROP[0]] * 2, np.float32)
    return Views(grey(found[name]), found[f"{name}_boxes"] * scale, found["classes"])


def permuted(picture: np.ndarray, boxes: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The plate (40, 120) with its characters in another order (section 2.2): cut between them, the strips joined anew.

    The strips keep their widths, so that an I stays narrow.
    """
    middles = (boxes[:-1, 2] + boxes[1:, 0]) / 2
    gap = np.maximum(np.median(boxes[1:, 0] - boxes[:-1, 2]), 0)
    cuts = np.round([boxes[0, 0] - gap / 2, *middles, boxes[-1, 2] + gap / 2]).astype(int).clip(0, picture.shape[1])
    strips = [picture[:, cuts[n] : cuts[n + 1]] for n in order]
    return np.concatenate([picture[:, : cuts[0]], *strips, picture[:, cuts[-1] :]], axis=1)


def orders(rng: np.random.Generator) -> np.ndarray:
    """A new order (7,) of the characters of a plate that leaves it a Brazilian plate."""
    return np.concatenate([rng.permutation(LETTERS), LETTERS + rng.permutation(CHARACTERS - LETTERS)])


def augmented(seed: int, originals: Views, count: int, *, permute: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """So many training samples of the originals, (count, 40, 120) and (count, 7), their characters permuted."""
    rng = np.random.default_rng([seed, 1])
    pictures, classes = np.empty((count, HEIGHT, WIDTH), np.uint8), np.empty((count, CHARACTERS), np.int64)
    for n, which in enumerate(rng.integers(len(originals.pictures), size=count)):
        order = orders(rng) if permute else np.arange(CHARACTERS)
        pictures[n] = permuted(originals.pictures[which], originals.boxes[which], order)
        classes[n] = originals.classes[which][order]
    return pictures, classes


def unit(pictures: np.ndarray) -> np.ndarray:
    """uint8 (n, h, w) as what the networks take, (n, h, w, 1) in [0, 1]."""
    return pictures[..., None].astype(np.float32) / np.float32(255)


def schedule(rate: float, steps: int) -> keras.optimizers.Optimizer:
    decay = keras.optimizers.schedules.CosineDecay(
        rate / 20, steps, alpha=0.02, warmup_target=rate, warmup_steps=max(1, steps // 20)
    )
    return keras.optimizers.AdamW(decay, weight_decay=1e-4, global_clipnorm=5.0)


def fit_generative(
    seen: np.ndarray, wanted: np.ndarray, *, seed: int = 0, epochs: int = 20, batch: int = 16
) -> keras.Model:
    """The generative model taught to turn views (n, h, w) uint8 into others of the same plates; least squares."""
    keras.utils.set_random_seed(seed)
    net = low_resolution.generative(seen.shape[1:3])
    net.compile(schedule(2e-3, epochs * -(-len(seen) // batch)), "mse", jit_compile=False)
    net.fit(unit(seen), unit(wanted), batch_size=batch, epochs=epochs, verbose=0)
    return net


def generated(net: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """What the model makes of pictures (n, h, w) or, channel by channel, (n, h, w, 3) uint8; the same shape."""
    flat = pictures if pictures.ndim == 3 else np.moveaxis(pictures, -1, 1).reshape(-1, *pictures.shape[1:3])
    flat, mean, spread = levelled(flat)
    made = 255 * net.predict(unit(flat), batch_size=256, verbose=0)[..., 0]
    made = np.clip((made - MIDDLE) / SPREAD * spread + mean, 0, 255).astype(np.uint8)
    return made if pictures.ndim == 3 else np.moveaxis(made.reshape(-1, 3, *pictures.shape[1:3]), 1, -1)


def fit(
    net: keras.Model, pictures: np.ndarray, classes: np.ndarray, *, rate: float = 2e-3, epochs: int = 1, batch: int = 32
) -> None:
    """Train the multi-task CNN on pictures (n, 40, 120) uint8 and classes (n, 7): the mean of seven cross-entropies."""
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(schedule(rate, epochs * -(-len(pictures) // batch)), entropy, jit_compile=False)
    net.fit(unit(pictures), classes, batch_size=batch, epochs=epochs, verbose=0)


def read(net: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """The classes (n, 7) that the multi-task CNN sees on pictures (n, 40, 120) uint8."""
    return np.argmax(net.predict(unit(pictures), batch_size=256, verbose=0), axis=-1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m models.train.low_resolution", description="Train the networks of the low-resolution paper."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/low_resolution"))
    parser.add_argument("--plates", type=int, default=2520, help="rendered originals (default %(default)s)")
    parser.add_argument("--pairs", type=int, default=1000, help="for the generative model (default %(default)s)")
    parser.add_argument("--samples", type=int, default=40000, help="after permutation (default %(default)s)")
    parser.add_argument("--tests", type=int, default=500, help="plates to be asked at the end (default %(default)s)")
    parser.add_argument("--width", type=float, default=0.125, help="of the layers of Table 1 (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    both = passing(options.seed + 1, options.pairs)
    maker = fit_generative(grey(both["near"]), grey(both["far"]), seed=options.seed)
    maker.save_weights(options.out / "generative.weights.h5")
    near = views(passing(options.seed, options.plates), "near")
    pictures, classes = augmented(options.seed, near, options.samples)
    pictures[::3] = generated(maker, pictures[::3])
    keras.utils.set_random_seed(options.seed)
    net = low_resolution.build(width=options.width)
    fit(net, pictures, classes)
    net.save_weights(options.out / "multi_task.weights.h5")
    new = passing(options.seed + 2, options.tests)
    for name in ("near", "far"):
        test = views(new, name)
        right = (read(net, test.pictures) == test.classes).all(axis=1).mean()
        print(f"{name}: {right:.3f} of {len(test.classes)} plates right")


if __name__ == "__main__":
    main()
