"""Disk images as they are downloaded: checked, unpacked on the way, their FAT partition filled without mounting it."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.errors import BadInput, CardError

BLOCK = 4 << 20
SECTOR = 512
FAT = (0x0B, 0x0C, 0xEF)  # partition types
MOST_BOOT = 2 << 30  # bytes up to which a boot partition may reach


@dataclass(frozen=True, slots=True)
class Boot:
    """The FAT partition of an image, in bytes from its start."""

    start: int
    end: int


def digest(path: Path) -> str:
    """SHA-256 of the file as it was downloaded, in hexadecimal; BadInput where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise BadInput(f"{path} cannot be read ({problem.strerror}). Check the path of the image.") from problem


def expected(path: Path, given: str | None) -> str:
    """The SHA-256 the image must have: as given, or from IMAGE.sha256 beside it; BadInput where nobody says."""
    beside = path.with_name(path.name + ".sha256")
    text = given or (beside.read_text(encoding="utf-8", errors="replace") if beside.is_file() else "")
    if not text:
        raise BadInput(
            f"Nobody says what {path.name} should be: give the SHA-256 that its source tells with --sha256, "
            f"or put it into {beside.name} beside it."
        )
    found = re.match(r"\s*([0-9a-fA-F]{64})(\s|$)", text)
    if found is None:
        raise BadInput(f"{given or beside} is no SHA-256: it has 64 hexadecimal digits.")
    return found[1].lower()


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the disk in .img, .img.xz or .img.gz; BadInput where they end early or are damaged."""
    openers = {".xz": lzma.open, ".gz": gzip.open, ".img": open}
    if path.suffix not in openers:
        raise BadInput(f"{path.name} is no image: unpack it to .img, or take an .img.xz or .img.gz.")
    try:
        with openers[path.suffix](path, "rb") as file:  # type: ignore[operator]
            yield file
    except (lzma.LZMAError, gzip.BadGzipFile, EOFError) as problem:
        raise BadInput(f"{path.name} is damaged ({problem}). Download it again.") from problem


def length(path: Path) -> int:
    """Bytes of the unpacked disk; reads all of it, so that damage is found before a card is touched."""
    with unpacked(path) as file:
        return sum(len(block) for block in iter(lambda: file.read(BLOCK), b""))


def boot_partition(first: bytes) -> Boot:
    """The first FAT partition of the table in the first sector; BadInput where there is none."""
    if len(first) < SECTOR or first[510:512] != b"\x55\xaa":
        raise BadInput("The image has no partition table: it is not the image of a whole disk.")
    for row in range(4):
        _, kind, start, count = struct.unpack_from("<B3xB3xII", first, 446 + 16 * row)
        if kind in FAT and start and (start + count) * SECTOR <= MOST_BOOT:
            return Boot(start * SECTOR, (start + count) * SECTOR)
    raise BadInput("The image has no FAT boot partition: it is not for a Raspberry Pi or an edge-alpr board.")


def take_head(path: Path, head: Path) -> Boot:
    """Copy the image up to the end of its FAT partition into a file of its own; returns where that partition is."""
    with unpacked(path) as disk, head.open("wb") as out:
        first = disk.read(SECTOR)
        boot = boot_partition(first)
        out.write(first)
        left = boot.end - SECTOR
        while left and (block := disk.read(min(BLOCK, left))):
            out.write(block)
            left -= len(block)
    if left:
        raise BadInput(f"{path.name} ends inside its boot partition. Download it again.")
    return boot


def blocks(path: Path, head: Path) -> Iterator[bytes]:
    """The whole disk in blocks: the head from its own file, the rest from the image."""
    with unpacked(path) as disk, head.open("rb") as front:
        while block := front.read(BLOCK):
            yield block
            _skip(disk, len(block))
        while block := disk.read(BLOCK):
            yield block


def names(head: Path, boot: Boot) -> set[str]:
    """What lies in the root of the FAT partition."""
    return {line.removeprefix("::/").rstrip("/") for line in _mtools(head, boot, "mdir", "-b", "::/").splitlines()}


def put(head: Path, boot: Boot, files: Mapping[str, bytes], scratch: Path) -> None:
    """Write these files into the root of the FAT partition, over what has their names."""
    for name, content in files.items():
        (scratch / name).write_bytes(content)
        _mtools(head, boot, "mcopy", "-o", str(scratch / name), f"::/{name}")


def put_folder(head: Path, boot: Boot, folder: Path) -> None:
    """Copy a folder with all below it into the root of the FAT partition, instead of what has its name."""
    _mtools(head, boot, "mcopy", "-o", "-s", str(folder), "::/")


def _mtools(head: Path, boot: Boot, tool: str, *words: str) -> str:
    if shutil.which(tool) is None:
        raise CardError(f"{tool} is missing, which fills the boot partition. Run apt install mtools.")
    command = [tool, "-i", f"{head}@@{boot.start}", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={"MTOOLS_SKIP_CHECK": "1", "PATH": _path()})
    if done.returncode:
        raise BadInput(
            f"The boot partition of the image cannot be filled ({(done.stderr or done.stdout).strip()}). "
            "Take a fresh image, or fewer files."
        )
    return done.stdout


def _path() -> str:
    return "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"


def _skip(disk: IO[bytes], count: int) -> None:
    while count and (block := disk.read(count)):
        count -= len(block)
