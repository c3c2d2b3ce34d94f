"""What an Edge TPU operation must satisfy to be mapped: one small function a rule, named in the table.

A rule returns the reason why the operation stays on the CPU, or None where it is proved to map. The facts
come from Coral's list of supported operations, published compiled models and refusals of the compiler.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convert.flatbuffer import WEIGHTS, Op, Tensor

TABLE = Path(__file__).with_name("edgetpu_ops.csv")
FLAT_OPS = {"FULLY_CONNECTED", "SOFTMAX", "RESHAPE", "MEAN", "LOGISTIC", "QUANTIZE"}  # also (1, N)
WITH_OPTIONS = {
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
}
NO_ACTIVATION = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; without rules it is never mapped, and the note says what to use instead."""

    op: str
    max_version: int | None
    rules: tuple[str, ...]
    max_cells: int
    note: str


def table(path: Path = TABLE) -> dict[str, Row]:
    """The operations the compiler knows and what it asks of them."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {
            r["op"]: Row(
                r["op"],
                int(r["max_version"]) if r["max_version"] else None,
                tuple(r["rules"].split()),
                int(r["max_cells"] or 0),
                r["note"],
            )
            for r in rows
        }


def reason(op: Op, rows: dict[str, Row]) -> str | None:
    """Why the operation cannot be proved to map, or None."""
    row = rows.get(op.name.split()[0])
    if row is None:
        return "not in the table of Edge TPU operations; use one of those"
    if not row.rules:
        return row.note
    if row.max_version is not None and op.version > row.max_version:
        return f"version {op.version}; the compiler knows up to {row.max_version}. {_hint(op)}".strip()
    if not op.activations or not op.outputs or (op.options is None and op.name in WITH_OPTIONS):
        return "an incomplete operation; convert the model again"
    return (
        _weights(op)
        or _tensors(op)
        or next((why for rule in row.rules if (why := RULES[rule](op, row))), None)
    )


def _hint(op: Op) -> str:
    hints = {
        "CONV_2D": "Grouped convolution gives version 6: use groups=1.",
        "FULLY_CONNECTED": "Use a 1x1 convolution.",
        "TRANSPOSE_CONV": "Leave out bias and activation, or resize bilinearly and convolve.",
    }
    return hints.get(op.name, "Convert with TensorFlow 2.20 or 2.21.")


def _weights(op: Op) -> str | None:
    present = [op.inputs[i] for i in WEIGHTS.get(op.name, ()) if i < len(op.inputs)]
    if op.name in WEIGHTS and (not op.weights or any(t is not None and t.data is None for t in present)):
        return "weights computed at run time; they must be constants"
    return None


def _tensors(op: Op) -> str | None:
    """What holds for every tensor: static, batch 1, 4-D, quantized to 8 bits with one scale."""
    for tensor in (*op.activations, *op.outputs):
        if tensor.dynamic:
            return "a dynamic shape; convert with a static batch of 1"
        if tensor.dtype not in ("uint8", "int8") or not tensor.scale:
            return f"{tensor.dtype} values; every activation must be quantized to 8 bits"
        if len(tensor.scale) != 1:
            return "an activation with more than one scale"
        if not _plain_shape(tensor, op):
            return f"shape {tensor.shape}; activations must be (1, height, width, channels)"
    if any(t is not None and t.data is not None and t.dtype.startswith("float") for t in op.inputs):
        return "a float constant; every weight must be quantized"
    return None


def _plain_shape(tensor: Tensor, op: Op) -> bool:
    ranks = (2, 4) if op.name in FLAT_OPS else (4,)
    return len(tensor.shape) in ranks and tensor.shape[0] == 1 and min(tensor.shape) > 0


def _constant(op: Op, index: int) -> list[int] | None:
    """The values of a constant integer input."""
    tensor = op.inputs[index] if index < len(op.inputs) else None
    if tensor is None or tensor.data is None or tensor.dtype not in ("int32", "int64"):
        return None
    return [int(v) for v in tensor.data.ravel()]


def _free(op: Op, row: Row) -> str | None:
    return None


def _same_shapes(op: Op, row: Row) -> str | None:
    if len(op.activations) != 2:
        return "a constant operand; no proof that it maps or computes right"
    a, b = op.activations
    return None if a.shape == b.shape else f"shapes {a.shape} and {b.shape} differ; broadcasting is unproved"


def _product(op: Op, row: Row) -> str | None:
    """Equal shapes, or one factor per channel as in squeeze-and-excite blocks."""
    if len(op.activations) == 2:
        a, b = sorted((t.shape for t in op.activations), key=lambda s: s[1] * s[2] * s[3])
        if a[1:3] == (1, 1) and a[3] == b[3]:
            return None
    return _same_shapes(op, row)


def _no_activation(op: Op, row: Row) -> str | None:
    fused = getattr(op.options, "fusedActivationFunction", NO_ACTIVATION)
    return None if fused == NO_ACTIVATION else "a fused activation; put the activation on another layer"


def _no_constants(op: Op, row: Row) -> str | None:
    constant = any(t is None or t.data is not None for t in op.inputs)
    return "a constant operand; add the constant on the host" if constant else None


def _convolution(op: Op, row: Row) -> str | None:
    kernel, image = op.weights[0].shape, op.activations[0].shape
    if kernel[3] != image[3]:
        return f"grouped convolution ({image[3] // kernel[3]} groups); use groups=1"
    return _square_dilation(op, row)


def _square_dilation(op: Op, row: Row) -> str | None:
    across, down = op.options.dilationWFactor, op.options.dilationHFactor
    return None if across == down else f"dilation {down}x{across}; it must be the same both ways"


def _dense(op: Op, row: Row) -> str | None:
    if op.options.weightsFormat != 0:
        return "shuffled weights; only the default format maps"
    if op.options.keepNumDims or len(op.activations[0].shape) != 2 or len(op.outputs[0].shape) != 2:
        return "Dense on more than (1, N) values; use a 1x1 convolution"
    if len(op.weights[0].scale) > 1:
        return "Dense with one scale per unit, which old runtimes compute wrongly; use a 1x1 convolution"
    return None


def _axes_of_space(axes: list[int] | None, rank: int) -> bool:
    return axes is not None and {a % rank for a in axes} <= {1, 2}


def _spatial(op: Op, row: Row) -> str | None:
    inside = _axes_of_space(_constant(op, 1), len(op.activations[0].shape))
    return None if inside else "reduces over batch or channels; only height and width are proved"


def _small(op: Op, row: Row) -> str | None:
    """Maps no larger, in height times width, than the largest that is known to compile."""
    cells = max(t.shape[1] * t.shape[2] if len(t.shape) == 4 else 0 for t in (*op.activations, *op.outputs))
    return f"a map of {cells} cells; proved up to {row.max_cells}" if cells > row.max_cells else None


def _pads_space(op: Op, row: Row) -> str | None:
    pads = _constant(op, 1)
    proved = pads is not None and len(pads) == 8 and not any(pads[:2]) and not any(pads[6:])
    return None if proved else "pads batch or channels; only height and width are proved"


def _per_channel_slope(op: Op, row: Row) -> str | None:
    slope = op.weights[0].shape
    return None if slope[:-1] in ((), (1, 1)) else "a slope per place; use shared_axes=[1, 2]"


def _keeps_layout(op: Op, row: Row) -> str | None:
    """Only sides of length one come or go, so that nothing moves in memory."""
    before, after = ([n for n in t.shape if n != 1] for t in (op.activations[0], op.outputs[0]))
    return None if before == after else "changes the layout; reshape on the host"


def _doubles(op: Op, row: Row) -> str | None:
    small, large = op.activations[0].shape, op.outputs[0].shape
    if large[1:3] != (2 * small[1], 2 * small[2]):
        return f"resizes {small[1:3]} to {large[1:3]}; only doubling is proved"
    if op.options.alignCorners or not op.options.halfPixelCenters:
        return "not resized by half-pixel centres; use UpSampling2D(2, interpolation='bilinear')"
    return None


def _constant_places(op: Op, row: Row) -> str | None:
    proved = all(_constant(op, i) is not None for i in (1, 2))
    return None if proved else "places computed at run time; they must be constants"


def _flat(op: Op, row: Row) -> str | None:
    shape = op.activations[0].shape
    if len(shape) != 2 or shape[1] > row.max_cells:
        return f"softmax over {shape}; only (1, N) up to {row.max_cells} maps. Take the softmax on the host"
    return None


def _splits_space(op: Op, row: Row) -> str | None:
    axis = _constant(op, 0)
    return None if axis and axis[0] % 4 != 0 else "splits the batch"


RULES: dict[str, Callable[[Op, Row], str | None]] = {
    rule.__name__[1:]: rule
    for rule in (
        _free, _same_shapes, _product, _no_activation, _no_constants, _convolution,
        _square_dilation, _dense, _spatial, _small, _pads_space, _per_channel_slope, _keeps_layout, _doubles,
        _constant_places, _flat, _splits_space,
    )
}  # fmt: skip
