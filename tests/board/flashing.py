"""What `flash` told the board is what it is, and `edge-alpr flash` on its real block devices: emulated USB sticks."""

from __future__ import annotations

import hashlib
import json
import re
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from tests import test_flash
from tests.board.card import CLIP, add, board, inside, partition, prepare
from tests.board.machine import Machine
from tests.board.resets import SIZE

MB = 1 << 20
SCRIPT = """
systemctl stop edge-alpr@gate
echo "BOARD-FLASH host $(hostname)"
echo "BOARD-FLASH user $(id alpr)"
echo "BOARD-FLASH key $(cat /home/alpr/.ssh/authorized_keys)"
echo "BOARD-FLASH ssh $(systemctl is-enabled ssh)"
echo "BOARD-FLASH wifi $(grep ssid= /run/netplan/wpa-wlan0.conf)"
echo "BOARD-FLASH settings $(tr '\\n' ' ' </etc/edge-alpr/gate.toml)"
cp /dev/disk/by-id/virtio-small /run/ours.img
truncate -s {size} /run/ours.img
flash() {{ echo "BOARD-FLASH $1 $(echo "$3" | /opt/edge-alpr/bin/edge-alpr flash /run/ours.img "$2" --sha256 {digest} \
    --hostname flashed 2>&1 | tail -1)"; }}
stick=$(basename "$(readlink -f /dev/disk/by-id/usb-*_STICK-0:0)")
tiny=$(basename "$(readlink -f /dev/disk/by-id/usb-*_TINY-0:0)")
flash fixed /dev/$(basename "$(readlink -f /dev/disk/by-id/virtio-small)") x
flash tiny /dev/$tiny $tiny
flash wrong /dev/$stick other
flash written /dev/$stick $stick
partx --update /dev/$stick
mkdir -p /run/stick && mount /dev/${{stick}}1 /run/stick
flash mounted /dev/$stick $stick
umount /run/stick
flash part /dev/${{stick}}1 ${{stick}}1
echo BOARD-FLASH done
"""
WANTED = {
    "host": "emulated",
    "user": "(sudo)",
    "key": test_flash.KEY,
    "ssh": "enabled",
    "wifi": 'ssid=P"Home"',  # as netplan writes it
    "settings": f'region = "vn"  [camera] source = "{CLIP}"',
    "fixed": "is a fixed disk of this computer",
    "tiny": "is too small: the image needs",
    "wrong": "nothing was written",
    "written": "No SSH key was given",  # the last line, after `is written and checked`
    "mounted": "is in use: mounted at /run/stick",
    "part": "is one partition. Name the whole disk",
}


def run(options: Namespace) -> dict[str, Any]:
    """Start a board with a fixed disk, a stick and a stick that is too small, and let it flash them."""
    card, small = options.work / "flash.img", options.work / "small.img"
    stick, tiny = options.work / "stick.img", options.work / "tiny.img"
    for file in (card, small, stick, tiny):
        file.unlink(missing_ok=True)
    test_flash.disk(small, "edge-alpr.json", "user-data")
    for file, size in ((stick, 64 * MB), (tiny, 4 * MB)):
        file.write_bytes(bytes(size))
    digest = hashlib.sha256(small.read_bytes()).hexdigest()
    key, password = options.work / "key.pub", options.work / "password"
    key.write_text(test_flash.KEY)
    password.write_text(test_flash.PASSWORD)
    network = ("--wifi", "Home", "--wifi-country", "VN", "--wifi-password-file", password)
    prepare(options.image, card, SIZE, "--ssh-key", key, *network)
    script = SCRIPT.format(size=small.stat().st_size, digest=digest)
    add(card, {"/etc/board-flash.sh": script}, [["sh", "-c", "sh /etc/board-flash.sh >/dev/console 2>&1"]])
    begun, said, more = time.monotonic(), {}, disks(small, stick, tiny)
    with (options.work / "flash.log").open("w") as log, Machine(log, *board(card), *more) as machine:
        while (line := machine.line(3 * options.patience)) is not None:
            if found := re.search(r"BOARD-FLASH (\w+) ?(.*)", line):
                said[found[1]] = found[2]
            if "done" in said:
                break
    holds = written(stick, small) if said.get("written", "").startswith(WANTED["written"]) else False
    well = holds and all(text in said.get(name, "") for name, text in WANTED.items())
    minutes = round((time.monotonic() - begun) / 60)
    return {"said": said, "stick_holds_the_image": holds, "minutes": minutes, "well": well}


def written(stick: Path, image: Path) -> bool:
    """Whether the stick, read from outside, holds the image, and in its boot partition what the board was told."""
    start, size = partition(stick, 1)
    seen, wanted = stick.read_bytes()[: image.stat().st_size], image.read_bytes()
    same = seen[:start] == wanted[:start] and seen[start + size :] == wanted[start + size :]
    return same and json.loads(inside(stick, "user-data").decode().partition("\n")[2])["hostname"] == "flashed"


def disks(small: Path, stick: Path, tiny: Path) -> list[str]:
    """QEMU's words for a fixed disk and two sticks."""
    words = ["-device", "qemu-xhci", "-drive", f"file={small},format=raw,if=none,id=small"]
    words += ["-device", "virtio-blk-pci,drive=small,serial=small"]
    for name, file in (("stick", stick), ("tiny", tiny)):
        words += ["-drive", f"file={file},format=raw,if=none,id={name}"]
        words += ["-device", f"usb-storage,drive={name},removable=on,serial={name.upper()}"]
    return words
