"""`python -m tests.board.stock --tree debian.tar --wheels DIR`: systemd/install on a stock Debian that is running.

The tree is mmdebstrap's, the wheels are those of pip download; docs/install.md has both commands. Needs root, for the
owners of the tree's files, and apt install qemu-system-arm e2fsprogs. Takes half an hour.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.board.machine import Machine, virt
from tests.test_install import package

ROOT = Path(__file__).resolve().parents[2]
SIZE = "4G"  # of the emulated disk; it takes what is written
# An emulated board is slow, on a busy machine very slow: what would be a fault on a real one is not one here.
PATIENCE = (
    "root=/dev/vda rw console=ttyAMA0 systemd.show_status=0 systemd.mask=systemd-networkd-wait-online.service "
    "systemd.default_timeout_start_sec=30min systemd.default_device_timeout_sec=30min"
)
UNIT = """[Unit]
After=multi-user.target
[Service]
ExecStart=/bin/bash /srv/stock.sh
[Install]
WantedBy=multi-user.target
"""
SLOW = "[Service]\nTimeoutStartSec=30min\nWatchdogSec=30min\n"
KEPT = (
    r"^/etc/edge-alpr (/etc/edge-alpr/(gate|yard)\.toml ){2}"
    r"(/usr/lib/libedgetpu\S+ |/var/lib/edge-alpr\S* )+ 0 units$"
)
WANTED = {
    "system": r"aarch64",
    "unreachable": r"^code 69, .*Without a network use --offline",
    "first": r"^code 0, .* 0 failures: edge-alpr is installed",
    "service": r"^active, enabled, [1-9]\d* events",
    "doctor": r"^code [01]$",
    "second": r"^code 0, .* 0 failures: edge-alpr is installed",
    "changed": r"^settings kept$",
    "restarted": r"^active, enabled, [1-9]\d* events",
    "absent": r"^code 0, .* 0 failures: edge-alpr is installed",
    "camera": r"^code 0, .* 0 failures: edge-alpr is installed",
    "picture": r"is being read by edge-alpr",
    "uninstall": r"^code 0",
    "kept": KEPT,
    "third": r"^code 0, .* 0 failures: edge-alpr is installed",
    "again": r"^active, enabled, [1-9]\d* events",
    "purge": r"^code 0",
    "purged": r"^(/usr/lib/libedgetpu\S+ )+ 0 units$",
    "user": r"no such user",
}


def main() -> int:
    """Make the disk, start it, and compare what the walk tells with what is wanted."""
    parser = argparse.ArgumentParser(prog="python -m tests.board.stock", description=__doc__)
    parser.add_argument("--tree", type=Path, required=True, metavar="TAR", help="a Debian for arm64, with python3-venv")
    parser.add_argument("--wheels", type=Path, required=True, metavar="DIR", help="edge-alpr and all that it needs")
    parser.add_argument("--work", type=Path, default=Path("build/stock"), metavar="DIR", help="disk and console log")
    parser.add_argument("--patience", type=float, default=7200.0, metavar="S", help="in all; default %(default)s")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves the machine, which pulls its plug
    options.work.mkdir(parents=True, exist_ok=True)
    disk, start = prepare(options.tree, options.wheels, options.work)
    begun, said = time.monotonic(), dict[str, str]()
    with (options.work / "stock.log").open("w") as log, Machine(log, *virt(disk, *start, memory=1536)) as board:
        while (line := board.line(options.patience)) is not None:
            if found := re.search(r"BOARD-STOCK (\w+) ?(.*)", line):
                said[found[1]] = found[2].strip()
    wrong = [name for name, text in WANTED.items() if not re.search(text, said.get(name, ""))]
    told = {"said": said, "minutes": round((time.monotonic() - begun) / 60), "not_as_wanted": wrong}
    (options.work / "result.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1))
    return 1 if wrong else 0


def prepare(tree: Path, wheels: Path, work: Path) -> tuple[Path, tuple[str, ...]]:
    """The disk with the tree, the project's installer, the wheels and the walk; QEMU's words for its kernel."""
    root, disk = work / "root", work / "disk.ext4"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    subprocess.run(["tar", "--numeric-owner", "-xpf", tree, "-C", root], check=True)
    shutil.copytree(ROOT / "systemd", root / "srv/edge-alpr/systemd")
    shutil.copytree(wheels, root / "srv/wheelhouse")
    (root / "srv/edge-alpr/dist").mkdir()
    shutil.copy(next(wheels.glob("edge_alpr-*.whl")), root / "srv/edge-alpr/dist")
    shutil.copy(ROOT / "edge/demo/clip.mp4", root / "srv")
    shutil.copy(package(work, arch="arm64"), root / "srv/libedgetpu.deb")
    shutil.copy(Path(__file__).with_suffix(".sh"), root / "srv")
    (root / "etc/systemd/system/stock.service").write_text(UNIT)
    (root / "etc/systemd/system/multi-user.target.wants/stock.service").symlink_to("/etc/systemd/system/stock.service")
    for camera in ("gate", "yard"):
        (root / f"etc/systemd/system/edge-alpr@{camera}.service.d").mkdir()
        (root / f"etc/systemd/system/edge-alpr@{camera}.service.d/slow.conf").write_text(SLOW)
    kernel, initrd = (shutil.copy(next(root.glob(f"boot/{name}*")), work / name) for name in ("vmlinuz", "initrd.img"))
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, SIZE], check=True)
    shutil.rmtree(root)
    return disk, ("-kernel", str(kernel), "-initrd", str(initrd), "-append", PATIENCE)


if __name__ == "__main__":
    sys.exit(main())
