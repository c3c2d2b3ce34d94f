"""Which times can be trusted: a board without a battery starts with a wrong clock and is told the time later.

Beside every event that comes before that, the log keeps the boot and the seconds since it; with them the
times are corrected as soon as the clock is set.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TIMESYNC = "systemd/timesync/synchronized"  # below /run; systemd-timesyncd makes it
LARGEST_ERROR = 16_000_000  # microseconds; the kernel's word for "nobody has set this clock"
STEP = 1.0  # seconds by which a clock that was set differs from one that is kept on time
KEPT = 8  # steps of the clock that are remembered


@dataclass(frozen=True, slots=True)
class Doubt:
    """Times that may be wrong: the boot they belong to, and by how much the clock led its seconds."""

    boot: str
    lead: float


class Clock:
    """The wall clock beside the seconds since the boot, which nobody sets."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        since_boot: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        is_set: Callable[[], bool] = lambda: synchronized(),
    ) -> None:
        self._wall, self._since_boot, self._is_set = wall, since_boot, is_set
        self._leads: list[float] = []  # newest first
        self.watch()

    def watch(self) -> None:
        """Look whether the clock was set; to be called often, so that no step is missed."""
        lead = self._wall() - self._since_boot()
        if self._leads and abs(lead - self._leads[0]) <= STEP:
            self._leads[0] = lead
        else:
            self._leads = [lead, *self._leads][:KEPT]

    def doubt(self, at: float) -> Doubt | None:
        """Whether a time of this boot may be wrong; None for one that is right, and for a recording's."""
        self.watch()
        up = self._since_boot()
        lead = next((lead for lead in self._leads if -STEP <= at - lead <= up + STEP), None)
        if lead is None or (lead == self._leads[0] and self._is_set()):
            return None
        return Doubt(boot_id(), lead)

    def truth(self, *, trusted: bool = False) -> Doubt | None:
        """What the times of this boot are to be corrected by, None as long as the clock is not set.

        With trusted=True the clock is taken to be right, whoever set it.
        """
        self.watch()
        return Doubt(boot_id(), self._leads[0]) if trusted or self._is_set() else None


def boot_id() -> str:
    """The kernel's name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def synchronized(run: Path = Path("/run")) -> bool:
    """Whether the clock was set from the network or another source of time since the boot."""
    return (run / TIMESYNC).exists() or kernel_error() < LARGEST_ERROR


def kernel_error() -> int:
    """The largest error of the clock in microseconds as the kernel knows it; LARGEST_ERROR where it does not."""
    asked = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    known = libc.adjtimex(ctypes.byref(asked)) >= 0
    return int(asked.maxerror) if known else LARGEST_ERROR


class _Timex(ctypes.Structure):
    """The beginning of struct timex, see adjtimex(2); modes = 0 only asks."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )
