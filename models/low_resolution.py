"""The networks of the low-resolution paper (seed 001): one task a character, and the model that makes far views.

Both see grey plates (40, 120, 1) in [0, 1]: the last layer of the generative model has a single filter.
"""

from __future__ import annotations

import keras
from keras import layers

from models.layers import conv, enlarge

HEIGHT, WIDTH = 40, 120  # Table 1: {120, 40}
CHARACTERS = 7  # tasks: the plates of Brazil
CLASSES = 36  # digits and letters

# Table 1: filters and filter size of Conv1 to Conv4; a max pooling {2, 2} follows each of the first three.
CONVOLUTIONS = ((128, 5), (128, 3), (192, 3), (256, 3))
SHARED = SEPARATE = 512  # neurons: one layer for all tasks, one for each
DROPOUT = 0.1  # between dense layers; its rate is not given

# Fig. 2: filters of the six convolutions; a max pooling follows each of the first three, an up-sampling each of the
# last three. Kernel and activations are not given.
GENERATIVE = (1, 64, 64, 64, 64, 1)


def build(*, width: float = 1.0, batch_size: int | None = None) -> keras.Model:
    """The multi-task CNN: logits (7, 36) of a plate; `width` scales the filters of Table 1."""
    plate = keras.Input((HEIGHT, WIDTH, 1), batch_size=batch_size, name="plate")
    x = plate
    for number, (filters, kernel) in enumerate(CONVOLUTIONS):
        x = conv(x, round(filters * width), kernel)
        x = layers.MaxPooling2D(2)(x) if number < 3 else x
    x = layers.Dense(SHARED, activation="relu")(layers.Flatten()(x))
    x = layers.Dropout(DROPOUT)(x)
    tasks = [layers.Dense(SEPARATE, activation="relu")(x) for _ in range(CHARACTERS)]
    logits = [layers.Dense(CLASSES)(layers.Dropout(DROPOUT)(task)) for task in tasks]
    return keras.Model(plate, layers.Reshape((CHARACTERS, CLASSES))(layers.Concatenate()(logits)), name="multi_task")


def generative(size: tuple[int, int] = (HEIGHT, WIDTH)) -> keras.Model:
    """The deep generative model: a plate as it would be seen from farther away; height and width divisible by eight.

    The single filter at the entrance is linear: behind a ReLU it passes next to nothing where its weights begin
    negative.
    """
    near = keras.Input((*size, 1), name="near")
    x = near
    for number, filters in enumerate(GENERATIVE):
        last = number == len(GENERATIVE) - 1
        activation = "sigmoid" if last else "relu" if number else None
        x = layers.Conv2D(filters, 3, padding="same", activation=activation)(x)
        x = layers.MaxPooling2D(2)(x) if number < 3 else enlarge(x)
    return keras.Model(near, x, name="generative")
