"""A TFLite file as plain records: operators with their versions, tensors, signature."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from convert.errors import NotAModel

CODES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
TYPES = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
WEIGHTS = {  # which inputs of an operator are trained: kernel and bias
    "CONV_2D": (1, 2),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1, 2),
    "TRANSPOSE_CONV": (1, 3),
    "PRELU": (1,),
}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the graph; `data` is None unless it is a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    dynamic: bool
    data: NDArray[Any] | None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Op:
    """An operator; an absent optional input is None."""

    name: str
    version: int
    options: Any
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are not constants."""
        return tuple(t for t in self.inputs if t is not None and t.data is None)

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """Kernel and bias, where the operator has them."""
        found = (self.inputs[i] for i in WEIGHTS.get(self.name, ()) if i < len(self.inputs))
        return tuple(t for t in found if t is not None and t.data is not None)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference; zero for everything that is not a matrix product."""
        if self.name == "TRANSPOSE_CONV":
            return self.activations[0].size * self.weights[0].size // self.weights[0].shape[3]
        if not self.weights or self.name == "PRELU":
            return 0
        kernel, out = self.weights[0], self.outputs[0]
        outputs_per_kernel = kernel.shape[3] if self.name == "DEPTHWISE_CONV_2D" else kernel.shape[0]
        return out.size * (kernel.size // outputs_per_kernel)


@dataclass(frozen=True, eq=False)
class Graph:
    """The first subgraph of a file; inputs and outputs by their signature names."""

    ops: tuple[Op, ...]
    tensors: tuple[Tensor, ...]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    subgraphs: int

    @cached_property
    def parameters(self) -> int:
        """Trained numbers in the file, each shared tensor once."""
        return sum(t.size for t in {id(t): t for op in self.ops for t in op.weights}.values())

    @cached_property
    def macs(self) -> int:
        return sum(op.macs for op in self.ops)


def read(path: Path) -> Graph:
    """The graph of a file; NotAModel where the file is missing or damaged."""
    try:
        return parse(path.read_bytes())
    except OSError as problem:
        raise NotAModel(f"{path} cannot be read: {problem.strerror}. Name a .tflite file.") from problem
    except NotAModel as problem:
        raise NotAModel(f"{path}: {problem}") from problem


def parse(data: bytes) -> Graph:
    """The graph of a flatbuffer in memory."""
    if data[4:8] != b"TFL3":
        raise NotAModel("not a TFLite flatbuffer (no TFL3 mark). Name a file that convert wrote.")
    try:
        return _graph(schema.ModelT.InitFromPackedBuf(data, 0))
    except (
        struct.error,
        IndexError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as problem:
        raise NotAModel(f"a damaged TFLite flatbuffer ({problem}). Convert the model again.") from problem


def _graph(model: Any) -> Graph:
    if not model.subgraphs:
        raise ValueError("no subgraph")
    sub = model.subgraphs[0]
    tensors = tuple(_tensor(t, model.buffers) for t in sub.tensors)
    ops = tuple(_op(o, model.operatorCodes, tensors) for o in _some(sub.operators))
    signature = next((s for s in _some(model.signatureDefs) if s.subgraphIndex == 0), None)
    named = (
        [(_text(e.name), e.tensorIndex) for e in side]
        for side in ((signature.inputs, signature.outputs) if signature else ((), ()))
    )
    inputs, outputs = ({name: tensors[i] for name, i in side} for side in named)
    return Graph(ops, tensors, inputs, outputs, len(model.subgraphs))


def _some(items: Any) -> Any:
    return () if items is None else items


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _tensor(raw: Any, buffers: Any) -> Tensor:
    shape = tuple(int(n) for n in _some(raw.shape))
    signature = tuple(int(n) for n in _some(raw.shapeSignature))
    quantization = raw.quantization
    return Tensor(
        name=_text(raw.name or b""),
        shape=shape,
        dtype=TYPES[raw.type],
        scale=tuple(float(s) for s in _some(quantization and quantization.scale)),
        zero_point=tuple(int(z) for z in _some(quantization and quantization.zeroPoint)),
        dynamic=any(n < 0 for n in (*shape, *signature)),
        data=_constant(buffers[raw.buffer].data, TYPES[raw.type], shape),
    )


def _constant(data: Any, dtype: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """The values of a constant; sub-byte and string constants stay raw bytes, which no rule accepts."""
    if data is None or len(data) == 0:
        return None
    raw = np.asarray(data, np.uint8)
    try:
        return np.frombuffer(raw.tobytes(), np.dtype(dtype)).reshape(shape)
    except (TypeError, ValueError):
        return raw


def _op(raw: Any, codes: Any, tensors: tuple[Tensor, ...]) -> Op:
    code = codes[raw.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = CODES.get(number, f"BUILTIN_{number}")
    if name == "CUSTOM":
        name = f"CUSTOM {_text(code.customCode or b'')}".strip()
    inputs = tuple(tensors[i] if i >= 0 else None for i in _some(raw.inputs))
    return Op(name, code.version, raw.builtinOptions, inputs, tuple(tensors[i] for i in _some(raw.outputs)))
