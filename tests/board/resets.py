"""The plug pulled at random moments: what was told on the console must be in the log afterwards."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from argparse import Namespace
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.board.card import board, extract, partition, prepare
from tests.board.machine import Machine

SIZE = 4 << 30  # bytes of the emulated card, more than the image: the data partition has to grow
EVENT = re.compile(r'(\{"id": \d+, .*\})')


@dataclass
class Found:
    """What the starts showed; events by id."""

    resets: int = 0
    while_starting: int = 0  # resets before the camera was read
    starts_awaited: int = 0
    starts_failed: int = 0
    acknowledged: dict[int, str] = field(default_factory=dict)
    reports: int = 0
    lost: set[int] = field(default_factory=set)
    damaged: int = 0
    seconds_to_ready: list[float] = field(default_factory=list)

    def see(self, line: str) -> str | None:
        """Take in a line of the console; returns `report` or `ready` where it was one of those."""
        if event := EVENT.search(line):
            try:
                told = json.loads(event[1])
            except ValueError:
                return None  # another line ran into it: it counts as not told
            self.acknowledged[told["id"]] = told["plate"]
        if "BOARD-REPORT {" in line:
            return self._report(json.loads(line.partition("BOARD-REPORT ")[2]))
        return "ready" if "BOARD-READY active" in line else None

    def _report(self, told: dict[str, Any]) -> str:
        self.reports += 1
        self.damaged += told["integrity"] != "ok"
        logged = dict(map(tuple, told["events"]))
        self.lost |= {number for number, plate in self.acknowledged.items() if logged.get(number) != plate}
        return "report"


def run(options: Namespace) -> dict[str, Any]:
    """First start, resets, a last start to count, and the file system checked from outside."""
    chance = random.Random(options.seed)
    card, found = options.work / "card.img", Found()
    if not options.keep:
        card.unlink(missing_ok=True)
        prepare(options.image, card, SIZE)
    begun, words = time.monotonic(), board(card, options.tree)
    with (options.work / "resets.log").open("w") as log:
        first = up(words, log, found, options.patience, then=120.0)
        if first is None:
            return told(found, begun) | {"well": False, "first_start": "failed"}
        usual = first / 2  # later starts have no first-boot work
        while found.resets < options.resets:
            log.write(f"--- reset {found.resets + 1}\n")
            if chance.random() < 0.4:
                seconds = chance.uniform(1.0, usual)
                cut_while_starting(words, log, found, seconds)
            else:
                ready = up(words, log, found, options.patience, then=chance.uniform(0.0, 60.0))
                usual = ready or usual
            found.resets += 1
            (options.work / "so-far.json").write_text(json.dumps(told(found, begun)) + "\n")
        log.write("--- last start\n")
        up(words, log, found, options.patience, then=0.0, reported=True)
    return told(found, begun) | {
        "first_start_seconds": round(first),
        "data_partition_gb": round(partition(card, 4)[1] / 1e9, 2),
        "file_system": check(card, options.work),
        "well": not (found.lost or found.damaged or found.starts_failed) and found.reports > 0 and grown(card),
    }


def up(
    words: list[str], log: Any, found: Found, patience: float, *, then: float, reported: bool = False
) -> float | None:
    """Start, wait until the camera is read, then so many seconds more, pull the plug; returns when it was ready."""
    ready, seen, end = None, set[str | None](), patience
    with Machine(log, *words) as machine:
        while (line := machine.line(end)) is not None:
            what = found.see(line)
            seen.add(what)
            if what == "ready" and ready is None:
                ready = machine.seconds
                end = min(patience, ready + then) if not reported else patience
            if reported and {"ready", "report"} <= seen:
                break
        for line in machine.cut():
            found.see(line)
    found.starts_awaited += 1
    if ready is None:
        found.starts_failed += 1
        return None
    found.seconds_to_ready.append(round(ready, 1))
    return ready


def cut_while_starting(words: list[str], log: Any, found: Found, seconds: float) -> None:
    """Start and pull the plug after so many seconds, whatever was reached by then."""
    ready = False
    with Machine(log, *words) as machine:
        while (line := machine.line(seconds)) is not None:
            ready |= found.see(line) == "ready"
        for line in machine.cut():
            found.see(line)
    found.while_starting += not ready


def check(card: Path, work: Path) -> str:
    """What e2fsck says of the data partition once its journal is replayed."""
    data = extract(card, 4, work / "data.ext4")
    subprocess.run(["e2fsck", "-p", str(data)], capture_output=True)
    done = subprocess.run(["e2fsck", "-fn", str(data)], capture_output=True, text=True)
    data.unlink()
    return "clean" if done.returncode == 0 else done.stdout[-400:]


def grown(card: Path) -> bool:
    """Whether the data partition reaches the end of the card."""
    start, size = partition(card, 4)
    return start + size > SIZE - (2 << 20)


def told(found: Found, begun: float) -> dict[str, Any]:
    """The counts."""
    shape = asdict(found) | {"acknowledged": len(found.acknowledged), "lost": len(found.lost)}
    return shape | {"minutes": round((time.monotonic() - begun) / 60)}
