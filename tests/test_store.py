import fcntl
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.clock import Doubt
from edge.database import migrations, transaction
from edge.errors import NewerDatabase, StoreError
from edge.records import Box, Candidate, Event, Vehicle
from edge.store import Store
from tests.read_only import read_only_directory

EVENT = Event(
    plate="51F12345",
    confidence=0.97,
    region="vn",
    rows=1,
    quality=0.8,
    restored=True,
    looks=4,
    source="gate",
    first_seen=1000.0,
    last_seen=1002.5,
    box=Box(1.5, 2, 30, 40),
    candidates=(Candidate("51F12345", 0.97, "vn"), Candidate("5IF12345", 0.01)),
    vehicle=Vehicle("51F12345", "Nguyễn Văn A", "B2", "car", "allow", "blue"),
)


def stored(path: Path) -> list[Event]:
    with Store.open(path, write=False) as store:
        return [logged.event for logged in store.events()]


def test_an_event_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        assert store.add(EVENT).id == 1
        assert store.add(replace(EVENT, vehicle=None, region=None, candidates=())).id == 2
    first, second = stored(tmp_path / "a.db")
    assert vars_of(first) == vars_of(EVENT)
    assert second.vehicle is None
    assert second.candidates == ()


def vars_of(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in Event.__slots__}


def test_the_evidence_is_a_picture_of_the_crop(tmp_path: Path) -> None:
    crop = np.full((64, 128, 3), (200, 30, 60), np.uint8)
    with Store.open(tmp_path / "a.db") as store:
        number = store.add(replace(EVENT, evidence=crop)).id
        jpeg = store.evidence(number)
        assert store.evidence(99) is None
    assert jpeg is not None
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(picture.astype(int) - crop).max() < 8


def test_events_are_found_by_any_spelling_of_the_plate_and_by_time(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for time, plate in ((10.0, "51F12345"), (20.0, "29B1"), (30.0, "51F12345")):
            store.add(replace(EVENT, plate=plate, last_seen=time))
        assert [logged.id for logged in store.events(plate="51f-123.45")] == [1, 3]
        assert [logged.id for logged in store.events(since=20.0)] == [2, 3]
        assert [logged.id for logged in store.events(plate="51F12345", since=20.0)] == [3]


def test_every_sink_gets_every_event_once_and_in_order(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for _ in range(3):
            store.add(EVENT)
        (first, _), (second, _), _ = store.undelivered("file")
        store.delivered("file", first)
        store.delivered("file", second)
        assert [logged.id for _, logged in store.undelivered("file")] == [3]
        assert [logged.id for _, logged in store.undelivered("other")] == [1, 2, 3]


def test_an_event_that_cannot_be_written_whole_is_not_written_at_all(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.add(EVENT)
        with sqlite3.connect(tmp_path / "a.db") as other:
            other.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        other.close()
        with pytest.raises(StoreError, match="cannot be used: no"):
            store.add(EVENT)
    with sqlite3.connect(tmp_path / "a.db") as db:
        counts = [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("events", "candidates")]
    db.close()
    assert counts == [1, 2]


def test_pruning_removes_old_events_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.add(replace(EVENT, evidence=np.zeros((4, 4, 3), np.uint8)))
        store.add(replace(EVENT, last_seen=5000.0))
        assert store.prune(4000.0) == 1
        assert [logged.id for logged in store.events()] == [2]
        assert store.evidence(1) is None
        assert [logged.id for _, logged in store.undelivered("file")] == [2]


def test_what_is_committed_is_durable_and_readers_do_not_wait(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        store.add(EVENT)
        assert len(stored(tmp_path / "a.db")) == 1


def test_the_migrations_are_numbered_without_gaps_and_run_once(tmp_path: Path) -> None:
    assert len(migrations()) >= 1
    for _ in range(2):
        with Store.open(tmp_path / "a.db") as store:
            version = store._connection.execute("PRAGMA user_version").fetchone()
            assert version == (len(migrations()),)


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        store.add(EVENT)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    for write in (True, False):
        with pytest.raises(NewerDatabase, match=r"schema 99.*Upgrade edge-alpr"):
            Store.open(path, write=write)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    with pytest.raises(StoreError, match="another program: name another one with --db"):
        Store.open(tmp_path / "a.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("plate,owner\n" * 100)
    with pytest.raises(StoreError, match="name another one with --db"):
        Store.open(tmp_path / "a.db")


def test_reading_a_log_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        Store.open(tmp_path / "a.db", write=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_directory_should_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="--db"):
        Store.open(tmp_path / "data" / "a.db")


def test_a_new_database_on_a_read_only_disk_is_explained() -> None:
    with read_only_directory() as folder, pytest.raises(StoreError, match="name another file with --db"):
        Store.open(folder / "a.db")


def test_an_old_database_on_a_read_only_disk_refuses_to_write_but_can_be_searched() -> None:
    def fill(folder: Path) -> None:
        with Store.open(folder / "a.db") as store:
            store.add(EVENT)

    with read_only_directory(fill) as folder:
        with pytest.raises(StoreError, match="read-only: remount it"):
            Store.open(folder / "a.db")
        assert [event.plate for event in stored(folder / "a.db")] == ["51F12345"]


def noisy(side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)


def fill_up_to(store: Store, pages: int) -> None:
    """Let the disk be full after a few more pages."""
    used = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {used + pages}")


def test_a_full_disk_stops_the_pictures_first_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.add(EVENT)
        fill_up_to(store, 1)
        logged = store.add(replace(EVENT, evidence=noisy(600)))
        assert store.evidence(logged.id) is None
        assert [logged.id for _, logged in store.undelivered("file")] == [1, 2]
    assert "The disk is full: 1 events are logged without their pictures. Make room." in caplog.text
    assert len(stored(tmp_path / "a.db")) == 2


def test_a_disk_without_room_for_an_event_keeps_what_was_logged_before(tmp_path: Path) -> None:
    written = 0

    def fill(store: Store) -> None:
        nonlocal written
        while written < 1000:
            store.add(replace(EVENT, evidence=noisy(60)))
            written += 1

    with Store.open(tmp_path / "a.db") as store:
        store.add(EVENT)
        fill_up_to(store, 0)
        with pytest.raises(StoreError, match="The disk is full: make room"):
            fill(store)
    assert 1 <= written < 1000
    assert len(stored(tmp_path / "a.db")) == 1 + written


def test_a_batch_is_one_transaction_all_or_none(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        statements: list[str] = []
        store._connection.set_trace_callback(statements.append)
        assert [logged.id for logged in store.add_all([(EVENT, None)] * 3)] == [1, 2, 3]
        assert statements.count("COMMIT") == 1
        fill_up_to(store, 0)
        with pytest.raises(StoreError, match="full"):
            store.add_all([(EVENT, None)] * 500)
    assert len(stored(tmp_path / "a.db")) == 3


def test_too_many_bytes_cost_the_oldest_pictures_first_then_the_oldest_events(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        picture = replace(EVENT, evidence=noisy(60))
        store.add_all([(replace(picture, last_seen=2000.0 + i), None) for i in range(300)])
        bare = store.used()
        assert store.shrink(bare) == (0, 0)
        assert store.shrink(bare - 1) == (256, 0)
        assert [store.evidence(number) is None for number in (1, 256, 257, 300)] == [True, True, False, False]
        pictures, events = store.shrink(100_000)
        assert (pictures, events) == (44, 256)
        assert [logged.id for logged in store.events()] == list(range(257, 301))
        assert store.used() < bare
        store.add(picture)  # into the room that was left
        assert store._connection.execute("PRAGMA page_count").fetchone()[0] * 4096 <= bare


def test_times_in_doubt_are_corrected_and_delivered_again_when_the_clock_is_set(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        doubtful = [(EVENT, Doubt("this", 990.0)), (EVENT, Doubt("earlier", 990.0)), (EVENT, None)]
        store.add_all(doubtful)
        for number, _ in store.undelivered("file"):
            store.delivered("file", number)
        assert store.correct(Doubt("this", 500_000.0)) == 1
        assert store.correct(Doubt("this", 700_000.0)) == 0
        times = {logged.id: (logged.event.first_seen, logged.event.last_seen) for logged in store.events()}
        assert times == {1: (500_010.0, 500_012.5), 2: (1000.0, 1002.5), 3: (1000.0, 1002.5)}
        assert [logged.id for _, logged in store.undelivered("file")] == [1]


def test_two_processes_never_write_at_the_same_time(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from edge.store import Store; from tests.passing import event\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    for number in range(40): store.add(event(f'B{number}'))\n"
    )
    with Store.open(tmp_path / "a.db") as store:
        store.add(EVENT)
        command = [sys.executable, "-c", script, str(tmp_path / "a.db")]
        with subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1]) as other:
            with transaction(store._connection), open(tmp_path / "a.db-lock") as lock:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                assert len(stored(tmp_path / "a.db")) == 1
            for _ in range(40):
                store.add(EVENT)
            assert other.wait() == 0
    assert len(stored(tmp_path / "a.db")) == 81
