"""How the board itself is: its temperature, and whether its power supply holds, as Linux tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
HOT = 80.0  # degrees C at which a Raspberry Pi begins to slow down
EVERY = 10.0  # seconds between two looks
THROTTLED = "devices/platform/soc*/soc*:firmware/get_throttled"  # a Raspberry Pi's firmware, bits in hexadecimal
NOW = {0: "under-voltage", 1: "frequency capped", 2: "slowed down", 3: "at its soft temperature limit"}  # bit
SINCE_START = 16  # the same bits, moved by so many: it happened since the start

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Board:
    """The state of a board; temperature is None and the lists are empty where it does not tell."""

    temperature: float | None = None  # degrees C, of the hottest sensor
    troubles: tuple[str, ...] = ()  # now
    had: tuple[str, ...] = ()  # since the start, and not now

    @property
    def well(self) -> bool:
        return not self.troubles and (self.temperature is None or self.temperature <= HOT)

    def __str__(self) -> str:
        heat = () if self.temperature is None else (f"{self.temperature:.0f} degrees C",)
        return ", ".join((*heat, *self.troubles, *(f"{trouble} since the start" for trouble in self.had)))


def look(sys_root: Path = SYS) -> Board:
    """The state of this board now."""
    bits = _bits(sys_root)
    now = tuple(name for bit, name in NOW.items() if bits >> bit & 1)
    had = tuple(name for bit, name in NOW.items() if bits >> bit + SINCE_START & 1 and name not in now)
    return Board(max((degrees for _, degrees in temperatures(sys_root)), default=None), now, had)


def temperatures(sys_root: Path = SYS) -> Iterator[tuple[str, float]]:
    """Every thermal zone with its degrees C."""
    for zone in sorted(sys_root.glob("class/thermal/thermal_zone*/temp")):
        try:
            yield zone.parent.name, int(zone.read_text()) / 1000
        except (OSError, ValueError):  # some sensors sleep
            continue


def _bits(sys_root: Path) -> int:
    """The firmware's bits; of a kernel without them, what its voltage sensor says."""
    for file in sys_root.glob(THROTTLED):
        return int(file.read_text().strip(), 16)
    for name in sys_root.glob("class/hwmon/hwmon*/name"):
        alarm = name.with_name("in0_lcrit_alarm")
        if name.read_text().strip() == "rpi_volt" and alarm.exists():
            return int(alarm.read_text()) * (1 | 1 << SINCE_START)
    return 0


class Sentry:
    """Looks at the board from time to time and tells the log of every change."""

    def __init__(self, sys_root: Path = SYS) -> None:
        self._sys_root = sys_root
        self._looked = float("-inf")
        self.board = Board()

    def look(self, now: float) -> Board:
        """The state of the board, at most ten seconds old; `now` in seconds of any clock."""
        if 0 <= now - self._looked < EVERY:
            return self.board
        before, self.board, self._looked = self.board, look(self._sys_root), now
        if not self.board.well and (before.well or before.troubles != self.board.troubles):
            log.warning("The board: %s. Use its own power supply and a heat sink or fan.", self.board)
        elif self.board.well and not before.well:
            log.warning("The board is well again: %s", self.board)
        return self.board
