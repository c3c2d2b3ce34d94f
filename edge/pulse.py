"""What a run says of itself while it runs: to systemd or its supervisor, into its health file, and to the Edge TPU.

While the CPU stands in for the Edge TPU under `auto` and somebody would start the run again, the Edge TPU is tried
from time to time, in a process of its own; when it answers, the run makes room for one on it.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.health import Health
from edge.libedgetpu import probe
from edge.records import Frame
from edge.runtime import distrust, open_models
from edge.service import notify
from edge.settings import Settings
from edge.store import LoggedEvent
from edge.supervisor import Orders

log = logging.getLogger(__name__)


class Pulse:
    """Tells of the device, of every frame and of every event; writes the health where no supervisor does."""

    def __init__(self, settings: Settings, *, supervised: bool) -> None:
        self._settings, self._supervised = settings.service, supervised
        self._health = Health(settings.device)

    def placed(self, device: str, reason: str | None) -> None:
        """The models are open."""
        self._health.placed(device, reason)
        notify(f"X_DEVICE={device}\nX_REASON={reason or ''}\nSTATUS=reading on {device}")

    def see(self, frame: Frame) -> None:
        now = time.time()
        self._health.frame(now)
        self._save(now)

    def tell(self, logged: LoggedEvent) -> None:
        if logged.id:
            self._health.events += 1
            notify("X_EVENT=1")

    def stopped(self) -> None:
        self._health.state = "stopped"
        self._save(time.time(), at_once=True)

    def _save(self, now: float, *, at_once: bool = False) -> None:
        if not self._supervised:
            self._health.save(self._settings, now, at_once=at_once)


def obeyed() -> Orders | None:
    """The supervisor's orders, followed as far as they concern the device."""
    orders = Orders.given()
    if orders is not None and orders.distrust is not None:
        distrust("edgetpu", orders.distrust)
    return orders


@contextmanager
def beating(settings: Settings, orders: Orders | None) -> Iterator[Pulse]:
    """A pulse for as long as a run lasts."""
    pulse = Pulse(settings, supervised=orders is not None)
    device, reason, compiled = _placement()
    pulse.placed(device, reason)
    over = threading.Event()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until frames are watched, and again at the end
    seconds = orders.retry_seconds if orders else settings.service.tpu_retry_seconds
    if compiled is not None and os.environ.get("NOTIFY_SOCKET"):  # somebody would start it again
        threading.Thread(target=_try_again, args=(compiled, seconds, over), daemon=True).start()
    try:
        yield pulse
    finally:
        over.set()
        pulse.stopped()


def _placement() -> tuple[str, str | None, Path | None]:
    """Where the models run: on the CPU as soon as one does; why, and the file that could run elsewhere."""
    models = open_models()
    for model in models:
        if model.device == "cpu":
            return "cpu", model.reason, model.compiled
    return (models[0].device if models else "cpu"), None, None


def _try_again(compiled: Path, seconds: float, over: threading.Event) -> None:
    while not over.wait(seconds):
        reason = probe(compiled, "edgetpu")
        if reason is None:
            log.warning("The Edge TPU answers again: this run makes room for one on it.")
            os.kill(os.getpid(), signal.SIGUSR1)
            return
        log.info("The Edge TPU cannot be used yet: %s", reason)
