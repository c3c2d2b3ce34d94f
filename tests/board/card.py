"""The card of the emulated board: the image as `edge-alpr flash` writes it, with what only the test needs."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

from tests.board.machine import FIRMWARE, raspi3b, virt

CLIP = "/var/lib/clip.mp4"
LINK = f"ln -sf /opt/edge-alpr/lib/python3.*/site-packages/edge/demo/clip.mp4 {CLIP}"
# An emulated board is slow, on a busy machine very slow: what would be a fault on a real one is not one here.
PATIENCE = (
    "console=tty0 console=ttyAMA0,115200 "
    "systemd.default_timeout_start_sec=30min systemd.default_device_timeout_sec=30min"
)
# Nobody logs in and there is no network: what serves them only takes time from the rest.
NETWORK = "systemd-networkd systemd-networkd.socket systemd-resolved wpa_supplicant netplan-wpa-wlan0"
NEEDLESS = f"{NETWORK} systemd-logind getty.target"
EMULATED = " ".join([PATIENCE, *(f"systemd.mask={unit}" for unit in NEEDLESS.split())])  # for Linux
SLOT = re.compile(r"edge-alpr: slot ([AB])$")  # what GRUB or the initramfs says when it has chosen
# QEMU's Raspberry Pi restarts as soon as its watchdog is set.
NO_WATCHDOG = "systemd.watchdog_sec=0 modprobe.blacklist=bcm2835_wdt"
REPORT = """
import json, sqlite3, sys
db = "/var/lib/edge-alpr/gate/edge-alpr.db"
told = {"integrity": None, "events": []}
try:
    with sqlite3.connect(f"file:{db}?mode=rw", uri=True, timeout=60) as store:
        told["integrity"] = store.execute("PRAGMA integrity_check").fetchone()[0]
        told["events"] = store.execute("SELECT id, plate FROM events ORDER BY id").fetchall()
except sqlite3.Error as problem:
    told["integrity"] = f"{type(problem).__name__}: {problem}"
print("BOARD-REPORT", json.dumps(told, separators=(",", ":"), ensure_ascii=True), flush=True)
"""
UNITS = {
    "/etc/systemd/system/edge-alpr@gate.service.d/console.conf": """[Service]
ExecStart=
ExecStart=/opt/edge-alpr/bin/edge-alpr run --json --config /etc/edge-alpr/gate.toml
StandardOutput=journal+console
LogNamespace=
RestartSteps=0
RestartSec=1
TimeoutStartSec=30min
WatchdogSec=30min
""",
    "/etc/systemd/system/board-report.service": """[Unit]
Before=edge-alpr@gate.service
ConditionPathExists=/var/lib/edge-alpr/gate/edge-alpr.db
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I /etc/board-report.py
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
""",
    "/etc/systemd/system/board-ready.service": """[Unit]
After=edge-alpr@gate.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c "echo BOARD-READY $(systemctl is-active edge-alpr@gate) $(df -B1M --output=size /data | tail -1)"
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
""",
    "/etc/board-report.py": REPORT,
}


def prepare(image: Path, card: Path, size: int, *more: str | Path) -> None:
    """Flash the image, with `more` options, into a file of `size` bytes; add the units that speak on the console."""
    command = [sys.executable, "-m", "edge", "flash", image, "--output", card, "--hostname", "emulated"]
    command += ["--camera", f"gate={CLIP}", "--device", "cpu", "--region", "vn", *more]
    subprocess.run([str(word) for word in command], check=True)
    with card.open("r+b") as file:
        file.truncate(size)
    put(card, "grub/board.cfg", f'set console="{EMULATED}"\n'.encode())
    start = [["systemctl", "daemon-reload"], ["systemctl", "enable", "board-report", "board-ready"]]
    add(card, UNITS, [["systemctl", "start", "--no-block", "board-ready"]], first=[["sh", "-c", LINK], *start])


def add(card: Path, files: dict[str, str], commands: list[list[str]], *, first: list[list[str]] | None = None) -> None:
    """Files and commands beside those that flash wrote into user-data; `first` runs before the camera is started."""
    told = json.loads(inside(card, "user-data").decode().removeprefix("#cloud-config\n"))
    told["write_files"] += [{"path": path, "content": text} for path, text in files.items()]
    told["runcmd"] = [*(first or []), *told["runcmd"], *commands]
    put(card, "user-data", b"#cloud-config\n" + json.dumps(told).encode())


def direct(card: Path) -> bool:
    """Whether the card is for Raspberry Pi, of which QEMU stands in for a Pi 5: its firmware starts Linux itself."""
    return json.loads(inside(card, "edge-alpr.json"))["board"] == "rpi"


def board(card: Path, tree: Path | None = None) -> list[str]:
    """QEMU's words for a board with this card; where the firmware starts Linux, they do what config.txt says.

    That is a Pi 5, for which `virt` stands in; with the device tree of a Pi 3B the same is started on that.
    """
    if not direct(card):
        if tree:
            raise SystemExit("--tree is for edge-alpr-rpi.img.xz, whose firmware starts Linux: this is another image")
        return virt(card, "-bios", str(FIRMWARE))
    settings = inside(card, "config.txt").decode().partition("[pi5]")[2]
    named = [re.search(pattern, settings, re.MULTILINE) for pattern in (r"^kernel=(.+)$", r"^initramfs (\S+) ")]
    kernel, initramfs = (card.with_name(found[1]) for found in named if found)
    for file in (kernel, initramfs):
        file.write_bytes(inside(card, file.name))
    arguments = inside(card, "cmdline.txt").decode().strip().replace("ttyAMA10", "ttyAMA0")  # the serial port here
    start = ["-kernel", str(kernel), "-initrd", str(initramfs), "-append"]
    if tree is None:
        return virt(card, *start, f"{arguments} {EMULATED}")
    return raspi3b(card, tree, *start, f"{arguments} {EMULATED} {NO_WATCHDOG}".replace("ttyAMA0", "ttyS1"))


def partition(card: Path, number: int) -> tuple[int, int]:
    """Start and size in bytes."""
    table = card.open("rb").read(512)
    start, count = struct.unpack_from("<II", table, 446 + 16 * (number - 1) + 8)
    return start * 512, count * 512


def inside(card: Path, name: str) -> bytes:
    """A file of the FAT partition."""
    command = ["mtype", "-i", f"{card}@@{partition(card, 1)[0]}", f"::/{name}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def put(card: Path, name: str, content: bytes) -> None:
    """Replace a file of the FAT partition."""
    command = ["mcopy", "-o", "-i", f"{card}@@{partition(card, 1)[0]}", "-", f"::/{name}"]
    subprocess.run(command, check=True, input=content)


def extract(card: Path, number: int, to: Path) -> Path:
    """A partition as a file of its own."""
    start, size = partition(card, number)
    with card.open("rb") as source, to.open("wb") as out:
        source.seek(start)
        while size and (block := source.read(min(size, 4 << 20))):
            out.write(block) if block.strip(b"\0") else out.seek(len(block), 1)
            size -= len(block)
        out.truncate()
    return to


def notes(card: Path) -> dict[str, str]:
    """GRUB's notes: ORDER, A_OK, A_TRY, B_OK, B_TRY."""
    return dict(re.findall(r"^(\w+)=(.*)$", inside(card, "grub/grubenv").decode(), re.MULTILINE))
