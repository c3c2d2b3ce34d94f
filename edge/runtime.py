"""The only door to a TFLite interpreter and to the Edge TPU: models opened, checked and bound by name."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge import libedgetpu
from edge.binding import Output, bind, takes_pixels
from edge.corals import attached
from edge.errors import DeviceError, ModelMismatch
from edge.manifest import Manifest, Tensor

ZOO = Path(__file__).parent / "zoo"
INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
COMPILED = b"edgetpu-custom-op"  # stands in every file that the Edge TPU compiler wrote

T = TypeVar("T")
log = logging.getLogger(__name__)


class Model:
    """An opened model: called with uint8 pictures by input name, it returns real values by output name.

    `device` says where it runs: cpu, or the Edge TPU as it was asked for; `reason` why `auto` took the CPU.
    """

    reason: str | None = None
    compiled: Path | None = None  # the file for the Edge TPU that `auto` could not use

    def __init__(self, manifest: Manifest, content: bytes, device: str) -> None:
        takes_pixels(manifest)
        self.busy = 0.0  # seconds in the interpreter: of CPU, or of waiting for the Edge TPU
        self.manifest = manifest
        self.device = device
        self._interpreter = _interpreter(content, device)
        self._inputs = bind(manifest, manifest.inputs, self._interpreter.get_input_details())
        self._outputs = bind(manifest, manifest.outputs, self._interpreter.get_output_details())
        _open.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the interpreter and its device back."""
        self._interpreter = None
        if self in _open:
            _open.remove(self)

    def __call__(self, **inputs: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Run once: inputs (1, …) or without the batch, outputs dequantised with the batch kept."""
        interpreter = self._opened()
        if inputs.keys() != self._inputs.keys():
            raise ModelMismatch(
                f"The {self.manifest.name} model takes {[t.name for t in self.manifest.inputs]}, "
                f"not {sorted(inputs)}. Name its inputs as its manifest does."
            )
        for tensor in self.manifest.inputs:
            interpreter.set_tensor(self._inputs[tensor.name], self._checked(tensor, inputs[tensor.name]))
        self.again()
        return {name: output[:] for name, output in self._said().items()}

    def on(self, draw: Callable[[NDArray[np.uint8]], T]) -> tuple[dict[str, Output], T]:
        """Run once on what `draw` paints over the only input, without the batch, and with what it returned.

        It paints in the interpreter's own memory and may not keep it. Of the outputs nothing is dequantised yet.
        """
        returned = draw(self._opened().tensor(self._inputs[self.manifest.inputs[0].name])()[0])
        self.again()
        return self._said(), returned

    def _opened(self) -> Any:
        if self._interpreter is None:
            raise ModelMismatch(f"The {self.manifest.name} model has been closed. Open it again with open_model.")
        return self._interpreter

    def _said(self) -> dict[str, Output]:
        return {
            tensor.name: Output(self._interpreter.get_tensor(self._outputs[tensor.name]), tensor)
            for tensor in self.manifest.outputs
        }

    def again(self) -> None:
        """Run once more on what it was given last; the seconds of every run add up in `busy`."""
        clock = time.thread_time if self.device == "cpu" else time.perf_counter
        started = clock()
        self._interpreter.invoke()
        self.busy += clock() - started

    def _checked(self, tensor: Tensor, value: NDArray[np.uint8]) -> NDArray[np.uint8]:
        batched = value if value.ndim == len(tensor.shape) else value[np.newaxis]
        if batched.shape != tensor.shape or batched.dtype != tensor.dtype:
            raise ModelMismatch(
                f"The {self.manifest.name} model's input {tensor.name} is {tensor.dtype} {tensor.shape}, "
                f"not {value.dtype} {value.shape}. Letterbox or rectify the picture to that size first."
            )
        return batched


def open_model(name: str, *, device: str = "auto", zoo: Path | None = None) -> Model:
    """Open a released model by name on a device: auto, cpu, edgetpu, usb:N or pci:N.

    ModelMismatch where the file is not what its manifest says; DeviceError where the device asked
    for cannot be used. `auto` runs on the Edge TPU where there is one, else on the CPU, and logs it.
    """
    folder = zoo or ZOO
    manifest = Manifest.load(folder / f"{name}.json")
    reason = None
    if device != "cpu":
        wanted = "edgetpu" if device == "auto" else device
        compiled, reason = _on_tpu(manifest, folder, wanted)
        if compiled is not None:
            return Model(manifest, compiled, wanted)
        if device != "auto":
            raise DeviceError(reason)
        log.info("%s runs on the CPU: %s", manifest.name, reason)
    model = Model(manifest, _content(folder / manifest.file, manifest.sha256), "cpu")
    model.reason = reason
    model.compiled = folder / manifest.edgetpu_file if manifest.edgetpu_file and reason else None
    return model


def open_models() -> tuple[Model, ...]:
    """The models that this process has open, in the order of their opening."""
    return tuple(_open)


def distrust(device: str, reason: str) -> None:
    """Take an Edge TPU as unusable in this process without trying it."""
    _proven[device] = reason


def runtimes() -> dict[str, str]:
    """The TFLite runtimes that are installed, in the order of preference, with their versions."""
    return {name: version for name in map(_package, INTERPRETERS) if (version := _version(name))}


def imported() -> str:
    """The runtime that is used, imported; DeviceError where none can be."""
    return _package(_library().__name__)


def coral_library() -> str | None:
    """What is installed under the name pycoral: "coral", "impostor" or nothing; it is not imported."""
    spec = importlib.util.find_spec("pycoral")
    if spec is None:
        return None
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    return "coral" if any((place / "utils" / "edgetpu.py").exists() for place in places) else "impostor"


def rehearse(file: str, device: str) -> None:
    """Load a compiled file and run it once on zeros: what a probe does in a process of its own."""
    try:
        interpreter = _interpreter(Path(file).read_bytes(), device)
    except DeviceError as problem:
        sys.exit(str(problem))
    interpreter.invoke()


_open: list[Model] = []
_proven: dict[str, str | None] = {}  # device → why it cannot be used, tried once per process


def _on_tpu(manifest: Manifest, folder: Path, device: str) -> tuple[bytes | None, str]:
    """The compiled file's bytes where the Edge TPU can run it, else the reason why not."""
    if manifest.edgetpu_file is None or manifest.edgetpu_sha256 is None:
        return None, (
            f"There is no file of the {manifest.name} model compiled for the Edge TPU in {folder}. "
            "Compile it with `python -m convert.compile`, or set device = cpu."
        )
    content = _content(folder / manifest.edgetpu_file, manifest.edgetpu_sha256)
    if COMPILED not in content:
        raise ModelMismatch(
            f"{manifest.edgetpu_file} is not compiled for the Edge TPU: it would run on the CPU. "
            "Compile it again with edgetpu_compiler."
        )
    if device not in _proven:
        _proven[device] = libedgetpu.probe(folder / manifest.edgetpu_file, device)
    reason = _proven[device]
    return (content, "") if reason is None else (None, reason)


def _content(file: Path, sha256: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as problem:
        why = f"The model file {file} cannot be read ({problem.strerror}). Reinstall edge-alpr."
        raise ModelMismatch(why) from problem
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
    libedgetpu.find_library()
    options = {} if device == "edgetpu" else {"device": device}
    try:
        return _loader()(options)
    except ValueError as problem:
        said = str(problem).strip().rsplit("\n", 1)[-1]
        raise DeviceError(f"The Edge TPU {device!r} cannot be used ({said}). {_remedy()}") from problem


def _loader() -> Callable[[dict[str, str]], Any]:
    """What loads the delegate: the runtime itself, or Coral's pycoral where that is what a board has."""
    library = _library()
    name, found = _package(library.__name__), coral_library()
    if found == "coral" and name == "tflite_runtime":
        loader: Callable[[dict[str, str]], Any] = importlib.import_module("pycoral.utils.edgetpu").load_edgetpu_delegate
        return loader
    if found == "impostor":
        log.warning(
            "The installed pycoral is not Coral's but an unrelated program (Allen Coral Atlas); "
            "it is not used. Remove it: pip uninstall pycoral."
        )
    return functools.partial(library.load_delegate, libedgetpu.LIBRARY)


def _remedy() -> str:
    """What to do about an Edge TPU that refuses: by what the kernel says of it."""
    found = attached()
    if not found:
        return (
            "None is attached (lsusb shows 1a6e:089a or 18d1:9302). Plug it in, with a powered hub or another "
            "cable if it vanishes, or set device = cpu."
        )
    locked = [str(coral.node or coral.place) for coral in found if not coral.usable]
    if locked:
        return (
            f"You may not open {', '.join(locked)}. Install the udev rule of libedgetpu1-std and add the user "
            "to the group plugdev (USB) or apex (PCI), then log in again."
        )
    return f"{found[0]} is there: another program may be using it. Stop that, or plug it in again."


def _package(module: str) -> str:
    return module.partition(".")[0]


def _version(package: str) -> str | None:
    """The version of an installed package, read without importing it."""
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return importlib.metadata.version(package.replace("_", "-"))
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


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
