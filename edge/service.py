"""The service: frames in, rows out, a heartbeat for every finished frame, a clean end on a signal.

Crash-only: what was committed is there after any end. Committing takes long on an SD card, so it happens in a
thread of its own; an event that cannot be written is still told, then the service ends with the reason.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Protocol

from edge.clock import Clock
from edge.records import Event, Frame
from edge.settings import Settings
from edge.sinks import jsonl
from edge.store import LoggedEvent, Store
from edge.upkeep import Upkeep

PATIENCE = 60.0  # seconds to wait for a moment without vehicles before making room
BACKLOG = 64  # events that may wait for the disk before frames do

log = logging.getLogger(__name__)

Tell = Callable[[LoggedEvent], None]


class Watch(Protocol):
    """What turns frames into events: the pipeline, or two functions."""

    def process(self, frame: Frame) -> list[Event]: ...
    def finish(self) -> list[Event]: ...


def serve(
    frames: Iterator[Frame],
    watch: Watch,
    book: Book,
    seen: Callable[[Frame], None],
    *,
    calm: Callable[[], bool] = lambda: True,
) -> bool:
    """Run until the frames end, a signal comes or something breaks; vehicles in view are booked in any case.

    `seen` is told of every finished frame. SIGUSR1 asks to make room for another reader: it ends the run as
    soon as it is `calm`, no vehicle being in view; returns whether that was its end.
    """
    notify("READY=1")
    leave = Leave(calm)
    try:
        with closing(until_stopped(frames, leave)) as watched:
            for frame in watched:
                notify("X_FRAME=1")  # from here on silence is a hang
                events = watch.process(frame)
                seen(frame)  # before the events are told, so that who draws has their frames
                book.enter(events)
                notify("WATCHDOG=1")
    finally:
        notify("STOPPING=1")
        book.enter(watch.finish())
    return leave.taken


class Book:
    """Looks vehicles up, commits events and tells them, one after the other, beside the frame loop."""

    def __init__(self, store: Store, settings: Settings, tell: Tell) -> None:
        self._store, self._settings, self._tell = store, settings, tell
        self._clock, self._upkeep = Clock(), Upkeep(store, settings.store)
        self._waiting: deque[Event] = deque()
        self._pending: deque[Future[None]] = deque()
        self._clerk = ThreadPoolExecutor(1, "book")
        self._closing = threading.Event()

    def enter(self, events: Iterable[Event]) -> None:
        """Hand events over; raises what went wrong with earlier ones."""
        self._clock.watch()
        for event in events:
            self._waiting.append(event)
            self._pending.append(self._clerk.submit(self._write))
        while self._pending and (self._pending[0].done() or len(self._pending) > BACKLOG):
            self._pending.popleft().result()

    def close(self) -> None:
        """Wait until all is written; raises the first thing that went wrong."""
        self._closing.set()
        self._clerk.shutdown()
        while self._pending:
            self._pending.popleft().result()

    def _write(self) -> None:
        """Commit all events that wait in one transaction, then tell them."""
        if not self._waiting:
            return
        self._closing.wait(self._settings.store.commit_seconds)
        logged = [LoggedEvent(0, self._waiting.popleft()) for _ in range(len(self._waiting))]
        try:
            logged = [LoggedEvent(0, self._known(entry.event)) for entry in logged]
            entries = [(entry.event, self._clock.doubt(entry.event.last_seen)) for entry in logged]
            logged = self._store.add_all(entries, pictures=self._upkeep.room_for_pictures())
        finally:
            for entry in logged:
                self._tell(entry)  # also when the disk fails: nothing is lost
        if truth := self._clock.truth():
            self._store.correct(truth)
        self.deliver()
        self._upkeep.now_and_then()

    def _known(self, event: Event) -> Event:
        return replace(event, vehicle=self._store.registry.match(event.plate, event.candidates))

    def deliver(self) -> None:
        """Hand the sinks what they have not got yet, from before a crash too."""
        if self._settings.sinks.jsonl is not None:
            jsonl.deliver(self._store, Path(self._settings.sinks.jsonl))


@contextmanager
def open_book(store: Store, settings: Settings, tell: Tell) -> Iterator[Book]:
    """A book that is written to its last line, whatever ends the service."""
    book = Book(store, settings, tell)
    try:
        book.deliver()
        yield book
    finally:
        book.close()


class Stopped(Exception):
    """A signal came while the service waited for a frame."""


@dataclass(slots=True)
class Leave:
    """The wish to make room, granted when no vehicle is in view, or after a while in any case."""

    calm: Callable[[], bool]
    asked: float | None = None  # monotonic seconds
    taken: bool = False

    def ask(self, number: int, place: FrameType | None) -> None:
        """What SIGUSR1 does."""
        self.asked = self.asked or time.monotonic()

    def granted(self) -> bool:
        if self.asked is not None and (self.calm() or time.monotonic() - self.asked > PATIENCE):
            self.taken = True
        return self.taken


def until_stopped(frames: Iterator[Frame], leave: Leave) -> Generator[Frame, None, None]:
    """The frames until SIGINT or SIGTERM, which end the wait for a frame but never the work on one."""
    waiting = stopped = False

    def stop(number: int, place: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        if waiting:
            raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, leave.ask)
    try:
        while not stopped and not leave.granted():
            waiting = True
            frame = next(frames, None)
            waiting = False
            if frame is None:
                return
            yield frame
    except Stopped:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def waiting() -> None:
    """Say that this run is alive though no frame has come: its silence would be a hang."""
    notify("X_WAITING=1")


def notify(message: str) -> None:
    """Tell systemd or the supervisor, where one listens (sd_notify); without its supervisor a run ends."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.send(message.encode())
        except (ConnectionRefusedError, FileNotFoundError):
            log.warning("Whoever watched over this run has gone: it ends.")
            del os.environ["NOTIFY_SOCKET"]
            os.kill(os.getpid(), signal.SIGTERM)
