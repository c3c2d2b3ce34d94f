"""`python -m tests.board --image edge-alpr-arm64.img.xz`: resets, updates, a silent slot and flashing.

Of edge-alpr-rpi.img.xz what a Raspberry Pi 5 starts is started. Takes one to two hours.
Needs apt install qemu-system-arm u-boot-qemu mtools e2fsprogs squashfs-tools rauc.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.board import flashing, resets, silent, update


def main() -> int:
    """Run what was asked for, write what was found, and say whether nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.board", description=__doc__)
    parser.add_argument("--image", type=Path, required=True, metavar="IMAGE", help="edge-alpr-BOARD.img.xz")
    parser.add_argument("--work", type=Path, default=Path("build/board"), metavar="DIR", help="card and console logs")
    parser.add_argument("--resets", type=int, default=20, metavar="N")
    parser.add_argument(
        "--keep", action="store_true", help="go on with the card of the last run, which has started before"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--only", choices=("resets", "update", "silent", "flash"), help="one part of the four")
    parser.add_argument(
        "--tree", type=Path, metavar="DTB", help="a Raspberry Pi 3B's: resets on that board instead of `virt`"
    )
    parser.add_argument("--patience", type=float, default=900.0, metavar="S", help="for one start; default %(default)s")
    options = parser.parse_args()
    if options.tree and options.only != "resets":
        parser.error("--tree goes with --only resets and edge-alpr-rpi.img.xz: that board has no room for more disks")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves the machine, which pulls its plug
    options.work.mkdir(parents=True, exist_ok=True)
    parts = {"resets": resets.run, "update": update.run, "silent": silent.run, "flash": flashing.run}
    found = {name: run(options) for name, run in parts.items() if options.only in (None, name)}
    digest = options.image.with_name(options.image.name + ".sha256").read_text().split()[0]
    told = {"date": datetime.now(UTC).date().isoformat(), "image": digest, "host": platform.machine()} | found
    (options.work / "result.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return 0 if all(part["well"] for part in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
