"""The event log: one row per vehicle that passed, its candidates, its evidence, and the outbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from edge.database import connect, explained, transaction
from edge.records import Box, Candidate, Event, Image, Vehicle
from edge.registry import Registry, key

EVENT_COLUMNS = (
    "plate, confidence, region, rows, quality, restored, looks, source, "
    "first_seen, last_seen, x0, y0, x1, y1, vehicle"
)
JPEG_QUALITY = 90


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
        jpeg = None if event.evidence is None else encode_jpeg(event.evidence)
        with explained(self.path), transaction(self._connection):
            marks = ", ".join("?" * len(_row(event)))
            cursor = self._connection.execute(
                f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})", _row(event)
            )
            number = int(cursor.lastrowid or 0)
            self._connection.executemany(
                "INSERT INTO candidates VALUES (?, ?, ?, ?, ?)",
                [(number, i, c.text, c.confidence, c.region) for i, c in enumerate(event.candidates)],
            )
            if jpeg is not None:
                self._connection.execute("INSERT INTO evidence VALUES (?, ?)", (number, jpeg))
            self._connection.execute("INSERT INTO outbox (event) VALUES (?)", (number,))
        return LoggedEvent(number, event)

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

    def size(self) -> tuple[int, int]:
        """How many vehicles the registry and how many events the log holds."""
        with explained(self.path):
            vehicles, events = self._connection.execute(
                "SELECT (SELECT count(*) FROM vehicles), (SELECT count(*) FROM events)"
            ).fetchone()
        return vehicles, events

    def prune(self, before: float) -> int:
        """Delete the events that were last seen before a time; returns how many."""
        with explained(self.path), transaction(self._connection):
            return self._connection.execute("DELETE FROM events WHERE last_seen < ?", (before,)).rowcount

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
