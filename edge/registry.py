"""Whose vehicle carries which plate: exact look-up, fuzzy look-up that explains itself, import and export.

The key is the canonical plate (upper case, no separators, Đ as D), so every spelling finds the same vehicle.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TextIO

from edge.database import explained, transaction
from edge.errors import BadInput, BadTable
from edge.likeness import likeness
from edge.plates.alphabet import canonical
from edge.records import Candidate, Vehicle

COLUMNS = tuple(f.name for f in fields(Vehicle))  # plate, owner, unit, kind, status, note
STATUSES = ("allow", "deny", "watch")
SEPARATORS = set(" -.·_/\t\u00a0")
UPSERT = f"INSERT OR REPLACE INTO vehicles ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)"
SELECT = f"SELECT {', '.join(COLUMNS)} FROM vehicles"


@dataclass(frozen=True, slots=True)
class Similar:
    """A vehicle whose plate is close to the one asked for, and why: 'O for 0 at 4'."""

    vehicle: Vehicle
    distance: float
    explanation: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    updated: int


def key(plate: str) -> str:
    """The canonical plate; BadInput where nothing is left or a character is on no plate."""
    result = canonical(plate)
    strange = [c for c in plate if c not in SEPARATORS and not canonical(c)]
    if strange:
        raise BadInput(f"{plate!r} holds {strange[0]!r}, which is on no plate. Correct the plate.")
    if not result:
        raise BadInput("The plate is empty. Give its letters and digits, such as 51F-123.45.")
    return result


class Registry:
    """The vehicles of one open database."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def find(self, plate: str) -> Vehicle | None:
        """The vehicle with exactly this plate, however it is spelled."""
        with explained(self._path):
            row = self._connection.execute(f"{SELECT} WHERE plate = ?", (canonical(plate),)).fetchone()
        return None if row is None else Vehicle(*row)

    def match(self, plate: str, candidates: Iterable[Candidate]) -> Vehicle | None:
        """The exact vehicle; else the only one among the candidates that differ by look-alikes (O/0)."""
        if exact := self.find(plate):
            return exact
        found = {
            vehicle.plate: vehicle
            for candidate in candidates
            if likeness(canonical(plate), canonical(candidate.text)).confusable
            and (vehicle := self.find(candidate.text))
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def similar(self, plate: str, limit: int = 5) -> list[Similar]:
        """The nearest plates, best first; characters that cameras confuse count as nearly the same."""
        wanted = key(plate)
        ranked = []
        for vehicle in self.all():
            if abs(len(vehicle.plate) - len(wanted)) <= 2:
                near = likeness(wanted, vehicle.plate)
                if 0 < near.distance <= max(1.0, len(wanted) / 4):
                    ranked.append(Similar(vehicle, near.distance, near.explanation))
        return sorted(ranked, key=lambda s: (s.distance, s.vehicle.plate))[:limit]

    def all(self) -> Iterator[Vehicle]:
        """Every vehicle, by plate."""
        with explained(self._path):
            for row in self._connection.execute(f"{SELECT} ORDER BY plate"):
                yield Vehicle(*row)

    def add(self, vehicle: Vehicle) -> bool:
        """Enter or replace one vehicle; True where its plate is new."""
        return self._write([checked(vehicle)]).added == 1

    def remove(self, plate: str) -> bool:
        """Delete a vehicle; False where there was none."""
        with explained(self._path), transaction(self._connection):
            cursor = self._connection.execute("DELETE FROM vehicles WHERE plate = ?", (key(plate),))
        return cursor.rowcount == 1

    def import_csv(self, data: bytes, name: str) -> Imported:
        """Enter all vehicles of a table or, where one line is wrong, none: BadTable names the line."""
        return self._write(parse_csv(data, name))

    def export_csv(self, out: TextIO) -> int:
        """Write all vehicles as the table that import takes; returns how many."""
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        vehicles = list(self.all())
        writer.writerows(astuple(vehicle) for vehicle in vehicles)
        return len(vehicles)

    def _write(self, vehicles: list[Vehicle]) -> Imported:
        with explained(self._path), transaction(self._connection):
            before = self._count()
            self._connection.executemany(UPSERT, [astuple(v) for v in vehicles])
            added = self._count() - before
        return Imported(added, len(vehicles) - added)

    def _count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM vehicles").fetchone()[0])


def checked(vehicle: Vehicle) -> Vehicle:
    """The vehicle under its canonical plate; BadInput for a bad plate or status."""
    if vehicle.status not in STATUSES:
        raise BadInput(f"The status {vehicle.status!r} is unknown. Use one of {', '.join(STATUSES)}.")
    return Vehicle(key(vehicle.plate), *astuple(vehicle)[1:])


def parse_csv(data: bytes, name: str) -> list[Vehicle]:
    """The vehicles of a UTF-8 table with the columns of `COLUMNS`; BadTable names the line and the remedy."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadTable(f"{name} is not UTF-8. Save it as 'CSV UTF-8'; nothing was imported.") from problem
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        columns = _header(next(reader, []), name)
        return _rows(reader, columns, name)
    except csv.Error as problem:
        raise _bad(name, reader.line_num, f"{problem}. Check the quotes there") from problem


def _header(header: list[str], name: str) -> list[str]:
    columns = [column.strip().lower() for column in header]
    if sorted(columns) != sorted(COLUMNS):
        wanted = ",".join(COLUMNS)
        raise _bad(name, 1, f"the header is {','.join(header)!r}. It must be {wanted!r}")
    return columns


def _rows(reader: Iterator[list[str]], columns: list[str], name: str) -> list[Vehicle]:
    vehicles: list[Vehicle] = []
    lines: dict[str, int] = {}
    for cells in reader:
        line = reader.line_num  # type: ignore[attr-defined]  # csv.reader is private to type checkers
        if not cells:
            continue
        if len(cells) != len(columns):
            wrong = f"{len(cells)} cells instead of {len(columns)}"
            raise _bad(name, line, f"{wrong}. Put texts with commas into quotes")
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
        try:
            vehicle = checked(Vehicle(**{**row, "status": row["status"].lower() or "allow"}))
        except BadInput as problem:
            raise _bad(name, line, str(problem).rstrip(".")) from problem
        if vehicle.plate in lines:
            first = lines[vehicle.plate]
            raise _bad(name, line, f"{row['plate']} stands in line {first} already. Keep one of them")
        lines[vehicle.plate] = line
        vehicles.append(vehicle)
    return vehicles


def _bad(name: str, line: int, problem: str) -> BadTable:
    return BadTable(f"{name}, line {line}: {problem}; nothing was imported.")
