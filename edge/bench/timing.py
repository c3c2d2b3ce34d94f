"""Times of many calls as a few figures; stages are called in turn, so that all suffer the same disturbances."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

WARM_UP = 3  # rounds that are not counted
Stage = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of so many calls, in milliseconds of wall clock; `cpu` is the mean CPU time of a call."""

    count: int
    p50: float
    p95: float
    p99: float
    mean: float
    cpu: float


def figures(walls: Sequence[float], cpus: Sequence[float]) -> Figures:
    """The figures of calls that took so many seconds each."""
    p50, p95, p99 = (1e3 * percentile(walls, share) for share in (0.5, 0.95, 0.99))
    count = len(walls)
    rounded = (round(v, 4) for v in (p50, p95, p99, 1e3 * sum(walls) / count, 1e3 * sum(cpus) / count))
    return Figures(count, *rounded)


def percentile(values: Sequence[float], share: float) -> float:
    """The value at or below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_turn(stages: Mapping[str, Stage], rounds: int, warm: Collection[str] = ()) -> dict[str, Figures]:
    """Time every stage once a round, in a new order each time: none always follows the one that empties the caches.

    Those that are `warm` are called just before as well, as published latencies of networks are taken.
    """
    order, dice = list(stages), random.Random(1)
    walls: dict[str, list[float]] = {name: [] for name in stages}
    cpus: dict[str, list[float]] = {name: [] for name in stages}
    for number in range(rounds + WARM_UP):
        dice.shuffle(order)
        for name in order:
            if name in warm:
                stages[name]()
            wall, cpu = timed(stages[name])
            if number >= WARM_UP:
                walls[name].append(wall)
                cpus[name].append(cpu)
    return {name: figures(walls[name], cpus[name]) for name in stages}


def timed(stage: Stage) -> tuple[float, float]:
    """Seconds of wall clock and of CPU that one call takes."""
    cpu, wall = time.thread_time(), time.perf_counter()
    stage()
    return time.perf_counter() - wall, time.thread_time() - cpu
