"""The adaptive Vietnamese system (seed 000): plates read as seen, restored for all, or where the QAM says so.

    python -m benchmarks.papers.vietnamese --record --photographs FOLDER     # 15 minutes of one core

Every crop is read twice by the released uint8 files, as it is and restored; every way to restore is a choice between
the two (benchmarks/papers/restoration.py). Accuracy is exact match with region vn, throughput is CPU time from the
crop to its candidates, all ways in the same run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.papers import experiment
from benchmarks.papers.claims import Claim, Figures, difference, verdict
from benchmarks.papers.lookups import retrieval
from benchmarks.papers.reading import labelled
from benchmarks.papers.restoration import (
    WAYS,
    Both,
    Strengths,
    both_ways,
    mixed,
    only,
    per_second,
    rendered_plates,
    right,
)
from benchmarks.papers.restorers import restorers_compared
from edge.bench.stages import Kit, open_kit
from edge.settings import Settings

KINDS = {
    "motion blur": "motion", "glare": "glare", "geometry": "perspective", "low resolution": "low_resolution",
    "night": "night",
}
STRENGTHS, STRENGTHS_REDUCED = (0.25, 0.5, 0.75, 1.0), (0.5, 1.0)
COUNT, COUNT_REDUCED = 1000, 120  # plates of a kind and strength
SETS = ("vn_crops", "vn_gp_frames", "vn_street_frames", "vn_tracks")
BEARABLE = 0.002  # of exact match that restoration may cost on clear crops, and the router against restoring all
LITTLE = 1.25  # times the cost without restoration that counts as little more
THREE = ("none", "all", "router")
Cells = dict[tuple[str, float], list[Both]]


def cells(kit: Kit, asked: argparse.Namespace) -> Cells:
    """Plates of every kind and strength of degradation, and clear ones, read both ways."""
    chosen: dict[tuple[str, float], Strengths] = {("clear plates", 0.0): only("motion", 0.0)}
    for strength in STRENGTHS_REDUCED if asked.reduced else STRENGTHS:
        chosen |= {(kind, strength): only(name, strength) for kind, name in KINDS.items()}
        chosen["all kinds together", strength] = mixed(strength)
    found: Cells = {}
    for number, (cell, strengths) in enumerate(chosen.items()):
        plates = rendered_plates(COUNT_REDUCED if asked.reduced else COUNT, (number,), strengths)
        seen = [both_ways(kit, crop, str(text)) for crop, text in zip(plates["crop"], plates["text"], strict=True)]
        shares = ", ".join(f"{way} {right(way, seen).mean():.3f}" for way in WAYS)
        print(f"  {cell[0]} {cell[1]:g}: {shares}", flush=True)
        found[cell] = seen
    return found


def told(seen: Sequence[Both], ways: Sequence[str] = THREE) -> str:
    """Exact match and throughput of some ways, and how many crops the QAM calls degraded."""
    exact = " / ".join(f"{100 * right(way, seen).mean():.1f}" for way in ways)
    speed = " / ".join(f"{per_second(way, seen):.0f}" for way in ways)
    return f"{' / '.join(ways)} {exact} %, {speed} plates/s; {100 * np.mean([b.degraded for b in seen]):.0f} % degraded"


def compared(
    says: str, paper: str, better: str, worse: str, seen: Sequence[Both], *, at_least: float = 0.0,
    ways: Sequence[str] = THREE,
) -> Claim:
    """Whether one way reads more of the same crops than another, or at most so much less."""
    gap = difference([right(better, seen)], [right(worse, seen)])
    return Claim(says, paper, told(seen, ways), len(seen), 1, gap, verdict(gap, at_least=at_least))


def cost(name: str, seen: Sequence[Both]) -> Claim:
    """Whether the router takes little more than reading alone."""
    none, every, router = (per_second(way, seen) for way in THREE)
    times = f"CPU time of router {none / router:.2f}, of all {none / every:.2f} times that of none"
    holds = none / router <= LITTLE
    return Claim(f"{name}: the router costs at most a quarter more than none", "optimal", times, len(seen), holds=holds)


def summary(name: str, seen: Sequence[Both]) -> Iterator[Claim]:
    """What the abstract claims, on all degraded plates or on real ones; and which part of the router does it."""
    replaced, parts = ("none", "all, replaced", "QAM, replaced"), ("router", "QAM alone", "doubt alone")
    yield compared(f"{name}: restoring all reads more than none", "significantly", "all", "none", seen)
    more = f"{name}: the restored crop instead of the seen one reads more"
    yield compared(more, "significantly", "all, replaced", "none", seen, ways=replaced)
    more = f"{name}: the QAM's choice between the two reads more"
    yield compared(more, "significantly", "QAM, replaced", "none", seen, ways=replaced)
    for way in parts:
        loses = f"{name}: {way} loses nothing against all"
        yield compared(loses, "nothing", way, "all", seen, at_least=-BEARABLE, ways=THREE if way == "router" else parts)
    yield cost(name, seen)


def on_clear(seen: Sequence[Both]) -> Iterator[Claim]:
    """What restoration must not cost."""
    for way in ("all", "router"):
        loses = f"clear plates: {way} loses at most 0.2 points"
        yield compared(loses, "nothing", way, "none", seen, at_least=-BEARABLE)
    yield cost("clear plates", seen)


def by_kind(found: Cells) -> Iterator[Claim]:
    """What the router gains in each cell."""
    for (kind, strength), seen in found.items():
        yield compared(f"{kind}, strength {strength:g}: the router gains", "gains", "router", "none", seen)


def on_photographs(kit: Kit, folder: Path | None) -> Iterator[Claim]:
    """The ways on real Vietnamese photographs, each plate cut by its label."""
    every: list[Both] = []
    for name in SETS if folder else ():
        seen = [both_ways(kit, crop, text) for crop, text in labelled(folder / name)]
        yield compared(f"photographs {name}: the router gains", "gains", "router", "none", seen)
        every += seen
    if every:
        yield from summary("photographs", every)


def measure(asked: argparse.Namespace) -> list[Claim]:
    """All claims, the summary first."""
    with open_kit(Settings.load(None, device="cpu", region="vn")) as kit:
        found = cells(kit, asked)
        photographs = list(on_photographs(kit, asked.photographs))
    degraded = [both for (_, strength), seen in found.items() if strength for both in seen]
    plates = [*summary("degraded plates", degraded), *on_clear(found["clear plates", 0.0])]
    return [*plates, *retrieval(degraded), *restorers_compared(asked), *photographs, *by_kind(found)]


def main(given: Sequence[str] | None = None) -> Figures:
    """Run the experiment with the options of benchmarks.papers.experiment."""
    return experiment.run("vietnamese", measure, experiment.arguments("vietnamese", __doc__.splitlines()[0]), given)


if __name__ == "__main__":
    main(sys.argv[1:])
