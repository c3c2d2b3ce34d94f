"""Recorded inputs and outputs of a released file, so that any machine can prove that it computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from convert.quantize import named_outputs
from edge.manifest import Manifest, Tensor

Arrays = dict[str, NDArray[Any]]


def pick(samples: NDArray[np.float32], *, count: int) -> NDArray[np.uint8]:
    """`count` pictures spread evenly over the calibration set, as the bytes a camera would give."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int)
    return np.rint(samples[places] * 255).astype(np.uint8)


def run(data: bytes, images: NDArray[np.uint8]) -> Arrays:
    """Quantized outputs by name, each (n, ...), of a file with one input; images (n, height, width, 3)."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    signature = interpreter.get_signature_runner()
    (name,) = signature.get_input_details()
    rows = [signature(**{name: image[None]}) for image in images]
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


def save(path: Path, manifest: Manifest, images: NDArray[np.uint8], outputs: Arrays) -> None:
    """Write `in_NAME` and `out_NAME` arrays, uint8, first axis the picture; nothing is pickled."""
    arrays = {f"in_{manifest.inputs[0].name}": images, **{f"out_{name}": a for name, a in outputs.items()}}
    np.savez_compressed(path, **arrays)


def difference(
    model: Any, manifest: Manifest, images: NDArray[np.uint8], outputs: Arrays
) -> dict[str, float]:
    """Mean absolute difference of each output between the float model and the uint8 file."""
    found: dict[str, list[float]] = {tensor.name: [] for tensor in manifest.outputs}
    for number, image in enumerate(images):
        exact = named_outputs(model, model(image[None] / np.float32(255), training=False))
        for tensor in manifest.outputs:
            error = np.abs(dequantize(tensor, outputs[tensor.name][number]) - exact[tensor.name].numpy()[0])
            found[tensor.name].append(float(error.mean()))
    return {name: float(np.mean(errors)) for name, errors in found.items()}


def dequantize(tensor: Tensor, values: NDArray[Any]) -> NDArray[np.float32]:
    """Real values of a quantized tensor."""
    return np.float32(tensor.scale) * (values.astype(np.float32) - np.float32(tensor.zero_point))
