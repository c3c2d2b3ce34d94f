"""What this interpreter computes: `python tests/steps.py OUT.npz` runs every released model on its golden pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.doctor import golden
from edge.released import NAMES
from edge.runtime import ZOO, open_model


def outputs() -> dict[str, NDArray[np.int16]]:
    """Quantization steps of every output of every model, by model, output and picture."""
    found = {}
    for name in NAMES:
        with open_model(name, device="cpu") as model, np.load(golden(ZOO, name)) as recorded:
            (given,) = model.manifest.inputs
            for number, picture in enumerate(recorded[f"in_{given.name}"]):
                real = model(**{given.name: picture})
                for tensor in model.manifest.outputs:
                    steps = real[tensor.name] / np.float32(tensor.scale) + tensor.zero_point
                    found[f"{name}.{tensor.name}.{number}"] = np.rint(steps).astype(np.int16)
    return found


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]), **outputs())  # type: ignore[arg-type]
