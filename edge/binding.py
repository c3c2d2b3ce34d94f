"""Tensors of a model file bound by the words of its manifest; whatever differs is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelMismatch
from edge.manifest import Manifest, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What a model said, as real values (1, …), worked out where they are looked at: most of a map never is."""

    raw: NDArray[Any]
    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape

    def __getitem__(self, place: Any) -> NDArray[np.float32]:
        real: NDArray[np.float32] = self.raw[place].astype(np.float32)
        real -= np.float32(self.tensor.zero_point)
        real *= np.float32(self.tensor.scale)
        return real

    def cells(self, least: float) -> list[tuple[int, int]]:
        """The cells (row, column) of a map (1, height, width, 1) whose value is at least this."""
        quantized = math.ceil(least / self.tensor.scale + self.tensor.zero_point)
        columns = self.shape[2]
        return [divmod(cell, columns) for cell in np.flatnonzero(self.raw >= quantized).tolist()]

    def at(self, row: int, column: int) -> list[float]:
        """What stands in one cell of a map (1, height, width, n): plain numbers, faster than an array of so few."""
        zero, scale = self.tensor.zero_point, self.tensor.scale
        return [(value - zero) * scale for value in self.raw[0, row, column].tolist()]


def takes_pixels(manifest: Manifest) -> None:
    """Refuse a model whose inputs are not pixels as they are."""
    for tensor in manifest.inputs:
        if tensor.zero_point != 0 or not math.isclose(tensor.scale, 1 / 255, rel_tol=0.01):
            raise ModelMismatch(
                f"{manifest.file}: {tensor.name} does not take the pixels 0 to 255 as 0 to 1. "
                "Convert the model again with a calibration list that reaches from black to white."
            )


def bind(
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
