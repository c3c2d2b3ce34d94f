"""How a run is: counted from its notifications, as JSON for people and programs and as Prometheus text."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge.board import Board, Sentry
from edge.settings import Serving

EVERY = 1.0  # seconds between two writings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a finished frame, from the last one before an end to the first one after it."""

    ended: float  # seconds since the epoch
    seconds: float
    cause: str


@dataclass(slots=True)
class Health:
    """The state of a run over all its restarts; owned by whoever writes it."""

    wanted: str  # the device of the settings
    device: str | None = None  # where the models run, None before they do
    reason: str | None = None  # why `auto` runs on the CPU
    state: str = "starting"  # then running, restarting, stopped
    frames: int = 0
    events: int = 0
    restarts: dict[str, int] = field(
        default_factory=lambda: {"crash": 0, "hang": 0, "error": 0, "return": 0}
    )
    tpu_fallbacks: int = 0
    tpu_returns: int = 0
    outages: list[Outage] = field(default_factory=list)  # the last ten
    outage_seconds: float = 0.0  # their sum over all time
    last_frame: float | None = None  # seconds since the epoch
    last_exit: str | None = None
    updated: float = 0.0
    board: Board = field(default_factory=Board)  # its heat and power
    sentry: Sentry = field(default_factory=Sentry, repr=False)  # tells the log when they change

    def hear(self, message: str, now: float) -> None:
        """Take in a notification of the reader: lines of KEY=VALUE."""
        told = dict(line.split("=", 1) for line in message.splitlines() if "=" in line)
        if "X_DEVICE" in told:
            self.placed(told["X_DEVICE"], told.get("X_REASON") or None)
        if "X_EVENT" in told:
            self.events += 1
        if "WATCHDOG" in told:
            self.frame(now)

    def placed(self, device: str, reason: str | None) -> None:
        """The models are open on a device."""
        if self.device == "cpu" and device != "cpu":
            self.tpu_returns += 1
        if device == "cpu" and reason and self.device != "cpu":
            self.tpu_fallbacks += 1
        self.device, self.reason = device, reason

    def frame(self, now: float) -> None:
        """A frame is finished; the first one after a restart ends the outage."""
        if self.state == "restarting" and self.last_frame is not None:
            outage = Outage(now, round(now - self.last_frame, 3), self.last_exit or "")
            self.outages = [*self.outages[-9:], outage]
            self.outage_seconds += outage.seconds
        self.state, self.frames, self.last_frame = "running", self.frames + 1, now

    def save(self, settings: Serving, now: float, *, at_once: bool = False) -> None:
        """Write the files that the settings name, at most once a second."""
        if not at_once and 0 <= now - self.updated < EVERY:
            return
        self.updated, self.board = now, self.sentry.look(now)
        if settings.health is not None:
            shape = {key: value for key, value in asdict(self).items() if key != "sentry"}
            _replace(Path(settings.health), json.dumps(shape, ensure_ascii=False, indent=1) + "\n")
        if settings.metrics is not None:
            _replace(Path(settings.metrics), self.metrics())

    def metrics(self) -> str:
        """All counters in Prometheus' text format."""
        on_cpu = self.wanted not in ("cpu", self.device) and self.device == "cpu"
        values = {
            "frames_total counter": self.frames,
            "events_total counter": self.events,
            "tpu_fallbacks_total counter": self.tpu_fallbacks,
            "tpu_returns_total counter": self.tpu_returns,
            "outage_seconds_total counter": round(self.outage_seconds, 3),
            "on_tpu gauge": int(self.device not in (None, "cpu")),
            "on_cpu_instead_of_tpu gauge": int(on_cpu),
            "last_frame_timestamp_seconds gauge": self.last_frame or 0,
            "board_troubles gauge": len(self.board.troubles),
        }
        if self.board.temperature is not None:
            values["board_temperature_celsius gauge"] = self.board.temperature
        lines = []
        for title, value in values.items():
            lines += [f"# TYPE edge_alpr_{title}", f"edge_alpr_{title.split()[0]} {value}"]
        lines.append("# TYPE edge_alpr_restarts_total counter")
        lines += [f'edge_alpr_restarts_total{{cause="{cause}"}} {n}' for cause, n in self.restarts.items()]
        return "\n".join(lines) + "\n"


def _replace(path: Path, text: str) -> None:
    """All or nothing, for whoever reads it meanwhile; reading plates goes on where it cannot be written."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    except OSError as problem:
        log.warning("%s cannot be written (%s). Correct service.health or service.metrics.", path, problem)
