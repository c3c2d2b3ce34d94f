"""Runs the TensorFlow converter, in a process of its own because it may abort.

Only `convert.quantize` calls this: python -m convert.worker SAVED_MODEL SAMPLES.npy OUT.tflite
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def full_integer(saved_model: str, samples: NDArray[np.float32]) -> bytes:
    """A uint8 file with per-channel convolutions; samples have shape (n, height, width, channels)."""
    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=["serving_default"])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    # TFLite up to 2.7 computes a per-channel Dense wrongly and says nothing.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def _one_by_one(samples: NDArray[np.float32]) -> Iterator[list[NDArray[np.float32]]]:
    for number in range(len(samples)):
        yield [samples[number : number + 1]]


if __name__ == "__main__":
    source, calibration, target = sys.argv[1:]
    Path(target).write_bytes(full_integer(source, np.load(calibration, mmap_mode="r", allow_pickle=False)))
