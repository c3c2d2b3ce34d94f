"""The released models as they lie in the zoo: what they are, and whether the files are still the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from edge.errors import ModelMismatch
from edge.manifest import Manifest
from edge.runtime import ZOO

NAMES = ("detector", "quality", "restorer", "reader", "wide_reader")  # in the order of the pipeline


def released(zoo: Path = ZOO) -> list[dict[str, Any]]:
    """Every model with size, cost and hash; ModelMismatch where one is missing."""
    return [_released(Manifest.load(zoo / f"{name}.json"), zoo) for name in NAMES]


def _released(manifest: Manifest, zoo: Path) -> dict[str, Any]:
    path = zoo / manifest.file
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ModelMismatch(f"{path} cannot be read ({problem.strerror}). Reinstall edge-alpr.") from problem
    return {
        "name": manifest.name,
        "version": manifest.version,
        "file": manifest.file,
        "sha256": manifest.sha256,
        "intact": hashlib.sha256(content).hexdigest() == manifest.sha256,
        "bytes": len(content),
        "parameters": manifest.parameters,
        "macs": manifest.macs,
        "inputs": {tensor.name: list(tensor.shape) for tensor in manifest.inputs},
        "outputs": {tensor.name: list(tensor.shape) for tensor in manifest.outputs},
        "edgetpu_file": manifest.edgetpu_file,
    }
