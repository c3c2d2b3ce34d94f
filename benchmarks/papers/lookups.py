"""The last step of seed 000: what was read is the key to the vehicle's record in the local registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.papers.claims import Claim, difference, verdict
from benchmarks.papers.restoration import WAYS, Both
from edge.records import Candidate
from edge.registry import COLUMNS, Registry
from edge.store import Store

Found = tuple[str, str]  # the plate of the record that was found (empty: none), and that of the vehicle


def neighbour(plate: str) -> str:
    """The plate whose last digit is one higher."""
    return plate[:-1] + str((int(plate[-1]) + 1) % 10)


def enter(registry: Registry, known: set[str]) -> None:
    """Register the known vehicles, and for each one a neighbour, so that a wrong digit can find a wrong record."""
    listed = sorted(known | {neighbour(plate) for plate in known})
    lines = [",".join(COLUMNS), *(f"{plate},owner of {plate},,,allow," for plate in listed)]
    registry.import_csv("\n".join(lines).encode(), "the registry of the experiment")


def looked_up(registry: Registry, way: str, seen: Sequence[Both], *, tolerant: bool) -> list[Found]:
    """The records of all crops: by the text alone, or with the registry's tolerance for look-alikes."""

    def record(candidates: tuple[Candidate, ...]) -> str:
        if not candidates:
            return ""
        text = candidates[0].text
        vehicle = registry.match(text, candidates) if tolerant else registry.find(text)
        return vehicle.plate if vehicle else ""

    return [(record(WAYS[way].answer(both)), both.truth) for both in seen]


def retrieval(seen: Sequence[Both]) -> Iterator[Claim]:
    """Right record, wrong record and none for each way, where every second vehicle is registered."""
    plates = sorted({both.truth for both in seen})
    known = set(plates[::2])
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "vehicles.db") as store:
        enter(store.registry, known)
        base: np.ndarray | None = None
        for way in ("none", "all", "router"):
            for tolerant in (False, True):
                found = looked_up(store.registry, way, seen, tolerant=tolerant)
                hits = np.array([plate == truth for plate, truth in found if truth in known])
                base = hits if base is None else base
                yield _claim(f"{way}, {'tolerant' if tolerant else 'exact'} look-up", found, known, hits, base)


def _claim(name: str, found: Sequence[Found], known: set[str], hits: np.ndarray, base: np.ndarray) -> Claim:
    """The shares of one way, and its right records against those of an exact look-up without restoration."""
    listed = [(plate, truth) for plate, truth in found if truth in known]
    wrong = 100 * np.mean([plate not in ("", truth) for plate, truth in listed])
    none = 100 * np.mean([not plate for plate, _ in listed])
    strangers = 100 * np.mean([bool(plate) for plate, truth in found if truth not in known])
    figures = f"right {100 * hits.mean():.1f}, wrong {wrong:.2f}, none {none:.1f} %; a stranger's {strangers:.2f} %"
    gap = None if hits is base else difference([hits], [base])
    return Claim(f"vehicle record: {name}", "retrieved", figures, len(hits), 1, gap, verdict(gap) if gap else None)
