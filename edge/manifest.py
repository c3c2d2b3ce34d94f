"""What convert writes and edge reads about a model file: one JSON beside each `.tflite`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.errors import ModelMismatch


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output: `name` is the model's word for it, `tensor` the name inside the flatbuffer.

    real = scale * (quantized - zero_point); shape includes the batch, which is 1.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A released model: which file, with which hash, taking and giving what."""

    name: str  # detector | quality | restorer | reader
    version: str
    file: str
    sha256: str
    parameters: int
    macs: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    edgetpu_file: str | None = None
    edgetpu_sha256: str | None = None
    alphabet: str | None = None  # reader only: characters by index, the blank (index 0) left out
    settings: dict[str, float] | None = None  # thresholds that belong to these weights

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest; ModelMismatch where the file is missing or is no manifest."""
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            for side in ("inputs", "outputs"):
                raw[side] = tuple(Tensor(**{**t, "shape": tuple(t["shape"])}) for t in raw[side])
            return cls(**raw)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ModelMismatch(
                f"{path} is not a model manifest ({problem}). Reinstall edge-alpr or convert the model again."
            ) from problem
