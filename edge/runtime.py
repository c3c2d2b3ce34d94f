"""The only door to a TFLite interpreter and to the Edge TPU: models opened, checked and bound by name."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import logging
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError, ModelMismatch
from edge.manifest import Manifest, Tensor

ZOO = Path(__file__).parent / "zoo"
INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
LIBRARY = {"darwin": "libedgetpu.1.dylib", "win32": "edgetpu.dll"}.get(sys.platform, "libedgetpu.so.1")
COMPILED = b"edgetpu-custom-op"  # stands in every file that the Edge TPU compiler wrote
PROBE_SECONDS = 60
PROBE = "import sys; from edge.runtime import rehearse; rehearse(*sys.argv[1:])"

log = logging.getLogger(__name__)


class Model:
    """An opened model: called with uint8 pictures by input name, it returns real values by output name.

    `device` says where it runs: cpu, or the Edge TPU as it was asked for.
    """

    def __init__(self, manifest: Manifest, content: bytes, device: str) -> None:
        _takes_pixels(manifest)
        self.manifest = manifest
        self.device = device
        self._interpreter = _interpreter(content, device)
        self._inputs = _bind(manifest, manifest.inputs, self._interpreter.get_input_details())
        self._outputs = _bind(manifest, manifest.outputs, self._interpreter.get_output_details())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the interpreter and its device back."""
        self._interpreter = None

    def __call__(self, **inputs: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Run once: inputs (1, …) or without the batch, outputs dequantised with the batch kept."""
        if self._interpreter is None:
            raise ModelMismatch(
                f"The {self.manifest.name} model has been closed. Open it again with open_model."
            )
        if inputs.keys() != {tensor.name for tensor in self.manifest.inputs}:
            raise ModelMismatch(
                f"The {self.manifest.name} model takes {[t.name for t in self.manifest.inputs]}, "
                f"not {sorted(inputs)}. Name its inputs as its manifest does."
            )
        for tensor in self.manifest.inputs:
            self._interpreter.set_tensor(
                self._inputs[tensor.name], self._checked(tensor, inputs[tensor.name])
            )
        self._interpreter.invoke()
        return {tensor.name: self._real(tensor) for tensor in self.manifest.outputs}

    def _checked(self, tensor: Tensor, value: NDArray[np.uint8]) -> NDArray[np.uint8]:
        batched = value if value.ndim == len(tensor.shape) else value[np.newaxis]
        if batched.shape != tensor.shape or str(batched.dtype) != tensor.dtype:
            raise ModelMismatch(
                f"The {self.manifest.name} model's input {tensor.name} is {tensor.dtype} {tensor.shape}, "
                f"not {value.dtype} {value.shape}. Letterbox or rectify the picture to that size first."
            )
        return batched

    def _real(self, tensor: Tensor) -> NDArray[np.float32]:
        quantized = np.asarray(self._interpreter.get_tensor(self._outputs[tensor.name]), np.float32)
        return (quantized - np.float32(tensor.zero_point)) * np.float32(tensor.scale)


def open_model(name: str, *, device: str = "auto", zoo: Path | None = None) -> Model:
    """Open a released model by name on a device: auto, cpu, edgetpu, usb:N or pci:N.

    ModelMismatch where the file is not what its manifest says; DeviceError where the device asked
    for cannot be used. `auto` runs on the Edge TPU where there is one, else on the CPU, and logs it.
    """
    folder = zoo or ZOO
    manifest = Manifest.load(folder / f"{name}.json")
    if device != "cpu":
        compiled = _on_tpu(manifest, folder, device)
        if compiled is not None:
            return Model(manifest, compiled, "edgetpu" if device == "auto" else device)
    return Model(manifest, _content(folder / manifest.file, manifest.sha256), "cpu")


def rehearse(file: str, device: str) -> None:
    """Load a compiled file and run it once on zeros: what a probe does in a process of its own."""
    try:
        interpreter = _interpreter(Path(file).read_bytes(), device)
    except DeviceError as problem:
        sys.exit(str(problem))
    interpreter.invoke()


@functools.cache
def probe(file: Path, device: str) -> str | None:
    """Why a compiled file cannot run on an Edge TPU, or None where it can; a crash stays in the child."""
    try:
        _find_library()
    except DeviceError as problem:
        return str(problem)
    command = [sys.executable, "-c", PROBE, str(file), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"The Edge TPU did not answer within {PROBE_SECONDS} seconds. Plug it in again and retry."
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return (
            f"{LIBRARY} crashes with this TFLite runtime (signal {-done.returncode}): they do not belong "
            "together. Install a libedgetpu1-std built for TensorFlow 2.16 or newer (16.0TF2.19.1-1)."
        )
    return done.stderr.strip().rsplit("\n", 1)[-1] or f"The probe ended with code {done.returncode}."


def _on_tpu(manifest: Manifest, folder: Path, device: str) -> bytes | None:
    """The compiled file's bytes where the Edge TPU can run it; None sends `auto` to the CPU."""
    reason: str | None
    content = b""
    if manifest.edgetpu_file is None or manifest.edgetpu_sha256 is None:
        reason = (
            f"There is no file of the {manifest.name} model compiled for the Edge TPU in {folder}. "
            "Compile it with `python -m convert`, or set device = cpu."
        )
    else:
        content = _content(folder / manifest.edgetpu_file, manifest.edgetpu_sha256)
        if COMPILED not in content:
            raise ModelMismatch(
                f"{manifest.edgetpu_file} is not compiled for the Edge TPU: it would run on the CPU. "
                "Compile it again with edgetpu_compiler."
            )
        wanted = "edgetpu" if device == "auto" else device
        reason = probe(folder / manifest.edgetpu_file, wanted)
    if reason is None:
        return content
    if device != "auto":
        raise DeviceError(reason)
    log.warning("%s runs on the CPU: %s", manifest.name, reason)
    return None


def _content(file: Path, sha256: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise ModelMismatch(
            f"The model file {file} cannot be read ({problem.strerror}). Reinstall edge-alpr."
        ) from problem
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelMismatch(
            f"{file} is not the file its manifest describes (SHA-256 {found[:12]}…, not {sha256[:12]}…). "
            "Reinstall edge-alpr, or package the model again."
        )
    return content


@functools.cache
def _library() -> Any:
    """The TFLite runtime that is installed: LiteRT first, then tflite-runtime."""
    problems = []
    for name in INTERPRETERS:
        try:
            return importlib.import_module(name)
        except ImportError as problem:
            problems.append(f"{name}: {problem}")
    raise DeviceError(
        f"No TFLite runtime can be imported ({'; '.join(problems)}). Install one: pip install ai-edge-litert."
    )


@functools.cache
def _delegate(device: str) -> Any:
    """The Edge TPU delegate, one per process and device: all models share the TPU through it."""
    _find_library()
    options = {} if device == "edgetpu" else {"device": device}
    try:
        return _library().load_delegate(LIBRARY, options)
    except ValueError as problem:
        raise DeviceError(
            f"No Edge TPU answers as {device!r}, or you may not use it. Check that it is plugged in (lsusb "
            "shows 1a6e:089a or 18d1:9302) and that your user is in the group plugdev, or set device = cpu."
        ) from problem


def _find_library() -> None:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError as problem:
        raise DeviceError(
            f"The Edge TPU library {LIBRARY} is missing ({problem}). "
            "Install libedgetpu1-std, or set device = cpu."
        ) from problem


def _interpreter(content: bytes, device: str) -> Any:
    delegates = [] if device == "cpu" else [_delegate(device)]
    try:
        interpreter = _library().Interpreter(
            model_content=content, num_threads=1, experimental_delegates=delegates or None
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as problem:
        if COMPILED.decode() in str(problem):
            raise DeviceError(
                "This model file is compiled for the Edge TPU and cannot run on the CPU. "
                "Set device = edgetpu, or use the file that is not compiled."
            ) from problem
        raise ModelMismatch(
            f"The TFLite runtime refuses the model file ({problem}). Reinstall edge-alpr or convert it again."
        ) from problem
    return interpreter


def _takes_pixels(manifest: Manifest) -> None:
    for tensor in manifest.inputs:
        if tensor.zero_point != 0 or not math.isclose(tensor.scale, 1 / 255, rel_tol=0.01):
            raise ModelMismatch(
                f"{manifest.file}: {tensor.name} does not take the pixels 0 to 255 as 0 to 1. "
                "Convert the model again with a calibration list that reaches from black to white."
            )


def _bind(
    manifest: Manifest, tensors: tuple[Tensor, ...], details: list[Mapping[str, Any]]
) -> dict[str, int]:
    """Tensor index by the model's own word; what the file holds must be what the manifest says."""
    found = {detail["name"]: detail for detail in details}
    if found.keys() != {tensor.tensor for tensor in tensors}:
        raise ModelMismatch(
            f"{manifest.file} has the tensors {sorted(found)}, its manifest says "
            f"{sorted(t.tensor for t in tensors)}. Package the model again."
        )
    return {tensor.name: _same(manifest, tensor, found[tensor.tensor]) for tensor in tensors}


def _same(manifest: Manifest, tensor: Tensor, detail: Mapping[str, Any]) -> int:
    scale, zero_point = detail["quantization"]
    dtype, shape = np.dtype(detail["dtype"]).name, tuple(int(n) for n in detail["shape"])
    same_scale = math.isclose(scale, tensor.scale, rel_tol=1e-5)
    if (dtype, shape, zero_point) != (tensor.dtype, tensor.shape, tensor.zero_point) or not same_scale:
        raise ModelMismatch(
            f"{manifest.file}: {tensor.name} is {dtype} {shape} × {scale} from {zero_point}, its manifest "
            f"says {tensor.dtype} {tensor.shape} × {tensor.scale} from {tensor.zero_point}. "
            "Package the model again."
        )
    return int(detail["index"])
