"""Make the file of the seed net that `edge-alpr bench` measures everything against.

    python -m benchmarks.seed_file            # writes edge/bench/seed.tflite and seed.json

Weights are random: only its cost counts. It is built in models/seed.py from the paper's table and converted like the
released models, so that it passes the same gate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np

from convert import package, quantize
from models import seed

PICTURES = 16


def made() -> tuple[bytes, package.Manifest]:
    """The uint8 file and its manifest."""
    keras.utils.set_random_seed(3)
    noise = np.random.default_rng(3).random((PICTURES, 1, 64, 128, 3), np.float32)
    data = quantize.quantize(seed.build(batch_size=1), quantize.collect(noise))
    return data, package.manifest("seed", data, package.Origin("none: random", "noise", PICTURES))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seed_file", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("edge/bench"))
    out = parser.parse_args().out
    data, manifest = made()
    (out / manifest.file).write_bytes(data)
    manifest.save(out / "seed.json")
    print(f"{out / manifest.file}: {len(data)} bytes, {manifest.parameters} parameters, {manifest.macs} MACs")


if __name__ == "__main__":
    main()
