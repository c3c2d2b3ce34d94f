"""Keeping a database for years: room on the disk, retention, backups and their return."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from edge.database import connect, explained, opened, schema_version
from edge.errors import StoreError
from edge.settings import Storing
from edge.store import Store

DAY = 86400.0
MB = 1_000_000
EVERY = 60.0  # seconds between two looks at the retention
PART = ".part"  # the ending of a file that is still being written

log = logging.getLogger(__name__)


class Upkeep:
    """Retention and room for one open database, looked after by the one who writes it."""

    def __init__(self, store: Store, settings: Storing) -> None:
        self._store, self._settings = store, settings
        self._looked = -EVERY
        self._short = False  # of room for pictures

    def now_and_then(self) -> None:
        """Hold the retention, at most once a minute."""
        if time.monotonic() - self._looked >= EVERY:
            hold(self._store, self._settings, time.time())
            self._looked = time.monotonic()

    def room_for_pictures(self) -> bool:
        """Whether the disk has room for more than events; a change is told in the log."""
        free = shutil.disk_usage(self._store.path.absolute().parent).free
        short = free < self._settings.reserve_mb * MB
        if short and not self._short:
            log.warning(
                "Only %d MB are free beside %s: events are logged without their pictures. Make room, or set "
                "store.retention_mb.", free // MB, self._store.path,
            )  # fmt: skip
        elif self._short and not short:
            log.warning("%d MB are free: pictures are kept again.", free // MB)
        self._short = short
        return not short


def hold(store: Store, settings: Storing, now: float) -> tuple[int, int]:
    """Delete what is older or more than the settings allow; returns how many events and pictures."""
    events = pictures = 0
    if settings.retention_days is not None:
        events = store.prune(now - settings.retention_days * DAY)
    if settings.retention_mb is not None:
        pictures, crowded_out = store.shrink(int(settings.retention_mb * MB))
        events += crowded_out
    if events or pictures:
        log.info("Retention: %d events and %d more pictures deleted from %s", events, pictures, store.path)
    return events, pictures


def backup(source: Path, target: Path) -> int:
    """A consistent copy of a database that may be in use, checked and on the disk; returns its bytes.

    The file appears whole or not at all; StoreError with the remedy.
    """
    if not target.absolute().parent.is_dir():
        raise StoreError(f"There is no folder {target.absolute().parent} for the backup. Make it first.")
    with closing(connect(source, write=False)) as original, _whole(target) as part:
        _copy(original, part)
    return target.stat().st_size


def restore(source: Path, target: Path) -> Path | None:
    """Put a backup in the place of a database that nobody uses; returns where the old one was put.

    StoreError, with nothing changed, where the backup is not sound or the database is in use.
    """
    if source.absolute() == target.absolute():
        raise StoreError(f"{source} is the database itself. Name a backup, or another database with --db.")
    with explained(source), closing(opened(source, write=False)) as copy:
        if not schema_version(copy, source):
            raise StoreError(f"{source} is empty, no backup. Name another.")
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with _whole(target) as part:
            _copy(copy, part)
            old = _set_aside(target)
    return old


def rotate(source: Path, folder: Path, keep: int, now: float) -> Path:
    """Today's backup of a database in a folder, and the oldest ones beyond `keep` removed."""
    target = folder / f"{source.stem}-{datetime.fromtimestamp(now):%Y-%m-%d}.db"
    backup(source, target)
    present = sorted(folder.glob(f"{source.stem}-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].db"))
    for old in present[:-keep]:
        old.unlink()
    return target


def _copy(original: sqlite3.Connection, part: Path) -> None:
    """All pages as they are at one moment, while others may write; StoreError unless the copy is sound."""
    with closing(sqlite3.connect(part)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, to be carried about
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok" or copy.execute("PRAGMA foreign_key_check").fetchone():
            raise StoreError(f"It is damaged ({verdict}). Take another backup; nothing was changed.")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A file written beside its place and put there at the end, down to the disk; nothing is left of a failure."""
    part = target.with_name(target.name + PART)
    with explained(target):
        try:
            yield part
            _give(part)
            _sync(part)
            part.replace(target)
            _sync(target.absolute().parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _give(part: Path) -> None:
    """What root writes belongs to the owner of the folder: the service must be able to open it."""
    if os.geteuid() == 0:
        owner = part.absolute().parent.stat()
        os.chown(part, owner.st_uid, owner.st_gid)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _set_aside(path: Path) -> Path | None:
    """Give a database another name, whole and in one file; refused while anybody has it open."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")  # needs the file for itself
        except sqlite3.DatabaseError as problem:
            if "locked" in str(problem):
                raise StoreError(
                    f"{path} is in use. Stop what uses it (`systemctl stop edge-alpr.target`); nothing was changed."
                ) from problem
            log.warning("%s is damaged (%s); it is put aside as it is", path, problem)
    aside = path.with_name(f"{path.name}.before-{datetime.now():%Y%m%dT%H%M%S}")
    os.link(path, aside)  # there is a database in its place at every moment
    for ending in ("-wal", "-shm"):  # of a damaged one
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return aside
