"""Faults injected into the real service: is every vehicle logged once, and how soon is a frame processed again?

`edge-alpr run --supervise` reads a painted gate on a stick of software (see tests/delegate/stick.c) that aborts, hangs
or is unplugged; its reader is also killed and stopped. One vehicle after the other stands at the gate, one fault for
each, at a random moment. A vehicle whose fault is to hit the stick comes when the models run there again; all of them
stand long enough after their outage to be read, so that every one of them is expected in the log.
Run: python -m benchmarks.faults --faults 100   (15 minutes; needs a C compiler)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.bench.timing import percentile
from tests.crossing import Crossing, crossing

STANDS, EMPTY = 4.0, 1.3  # seconds: a vehicle at the gate, and nobody
HANG = 1.5  # seconds after which the supervisor ends a reader, for this experiment
RETRY = 0.2  # seconds between two tries of the Edge TPU, for this experiment
UNPLUGGED = 2.0  # seconds
SEEN_AGAIN = 1.0  # seconds that a vehicle still stands there when frames are processed again
ON_TPU = ("abort", "hang", "unplugged")
ANYWHERE = ("killed", "stopped")


@dataclass
class Report:
    """What came of the faults; outages in seconds from the last frame before to the first after, by kind."""

    faults: int
    expected: int = 0
    stored: int = 0
    vehicles: dict[str, str] = field(default_factory=dict)  # plate: its fault
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    told_but_not_stored: list[str] = field(default_factory=list)
    on_stick: int = 0  # faults that met the models on the stick
    restarts: dict[str, int] = field(default_factory=dict)
    tpu_fallbacks: int = 0
    tpu_returns: int = 0
    outages: dict[str, list[float]] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return not (self.missing or self.twice or self.strange or self.told_but_not_stored)

    def table(self) -> str:
        """The result as Markdown."""
        rows = ["| fault | injected | median s | p95 s | longest s |", "|---|---|---|---|---|"]
        everything = [seconds for outages in self.outages.values() for seconds in outages]
        for kind, outages in [*sorted(self.outages.items()), ("all", everything)]:
            if outages:
                middle, high = statistics.median(outages), percentile(outages, 0.95)
                rows.append(f"| {kind} | {len(outages)} | {middle:.2f} | {high:.2f} | {max(outages):.2f} |")
        counts = f"{len(self.missing)} missing, {len(self.twice)} twice, {len(self.strange)} misread"
        rows.append(f"\nEvents expected {self.expected}, stored {self.stored}: {counts}.")
        rows.append(f"{self.on_stick} faults met the models on the stick, the others on the CPU.")
        rows.append(
            f"CPU in place of the Edge TPU {self.tpu_fallbacks} times, returned to it {self.tpu_returns} times."
        )
        return "\n".join(rows)


def inject(folder: Path, faults: int, seed: int) -> Report:
    """So many vehicles, each with a fault at a random moment."""
    dice, report = random.Random(seed), Report(faults)
    plates = [str(number) for number in dice.sample(range(1000, 10000), faults)]
    with crossing(folder, "--supervise", hang=HANG, retry=RETRY) as gate:
        gate.until_frames()
        for plate in plates:
            _one(gate, plate, dice, report)
        gate.until_frames(20)  # whatever is in view is told
        gate.stop()
        stored, told = Counter(gate.stored()), set(gate.told)
        health = gate.health
    report.expected, report.stored = len(plates), stored.total()
    report.missing = [plate for plate in plates if plate not in stored]
    report.twice = [plate for plate, count in stored.items() if count > 1]
    report.strange = sorted(set(stored) - set(plates))
    report.told_but_not_stored = sorted(told - set(stored))
    report.restarts = health["restarts"]
    report.tpu_fallbacks, report.tpu_returns = health["tpu_fallbacks"], health["tpu_returns"]
    return report


def _one(gate: Crossing, plate: str, dice: random.Random, report: Report) -> None:
    """A vehicle comes, stands and leaves; somewhere on the way something breaks, and is whole again."""
    kind, moment = dice.choice(ON_TPU + ANYWHERE), dice.uniform(0, STANDS + EMPTY)
    gate.until(lambda: _can_happen(gate, kind), "a reader where it is to break")
    started = time.monotonic()
    gate.plates = (plate,)
    _until(gate, started, min(moment, STANDS))
    if moment > STANDS:
        gate.plates = ()
        _until(gate, started, moment)
    device, seconds = _break(gate, kind)
    report.outages.setdefault(kind, []).append(seconds)
    report.on_stick += device != "cpu"
    report.vehicles[plate] = f"{kind} on {device} {moment:.1f} s after it came, {seconds:.1f} s without a frame"
    if gate.plates:  # no vehicle takes another's place at once: that would be one vehicle to any tracker
        time.sleep(max(SEEN_AGAIN, started + STANDS - time.monotonic()))
        started, gate.plates = time.monotonic() - STANDS, ()
    _until(gate, started, STANDS + EMPTY)


def _until(gate: Crossing, started: float, seconds: float) -> None:
    assert gate.process.poll() is None, gate.said
    time.sleep(max(0.0, started + seconds - time.monotonic()))


def _can_happen(gate: Crossing, kind: str) -> bool:
    health = gate.health
    return health["state"] == "running" and (kind in ANYWHERE or health["device"] == "edgetpu")


def _break(gate: Crossing, kind: str) -> tuple[str, float]:
    """Inject a fault as soon as it can happen; returns where the models ran and the outage."""
    while True:
        gate.until(lambda: _can_happen(gate, kind), "a reader where it is to break")
        device = gate.health["device"]
        at, before, ends = time.time(), _faults(gate.health), gate.restarts()
        if kind in ANYWHERE:
            os.kill(gate.reader(), signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
        else:
            gate.stick.become("absent" if kind == "unplugged" else kind)
        gate.until(lambda ends=ends: gate.restarts() > ends, "the end of the reader")  # type: ignore[misc]
        if kind == "unplugged":
            time.sleep(max(0.0, at + UNPLUGGED - time.time()))
        gate.stick.become("healthy")
        if _faults(gate.health) > before:  # else it was just making room for one on the Edge TPU
            break
    gate.until(lambda: _outages(gate.health, at), "the next frame")
    return device, _outages(gate.health, at)[0]


def _faults(health: dict[str, Any]) -> int:
    return sum(count for cause, count in health["restarts"].items() if cause != "return")


def _outages(health: dict[str, Any], since: float) -> list[float]:
    """The outages since a time that were no return to the Edge TPU."""
    return [o["seconds"] for o in health["outages"] if o["ended"] > since and "code 75" not in o["cause"]]


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--faults", type=int, default=100)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="edge-alpr-faults-") as folder:
        report = inject(Path(folder), options.faults, options.seed)
    print(report.table())
    if options.json:
        options.json.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    return 0 if report.well else 1


if __name__ == "__main__":
    sys.exit(main())
