"""An update that does not start: GRUB tries it three times, then goes back to the slot that was good."""

from __future__ import annotations

import re
import subprocess
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from tests.board.card import choose, extract, inside, partition, prepare
from tests.board.machine import Machine
from tests.board.resets import SIZE


def run(options: Namespace) -> dict[str, Any]:
    """Put a root without init into slot B, make it the first choice, and watch what is started."""
    card = options.work / "rollback.img"
    card.unlink(missing_ok=True)
    prepare(options.image, card, SIZE)
    broken(card, options.work)
    choose(card, ORDER="B A", B_OK="1", B_TRY="0")
    begun, slots, ready = time.monotonic(), [], False
    with (options.work / "rollback.log").open("w") as log, Machine(card, log) as board:
        end = 4 * options.patience
        while (line := board.line(end)) is not None:
            if found := re.search(r"edge-alpr: slot ([AB])$", line):
                slots.append(found[1])
            if "BOARD-READY active" in line:
                ready, end = True, board.seconds + 60  # time to confirm
    notes = confirmed(card)
    card.unlink()
    well = slots == ["B", "B", "B", "A"] and ready and notes["A_TRY"] == "0"
    return {"slots": slots, "notes": notes, "minutes": round((time.monotonic() - begun) / 60), "well": well}


def broken(card: Path, work: Path) -> None:
    """Slot B gets the kernel of slot A and nothing else."""
    slot, folder = extract(card, 2, work / "a.squashfs"), work / "b"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    subprocess.run(
        ["unsquashfs", "-quiet", "-no-progress", "-d", folder, slot, "boot"], check=True, capture_output=True
    )
    for name in ("data", "etc", "var", "home", "dev", "proc", "sys", "run"):
        (folder / name).mkdir(exist_ok=True)
    made = work / "b.squashfs"
    made.unlink(missing_ok=True)
    subprocess.run(["mksquashfs", folder, made, "-quiet", "-no-progress"], check=True, capture_output=True)
    with card.open("r+b") as file:
        file.seek(partition(card, 3)[0])
        file.write(made.read_bytes())
    for path in (slot, made):
        path.unlink()


def confirmed(card: Path) -> dict[str, str]:
    """GRUB's notes as they are on the card."""
    return dict(re.findall(r"^(\w+)=(.*)$", inside(card, "grub/grubenv").decode(), re.MULTILINE))
