"""Tiny networks for the tests of the press, and changes to their files that no converter makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import flatbuffers
import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SHAPE = (16, 16, 3)


def samples(count: int = 8) -> np.ndarray:
    """Pictures 0..1, deterministic."""
    return np.random.default_rng(7).random((count, *SHAPE), np.float32)


def network(tail: Callable[[Any], Any], *, batch: int | None = 1) -> keras.Model:
    """image -> 3x3 convolution, ReLU6 (8 channels) -> `tail`; the seed makes it the same every time."""
    keras.utils.set_random_seed(3)
    image = keras.Input(SHAPE, batch_size=batch, name="image")
    stem = keras.layers.Conv2D(8, 3, padding="same", name="stem")(image)
    return keras.Model(image, tail(keras.layers.ReLU(6.0)(stem)))


def heads(x: Any) -> dict[str, Any]:
    """A network like the released ones: strided convolutions, depthwise, skip, two named outputs."""
    layers = keras.layers
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x)))
    y = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    y = layers.AveragePooling2D((2, 1))(y)
    return {
        "heat": layers.Conv2D(1, 1, activation="sigmoid", name="heat")(y),
        "box": layers.Conv2D(4, 1, name="box")(y),
    }


def mend(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after `change` of its object tree."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model)
    builder = flatbuffers.Builder(len(data) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def operation(model: Any, name: str) -> tuple[Any, Any]:
    """The first operator of that name and its code, in an object tree."""
    wanted = getattr(schema.BuiltinOperator, name)
    for op in model.subgraphs[0].operators:
        code = model.operatorCodes[op.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) == wanted:
            return op, code
    raise LookupError(name)


def stand_in(path: Path, script: str) -> Path:
    """An executable shell script."""
    path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    path.chmod(0o755)
    return path
