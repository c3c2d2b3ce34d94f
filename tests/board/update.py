"""Updates on a running board: `rauc install` of a good one, of two that must be refused, of one that cannot start."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from tests.board.card import SLOT, add, board, direct, extract, notes, partition, prepare
from tests.board.machine import Machine
from tests.board.resets import SIZE

GRUBENV = "/boot/firmware/grub/grubenv"
SCRIPT = f"""
exec >/dev/console 2>&1
slot=$(sed 's/.*rauc.slot=\\(.\\).*/\\1/' /proc/cmdline)
until grub-editenv {GRUBENV} list | grep -q "^${{slot}}_TRY=0"; do sleep 2; done
echo "BOARD-UPDATE confirmed $slot"
mkdir -p /run/bundles
mount -o ro /dev/disk/by-id/virtio-bundles /run/bundles
try() {{
    if rauc install "/run/bundles/$1.raucb" >"/run/$1.log" 2>&1
    then echo "BOARD-UPDATE $1 installed"
    else echo "BOARD-UPDATE $1 refused: $(sed -n 's/^LastError: //p' "/run/$1.log")"
    fi
}}
case "$slot$(cat /data/step 2>/dev/null)" in
A) try stranger; try damaged; try good; echo 1 >/data/step; sync; systemctl reboot ;;
B1) try broken; echo 2 >/data/step; sync; systemctl reboot ;;
*) echo "BOARD-UPDATE status $(rauc status --output-format=json)"; echo "BOARD-UPDATE done" ;;
esac
"""
UNIT = """[Unit]
After=edge-alpr-confirm.service
[Service]
Type=simple
ExecStart=/bin/sh /etc/board-update.sh
[Install]
WantedBy=multi-user.target
"""
MANIFEST = """[update]
compatible=edge-alpr-arm64
version=0
[image.rootfs]
filename=root.squashfs
"""
SLOTS = ["A", "B", "A", "A", "A", "B"]  # the good one is started; the broken one three times, then the good one again
# The good one has an initramfs of its own, which says so: where GRUB is not, it must be started by kexec.
RENEWED = "echo BOARD-UPDATE initramfs renewed\n"


def run(options: Namespace) -> dict[str, Any]:
    """A board in slot A is given four bundles; returns what it said and what was started."""
    card, drive = options.work / "update.img", options.work / "bundles.ext4"
    card.unlink(missing_ok=True)
    prepare(options.image, card, SIZE)
    certificate, root = bundles(card, options.work, drive)
    start = [["systemctl", "enable", "board-update"], ["systemctl", "start", "--no-block", "board-update"]]
    files = {"/etc/rauc/keyring.pem": certificate, "/etc/board-update.sh": SCRIPT}
    add(card, files | {"/etc/systemd/system/board-update.service": UNIT}, start)
    begun, slots, said, kexecs = time.monotonic(), [], dict[str, str](), 0
    more = ["-drive", f"file={drive},format=raw,if=none,id=bundles,readonly=on"]
    more += ["-device", "virtio-blk-pci,drive=bundles,serial=bundles"]
    with (options.work / "update.log").open("w") as log, Machine(log, *board(card), *more) as machine:
        while "done" not in said and (line := machine.line(8 * options.patience)) is not None:
            kexecs += "brings its own kernel" in line
            if found := SLOT.search(line):
                slots.append(found[1])
            elif found := re.search(r"BOARD-UPDATE (\w+) ?(.*)", line):
                said[found[1]] = found[2]
    words = ["cmp", "-n", str(root.stat().st_size), "-i", f"{partition(card, 3)[0]}:0", str(card), str(root)]
    written = subprocess.run(words).returncode == 0
    told = {"slots": slots, "kexecs": kexecs, "said": said, "notes": notes(card), "slot_b_is_the_bundle": written}
    well = slots == SLOTS and written and as_wanted(said) and told["notes"]["B_TRY"] == "0"
    well &= kexecs == (2 if direct(card) else 0)
    return told | {"minutes": round((time.monotonic() - begun) / 60), "well": well}


def as_wanted(said: dict[str, str]) -> bool:
    """Whether the good and the broken one were installed, the others refused, and slot B runs in the end, as it is."""
    installed = [name for name in ("stranger", "damaged", "good", "broken") if said.get(name) == "installed"]
    booted = json.loads(said.get("status", "{}")).get("booted")
    return (installed, booted, said.get("initramfs")) == (["good", "broken"], "B", "renewed")


def bundles(card: Path, work: Path, drive: Path) -> tuple[str, Path]:
    """A drive with the four bundles; returns the certificate that the board is to trust, and the good one's root."""
    folder, good, broken = work / "bundles", work / "good" / "root.squashfs", work / "broken" / "root.squashfs"
    tool("rm", "-rf", folder, good.parent, broken.parent, work / "tree", drive)
    for path in (folder, good.parent, broken.parent):
        path.mkdir()
    slot = extract(card, 2, work / "slot.squashfs")
    renewed(slot, work / "renewed", good)
    without_init(slot, work / "tree", broken)
    slot.unlink()
    for key in ("ours", "strangers"):
        words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={key}"]
        tool("openssl", "req", *words, "-keyout", work / f"{key}.key", "-out", work / f"{key}.pem")
    for name, content, key in (("good", good, "ours"), ("broken", broken, "ours"), ("stranger", broken, "strangers")):
        (content.parent / "manifest.raucm").write_text(MANIFEST)
        words = [f"--cert={work / key}.pem", f"--key={work / key}.key", content.parent, folder / f"{name}.raucb"]
        tool("rauc", "bundle", *words)
    whole = bytearray((folder / "broken.raucb").read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / "damaged.raucb").write_bytes(whole)
    size = sum(path.stat().st_size for path in folder.iterdir()) * 11 // 10 + (32 << 20)
    tool("mke2fs", "-q", "-t", "ext4", "-d", folder, drive, f"{size >> 10}k")
    return (work / "ours.pem").read_text(), good


def renewed(root: Path, scratch: Path, made: Path) -> None:
    """A root whose initramfs says RENEWED, and whose kernel and initramfs have another id."""
    tool("rm", "-rf", scratch)
    tool("unsquashfs", "-quiet", "-no-progress", "-d", scratch, root, "boot")
    (initramfs,) = scratch.glob("boot/initrd.img-*")
    with initramfs.open("ab") as file:
        file.write(bytes(-file.tell() % 4))
        file.write(archive("conf/conf.d/renewed", RENEWED.encode()) + archive("TRAILER!!!", b""))
    changed = {initramfs.relative_to(scratch).as_posix(): f"cat {initramfs}", "boot/id": "echo renewed"}
    tool("unsquashfs", "-quiet", "-no-progress", "-pf", scratch / "all", root)
    with (scratch / "all").open("rb") as told, (scratch / "changed").open("wb") as file:
        while not (line := told.readline()).startswith(b"# START OF DATA"):
            file.write(b"" if line.split(b" ")[0].decode() in changed else line)
        file.write("".join(f"{name} f 644 0 0 {command}\n" for name, command in changed.items()).encode() + line)
        shutil.copyfileobj(told, file, 1 << 20)
    words = ["-comp", "gzip", "-Xcompression-level", "1", "-quiet", "-no-progress"]
    tool("mksquashfs", "-", made, "-pf", scratch / "changed", *words)
    shutil.rmtree(scratch)


def archive(name: str, content: bytes) -> bytes:
    """A cpio archive's entry of a plain file, or its end (newc; the kernel's initramfs buffer format)."""
    fields = [0, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


def without_init(root: Path, folder: Path, made: Path) -> None:
    """A root with the kernel of `root` and nothing else."""
    tool("unsquashfs", "-quiet", "-no-progress", "-d", folder, root, "boot")
    for name in ("data", "etc", "var", "home", "root", "dev", "proc", "sys", "run"):
        (folder / name).mkdir(exist_ok=True)
    tool("mksquashfs", folder, made, "-quiet", "-no-progress", "-noI", "-noD", "-noF")


def tool(*words: str | Path) -> None:
    """Run a command; what it says is shown only where it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words[:2]))} failed: {done.stdout}{done.stderr}")
