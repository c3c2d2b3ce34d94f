"""Who has been told and is still in view, kept beside the database, so that a restart tells nobody twice.

The file is a hint, written every second without waiting for the disk: a passage counts only where the log holds its
event, so that what was told but not committed is told again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from edge.records import Frame, Passage
from edge.store import Store

EVERY = 1.0  # seconds of frame time between two writings
LONGEST_OUTAGE = 300.0  # seconds after which who is in view came anew

log = logging.getLogger(__name__)


class Remembers(Protocol):
    """What knows who has been told: the pipeline."""

    @property
    def passages(self) -> tuple[Passage, ...]: ...
    def recall(self, passages: list[Passage]) -> None: ...


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What a run needs to know of the one before it."""

    keeps_time: bool  # frames carry the time of day, so that an outage can be told from a second run
    repeat_seconds: float
    after: int | None = None  # events with higher numbers are of this very recording


class Presence:
    """Reads the passages of the run before at the first frame, and writes those of this one."""

    def __init__(self, store: Store, watch: Remembers, before: Predecessor) -> None:
        self._store, self._watch, self._before = store, watch, before
        self._path = store.path.with_name(store.path.name + "-view")
        self._written = -EVERY
        self._empty = True

    def recalled(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """The same frames; with the first one the passages of the run before are recalled."""
        first = next(frames, None)
        if first is None:
            return
        self._watch.recall(self._told(first))
        yield first
        yield from frames

    def see(self, frame: Frame) -> None:
        """Write who has been told and is in view, at most once a second and only where somebody is."""
        if not self._before.keeps_time or 0 <= frame.time - self._written < EVERY:
            return
        passages = self._watch.passages
        if passages or not self._empty:
            told = [[passage.plate, passage.since, passage.until] for passage in passages]
            self._write({"source": frame.source, "time": frame.time, "passages": told})
        self._written, self._empty = frame.time, not passages

    def _told(self, first: Frame) -> list[Passage]:
        before = self._before
        if not before.keeps_time:
            never = float("inf")
            return self._store.passages(first.source, since=never, after=before.after)
        logged = self._store.passages(first.source, since=first.time - before.repeat_seconds)
        return logged + self._viewed(first)

    def _viewed(self, first: Frame) -> list[Passage]:
        """Who was in view when the run before ended: the outage does not count, for nobody looked."""
        try:
            view = json.loads(self._path.read_text(encoding="utf-8"))
            outage = first.time - float(view["time"])
            passages = [Passage(str(plate), float(a), float(b)) for plate, a, b in view["passages"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []  # none yet, or written in part: the log alone knows
        if view.get("source") != first.source or not 0 <= outage <= LONGEST_OUTAGE:
            return []
        told = [passage for passage in passages if self._is_logged(first.source, passage)]
        return [replace(passage, until=passage.until + outage) for passage in told]

    def _is_logged(self, source: str, passage: Passage) -> bool:
        logged = self._store.passages(source, since=passage.since)
        return any((one.plate, one.since) == (passage.plate, passage.since) for one in logged)

    def _write(self, view: dict[str, object]) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            fresh.write_text(json.dumps(view, ensure_ascii=False), encoding="utf-8")
            os.replace(fresh, self._path)
        except OSError as problem:  # a full disk stops the log itself, with its own error
            log.warning("%s cannot be written (%s): after a crash a vehicle may be told twice.", fresh, problem)
