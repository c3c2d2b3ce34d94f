"""IQ-STAN (seed 002): five looks at one plate side by side, read together, guided by how good each of them is.

Input `frames` (25, 420, 3) in [0, 1], half the paper's 840×50: five looks of 84 columns. Outputs `characters` (7, 65)
logits, and `quality` (35,) in [0, 1], the score of every patch: seven patches a look, one for each character.
"""

from __future__ import annotations

import math

import keras
from keras import layers, ops

from edge.plates.alphabet import DIGITS, PROVINCES
from edge.plates.cn import LETTERS
from models.synth.sequence import CHARACTERS, FRAMES

ALPHABET = DIGITS + LETTERS + PROVINCES
HEIGHT, WIDTH = 25, 420
PATCHES = FRAMES * CHARACTERS  # M of the paper
MU, LAMBDA = 0.5, 0.5  # Eq. 4

# Fig. 2: six convolutions (filters, max pooling); three poolings make of 840×50 the map of 210×7 that the paper names.
# Filters are not given; ours are few and pooled early, so that a CPU core trains them.
ROWS: tuple[tuple[int, tuple[int, int]], ...] = (
    (12, (2, 2)), (16, (2, 2)), (32, (1, 1)), (32, (2, 1)), (48, (1, 1)), (48, (1, 1))
)
UNITS = 48  # of the encoder's LSTM in each direction
LOOKING = 32  # width in which the decoder compares its state with the columns
DROPOUT = 0.1
SETTLING = 0.9  # momentum of the batch statistics: a short training ends before slower ones have settled


def shared(frames: keras.KerasTensor) -> keras.KerasTensor:
    """The CNN of both tasks: features F (rows, columns, filters)."""
    x = frames
    for number, (filters, pool) in enumerate(ROWS):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.MaxPooling2D(pool, padding="same")(x) if max(pool) > 1 else x
        x = layers.ReLU()(layers.BatchNormalization(momentum=SETTLING, name=f"norm{number}")(x))
    return layers.Dropout(DROPOUT)(x)


def scores(features: keras.KerasTensor) -> keras.KerasTensor:
    """The quality of every patch (35,): two poolings and two dense layers (section 2.2).

    Which poolings is not said. They are maximum and mean here: the minimum, which the paper's source takes beside the
    maximum, is nearly always 0 behind a ReLU.
    """
    rows, columns, filters = features.shape[1:]
    patches = layers.Reshape((rows, PATCHES, columns // PATCHES, filters))(features)
    pooled = ops.concatenate([ops.max(patches, axis=(1, 3)), ops.mean(patches, axis=(1, 3))], axis=-1)
    hidden = layers.Dense(32, activation="relu", name="score0")(pooled)
    return layers.Reshape((PATCHES,), name="quality")(layers.Dense(1, activation="sigmoid", name="score1")(hidden))


def attention(features: keras.KerasTensor, quality: keras.KerasTensor) -> keras.KerasTensor:
    """Eq. 1: features times the map in (0, 1) that two transposed convolutions make of the scores (Fig. 1)."""
    rows, columns = features.shape[1:3]
    wide = (1, columns // PATCHES)
    row = layers.Reshape((1, PATCHES, 1))(quality)
    row = layers.Conv2DTranspose(8, wide, strides=wide, activation="relu", name="map0")(row)
    there = layers.Conv2DTranspose(
        1, (rows, 3), strides=(rows, 1), padding="same", activation="sigmoid", name="map1"
    )(row)
    return layers.Multiply(name="guided")([features, there])


@keras.saving.register_keras_serializable(package="edge_alpr")
class Decoder(layers.Layer):
    """Eq. 3: an LSTM that looks at the encoded columns (T, n) once a character; gives logits (7, characters).

    Where it looks begins where the seven characters of a look stand, by a bias of (7, columns of a look) that is
    trained on: the attention of the paper has to find that out, for which its training is long enough.
    """

    def __init__(self, units: int, **options) -> None:
        super().__init__(**options)
        self.units = units
        self.cell = layers.LSTMCell(units)
        self.query, self.key = layers.Dense(LOOKING, use_bias=False), layers.Dense(LOOKING)
        self.energy, self.classes = layers.Dense(1, use_bias=False), layers.Dense(len(ALPHABET))

    def build(self, encoded, *states) -> None:
        steps, width = encoded[1:]
        self.cell.build((None, width))
        self.query.build((None, self.units))
        self.key.build(encoded)
        self.energy.build((None, steps, LOOKING))
        self.classes.build((None, self.units + width))
        self.place = self.add_weight(shape=(CHARACTERS, steps // FRAMES), initializer=standing, name="place")

    def call(self, encoded, hidden, carry):
        keys, place = self.key(encoded), ops.tile(self.place, (1, FRAMES))
        context, logits = ops.mean(encoded, axis=1), []
        for character in range(CHARACTERS):
            _, (hidden, carry) = self.cell(context, [hidden, carry])
            energy = self.energy(ops.tanh(keys + self.query(hidden)[:, None]))[..., 0]
            looking = ops.softmax(energy + place[character])  # α_t
            context = ops.einsum("bt,btn->bn", looking, encoded)  # V_t
            logits.append(self.classes(ops.concatenate([hidden, context], axis=-1)))
        return ops.stack(logits, axis=1)


def standing(shape: tuple[int, int], dtype: str | None = None) -> keras.KerasTensor:
    """How far each column of a look is from where each of the evenly spaced characters stands, as ln of a weight."""
    characters, columns = shape
    column = (ops.arange(columns, dtype="float32") + 0.5) / columns
    middle = (ops.arange(characters, dtype="float32") + 0.5) / characters
    return ops.cast(-0.5 * ((column[None] - middle[:, None]) * characters) ** 2, dtype or "float32")


def build(
    *, scoring: bool = True, reading: bool = True, height: int = HEIGHT, width: int = WIDTH,
    batch_size: int | None = None,
) -> keras.Model:
    """IQ-STAN; without `scoring` the paper's baseline, without `reading` its "Only IQ Scoring"."""
    frames = keras.Input((height, width, 3), batch_size=batch_size, name="frames")
    features, outputs = shared(frames), {}
    if scoring:
        outputs["quality"] = scores(features)
        features = attention(features, outputs["quality"]) if reading else features
    if reading:
        outputs["characters"] = read(features)
    return keras.Model(frames, outputs, name="iq_stan")


def read(features: keras.KerasTensor) -> keras.KerasTensor:
    """Logits (7, characters): columns of the map through a bidirectional LSTM (Eq. 2) and the decoder."""
    rows, columns, filters = features.shape[1:]
    sequence = layers.Reshape((columns, rows * filters))(layers.Permute((2, 1, 3))(features))
    encoder = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True, return_state=True), name="encoder")
    encoded, *states = encoder(sequence)
    hidden, carry = (ops.concatenate([states[n], states[n + 2]], axis=-1) for n in (0, 1))
    return Decoder(2 * UNITS, name="characters")(encoded, hidden, carry)


def take(net: keras.Model, start: keras.Model) -> None:
    """Give a net the CNN, the encoder and the decoder of another, as far as both have them."""
    known = {layer.name: layer for layer in start.layers if layer.weights}
    for layer in net.layers:
        if layer.name in known:
            layer.set_weights(known[layer.name].get_weights())


def frame_quality(patches: keras.KerasTensor) -> keras.KerasTensor:
    """The score of each look (5,): the mean of its patches (Eq. 6)."""
    return ops.mean(ops.reshape(patches, (-1, FRAMES, CHARACTERS)), axis=-1)


def reading_loss(text: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Eq. 5 per plate: −Σ ln P of the characters (7,) under logits (7, characters)."""
    return ops.sum(ops.sparse_categorical_crossentropy(text, logits, from_logits=True), axis=-1)


def scoring_loss(quality: keras.KerasTensor, patches: keras.KerasTensor) -> keras.KerasTensor:
    """Eq. 6 per plate: Σ |s_i − the mean of the patches of look i| for qualities (5,) and patches (35,)."""
    return ops.sum(ops.abs(quality - frame_quality(patches)), axis=-1)


def penalty(net: keras.Model) -> keras.KerasTensor:
    """R of Eq. 4: the mean square of all kernels; as a plain sum, λ = 0.5 would leave nothing of them."""
    kernels = [weight for weight in net.trainable_variables if "kernel" in weight.name]
    return sum(ops.sum(ops.square(k)) for k in kernels) / float(sum(math.prod(k.shape) for k in kernels))
