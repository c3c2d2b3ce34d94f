"""The event log: one row per vehicle that passed, its candidates, its evidence, and the outbox."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from edge.clock import Doubt
from edge.database import connect, explained, transaction
from edge.errors import StoreError
from edge.records import Box, Candidate, Event, Image, Passage, Vehicle
from edge.registry import Registry, key

EVENT_COLUMNS = (
    "plate, confidence, region, rows, quality, restored, looks, source, "
    "first_seen, last_seen, x0, y0, x1, y1, vehicle"
)
JPEG_QUALITY = 90
NEVER = 1 << 62  # larger than any number of an event
BATCH = 256  # rows deleted in one transaction, so that nobody waits long

Entry = tuple[Event, Doubt | None]  # an event, and whether its times may be wrong

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its number in the log, 0 where it could not be written; evidence comes on request."""

    id: int
    event: Event


class Store:
    """An open database; one process writes, any number read."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Store:
        """Open, and with write=True make or upgrade, the database; StoreError with the remedy."""
        return cls(connect(path, write=write), path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def registry(self) -> Registry:
        return Registry(self._connection, self.path)

    def add(self, event: Event) -> LoggedEvent:
        """Write event, candidates, evidence and outbox row in one transaction, down to the disk."""
        return self.add_all([(event, None)])[0]

    def add_all(self, entries: Sequence[Entry], *, pictures: bool = True) -> list[LoggedEvent]:
        """Write all or none, in one transaction; on a full disk once more without their pictures."""
        try:
            with explained(self.path), transaction(self._connection):
                return [LoggedEvent(self._insert(*entry, pictures), entry[0]) for entry in entries]
        except StoreError as problem:
            if not pictures or "The disk is full" not in str(problem):
                raise
        logged = self.add_all(entries, pictures=False)
        log.warning("The disk is full: %d events are logged without their pictures. Make room.", len(logged))
        return logged

    def _insert(self, event: Event, doubt: Doubt | None, pictures: bool) -> int:
        """The rows of one event; returns its number."""
        execute, marks = self._connection.execute, ", ".join("?" * len(_row(event)))
        number = int(
            execute(f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})", _row(event)).lastrowid or 0
        )
        self._connection.executemany(
            "INSERT INTO candidates VALUES (?, ?, ?, ?, ?)",
            [(number, i, c.text, c.confidence, c.region) for i, c in enumerate(event.candidates)],
        )
        if pictures and event.evidence is not None:
            execute("INSERT INTO evidence VALUES (?, ?)", (number, encode_jpeg(event.evidence)))
        execute("INSERT INTO outbox (event) VALUES (?)", (number,))
        if doubt is not None:
            since_boot = event.first_seen - doubt.lead, event.last_seen - doubt.lead
            execute("INSERT INTO doubts VALUES (?, ?, ?, ?)", (number, doubt.boot, *since_boot))
        return number

    def correct(self, truth: Doubt) -> int:
        """Correct the doubtful times of this boot, and deliver those events once more; returns how many."""
        with explained(self.path):
            waiting = self._connection.execute("SELECT 1 FROM doubts WHERE boot = ?", (truth.boot,)).fetchone()
        if waiting is None:
            return 0
        with explained(self.path), transaction(self._connection):
            self._connection.execute(
                "UPDATE events SET first_seen = first_mark + :lead, last_seen = last_mark + :lead "
                "FROM doubts WHERE event = id AND boot = :boot",
                {"lead": truth.lead, "boot": truth.boot},
            )
            self._connection.execute(
                "INSERT INTO outbox (event) SELECT event FROM doubts WHERE boot = ?", (truth.boot,)
            )
            return self._connection.execute("DELETE FROM doubts WHERE boot = ?", (truth.boot,)).rowcount

    def events(self, *, plate: str | None = None, since: float | None = None) -> Iterator[LoggedEvent]:
        """The events of a plate (any spelling of it) and from a time on, oldest first."""
        where, values = ["1"], list[str | float]()
        if plate is not None:
            where.append("plate = ?")
            values.append(key(plate))
        if since is not None:
            where.append("last_seen >= ?")
            values.append(since)
        return self._select(f"WHERE {' AND '.join(where)} ORDER BY last_seen, id", values)

    def evidence(self, event: int) -> bytes | None:
        """The JPEG of the plate as it was cut out, None where there is none."""
        with explained(self.path):
            row = self._connection.execute("SELECT jpeg FROM evidence WHERE event = ?", (event,)).fetchone()
        return None if row is None else bytes(row[0])

    def undelivered(self, sink: str) -> Iterator[tuple[int, LoggedEvent]]:
        """The outbox from where this sink has come to: (outbox number, event), oldest first."""
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT id, event FROM outbox WHERE id > coalesce("
                "(SELECT last FROM deliveries WHERE sink = ?), 0) ORDER BY id",
                (sink,),
            ).fetchall()
        for number, event in rows:
            for logged in self._select("WHERE id = ?", [event]):
                yield number, logged

    def delivered(self, sink: str, number: int) -> None:
        """Remember that a sink has delivered the outbox up to and with this number."""
        with explained(self.path), transaction(self._connection):
            self._connection.execute(
                "INSERT INTO deliveries VALUES (?, ?) ON CONFLICT (sink) DO UPDATE SET last = excluded.last",
                (sink, number),
            )

    def passages(self, source: str, *, since: float, after: int | None = None) -> list[Passage]:
        """The vehicles of a source last seen from a time on, or logged after an event; oldest first."""
        with explained(self.path):
            rows = self._connection.execute(
                "SELECT plate, first_seen, last_seen FROM events "
                "WHERE source = ? AND (last_seen >= ? OR id > ?) ORDER BY last_seen, id",
                (source, since, NEVER if after is None else after),
            ).fetchall()
        return [Passage(*row) for row in rows]

    def last(self) -> int:
        """The number of the newest event, 0 where there is none."""
        with explained(self.path):
            number: int = self._connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
        return number

    def size(self) -> tuple[int, int]:
        """How many vehicles the registry and how many events the log holds."""
        with explained(self.path):
            vehicles, events = self._connection.execute(
                "SELECT (SELECT count(*) FROM vehicles), (SELECT count(*) FROM events)"
            ).fetchone()
        return vehicles, events

    def prune(self, before: float) -> int:
        """Delete the events that were last seen before a time; returns how many."""
        total = 0
        while gone := self._delete("events", "id", "WHERE last_seen < ? ORDER BY last_seen", before):
            total += gone
        return total

    def shrink(self, most: int) -> tuple[int, int]:
        """Delete the oldest pictures, then the oldest events, until no more than `most` bytes are in use.

        Returns how many pictures and how many events. The room they leave is filled before the file grows again.
        """
        pictures = events = 0
        while self.used() > most and (gone := self._delete("evidence", "event", "ORDER BY event")):
            pictures += gone
        while self.used() > most and (gone := self._delete("events", "id", "ORDER BY last_seen")):
            events += gone
        return pictures, events

    def used(self) -> int:
        """The bytes of the file that hold something."""
        names = ("page_count", "freelist_count", "page_size")
        with explained(self.path):
            pages, free, size = (int(self._connection.execute(f"PRAGMA {n}").fetchone()[0]) for n in names)
        return (pages - free) * size

    def _delete(self, table: str, key: str, which: str, *values: float) -> int:
        """Delete some rows in one short transaction; returns how many, 0 where there are no more."""
        chosen = f"SELECT {key} FROM {table} {which} LIMIT {BATCH}"
        with explained(self.path), transaction(self._connection):
            return self._connection.execute(f"DELETE FROM {table} WHERE {key} IN ({chosen})", values).rowcount

    def _select(self, clause: str, values: list[str | float]) -> Iterator[LoggedEvent]:
        with explained(self.path):
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            for row in cursor.execute(f"SELECT id, {EVENT_COLUMNS} FROM events {clause}", values):
                yield LoggedEvent(row["id"], self._event(row))

    def _event(self, row: sqlite3.Row) -> Event:
        candidates = self._connection.execute(
            "SELECT text, confidence, region FROM candidates WHERE event = ? ORDER BY rank", (row["id"],)
        )
        return Event(
            plate=row["plate"],
            confidence=row["confidence"],
            region=row["region"],
            rows=row["rows"],
            quality=row["quality"],
            restored=bool(row["restored"]),
            looks=row["looks"],
            source=row["source"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            box=Box(row["x0"], row["y0"], row["x1"], row["y1"]),
            candidates=tuple(Candidate(*candidate) for candidate in candidates),
            vehicle=None if row["vehicle"] is None else Vehicle(**json.loads(row["vehicle"])),
        )


def encode_jpeg(image: Image) -> bytes:
    """An RGB picture as JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return bytes(np.asarray(data).tobytes())


def _row(event: Event) -> tuple[object, ...]:
    box = event.box
    vehicle = None if event.vehicle is None else json.dumps(asdict(event.vehicle), ensure_ascii=False)
    return (
        event.plate, event.confidence, event.region, event.rows, event.quality, int(event.restored),
        event.looks, event.source, event.first_seen, event.last_seen,
        float(box.x0), float(box.y0), float(box.x1), float(box.y1), vehicle,
    )  # fmt: skip
