"""The whole way of a frame at several loads: how often a vehicle is there, how often its plate is restored."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edge.bench.stages import Kit, Scenes
from edge.bench.timing import Figures, figures
from edge.pipeline import Pipeline
from edge.records import Frame, PlateCrop, Quality
from edge.store import Store

PLATE_RATES = (0.0, 0.2, 0.5, 1.0)  # share of the frames in which a vehicle stands
RESTORE_RATES = (0.0, 0.3, 1.0)  # share of the looks that are taken for degraded
STAY = 10  # frames that a vehicle is in view
FPS = 10.0
APART = 20.0  # seconds between two vehicles: the next one is never taken for the one before


@dataclass(frozen=True, slots=True)
class Load:
    """What a stream cost: `frame` without the database, which works beside it in the service."""

    plate_rate: float
    restore_rate: float
    frame: Figures
    per_second: float  # frames, the database included and waited for
    host_share: float  # of a frame's time that is not a network: pre- and post-processing, tracking
    cpu_share: float  # CPU time by wall-clock time
    looks: int  # that were read or restored and read
    restored: int
    events: int


class Routed:
    """The QAM with its verdict on restoring exchanged: a fixed share of the crops counts as degraded."""

    def __init__(self, kit: Kit, rate: float) -> None:
        self._assessor, self._rate = kit.assessor, rate
        self.looks = self.restored = 0

    def assess(self, crop: PlateCrop) -> Quality:
        """The real quality, after the real work."""
        degraded = int((self.looks + 1) * self._rate) > int(self.looks * self._rate)
        self.looks += 1
        self.restored += degraded
        return replace(self._assessor.assess(crop), degraded=degraded)


def stream(made: Scenes, plate_rate: float, vehicles: int) -> Iterator[Frame]:
    """So many vehicles, one after the other, with as many empty frames between them as the rate asks for."""
    empty = itertools.cycle(made.empty)
    numbers = itertools.count()
    now = 1_700_000_000.0
    for run in itertools.islice(itertools.cycle(made.vehicles), vehicles):
        between = round(STAY * (1 - plate_rate) / plate_rate) if plate_rate else STAY
        shown = run if plate_rate else ()
        for frame in (*shown, *itertools.islice(empty, between)):
            now += 1 / FPS
            yield Frame(frame.image, "bench", next(numbers), now)
        now += APART


def load(kit: Kit, made: Scenes, plate_rate: float, restore_rate: float, vehicles: int) -> Load:
    """Let the pipeline see a stream and log what it reads."""
    router = Routed(kit, restore_rate)
    pipeline = Pipeline(kit.detector, router, kit.restorer, kit.reader, kit.wide_reader, kit.settings)
    walls, cpus, events, logging = [], [], 0, 0.0
    busy = kit.busy
    with tempfile.TemporaryDirectory(prefix="edge-alpr-bench-") as folder, Store.open(Path(folder) / "b.db") as store:
        started, cpu_started = time.perf_counter(), time.process_time()
        for frame in stream(made, plate_rate, vehicles):
            cpu, wall = time.thread_time(), time.perf_counter()
            told = pipeline.process(frame)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.thread_time() - cpu)
            wall = time.perf_counter()
            for event in told:
                vehicle = store.registry.match(event.plate, event.candidates)
                store.add(replace(event, vehicle=vehicle))
            logging += time.perf_counter() - wall
            events += len(told)
        events += len(pipeline.finish())
        cpu_share = (time.process_time() - cpu_started) / (time.perf_counter() - started)
    return Load(
        plate_rate,
        restore_rate,
        figures(walls, cpus),
        per_second=round(len(walls) / (sum(walls) + logging), 1),
        host_share=round(1 - (kit.busy - busy) / sum(cpus if kit.on_cpu else walls), 4),
        cpu_share=round(cpu_share, 3),
        looks=router.looks,
        restored=router.restored,
        events=events,
    )


def loads(kit: Kit, made: Scenes, vehicles: int) -> list[Load]:
    """Every pair of rates once; without plates there is nothing to restore."""
    pairs = [(p, r) for p in PLATE_RATES for r in (RESTORE_RATES if p else RESTORE_RATES[:1])]
    return [load(kit, made, plates, restored, vehicles) for plates, restored in pairs]
