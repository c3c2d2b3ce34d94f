"""What the experiments of all papers share: options, a place for rendered data, a record of the run."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.papers.claims import Claim, Figures, table

DOCS = Path("docs/papers")


def arguments(name: str, says: str) -> argparse.ArgumentParser:
    """The options of every experiment."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.papers.{name}", description=says)
    parser.add_argument("--reduced", action="store_true", help="a few minutes on two cores instead of the full size")
    parser.add_argument("--seeds", type=int, help="trainings of each variant (default 3, reduced 1)")
    parser.add_argument("--runs", type=Path, default=Path("runs/papers"), help="keeps rendered data and weights")
    parser.add_argument("--photographs", type=Path, help="folder with the sets of real photographs")
    parser.add_argument("--record", action="store_true", help=f"write the figures to {DOCS}/{name}.json")
    return parser


def rendered(path: Path, make: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays rendered once and kept: the seeds and variants of an experiment train on the same pictures."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **make())
        part.rename(path)
    with np.load(path) as kept:
        return dict(kept)


def run(
    name: str, measure: Callable[[argparse.Namespace], Sequence[Claim]], parser: argparse.ArgumentParser,
    given: Sequence[str] | None = None,
) -> Figures:
    """Measure, print the table and, where asked, record it."""
    asked, started = parser.parse_args(given), time.monotonic()
    asked.seeds = asked.seeds or (1 if asked.reduced else 3)
    claims = tuple(measure(asked))
    minutes = round((time.monotonic() - started) / 60, 1)
    command = f"python -m benchmarks.papers.{name}" + " --reduced" * asked.reduced
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    found = Figures(name, command, asked.reduced, minutes, machine, date.today().isoformat(), claims)
    print(table(found))
    if asked.record:
        found.save(DOCS / f"{name}.json")
    return found
