"""EQ-LPR (seed 004): a quality network decides which look at a plate is worth reading; its architectures P, S and E.

A look is (25, 84, 3) in [0, 1], rows and columns as in IQ-STAN (seed 002), whose CNN, described layer by layer there,
stands in for the one that this paper only draws. P has two of it that share nothing, S one for both tasks, E one for
reading and a light one for the quality, whose features are to be those of the reading one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from models import iq_stan
from models.synth.sequence import CHARACTERS

KINDS = ("P", "S", "E")
ALPHABET = iq_stan.ALPHABET
SHAPE = (iq_stan.HEIGHT, 84, 3)
UNITS = 48  # of the LSTM in each direction

# The light CNN: filters and strides of 3×3 convolutions; it ends in the shape of the other's features (4, 21, 48).
LIGHT = ((8, (2, 2)), (16, (2, 2)), (48, (2, 1)))


@dataclass(frozen=True, slots=True)
class EqLpr:
    """One architecture as models that share their layers.

    reading: look → `characters` (7, A) logits, each read after what was read before it, and `features` F_r (4, 21, 48);
    taught: the same of (look, text), each read after the true ones before it; scoring: look → `quality` (1,) and, where
    they are to be taught, `features` F*_q; shared: look → `quality` and F_r at once, where both come from one CNN;
    decode: F_r → `characters`.
    """

    reading: keras.Model
    taught: keras.Model
    scoring: keras.Model
    shared: keras.Model | None
    decode: keras.Model


def build(kind: str) -> EqLpr:
    """The architecture P, S or E; ValueError for another."""
    if kind not in KINDS:
        raise ValueError(f"EQ-LPR has no architecture {kind!r}; choose one of {', '.join(KINDS)}")
    look, text = keras.Input(SHAPE, name="look"), keras.Input((CHARACTERS,), dtype="int32", name="text")
    features = iq_stan.shared(look)
    read = Reading(name="characters")
    reading = keras.Model(look, {"characters": read(features), "features": features}, name="reading")
    given = keras.Input(features.shape[1:], name="features")
    shared = None
    if kind == "S":
        shared = keras.Model(look, {"quality": score(features), "features": features}, name="shared")
        scoring = keras.Model(look, {"quality": shared.output["quality"]}, name="scoring")
    elif kind == "P":
        scoring = keras.Model(look, {"quality": score(iq_stan.shared(grey(look)))}, name="scoring")
    else:
        fitted = light(grey(look))
        scoring = keras.Model(look, {"quality": score(fitted), "features": fitted}, name="scoring")
    return EqLpr(
        reading, keras.Model([look, text], read(features, text), name="taught"), scoring, shared,
        keras.Model(given, {"characters": read(given)}, name="decode"),
    )


def grey(look: keras.KerasTensor) -> keras.KerasTensor:
    """P̂: the look without its colours, in as many channels (section 2.2)."""
    return ops.repeat(ops.mean(look, axis=-1, keepdims=True), SHAPE[-1], axis=-1)


def light(look: keras.KerasTensor) -> keras.KerasTensor:
    """N*_q: features (4, 21, 48) for an eighth of the multiplications of N_r."""
    x = look
    for filters, stride in LIGHT:
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=iq_stan.SETTLING)(x))
    return x


def score(features: keras.KerasTensor) -> keras.KerasTensor:
    """N'_q: the quality awareness score a (1,) in (0, 1) by two dense layers over the largest and the mean features."""
    pooled = ops.concatenate([ops.max(features, axis=(1, 2)), ops.mean(features, axis=(1, 2))], axis=-1)
    return layers.Dense(1, activation="sigmoid")(layers.Dense(32, activation="relu")(pooled))


@keras.saving.register_keras_serializable(package="edge_alpr")
class Reading(layers.Layer):
    """N'_r: columns of F_r (4, 21, 48) through a bidirectional LSTM and an attention decoder; logits (7, A).

    Where the decoder looks begins where seven characters stand, as in seed 002. It hears the character before, the
    true one where `text` is given.
    """

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.encoder = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))
        self.cell = layers.LSTMCell(2 * UNITS)
        self.said = layers.Embedding(len(ALPHABET) + 1, 16)
        self.query, self.key = layers.Dense(2 * UNITS, use_bias=False), layers.Dense(2 * UNITS)
        self.energy, self.classes = layers.Dense(1, use_bias=False), layers.Dense(len(ALPHABET))

    def build(self, features_shape, text_shape=None) -> None:
        rows, columns, filters = features_shape[1:]
        width = 2 * UNITS
        self.encoder.build((None, columns, rows * filters))
        self.cell.build((None, width + 16))
        self.said.build((None,))
        self.query.build((None, width))
        self.key.build((None, columns, width))
        self.energy.build((None, columns, width))
        self.classes.build((None, 2 * width))
        self.place = self.add_weight(shape=(CHARACTERS, columns), initializer=iq_stan.standing, name="place")

    def call(self, features, text=None):
        rows, columns, filters = features.shape[1:]
        encoded = self.encoder(ops.reshape(ops.transpose(features, (0, 2, 1, 3)), (-1, columns, rows * filters)))
        keys, context = self.key(encoded), ops.mean(encoded, axis=1)
        hidden, carry = ops.zeros_like(context), ops.zeros_like(context)
        last, logits = ops.full_like(context[:, 0], len(ALPHABET), dtype="int32"), []
        for character in range(CHARACTERS):
            heard = ops.concatenate([context, self.said(last)], axis=-1)
            _, (hidden, carry) = self.cell(heard, [hidden, carry])
            energy = self.energy(ops.tanh(keys + self.query(hidden)[:, None]))[..., 0]
            context = ops.einsum("bt,btn->bn", ops.softmax(energy + self.place[character]), encoded)
            logits.append(self.classes(ops.concatenate([hidden, context], axis=-1)))
            last = ops.cast(ops.argmax(logits[-1], axis=-1), "int32") if text is None else text[:, character]
        return ops.stack(logits, axis=1)


def sureness(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Eq. 3: α, the softmax of the least sure of the characters that are read, of logits (7, A)."""
    return ops.min(ops.max(ops.softmax(logits), axis=-1), axis=-1)


def sureness_ctc(posteriors: np.ndarray) -> float:
    """Eq. 3 for a CTC reader's (T, A), 0 the blank: the peak of the least sure character; 0 where none is read."""
    best = posteriors.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))  # of each run of one character along the best path
    peaks = np.maximum.reduceat(posteriors.max(axis=1), starts)
    return float(peaks[best[starts] != 0].min(initial=1.0)) if best.any() else 0.0


def reading_loss(text: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """L_r of Eq. 4 per look: −Σ ln P of each true character after the true ones before it."""
    return ops.sum(ops.sparse_categorical_crossentropy(text, logits, from_logits=True), axis=-1)


def scoring_loss(sure: keras.KerasTensor, quality: keras.KerasTensor) -> keras.KerasTensor:
    """L_q of Eq. 4 per look: |α − a|."""
    return ops.sum(ops.abs(sure - quality), axis=-1)


def distance(features: keras.KerasTensor, fitted: keras.KerasTensor) -> keras.KerasTensor:
    """The second term of Eq. 5 per look: the ℓ2 norm of F*_q − F_r."""
    return ops.sqrt(ops.sum(ops.square(features - fitted), axis=(1, 2, 3)) + 1e-12)


def recommended(qualities: Iterable[float]) -> list[int]:
    """Algorithm 1: after each look of a stream the number of the look whose reading stands; a new one is a reading."""
    best, standing, answers = float("-inf"), 0, []
    for number, quality in enumerate(qualities):
        if quality > best:
            best, standing = quality, number
        answers.append(standing)
    return answers
