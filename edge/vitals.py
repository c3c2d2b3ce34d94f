"""The board itself: what it is, what runs on it, its heat and its power, as the kernel and the firmware tell."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from edge import board
from edge.corals import said
from edge.finding import FAILURE, OK, WARNING, Finding

MODELS = ("proc/device-tree/model", "sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name")
MEMORY = 900 << 10  # KiB below which to warn
WEAK = board.NOW[0]


def vitals(root: Path) -> Iterator[Finding]:
    """All of them, of the machine whose /sys, /proc and /etc lie below `root`."""
    yield _board(root)
    yield _system(root)
    yield _memory(root)
    yield from _heat(root)
    yield from _power(root)


def model(root: Path) -> str:
    """What the firmware calls the machine whose /sys and /proc lie below `root`."""
    return next((text for name in MODELS if (text := said(root / name))), "a computer")


def _board(root: Path) -> Finding:
    told = f"{model(root)}, {platform.machine()}, {os.cpu_count()} cores"
    if sys.maxsize < 1 << 32:
        remedy = "Install the 64-bit system; until then pip install 'edge-alpr[tflite-runtime]'."
        return Finding("board", WARNING, f"{told}.", "The system is 32-bit: there is no LiteRT for it.", remedy)
    return Finding("board", OK, told)


def _system(root: Path) -> Finding:
    words = shlex.split(said(root / "etc/os-release"), comments=True)
    told = dict(word.split("=", 1) for word in words if "=" in word)
    return Finding("os", OK, f"{told.get('PRETTY_NAME', 'an unknown system')}, Linux {platform.release()}")


def _memory(root: Path) -> Finding:
    sizes = dict(line.split(":", 1) for line in said(root / "proc/meminfo").splitlines() if ":" in line)
    total, free = (int(sizes.get(key, "0 kB").split()[0]) for key in ("MemTotal", "MemAvailable"))
    told = f"{free >> 10} of {total >> 10} MiB are free"
    if 0 < total < MEMORY:
        return Finding("memory", WARNING, f"{told}.", "The board has little memory.", "Run nothing beside it.")
    return Finding("memory", OK, told)


def _heat(root: Path) -> Iterator[Finding]:
    for zone, degrees in board.temperatures(root / "sys"):
        told = f"{degrees:.0f} degrees C in {zone}"
        if degrees > board.HOT:
            cause = "The board is not cooled enough; it slows down to save itself."
            yield Finding("temperature", WARNING, f"{told}.", cause, "Add a heat sink or a fan.")
        else:
            yield Finding("temperature", OK, told)


def _power(root: Path) -> Iterator[Finding]:
    """What a Raspberry Pi's firmware complains of, now or since the start; nothing where nothing is wrong."""
    state = board.look(root / "sys")
    told = [*state.troubles, *(f"{trouble} since the start" for trouble in state.had)]
    if not told:
        return
    level = FAILURE if WEAK in state.troubles else WARNING
    if WEAK in (*state.troubles, *state.had):
        cause = "The power supply or its cable is too weak; an Edge TPU then vanishes from the USB."
        remedy = "Use the board's own supply (5 V, 3 A or more) and put the Edge TPU on a powered hub."
    else:
        cause, remedy = "The board got too hot and slowed down.", "Add a heat sink or a fan."
    yield Finding("power", level, f"{', '.join(told)}.", cause, remedy)
