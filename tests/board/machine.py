"""An emulated arm64 machine with a memory card: its serial console as lines, its power as a switch."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

FIRMWARE = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
COLOURS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r|\x00")


class Machine:
    """QEMU's `virt` board under full emulation; leaving the block pulls the plug."""

    def __init__(
        self, card: Path, log: IO[str], *more: str, memory: int = 1024, start: Sequence[str] = ("-bios", str(FIRMWARE))
    ) -> None:
        command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(memory)]
        command += ["-accel", "tcg,thread=multi", *start, "-nic", "none", "-display", "none"]
        command += ["-drive", f"file={card},format=raw,if=none,id=card", "-device", "virtio-blk-pci,drive=card"]
        command += ["-device", "virtio-rng-pci", "-monitor", "none", "-serial", "stdio", *more]
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
