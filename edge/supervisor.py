"""`edge-alpr run --supervise`: a parent that starts the reader again, for those without systemd.

It speaks systemd's own protocol with its child. A death on the Edge TPU under `auto` starts the next reader on the
CPU at once; that one tries the Edge TPU from time to time and gives way when it answers again (exit code 75).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from edge.errors import BadSettings
from edge.health import Health
from edge.live import TICK
from edge.settings import Settings

USAGE = 64
NEVER_AGAIN = (0, USAGE, BadSettings.exit_code)  # the end of a recording, and what a restart cannot mend
GAVE_WAY = 75  # EX_TEMPFAIL: the reader makes room for one on the Edge TPU
WELL_STOPPED = (GAVE_WAY, -signal.SIGTERM)  # a reader asked to stop was about to make room, or had only begun
LOOK = 0.1  # seconds between two looks at the child
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a reader that broke at once is started again
STEADY = 10  # seconds or frames after which a reader has not broken at once
FAREWELL = 15.0  # seconds a reader gets to end on a signal
LONGEST_RETRY = 600.0  # seconds between two tries of an Edge TPU that keeps dying
ENVIRONMENT = "EDGE_ALPR_SUPERVISED"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Orders:
    """What the supervisor tells its child."""

    after: int = 0  # the newest event before the first child: later ones are of this run
    distrust: str | None = None  # why the Edge TPU is not to be tried at the start
    retry_seconds: float = 30.0  # how often to try it later

    @classmethod
    def given(cls) -> Orders | None:
        """The orders of this process, None where nobody supervises it."""
        text = os.environ.get(ENVIRONMENT)
        return cls(**json.loads(text)) if text else None

    def environment(self, address: Path) -> dict[str, str]:
        orders = {"after": self.after, "distrust": self.distrust, "retry_seconds": self.retry_seconds}
        return {**os.environ, ENVIRONMENT: json.dumps(orders), "NOTIFY_SOCKET": str(address)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: exit code, negative for a signal; hung where it was killed for its silence."""

    code: int
    hung: bool
    seconds: float  # it ran
    frames: int  # it finished

    def __str__(self) -> str:
        if self.hung:
            return "hung and was killed"
        return f"died of signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"


class Supervisor:
    """Runs a command until it ends well, is told to stop, or cannot be mended by starting it again."""

    def __init__(self, command: list[str], settings: Settings, after: int) -> None:
        self._command, self._settings = command, settings
        self._health = Health(settings.device)
        self._orders = Orders(after, None, settings.service.tpu_retry_seconds)
        self._stop = threading.Event()
        self._ticking = False  # whether this child tells every second that it waits

    def run(self) -> int:
        """The exit code of the last child."""
        pause = 0.0
        with _mailbox() as (mailbox, address), self._signals():
            while True:
                ended = self._child(mailbox, address)
                if self._stop.is_set() or ended.code in NEVER_AGAIN:
                    self._say("stopped", str(ended))
                    if self._stop.is_set() and ended.code in WELL_STOPPED:
                        return 0
                    return ended.code if ended.code >= 0 else 128 - ended.code
                pause = self._pause(ended, pause)
                self._learn(ended, pause)
                if self._stop.wait(pause):
                    return 0

    def _child(self, mailbox: socket.socket, address: Path) -> Ended:
        """Start one and watch it to its end."""
        started, before = time.monotonic(), self._health.frames
        environment = self._orders.environment(address)
        with subprocess.Popen(self._command, env=environment) as child:
            hung = self._watch(child, mailbox)
            code = child.wait()
        self._listen(mailbox)  # what it said last
        return Ended(code, hung, time.monotonic() - started, self._health.frames - before)

    def _watch(self, child: subprocess.Popen[bytes], mailbox: socket.socket) -> bool:
        """Wait for the end of a child; kill it where it hangs, which is returned."""
        limit, heard = self._settings.service.start_seconds, time.monotonic()
        self._ticking = False
        asked: float | None = None
        while child.poll() is None:
            if message := _received(mailbox, LOOK):
                limit, heard = self._limit(message, limit), time.monotonic()
                self._health.hear(message, time.time())
            self._health.save(self._settings.service, time.time())
            now = time.monotonic()
            if self._stop.is_set() and asked is None:
                asked, limit, heard = now, FAREWELL, now
                child.terminate()
            if now - heard > limit:
                child.kill()
                return asked is None
        return False

    def _limit(self, message: str, limit: float) -> float:
        """How long the child may now be silent: at work on a frame, or waiting for a camera."""
        if "X_FRAME=1" in message or "STOPPING=1" in message:
            return self._settings.service.hang_seconds
        if "X_WAITING=1" in message or self._ticking:  # a live source is waited for: the reader says so every second
            self._ticking = True
            return self._settings.service.hang_seconds + TICK
        if "WATCHDOG=1" in message or "READY=1" in message:  # any other has its own limit, and reports it
            return self._settings.camera.give_up_seconds + self._settings.service.hang_seconds
        return limit

    def _listen(self, mailbox: socket.socket) -> None:
        while message := _received(mailbox, 0.001):
            self._health.hear(message, time.time())

    def _pause(self, ended: Ended, before: float) -> float:
        if ended.code == GAVE_WAY or ended.seconds > STEADY or ended.frames > STEADY:
            return 0.0
        return min(max(2 * before, FIRST_PAUSE), LONGEST_PAUSE)

    def _learn(self, ended: Ended, pause: float) -> None:
        """Count the end, say it, and decide where the next child runs."""
        health, retry = self._health, self._settings.service.tpu_retry_seconds
        on_tpu = health.device not in (None, "cpu")
        died = ended.hung or ended.code < 0
        cause = "return" if ended.code == GAVE_WAY else "hang" if ended.hung else "crash" if died else "error"
        health.restarts[cause] += 1
        distrust = None
        if self._settings.device == "auto" and died and on_tpu:  # the next one starts where nothing is in doubt
            distrust = f"The reader {ended} on the Edge TPU."
            soon = ended.seconds < 10 * retry
            retry = min(2 * self._orders.retry_seconds, LONGEST_RETRY) if soon else retry
        elif ended.code != GAVE_WAY:
            distrust, retry = self._orders.distrust, self._orders.retry_seconds
        else:
            retry = self._orders.retry_seconds
        self._orders = Orders(self._orders.after, distrust, retry)
        place = "on the CPU" if distrust else f"with device = {self._settings.device}"
        log.warning("The reader %s after %d frames; starting it again %s in %g s.",
                    ended, ended.frames, place, pause)  # fmt: skip
        self._say("restarting", str(ended))

    def _say(self, state: str, ending: str) -> None:
        self._health.state, self._health.last_exit = state, ending
        self._health.save(self._settings.service, time.time(), at_once=True)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, place: FrameType | None) -> None:
            self._stop.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def supervise(arguments: list[str], settings: Settings, after: int) -> int:
    """Run `edge-alpr` with these arguments in a child, again and again; returns the exit code."""
    command = [sys.executable, "-m", "edge", *arguments]
    return Supervisor(command, settings, after).run()


@contextmanager
def _mailbox() -> Iterator[tuple[socket.socket, Path]]:
    """Where children report, as they would to systemd."""
    with (
        tempfile.TemporaryDirectory(prefix="edge-alpr-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mailbox,
    ):
        address = Path(folder) / "notify"
        mailbox.bind(str(address))
        yield mailbox, address


def _received(mailbox: socket.socket, seconds: float) -> str | None:
    mailbox.settimeout(seconds)
    try:
        return mailbox.recv(65536).decode(errors="replace")
    except TimeoutError:
        return None
