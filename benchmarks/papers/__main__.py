"""All papers at a reduced size, one table: `make papers`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from benchmarks.papers.claims import table

PAPERS = ("korean", "low_resolution", "iq_stan", "eq_lpr", "vietnamese")


def main(given: Sequence[str] | None = None) -> None:
    """Run every experiment with the given options and `--reduced`, then print all claims in one table."""
    found = []
    for name in PAPERS:
        print(f"\n{name}", flush=True)
        found.append(import_module(f"benchmarks.papers.{name}").main(["--reduced", *(given or ())]))
    minutes = sum(figures.minutes for figures in found)
    print(f"\nAll papers at a reduced size, {minutes:.0f} minutes\n\n{table(*found)}")


if __name__ == "__main__":
    main(sys.argv[1:])
