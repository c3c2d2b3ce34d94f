"""One SQLite file for registry, log and outbox: opened, migrated by number, its errors explained."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from edge.errors import NewerDatabase, StoreError

APPLICATION_ID = 0x414C5052  # "ALPR"
LEAST_ROOM = 64 << 10  # bytes; SQLite's shared memory takes half of it

REMEDIES = {  # part of SQLite's message: what to do
    "unable to open": "Check that the directory exists and may be written, or name another file with --db.",
    "readonly": "The disk or the directory is read-only: remount it or name a file elsewhere with --db.",
    "read-only": "The disk or the directory is read-only: remount it or name a file elsewhere with --db.",
    "full": "The disk is full: make room; everything logged before is kept.",
    "locked": "Another program is writing to it: stop it, or try again.",
    "not a database": "This file is something else: name another one with --db.",
    "not an edge-alpr": "It belongs to another program: name another one with --db.",
    "malformed": "The file is damaged: put a backup in its place, or move it away to begin a new one.",
    "disk i/o": "The disk fails: check its cable, card or mount before going on.",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into StoreError with the file and the remedy."""
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        if isinstance(problem, StoreError):
            raise
        text = str(problem).lower()
        if "disk i/o" in text and _is_full(path):
            text = "full"  # so full that not even SQLite's shared memory fits
        remedy = next(
            (r for part, r in REMEDIES.items() if part in text),
            "Name another file with --db, or correct the path.",
        )
        raise StoreError(f"The database {path} cannot be used: {problem}. {remedy}") from problem


def _is_full(path: Path) -> bool:
    folder = path.absolute().parent
    return folder.is_dir() and shutil.disk_usage(folder).free < LEAST_ROOM


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection to an up-to-date database; with write=False nothing on the disk is changed.

    Raises StoreError with the remedy, NewerDatabase for a file of a later edge-alpr.
    """
    if not write and not path.exists():
        raise StoreError(
            f"There is no database {path}. Make it with `edge-alpr vehicles import`, or see --db."
        )
    with explained(path):
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = opened(path, write=write)
        try:
            _prepare(connection, path, write)
        except BaseException:
            connection.close()
            raise
    return connection


def opened(path: Path, *, write: bool) -> sqlite3.Connection:
    """A bare connection to any file; with write=False it is neither made nor changed."""
    uri = f"{path.absolute().as_uri()}?{_mode(path, write)}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: committed at the end, rolled back on any error."""
    with _alone(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def _alone(connection: sqlite3.Connection) -> Iterator[None]:
    """One writer at a time, its checkpoint included: before 3.51.3 SQLite may damage a file where two meet."""
    (_, _, path) = connection.execute("PRAGMA database_list").fetchone()
    try:
        lock = os.open(f"{path}-lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o660)
    except OSError:  # SQLite itself will say what is wrong with this place
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def migrations() -> tuple[str, ...]:
    """The SQL of every step, in order; step n brings the schema from n - 1 to n."""
    folder = resources.files("edge") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in names)


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a file of ours; refuses others' files and later versions."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and owner != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is not an edge-alpr database")
    if version > (known := len(migrations())):
        raise NewerDatabase(
            f"The database {path} was written by a later edge-alpr (schema {version}, not {known}). "
            "Upgrade edge-alpr or name another file with --db; nothing was changed."
        )
    return version


def _mode(path: Path, write: bool) -> str:
    """How SQLite is to open the file; a log at rest on a read-only disk can still be searched."""
    if write:
        return "mode=rwc"
    at_rest = not path.with_name(path.name + "-wal").exists()
    return (
        "mode=ro&immutable=1"
        if at_rest and not os.access(path.parent, os.W_OK, effective_ids=True)
        else "mode=ro"
    )


def _prepare(connection: sqlite3.Connection, path: Path, write: bool) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    steps = migrations()
    version = schema_version(connection, path)
    if not write:
        if version < len(steps):
            raise StoreError(f"The database {path} is of an older version. Upgrade it with `edge-alpr run`.")
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a power cut loses nothing that was acknowledged
    connection.execute("PRAGMA foreign_keys = ON")
    with transaction(connection):  # proves at once that the disk can be written
        for number, script in enumerate(steps[version:], version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _statements(script: str) -> Iterator[str]:
    """The single statements of a script, so that a whole step stays inside one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
