"""An emulated arm64 machine with a memory card: its serial console as lines, its power as a switch."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

FIRMWARE = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
COLOURS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r|\x00")


def virt(card: Path, *start: str, memory: int = 1024) -> list[str]:
    """QEMU's words for its `virt` board with a memory card, started by `start`."""
    words = ["-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(memory), "-nic", "none", *start]
    words += ["-drive", f"file={card},format=raw,if=none,id=card", "-device", "virtio-blk-pci,drive=card"]
    return [*words, "-device", "virtio-rng-pci", "-serial", "stdio"]


def raspi3b(card: Path, tree: Path, *start: str) -> list[str]:
    """The same for its Raspberry Pi 3B with that device tree, whose second serial port is the console."""
    words = ["-M", "raspi3b", "-dtb", str(tree), *start, "-drive", f"file={card},format=raw,if=sd"]
    return [*words, "-serial", "null", "-serial", "stdio"]


class Machine:
    """A board under full emulation; leaving the block pulls the plug."""

    def __init__(self, log: IO[str], *board: str) -> None:
        command = ["qemu-system-aarch64", "-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", *board]
        self.started = time.monotonic()
        self._log = log
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    @property
    def seconds(self) -> float:
        """Since the power was switched on."""
        return time.monotonic() - self.started

    def line(self, until: float) -> str | None:
        """The next line of the console; None when there was none until that second, or the machine is off."""
        try:
            line = self._lines.get(timeout=max(0.0, until - self.seconds))
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)  # it stays off
        return line

    def cut(self) -> list[str]:
        """Pull the plug; returns what still stood on the console."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        left = []
        while (line := self._lines.get()) is not None:
            left.append(line)
        self._lines.put(None)
        return left

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = COLOURS.sub(b"", raw).decode(errors="replace").rstrip("\n")
            self._log.write(f"{self.seconds:7.1f} {line}\n")
            self._log.flush()
            self._lines.put(line)
        self._lines.put(None)
