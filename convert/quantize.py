"""A float Keras model becomes a uint8 TFLite file, calibrated by a committed list of rendered pictures."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import flatbuffer
from convert.errors import BadCalibration, ConversionFailed

ROOT = Path(__file__).resolve().parents[1]
SAY_NOTHING: Callable[[str], None] = lambda line: None  # noqa: E731


def calibration_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a calibration list, column by column."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as problem:
        raise BadCalibration(
            f"{path} cannot be read ({problem}). Name the list: --calibration FILE.csv"
        ) from problem
    if not rows or "seed" not in (reader.fieldnames or ()):
        raise BadCalibration(f"{path} has no rows or no column `seed`. It needs one rendered picture a line.")
    if any(None in row or None in row.values() for row in rows):
        raise BadCalibration(f"{path} has lines with too many or too few fields. Repair the list.")
    return rows


def collect(
    samples: Iterable[NDArray[np.float32]], *, say: Callable[[str], None] = SAY_NOTHING
) -> NDArray[np.float32]:
    """Stack float pictures 0..1 of shape (1, height, width, 3); the first gets one black and one white pixel.

    With both ends of the range in the calibration the input's scale is 1/255 and its zero point 0.
    """
    stack: list[NDArray[np.float32]] = []
    for sample in samples:
        stack.append(_picture(sample))
        if len(stack) % 50 == 0:
            say(f"  {len(stack)} calibration pictures")
    if not stack:
        raise BadCalibration("no calibration pictures. The list must name at least one.")
    pictures = np.stack(stack)
    pictures[0, 0, 0], pictures[0, -1, -1] = 0.0, 1.0
    return pictures


def _picture(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = np.asarray(sample, np.float32)
    if picture.ndim != 4 or len(picture) != 1 or not (picture.min() >= 0 and picture.max() <= 1):
        raise BadCalibration(
            f"a calibration picture of shape {picture.shape}, values {picture.min():.3g} to "
            f"{picture.max():.3g}. Give (1, height, width, 3) with values 0..1."
        )
    return picture[0]


def quantize(
    model: Any,
    samples: NDArray[np.float32],
    *,
    timeout: float = 1800,
    say: Callable[[str], None] = SAY_NOTHING,
) -> bytes:
    """The uint8 file of a float model; samples as `collect` returns them, timeout in seconds."""
    with tempfile.TemporaryDirectory(prefix="convert-") as folder:
        say("  exporting the float graph with batch 1")
        export(model, Path(folder, "saved"))
        np.save(Path(folder, "samples.npy"), samples)
        say(f"  quantizing with {len(samples)} pictures")
        data = run_converter(Path(folder, "saved"), Path(folder, "samples.npy"), timeout=timeout)
    _require_plain_input(flatbuffer.parse(data))
    return data


def export(model: Any, folder: Path) -> None:
    """Write a SavedModel whose one signature takes and gives tensors by the model's own names."""
    keras, tensorflow = keras_on_tensorflow()
    image = model.inputs[0]
    signature = tensorflow.TensorSpec((1, *image.shape[1:]), tensorflow.float32, name=image.name)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default", lambda x: named_outputs(model, model(x, training=False)), [signature]
    )
    archive.write_out(str(folder), verbose=False)


def named_outputs(model: Any, result: Any) -> dict[str, Any]:
    """What a model gave, by the names of its outputs."""
    if isinstance(result, dict):
        return result
    outputs = result if isinstance(result, list | tuple) else [result]
    return dict(zip(model.output_names, outputs, strict=True))


def keras_on_tensorflow() -> tuple[Any, Any]:
    """The two modules; ConversionFailed where Keras was started on another backend."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import tensorflow

    if keras.backend.backend() != "tensorflow":
        raise ConversionFailed(
            f"Keras runs on {keras.backend.backend()} here and conversion needs TensorFlow. "
            "Set KERAS_BACKEND=tensorflow."
        )
    return keras, tensorflow


def run_converter(saved_model: Path, samples: Path, *, timeout: float) -> bytes:
    """Convert in a process of its own, so that an abort of the converter becomes ConversionFailed."""
    target = saved_model.with_suffix(".tflite")
    command = [sys.executable, "-m", "convert.worker", str(saved_model), str(samples), str(target)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=timeout
        )
    except subprocess.TimeoutExpired as problem:
        raise ConversionFailed(
            f"the TensorFlow converter was not done after {timeout:g} s. Give it fewer pictures"
            " or a longer --timeout."
        ) from problem
    if done.returncode != 0 or not target.is_file():
        raise ConversionFailed(_explain(done.returncode, done.stderr))
    return target.read_bytes()


def _explain(code: int, log: str) -> str:
    """What the end of a converter process means, with the last lines it wrote."""
    lines = [
        line for line in log.splitlines() if line.strip() and not line.startswith(("I0", "W0", "I1", "W1"))
    ]
    tail = "\n".join(f"  | {line[:300]}" for line in lines[-6:])
    if code >= 0:
        return f"the TensorFlow converter refused the model:\n{tail}"
    name = signal.Signals(-code).name
    return (
        f"the TensorFlow converter was ended by {name} (an operation it cannot lower, or no memory). "
        f"Remove the layer named below, and convert with TensorFlow 2.20 or 2.21.\n{tail}"
    )


def _require_plain_input(graph: flatbuffer.Graph) -> None:
    for name, tensor in graph.inputs.items():
        if len(tensor.scale) != 1 or abs(tensor.scale[0] - 1 / 255) > 1e-6 or tensor.zero_point != (0,):
            raise BadCalibration(
                f"input {name} has scale {tensor.scale} and zero point {tensor.zero_point} instead of 1/255 "
                "and 0. The calibration must span 0..1, and a convolution must come first."
            )
