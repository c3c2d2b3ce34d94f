"""How many plates and scenes the renderer makes in a second, in one process.

    python -m benchmarks.renderer --runs 5
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from models import synth
from models.synth import scene, view


def plate(rng: np.random.Generator) -> object:
    return view.render(rng, weights=synth.SHARES)


def pair(rng: np.random.Generator) -> object:
    return view.render(rng, weights=synth.SHARES, clear=True)


def street(rng: np.random.Generator) -> object:
    return scene.render(rng, weights=synth.SHARES)


KINDS = {"plates": plate, "plates with their clear view": pair, "scenes": street}


def rates(make: Callable[[np.random.Generator], object], count: int, runs: int) -> list[float]:
    """Pictures per second of every run, each with other seeds; a first one is not counted."""
    make(np.random.default_rng(0))
    found = []
    for run in range(runs):
        start = time.perf_counter()
        for number in range(count):
            make(np.random.default_rng([run, number]))
        found.append(count / (time.perf_counter() - start))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.renderer", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="the median of so many (default %(default)s)")
    parser.add_argument("--count", type=int, default=100, help="pictures of a run (default %(default)s)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("| what | per second, median | lowest | highest |\n|---|---|---|---|")
    for name, make in KINDS.items():
        found = rates(make, options.count, options.runs)
        print(f"| {name} | {statistics.median(found):.0f} | {min(found):.0f} | {max(found):.0f} |", flush=True)


if __name__ == "__main__":
    main()
