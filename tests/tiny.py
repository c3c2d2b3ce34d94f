"""A complete TFLite file of one operator, written in place: enough for the runtime to be tested for real."""

from __future__ import annotations

import hashlib
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edge.manifest import Manifest, Tensor

SHAPE = (1, 4, 6, 3)
INPUT = Tensor("crop", "serving_default_crop:0", SHAPE, "uint8", 1 / 255, 0)
OUTPUT = Tensor("squashed", "StatefulPartitionedCall:0", SHAPE, "uint8", 1 / 256, 0)


def logistic() -> bytes:
    """uint8 in, its sigmoid as uint8 out."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOGISTIC
    code.version = 2
    return _file(code)


def compiled() -> bytes:
    """What a file from the Edge TPU compiler looks like to a CPU: one custom operator it does not know."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = b"edgetpu-custom-op"
    code.version = 1
    return _file(code)


def release(folder: Path, content: bytes, edgetpu: bytes | None = None) -> Manifest:
    """Put a model called tiny and its manifest into a folder, as convert would."""
    (folder / "tiny.tflite").write_bytes(content)
    if edgetpu is not None:
        (folder / "tiny_edgetpu.tflite").write_bytes(edgetpu)
    written = manifest(content, edgetpu)
    written.save(folder / "tiny.json")
    return written


def manifest(content: bytes, edgetpu: bytes | None = None) -> Manifest:
    """The manifest of a file with this content."""
    return Manifest(
        name="tiny",
        version="1",
        file="tiny.tflite",
        sha256=hashlib.sha256(content).hexdigest(),
        parameters=0,
        macs=0,
        inputs=(INPUT,),
        outputs=(OUTPUT,),
        edgetpu_file=None if edgetpu is None else "tiny_edgetpu.tflite",
        edgetpu_sha256=None if edgetpu is None else hashlib.sha256(edgetpu).hexdigest(),
    )


def _file(code: schema.OperatorCodeT) -> bytes:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(INPUT), _tensor(OUTPUT)]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(tensor: Tensor) -> schema.TensorT:
    packed = schema.TensorT()
    packed.name, packed.shape, packed.type = (
        tensor.tensor.encode(),
        list(tensor.shape),
        schema.TensorType.UINT8,
    )
    packed.quantization = schema.QuantizationParametersT()
    packed.quantization.scale, packed.quantization.zeroPoint = [tensor.scale], [tensor.zero_point]
    return packed
