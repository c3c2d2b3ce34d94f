"""Train IQ-STAN (seed 002) on rendered looks at passing plates, all of them in memory.

    python -m models.train.iq_stan --plates 6000 --epochs 5
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from edge.plates.alphabet import decode
from models import iq_stan
from models.synth import sequence

Arrays = Mapping[str, np.ndarray]
CLASS = {character: number for number, character in enumerate(iq_stan.ALPHABET)}
BATCH, RATE = 32, 2e-3


def shrink(crops: np.ndarray) -> np.ndarray:
    """Crops (…, 64, 128, 3) in the size of a look (…, 25, 84, 3)."""
    size = (iq_stan.WIDTH // sequence.FRAMES, iq_stan.HEIGHT)
    small = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in crops.reshape(-1, *crops.shape[-3:])]
    return np.stack(small).reshape(*crops.shape[:-3], *small[0].shape)


def beside(looks: np.ndarray) -> np.ndarray:
    """Looks (n, 5, height, width, 3) beside each other: (n, height, 5 · width, 3)."""
    n, frames, height, width, colours = looks.shape
    return looks.transpose(0, 2, 1, 3, 4).reshape(n, height, frames * width, colours)


def render(plates: int, seed: int, *, crops: bool = False) -> dict[str, np.ndarray]:
    """Passing plates: looks (n, 5, 25, 84, 3), text (n, 7) classes, similarity (n, 5), and the whole crops if asked."""
    passed = [sequence.render(np.random.default_rng([seed, n])) for n in range(plates)]
    whole = np.stack([one.crops for one in passed])
    arrays = {
        "looks": shrink(whole),
        "text": np.array([[CLASS[c] for c in decode(list(one.text))] for one in passed], np.int32),
        "similarity": np.stack([one.similarity for one in passed]),
    }
    return arrays | ({"crops": whole} if crops else {})


def normalized(similarity: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Qualities in [0, 1] by the range of the training set (section 3.1)."""
    low, high = like.min(), like.max()
    return np.clip((similarity - low) / (high - low), 0, 1)


@keras.saving.register_keras_serializable(package="edge_alpr")
class IqStanTrainer(keras.Model):
    """IQ-STAN, its baseline or its scoring alone, with the loss of Eq. 4 for what it puts out."""

    def __init__(self, net: keras.Model) -> None:
        super().__init__()
        self.net = net

    def call(self, frames, training=False):
        return self.net(ops.cast(frames, "float32") / 255.0, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = iq_stan.LAMBDA * iq_stan.penalty(self.net)
        if "characters" in y_pred:
            loss += iq_stan.MU * ops.mean(iq_stan.reading_loss(y["text"], y_pred["characters"]))
        if "quality" in y_pred:
            loss += (1 - iq_stan.MU) * ops.mean(iq_stan.scoring_loss(y["quality"], y_pred["quality"]))
        return loss


class Batches(keras.utils.PyDataset):
    """Batches of passing plates, drawn anew for every epoch, with the looks of each in a new order."""

    def __init__(self, arrays: Arrays, seed: int) -> None:
        super().__init__()
        self.arrays, self.rng = arrays, np.random.default_rng(seed)
        self.quality = normalized(arrays["similarity"], arrays["similarity"])
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.arrays["text"]) // BATCH

    def __getitem__(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        chosen = self.order[number * BATCH : (number + 1) * BATCH]
        looks = self.rng.permuted(np.tile(np.arange(sequence.FRAMES), (len(chosen), 1)), axis=1)
        frames = beside(self.arrays["looks"][chosen[:, None], looks])
        return frames, {"text": self.arrays["text"][chosen], "quality": self.quality[chosen[:, None], looks]}

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.arrays["text"]))


def fit(
    arrays: Arrays, *, epochs: int, seed: int, scoring: bool = True, reading: bool = True,
    start: keras.Model | None = None,
) -> keras.Model:
    """A trained net, from chance or as far as it can from a net that reads: Adam, its rate falling as a cosine."""
    keras.utils.set_random_seed(seed)
    net = iq_stan.build(scoring=scoring, reading=reading)
    if start:
        iq_stan.take(net, start)
    batches = Batches(arrays, seed)
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / 20, epochs * len(batches), warmup_target=RATE, warmup_steps=len(batches) * epochs // 20
    )
    trainer = IqStanTrainer(net)
    trainer.compile(optimizer=keras.optimizers.Adam(rate, global_clipnorm=5.0))
    trainer.fit(batches, epochs=epochs, verbose=2)
    return net


def predict(net: keras.Model, looks: np.ndarray) -> dict[str, np.ndarray]:
    """Log probabilities `characters` (n, 7, 65) and `quality` (n, 5) of looks (n, 5, 25, 84, 3), whichever it gives."""
    parts = [net.predict_on_batch(beside(looks[n : n + 100]) / np.float32(255)) for n in range(0, len(looks), 100)]
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if "characters" in outputs:
        outputs["characters"] = ops.convert_to_numpy(ops.log_softmax(outputs["characters"]))
    if "quality" in outputs:
        outputs["quality"] = outputs["quality"].reshape(-1, sequence.FRAMES, sequence.CHARACTERS).mean(axis=-1)
    return outputs


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m models.train.iq_stan", description="Train IQ-STAN.")
    parser.add_argument("--plates", type=int, default=6000, help="rendered plates of five looks (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=5, help="times each is learnt from (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/iq_stan"), help="folder for the weights")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    net = fit(render(asked.plates, asked.seed), epochs=asked.epochs, seed=asked.seed)
    net.save_weights(asked.out / "iq_stan.weights.h5")


if __name__ == "__main__":
    main()
