"""Retention, room on the disk, backups of a database in use, and their return."""

import logging
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import NewerDatabase, StoreError
from edge.records import Vehicle
from edge.settings import Settings, Storing
from edge.store import Store
from edge.upkeep import DAY, Upkeep, backup, hold, restore, rotate
from tests.passing import event


def filled(path: Path, count: int = 3) -> Path:
    with Store.open(path) as store:
        store.registry.add(Vehicle("51F12345", "Lan"))
        for number in range(count):
            store.add(event(f"A{number}", 1000.0 + number))
    return path


def plates(path: Path) -> list[str]:
    with Store.open(path, write=False) as store:
        return [logged.event.plate for logged in store.events()]


def test_the_retention_holds_by_age_and_by_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    with Store.open(tmp_path / "a.db") as store:
        days = [(replace(event("A1", i * DAY), evidence=noise), None) for i in range(100)]
        store.add_all(days)
        assert hold(store, Storing(), 100 * DAY) == (0, 0)
        assert hold(store, Storing(retention_days=30), 100 * DAY) == (70, 0)
        assert hold(store, Storing(retention_mb=0.2), 100 * DAY) == (0, 30)
        assert len(list(store.events())) == 30


def test_without_room_no_pictures_are_kept_and_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path / "a.db") as store:
        assert Upkeep(store, Storing(reserve_mb=0)).room_for_pictures()
        crowded = Upkeep(store, Storing(reserve_mb=1e12))
        assert not crowded.room_for_pictures()
        assert not crowded.room_for_pictures()
        assert caplog.text.count("events are logged without their pictures. Make room") == 1
        crowded._settings = Storing(reserve_mb=0)
        assert crowded.room_for_pictures()
    assert "pictures are kept again" in caplog.text


def test_the_retention_is_looked_at_once_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Store.open(filled(tmp_path / "a.db")) as store:
        upkeep = Upkeep(store, Storing(retention_days=1))
        upkeep.now_and_then()
        store.add(event("A9"))
        upkeep.now_and_then()
        assert [logged.event.plate for logged in store.events()] == ["A9"]
    assert "Retention: 3 events and 0 more pictures deleted" in caplog.text


def test_a_backup_taken_while_events_are_written_is_whole(tmp_path: Path) -> None:
    with Store.open(filled(tmp_path / "a.db")) as store:
        stop, written = threading.Event(), 3

        def write() -> None:
            nonlocal written
            while not stop.is_set():
                store.add(event(f"A{written}", 1000.0 + written))
                written += 1

        writer = threading.Thread(target=write)
        writer.start()
        sizes = []
        for _ in range(5):
            before = written
            assert backup(tmp_path / "a.db", tmp_path / "b.db") == (tmp_path / "b.db").stat().st_size
            kept = plates(tmp_path / "b.db")
            assert kept == [f"A{i}" for i in range(len(kept))]
            assert before <= len(kept)
            sizes.append(len(kept))
        stop.set()
        writer.join()
    assert len(sizes) == 5
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("b")) == ["b.db"]


def test_a_backup_comes_back_with_registry_pictures_and_outbox(tmp_path: Path) -> None:
    backup(filled(tmp_path / "a.db"), tmp_path / "b.db")
    assert restore(tmp_path / "b.db", tmp_path / "new" / "c.db") is None
    with Store.open(tmp_path / "new" / "c.db") as store:
        assert store.registry.find("51F12345") == Vehicle("51F12345", "Lan")
        assert store.evidence(1) is not None
        assert len(list(store.undelivered("file"))) == 3
        assert store.add(event("B1")).id == 4


def test_what_a_restore_replaces_is_kept_beside_it(tmp_path: Path) -> None:
    backup(filled(tmp_path / "a.db"), tmp_path / "b.db")
    with Store.open(tmp_path / "a.db") as store:
        store.add(event("LATER", 5000.0))
    aside = restore(tmp_path / "b.db", tmp_path / "a.db")
    assert plates(tmp_path / "a.db") == ["A0", "A1", "A2"]
    assert aside is not None
    assert aside.name.startswith("a.db.before-")
    assert plates(aside) == ["A0", "A1", "A2", "LATER"]


def test_what_root_restores_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    backup(filled(tmp_path / "a.db"), tmp_path / "b.db")
    service = tmp_path / "gate"
    service.mkdir()
    if os.geteuid() == 0:
        os.chown(service, 65534, 65534)
    restore(tmp_path / "b.db", service / "a.db")
    assert (service / "a.db").stat().st_uid == service.stat().st_uid
    assert (service / "a.db").stat().st_gid == service.stat().st_gid


def test_a_database_in_use_is_not_replaced(tmp_path: Path) -> None:
    backup(filled(tmp_path / "a.db"), tmp_path / "b.db")
    with Store.open(tmp_path / "a.db") as store:
        store.add(event("LATER", 5000.0))
        with pytest.raises(StoreError, match=r"is in use. Stop what uses it .*nothing was changed"):
            restore(tmp_path / "b.db", tmp_path / "a.db")
        store.add(event("LAST", 6000.0))
    assert plates(tmp_path / "a.db")[-2:] == ["LATER", "LAST"]
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name or ".before" in p.name]


def test_a_damaged_database_can_be_replaced(tmp_path: Path) -> None:
    backup(filled(tmp_path / "a.db"), tmp_path / "b.db")
    (tmp_path / "a.db").write_bytes(b"\0" * 5000)
    aside = restore(tmp_path / "b.db", tmp_path / "a.db")
    assert aside is not None
    assert aside.read_bytes() == b"\0" * 5000
    assert plates(tmp_path / "a.db") == ["A0", "A1", "A2"]


def damaged(path: Path) -> None:
    data = bytearray(filled(path, 400).read_bytes())
    for page in range(20, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()


def later(path: Path) -> None:
    with sqlite3.connect(filled(path)) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (damaged, StoreError, "damaged"),
        (foreign, StoreError, "not an edge-alpr database"),
        (later, NewerDatabase, "later edge-alpr"),
        (lambda path: path.write_text("plate,owner\n" * 99), StoreError, "not a database"),
        (lambda path: path.write_bytes(b""), StoreError, "is empty, no backup"),
        (lambda path: None, StoreError, "unable to open"),
    ],
)
def test_what_is_no_sound_backup_is_refused_and_nothing_changes(
    tmp_path: Path, make: object, error: type[Exception], message: str
) -> None:
    make(tmp_path / "b.db")  # type: ignore[operator]
    filled(tmp_path / "a.db")
    with pytest.raises(error, match=message):
        restore(tmp_path / "b.db", tmp_path / "a.db")
    assert plates(tmp_path / "a.db") == ["A0", "A1", "A2"]
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name or ".before" in p.name]


def test_a_backup_of_an_earlier_schema_is_taken_and_upgraded_later(tmp_path: Path) -> None:
    with sqlite3.connect(filled(tmp_path / "b.db")) as db:
        db.executescript("DROP TABLE doubts; PRAGMA user_version = 1; PRAGMA journal_mode = DELETE;")
    db.close()
    restore(tmp_path / "b.db", tmp_path / "a.db")
    with Store.open(tmp_path / "a.db") as store:
        assert store.size() == (1, 3)


def test_a_backup_into_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no folder .*gone for the backup. Make it first"):
        backup(filled(tmp_path / "a.db"), tmp_path / "gone" / "b.db")


def test_backups_of_the_last_days_are_kept(tmp_path: Path) -> None:
    filled(tmp_path / "gate.db")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "gate-notes.db").touch()
    for day in range(1, 6):
        rotate(tmp_path / "gate.db", tmp_path / "b", 3, (day + 0.5) * DAY)
    names = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert names == ["gate-1970-01-04.db", "gate-1970-01-05.db", "gate-1970-01-06.db", "gate-notes.db"]


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"store.reserve_mb = -1.0 must not be less than 0"):
        Settings.load(None, store={"reserve_mb": -1})
    with pytest.raises(ValueError, match=r"store.backup_keep = 0 must be greater than 0"):
        Settings.load(None, store={"backup_keep": 0})
