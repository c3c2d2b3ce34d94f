"""A slot that starts but never reads its camera, beside a good one: it is started three times, then the other is."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

from tests.board.card import CLIP, SLOT, add, board, extract, notes, partition, prepare, put
from tests.board.machine import Machine
from tests.board.resets import SIZE

SLOTS = ["A", "A", "A", "B"]
# The released quarter of an hour would be spent three times; a slow board may take minutes to start.
SOON = "[Timer]\nOnBootSec=\nOnBootSec=4min\n"
BOTH_GOOD = {"ORDER": "A B", "A_OK": "1", "A_TRY": "0", "B_OK": "1", "B_TRY": "0"}


def run(options: Namespace) -> dict[str, Any]:
    """A board with the same root in both slots and no camera; returns which slots it started from."""
    card = options.work / "silent.img"
    card.unlink(missing_ok=True)
    prepare(options.image, card, SIZE)
    slot = extract(card, 2, options.work / "slot.squashfs")
    with card.open("r+b") as file:
        file.seek(partition(card, 3)[0])
        file.write(slot.read_bytes())
    slot.unlink()
    block = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in BOTH_GOOD.items())
    put(card, "grub/grubenv", block.encode().ljust(1024, b"#"))
    again = [["systemctl", "daemon-reload"], ["systemctl", "restart", "edge-alpr-rollback.timer"]]
    timer = {"/etc/systemd/system/edge-alpr-rollback.timer.d/soon.conf": SOON}
    add(card, timer, again, first=[["mkdir", CLIP]])  # no clip: a folder is no camera
    begun, slots, read = time.monotonic(), list[str](), False
    with (options.work / "silent.log").open("w") as log, Machine(log, *board(card)) as machine:
        while slots != SLOTS and (line := machine.line(5 * options.patience)) is not None:
            read |= '"plate"' in line
            if found := SLOT.search(line):
                slots.append(found[1])
    told = {"slots": slots, "read": read, "notes": notes(card), "minutes": round((time.monotonic() - begun) / 60)}
    return told | {"well": slots == SLOTS and not read and told["notes"]["A_TRY"] == "3"}
