"""Live sources: a thread keeps the newest picture, opens the stream again when it stalls, and says why."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from edge.errors import CameraError
from edge.records import Image
from edge.settings import Filming

LONGEST_PAUSE = 30.0  # seconds between two attempts
TICK = 1.0  # seconds between two signs of life while a picture is waited for
LATE = object()
FAREWELL = 2.0  # seconds a reader gets to let go of its camera

Stamped = tuple[Image, float]  # a picture and its time
Opener = Callable[[], AbstractContextManager[Iterator[Stamped]]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stream:
    """A source that can be opened again; with again=False its end is the end."""

    name: str
    open: Opener
    settings: Filming
    again: bool


def nobody() -> None:
    """Who is told that a picture is waited for where nobody asks."""


@contextmanager
def newest(stream: Stream, idle: Callable[[], None] = nobody) -> Iterator[Iterator[Stamped]]:
    """Pictures of a live stream, the newest whenever one is asked for; `idle` is called while one is waited for.

    Raises CameraError at once where it cannot be opened, later where it gave nothing for give_up_seconds.
    """
    slot = _Slot()
    reader = _Reader(stream, slot)
    reader.start()
    try:
        slot.wait_until_open()
        yield _pictures(slot, stream.settings.give_up_seconds, stream.name, idle)
    finally:
        reader.stop()


def _pictures(slot: _Slot, patience: float, name: str, idle: Callable[[], None]) -> Iterator[Stamped]:
    while True:
        end = time.monotonic() + patience
        while (item := _awaited(slot, end, idle)) is LATE:
            if time.monotonic() >= end:
                raise CameraError(
                    f"{name} gave no picture for {patience:g} s: {slot.trouble}. "
                    "Check its power, cable and network; `edge-alpr doctor` lists what is connected."
                )
        if not isinstance(item, tuple):
            return
        yield item


def _awaited(slot: _Slot, end: float, idle: Callable[[], None]) -> Stamped | object | None:
    """The next picture, None at the end of the stream, LATE where a second has passed."""
    idle()
    try:
        return slot.take(min(TICK, max(0.0, end - time.monotonic())))
    except TimeoutError:
        return LATE


class _Slot:
    """Room for one picture: a newer one takes the place of one nobody has fetched."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Stamped | None = None
        self._state = "opening"  # then open, ended or broken
        self._refusal: CameraError | None = None
        self.trouble = "the stream stands still"

    def put(self, item: Stamped) -> None:
        with self._changed:
            self._item = item
            self._changed.notify()

    def become(self, state: str, refusal: CameraError | None = None) -> None:
        with self._changed:
            self._state, self._refusal = state, refusal
            self._changed.notify()

    def wait_until_open(self) -> None:
        """Raises the CameraError of a source that cannot be opened."""
        with self._changed:
            while self._state == "opening":
                self._changed.wait()
            if self._refusal:
                raise self._refusal

    def take(self, patience: float) -> Stamped | None:
        """The newest picture, waiting for one; None at the end, TimeoutError when none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._item or self._state != "open", patience):
                raise TimeoutError
            item, self._item = self._item, None
            if item is None and self._state == "broken":
                raise CameraError("The reader of the camera has failed: see the log above, then start again.")
            return item


class _Reader(threading.Thread):
    """Follows one stream into a slot until told to stop."""

    def __init__(self, stream: Stream, slot: _Slot) -> None:
        super().__init__(name=f"camera {stream.name}", daemon=True)
        self._stream, self._slot = stream, slot
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        """Ask the reader to let go; one that hangs in its driver is left behind."""
        self._stop_asked.set()
        self.join(FAREWELL)

    def run(self) -> None:
        state, refusal = "broken", None
        try:
            refusal = self._follow()
            state = "ended"
        finally:  # whatever happened, nobody waits for ever
            self._slot.become(state, refusal)

    def _follow(self) -> CameraError | None:
        """Read, and open again after a pause that doubles; returns the refusal of the first attempt."""
        settings = self._stream.settings
        opened, pause = False, settings.reconnect_seconds
        while not self._stop_asked.is_set():
            try:
                with self._stream.open() as pictures:
                    opened = True
                    self._slot.become("open")
                    if self._copy(pictures):
                        pause = settings.reconnect_seconds
                if not self._stream.again:
                    return None
                self._slot.trouble = "the stream ended"
            except CameraError as problem:
                if not opened:
                    return problem
                self._slot.trouble = str(problem).rstrip(".")
            log.warning("%s: %s; opening it again in %g s", self._stream.name, self._slot.trouble, pause)
            self._stop_asked.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return None

    def _copy(self, pictures: Iterator[Stamped]) -> bool:
        """Put pictures into the slot until the stream ends; whether there was any."""
        any_came = False
        for picture in pictures:
            if self._stop_asked.is_set():
                break
            self._slot.put(picture)
            any_came = True
        return any_came
