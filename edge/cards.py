"""Memory cards and sticks as the kernel shows them, and which of them may be overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.corals import HOST
from edge.errors import CardError

SECTOR = 512  # bytes; the unit of /sys/class/block/*/size, whatever the device's own


@dataclass(frozen=True, slots=True)
class Card:
    """A whole block device; `node` is the file that is written."""

    name: str
    node: Path
    size: int  # bytes
    model: str

    def __str__(self) -> str:
        return f"{self.name} ({self.model or 'unnamed'}, {self.size / 1e9:.1f} GB)"


def card(path: Path, *, needed: int, root: Path = HOST) -> Card:
    """The device at `path` if `needed` bytes may be written over it; CardError says what speaks against it.

    `root` holds /sys, /proc and /dev.
    """
    node = (root / path.relative_to("/") if path.is_absolute() else path).resolve()
    facts = root / "sys/class/block" / node.name
    if not node.exists() or not facts.exists():
        raise CardError(f"{path} is no disk of this machine. `lsblk -d` lists them; for a file use --output.")
    _whole(path, facts)
    _removable(path, facts)
    _idle(path, facts, root)
    found = Card(node.name, node, int(_text(facts / "size")) * SECTOR, _model(facts))
    if found.size < needed:
        raise CardError(f"{found} is too small: the image needs {needed / 1e9:.1f} GB. Take a larger card.")
    return found


def _whole(path: Path, facts: Path) -> None:
    if (facts / "partition").exists():
        disk = facts.resolve().parent.name
        raise CardError(f"{path} is one partition. Name the whole disk, such as /dev/{disk}.")
    if _text(facts / "ro") == "1":
        raise CardError(f"{path} is write-protected. Slide the switch of the card or its adapter.")


def _removable(path: Path, facts: Path) -> None:
    """A card in a built-in reader counts as fixed for the kernel, but tells that it is an SD card."""
    if _text(facts / "removable") != "1" and _text(facts / "device/type") != "SD":
        raise CardError(
            f"{path} is a fixed disk of this computer, not a card or stick, and is left alone. "
            "`lsblk -d -o NAME,RM,SIZE,MODEL` shows which are removable."
        )


def _idle(path: Path, facts: Path, root: Path) -> None:
    """Nothing of the disk is mounted, swapped to or part of a volume."""
    places = [facts, *(entry.parent for entry in sorted(facts.glob("*/partition")))]
    numbers = {_text(place / "dev") for place in places}
    for line in _text(root / "proc/self/mountinfo").splitlines():
        words = line.split()
        if words[2] in numbers:
            raise CardError(f"{path} is in use: mounted at {words[4]}. Run umount {words[4]} first.")
    for line in _text(root / "proc/swaps").splitlines()[1:]:
        if Path(line.split()[0]).name in {place.name for place in places}:
            raise CardError(f"{path} is in use: the system swaps to it. Name another disk.")
    for place in places:
        if any((place / "holders").glob("*")):
            raise CardError(f"{path} is in use: it is part of a volume or an array. Name another disk.")


def _model(facts: Path) -> str:
    words = (_text(facts / "device" / name) for name in ("vendor", "model", "name"))
    return " ".join(word for word in words if word)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
