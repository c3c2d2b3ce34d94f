import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.clock import Clock
from edge.errors import CameraError, StoreError
from edge.records import Frame, Vehicle
from edge.service import notify, open_book, serve
from edge.settings import Settings
from edge.store import LoggedEvent, Store
from tests.passing import Passing, event, frames

Served = Callable[..., list[LoggedEvent]]


def ignore(frame: Frame) -> None:
    pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.db") as store:
        yield store


@pytest.fixture
def served(store: Store) -> Served:
    def run(stream: Iterator[Frame], watch: Passing, settings: Settings | None = None) -> list[LoggedEvent]:
        told.clear()
        with open_book(store, settings or Settings(), told.append) as book:
            serve(stream, watch, book, ignore)
        return told

    told: list[LoggedEvent] = []
    return run


def test_vehicles_are_looked_up_logged_and_told_in_order(store: Store, served: Served) -> None:
    store.registry.add(Vehicle("51F12345", "Lan"))
    watch = Passing({2: event("51F12345"), 5: event("30A99999")}, [event("29B1")])
    told = served(frames(8), watch)
    assert [logged.event.plate for logged in told] == ["51F12345", "30A99999", "29B1"]
    assert [logged.id for logged in told] == [1, 2, 3]
    assert told[0].event.vehicle == Vehicle("51F12345", "Lan")
    assert told[1].event.vehicle is None
    assert [logged.event.plate for logged in store.events()] == ["51F12345", "30A99999", "29B1"]
    assert watch.seen == list(range(8))


def test_a_look_alike_of_a_known_plate_is_found_through_the_candidates(store: Store, served: Served) -> None:
    store.registry.add(Vehicle("51F12345", "Lan"))
    (told,) = served(frames(1), Passing(left=[event("5IF12345", 9.0, "51F12345")]))
    assert told.event.vehicle == Vehicle("51F12345", "Lan")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_waiting_for_a_frame_ends_cleanly_with_the_vehicles_in_view(
    served: Served, number: int
) -> None:
    def wait(index: int) -> None:
        if index == 3:
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
            threading.Event().wait(10)

    before = signal.getsignal(number)
    told = served(frames(9, before=wait), watch := Passing(left=[event("29B1")]))
    assert watch.seen == [0, 1, 2]
    assert [logged.event.plate for logged in told] == ["29B1"]
    assert signal.getsignal(number) == before


def test_a_signal_during_the_work_on_a_frame_lets_it_finish(served: Served) -> None:
    class Struck(Passing):
        def process(self, frame: Frame) -> list:  # type: ignore[type-arg]
            if frame.index == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().process(frame)

    told = served(frames(9), watch := Struck({4: event("51F12345")}))
    assert watch.seen == [0, 1, 2, 3, 4]
    assert [logged.event.plate for logged in told] == ["51F12345"]


def test_a_camera_that_fails_does_not_take_the_vehicles_in_view_with_it(store: Store, served: Served) -> None:
    def fail(index: int) -> None:
        if index == 2:
            raise CameraError("gone")

    with pytest.raises(CameraError, match="gone"):
        served(frames(9, before=fail), Passing(left=[event("29B1")]))
    assert [logged.event.plate for logged in store.events()] == ["29B1"]


def test_a_disk_that_fails_ends_the_service_but_every_vehicle_is_told(store: Store) -> None:
    told: list[LoggedEvent] = []
    store.add(event("11A11111"))
    store._connection.execute("PRAGMA query_only = ON")
    watch = Passing({0: event("51F12345"), 1: event("30A99999")}, [event("29B1")])
    with (
        pytest.raises(StoreError, match="read-only: remount it"),
        open_book(store, Settings(), told.append) as book,
    ):
        serve(frames(2000), watch, book, ignore)
    plates = [logged.event.plate for logged in told]
    assert plates[0] == "51F12345"
    assert plates[-1] == "29B1"
    assert {logged.id for logged in told} == {0}
    assert [logged.event.plate for logged in store.events()] == ["11A11111"]


def test_the_json_lines_sink_gets_every_event_once_also_those_from_before_a_crash(
    tmp_path: Path, store: Store, served: Served
) -> None:
    store.add(event("51F12345"))  # committed, then the power went
    settings = Settings.load(None, sinks={"jsonl": str(tmp_path / "out.jsonl")})
    served(frames(2), Passing(left=[event("30A99999")]), settings)
    served(frames(2), Passing(left=[event("29B1")]), settings)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["plate"] for line in lines] == ["51F12345", "30A99999", "29B1"]


def test_events_wait_in_the_database_while_the_sink_cannot_be_written(
    tmp_path: Path, store: Store, served: Served
) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings.load(None, sinks={"jsonl": str(tmp_path / "file" / "out.jsonl")})
    with pytest.raises(StoreError, match=r"Correct sinks.jsonl; its events wait"):
        served(frames(1), Passing(left=[event("29B1")]), settings)
    assert len(list(store.undelivered("jsonl:x"))) == 1


def test_events_older_than_the_retention_are_removed(store: Store, served: Served) -> None:
    store.add(event("51F12345", 1000.0))
    settings = Settings.load(None, store={"retention_days": 30})
    served(frames(1), Passing(left=[event("29B1", 4e9)]), settings)
    assert [logged.event.plate for logged in store.events()] == ["29B1"]


def test_systemd_gets_a_heartbeat_for_every_finished_frame(
    tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        served(frames(3), Passing())
        said = [systemd.recv(100) for _ in range(8)]
    assert said == [b"READY=1", *[b"X_FRAME=1", b"WATCHDOG=1"] * 3, b"STOPPING=1"]


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_events_that_come_together_are_committed_together(store: Store) -> None:
    told: list[LoggedEvent] = []
    commits: list[str] = []
    store._connection.set_trace_callback(lambda statement: commits.append(statement))
    settings = Settings.load(None, store={"commit_seconds": 60})
    with open_book(store, settings, told.append) as book:
        for plate in ("A1", "A2", "A3"):
            book.enter([event(plate)])
    assert [logged.event.plate for logged in told] == ["A1", "A2", "A3"]
    assert commits.count("COMMIT") == 1


def test_events_from_before_the_clock_was_set_are_corrected_afterwards(store: Store) -> None:
    wrong, right = 1_000_000.0, 1_774_944_000.0
    now, is_set = [wrong], [False]
    with open_book(store, Settings(), lambda logged: None) as book:
        book._clock = Clock(lambda: now[0] + 50, lambda: 50.0, lambda: is_set[0])
        book.enter([event("EARLY", wrong + 40)])
        book._clerk.submit(lambda: None).result()  # the clerk has written it
        now[0], is_set[0] = right, True
        book.enter([event("LATE", right + 45)])
    times = {logged.event.plate: logged.event.last_seen for logged in store.events()}
    assert times == {"EARLY": right + 40, "LATE": right + 45}


def test_without_room_on_the_disk_events_are_kept_without_pictures(store: Store, served: Served) -> None:
    settings = Settings.load(None, store={"reserve_mb": 1e12})
    (logged,) = served(frames(1), Passing(left=[event("29B1")]), settings)
    assert logged.id == 1
    assert store.evidence(1) is None
    (logged,) = served(frames(1), Passing(left=[event("29B1")]))
    assert store.evidence(logged.id) is not None
