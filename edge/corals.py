"""Which Edge TPUs are attached, as the kernel tells it: no library is loaded and no device is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

USB = {("1a6e", "089a"): False, ("18d1", "9302"): True}  # vendor and product → whether it has been started
PCI = ("0x1ac1", "0x089a")
SUPERSPEED = 5000  # Mbit/s of USB 3
HOST = Path("/")


@dataclass(frozen=True, slots=True)
class Coral:
    """An attached Edge TPU; `node` is the file that must be opened to use it, None where there is none."""

    place: str  # USB port or PCI address
    ids: str  # vendor:product
    node: Path | None
    usable: bool  # whether this user may open the node
    speed: int | None = None  # Mbit/s, USB only
    started: bool = True  # USB: the firmware has been loaded, which the first inference does
    driver: str | None = None  # PCI only

    def __str__(self) -> str:
        if self.speed is None:
            return f"Coral PCI {self.ids} at {self.place}, driver {self.driver or 'missing'}"
        return f"Coral USB {self.ids} at {self.place}, {'' if self.started else 'not yet '}started"


def attached(root: Path = HOST) -> list[Coral]:
    """The Edge TPUs of the machine whose /sys and /dev lie below `root`."""
    return [*_usb(root), *_pci(root)]


def _usb(root: Path) -> Iterator[Coral]:
    for vendor in sorted((root / "sys/bus/usb/devices").glob("*/idVendor")):
        port = vendor.parent
        ids = said(vendor), said(port / "idProduct")
        if ids in USB:
            bus, device = number(port / "busnum"), number(port / "devnum")
            node = root / f"dev/bus/usb/{bus:03d}/{device:03d}" if bus and device else None
            speed = number(port / "speed") or 0
            yield Coral(port.name, ":".join(ids), node, _usable(node), speed, USB[ids])


def _pci(root: Path) -> Iterator[Coral]:
    nodes = sorted((root / "dev").glob("apex_*"))
    places = [
        vendor.parent
        for vendor in sorted((root / "sys/bus/pci/devices").glob("*/vendor"))
        if (said(vendor), said(vendor.parent / "device")) == PCI
    ]
    for index, place in enumerate(places):
        driver = (place / "driver").resolve().name if (place / "driver").exists() else None
        node = nodes[index] if index < len(nodes) else None
        yield Coral(place.name, ":".join(PCI).replace("0x", ""), node, _usable(node), driver=driver)


def said(file: Path) -> str:
    """What a file of the kernel says, empty where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:  # gone meanwhile, or asleep
        return ""


def number(file: Path) -> int | None:
    """The number in a file of the kernel, None where there is none."""
    text = said(file).partition(".")[0]
    return int(text) if text.lstrip("-").isdecimal() else None


def _usable(node: Path | None) -> bool:
    return node is not None and os.access(node, os.R_OK | os.W_OK, effective_ids=True)
