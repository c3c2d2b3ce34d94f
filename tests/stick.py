"""An Edge TPU of software: a delegate built by the system's compiler, and files "compiled" for it.

It stands under the name of libedgetpu, so that processes which find it in LD_LIBRARY_PATH load it as they would the
real one. A text file says how it behaves: see delegate/stick.c.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.manifest import Manifest, Tensor

SOURCE = Path(__file__).parent / "delegate" / "stick.c"
OPERATOR = b"edgetpu-custom-op"


@dataclass(frozen=True)
class Map:
    """An output that is linear in the means of patches of the input: real = weights @ means + bias."""

    tensor: Tensor
    patch: tuple[int, int]  # height, width in input pixels
    weights: np.ndarray  # (channels out, channels in)
    bias: np.ndarray  # (channels out,)


@dataclass(frozen=True)
class Stick:
    """A plugged-in stick: the folder of its library and the file that says how it behaves."""

    folder: Path
    state: Path

    @property
    def library(self) -> str:
        return str(self.folder / "libedgetpu.so.1")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": str(self.folder), "STICK": str(self.state)}

    def become(self, state: str) -> None:
        fresh = self.state.with_suffix(".new")
        fresh.write_text(state)
        fresh.replace(self.state)


@functools.cache
def built() -> Path:
    """The folder of the compiled delegate, made once and removed with the process."""
    folder = Path(tempfile.mkdtemp(prefix="edge-alpr-stick-"))
    atexit.register(shutil.rmtree, folder)
    library = folder / "libedgetpu.so.1"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", str(library), str(SOURCE), "-lm"], check=True)
    return folder


def plugged_in(folder: Path, state: str = "healthy") -> Stick:
    """A stick whose behaviour is written in a folder."""
    stick = Stick(built(), folder / "stick.state")
    stick.become(state)
    return stick


def compiled(given: Tensor, maps: Sequence[Map]) -> bytes:
    """A file as the compiler leaves it: one custom operator from the input to all outputs."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = OPERATOR, 1
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], list(range(1, len(maps) + 1))
    operator.customOptions = list(b"".join(_options(one) for one in maps))
    return _file(given, maps, [code], [operator], [], [b""])


def uncompiled(given: Tensor, maps: Sequence[Map]) -> bytes:
    """The same for the CPU: one convolution per output, whose stride is its patch."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    code.version = 1
    operators, constants, buffers = [], [], [b""]
    for number, one in enumerate(maps):
        first = 1 + len(maps) + 2 * number
        operators.append(_convolution(one, [0, first, first + 1], [1 + number]))
        weights, bias, scale = _quantized(one)
        for name, values, steps, zero in (("weights", weights, scale, 128), ("bias", bias, scale / 255, 0)):
            kind = schema.TensorType.UINT8 if name == "weights" else schema.TensorType.INT32
            constants.append(_tensor(f"{one.tensor.name}/{name}", values.shape, kind, (steps, zero), len(buffers)))
            buffers.append(values.tobytes())
    return _file(given, maps, [code], operators, constants, buffers)


def release(folder: Path, name: str, given: Tensor, maps: Sequence[Map], **more: object) -> Manifest:
    """Both files of a model and its manifest, as convert would put them into a zoo."""
    files = {f"{name}.tflite": uncompiled(given, maps), f"{name}_edgetpu.tflite": compiled(given, maps)}
    for file, content in files.items():
        (folder / file).write_bytes(content)
    plain, tpu = (hashlib.sha256(content).hexdigest() for content in files.values())
    manifest = Manifest(
        name=name,
        version="1",
        file=f"{name}.tflite",
        sha256=plain,
        parameters=0,
        macs=0,
        inputs=(given,),
        outputs=tuple(one.tensor for one in maps),
        edgetpu_file=f"{name}_edgetpu.tflite",
        edgetpu_sha256=tpu,
        **more,  # type: ignore[arg-type]
    )
    manifest.save(folder / f"{name}.json")
    return manifest


def _options(one: Map) -> bytes:
    head = struct.pack("<4i", *one.patch, one.weights.shape[1], one.weights.shape[0])
    return head + one.weights.astype("<f4").tobytes() + one.bias.astype("<f4").tobytes()


def _quantized(one: Map) -> tuple[np.ndarray, np.ndarray, float]:
    """Weights spread over the patch as uint8 around 128, the bias as int32, and the weights' scale."""
    height, width = one.patch
    scale = max(float(np.abs(one.weights).max()), 1.0) / (height * width) / 127
    steps = np.rint(one.weights / (height * width) / scale)[:, np.newaxis, np.newaxis] + 128
    kernel = np.broadcast_to(steps, (len(steps), height, width, one.weights.shape[1]))
    return kernel.astype(np.uint8), np.rint(one.bias / (scale / 255)).astype(np.int32), scale


def _convolution(one: Map, inputs: list[int], outputs: list[int]) -> schema.OperatorT:
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH, options.strideW = one.patch
    options.dilationHFactor = options.dilationWFactor = 1
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    return operator


def _file(
    given: Tensor,
    maps: Sequence[Map],
    codes: list[schema.OperatorCodeT],
    operators: list[schema.OperatorT],
    constants: list[schema.TensorT],
    buffers: list[bytes],
) -> bytes:
    graph = schema.SubGraphT()
    graph.tensors = [*(_activation(t) for t in (given, *(one.tensor for one in maps))), *constants]
    graph.inputs, graph.outputs, graph.operators = [0], list(range(1, len(maps) + 1)), operators
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, codes, [graph]
    model.buffers = []
    for content in buffers:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8) if content else None
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _activation(tensor: Tensor) -> schema.TensorT:
    steps = tensor.scale, tensor.zero_point
    return _tensor(tensor.tensor, tensor.shape, schema.TensorType.UINT8, steps, 0)


def _tensor(name: str, shape: Sequence[int], kind: int, steps: tuple[float, int], buffer: int) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), list(shape), kind, buffer
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [steps[0]], [steps[1]]
    return tensor
