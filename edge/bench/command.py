"""The command `bench`: measure this board, print the tables, compare with what was recorded."""

from __future__ import annotations

import logging
import os
import tempfile
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

import cv2

from edge import board
from edge.bench.loads import STAY, loads
from edge.bench.machine import Spent, heat, machine, peak_memory, spent
from edge.bench.reference import Reference, deviations
from edge.bench.report import Report, markdown
from edge.bench.stages import SEED, open_kit, open_stages, scenes
from edge.bench.timing import in_turn
from edge.commands import say, settings_of
from edge.demo import clip
from edge.errors import BadSettings
from edge.released import NAMES
from edge.settings import Settings

OFF = 1  # exit code where a stage is out of the reference's tolerance
ROUNDS = 200
START = "import sys; from edge.bench.command import start; start(*sys.argv[1:])"
RUN = "import sys; from edge.cli import main; assert main(sys.argv[1:]) == 0"

log = logging.getLogger(__name__)


def arguments(command: ArgumentParser) -> None:
    """The options of bench."""
    command.set_defaults(command=bench)
    add = command.add_argument
    add("--device", metavar="auto|cpu|edgetpu|usb:N|pci:N")
    add("--rounds", type=int, default=ROUNDS, metavar="N", help="calls of every stage; default %(default)s")
    add("--json", action="store_true", help="one JSON object instead of the tables")
    add("--against", type=Path, metavar="FILE", help="a recorded reference; exit code 1 where a stage is off")


def bench(options: Namespace) -> int:
    """Measure and tell; with a reference also what is slower, or faster than can be true."""
    reference = Reference.read(options.against) if options.against else None
    report = measure(settings_of(options), options.rounds)
    say(report.as_json() if options.json else markdown(report))
    off = deviations(report, reference) if reference else []
    for line in off:
        log.warning("%s", line)
    return OFF if off else 0


def measure(settings: Settings, rounds: int) -> Report:
    """Everything, on one thread; about a minute on a PC for 200 rounds."""
    if rounds < 1:
        raise BadSettings(f"--rounds {rounds} measures nothing. Give 1 or more.")
    busy, before, taken = os.getloadavg()[0], board.look(), datetime.now(UTC)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with open_kit(settings) as kit:
            made = scenes(kit, STAY)
            with open_stages(kit, made) as stages:
                figures = in_turn(stages, rounds, warm=(*NAMES, SEED))
            streams = loads(kit, made, max(1, rounds // (2 * STAY)))
            devices = {name: model.device for name, model in kit.models.items()}
    finally:
        cv2.setNumThreads(threads)
    return Report(
        machine(), taken.isoformat(timespec="seconds"), devices, figures, streams,
        run=_run(settings), start=spent(START, settings.device, settings.zoo or ""),
        peak_memory=peak_memory(), heat=heat(before, board.look()), busy=round(busy, 2),
    )  # fmt: skip


def start(device: str, zoo: str) -> None:
    """Import and open everything that `run` needs: what is measured in a process of its own."""
    from edge.assembly import open_pipeline

    with open_pipeline(Settings(device=device, zoo=zoo or None)):
        pass


def _run(settings: Settings) -> Spent:
    """`edge-alpr run` on the bundled clip, with a database of its own."""
    with tempfile.TemporaryDirectory(prefix="edge-alpr-bench-") as folder:
        file = Path(folder) / "settings.toml"
        file.write_text(f'zoo = "{settings.zoo}"\n' if settings.zoo else "", encoding="utf-8")
        where = ("--config", str(file), "--db", f"{folder}/run.db", "--source", str(clip()))
        return spent(RUN, "run", *where, "--device", settings.device)
