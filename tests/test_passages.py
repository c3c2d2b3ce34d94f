"""What a run recalls of the one before it: nobody who was committed is told twice, nobody who was not is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.passages import LONGEST_OUTAGE, Predecessor, Presence
from edge.records import Event, Frame
from edge.store import Store
from tests.test_pipeline import Stages, frame, pipeline

LIVE = Predecessor(keeps_time=True, repeat_seconds=10.0)
PLATE = (10, 50, 160)  # 51F12345


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.db") as store:
        yield store


def run(
    store: Store, frames: list[Frame], *, before: Predecessor = LIVE, commit: bool = True, ends: bool = False
) -> list[Event]:
    """One process that is killed after these frames, unless it ends well; what it told."""
    watch = pipeline(Stages())
    presence = Presence(store, watch, before)
    told: list[Event] = []
    for one in presence.recalled(iter(frames)):
        events = watch.process(one)
        presence.see(one)
        told += events
        if commit:
            store.add_all([(event, None) for event in events])
    return told + (watch.finish() if ends else [])


def standing(since: float, until: float) -> list[Frame]:
    """A vehicle that stands at the gate, two frames a second."""
    return [frame(0, PLATE, time=since + step / 2) for step in range(int((until - since) * 2))]


def test_a_vehicle_that_stands_through_a_crash_is_told_once(store: Store) -> None:
    assert [event.plate for event in run(store, standing(0, 3))] == ["51F12345"]
    assert run(store, standing(5, 8)) == []


def test_a_vehicle_that_stands_through_crashes_and_hangs_for_minutes_is_told_once(store: Store) -> None:
    assert len(run(store, standing(0, 60))) == 1
    assert run(store, standing(130, 200), ends=True) == []
    assert run(store, standing(260, 300), ends=True) == []


def test_a_vehicle_whose_event_was_not_committed_is_told_by_the_next_run(store: Store) -> None:
    assert len(run(store, standing(0, 3), commit=False)) == 1
    assert [event.plate for event in run(store, standing(5, 8))] == ["51F12345"]


def test_a_vehicle_that_comes_again_later_is_told_again(store: Store) -> None:
    assert len(run(store, [*standing(0, 3), *(frame(0, time=t) for t in range(4, 30))])) == 1
    assert len(run(store, standing(31, 34))) == 1


def test_after_a_long_night_whoever_comes_is_new(store: Store) -> None:
    assert len(run(store, standing(0, 3))) == 1
    assert len(run(store, standing(4 + LONGEST_OUTAGE, 8 + LONGEST_OUTAGE))) == 1


def test_without_the_file_the_log_alone_knows_who_has_just_passed(store: Store, tmp_path: Path) -> None:
    assert len(run(store, standing(0, 3))) == 1
    for damaged in ("", "{", '{"source": 1}'):
        (tmp_path / "a.db-view").write_text(damaged)
        assert run(store, standing(5, 5.5), ends=True) == []
    (tmp_path / "a.db-view").unlink()
    assert run(store, standing(5, 8)) == []


def test_another_camera_of_the_same_log_knows_nothing_of_it(store: Store) -> None:
    assert len(run(store, standing(0, 3))) == 1
    other = [Frame(one.image, "exit", one.index, one.time) for one in standing(4, 7)]
    assert len(run(store, other)) == 1


def test_a_recording_is_told_anew_unless_it_is_the_same_run(store: Store, tmp_path: Path) -> None:
    recording = [*standing(0, 3), frame(0, time=3), *standing(30, 33)]
    again = Predecessor(keeps_time=False, repeat_seconds=10.0)
    assert len(run(store, recording, before=again)) == 2
    assert len(run(store, recording, before=again)) == 2
    started = store.last()
    assert len(run(store, recording[:8], before=again)) == 1
    successor = Predecessor(keeps_time=False, repeat_seconds=10.0, after=started)
    assert len(run(store, recording, before=successor)) == 1
    assert not (tmp_path / "a.db-view").exists()


def test_a_file_that_cannot_be_written_is_told_and_reading_goes_on(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.db-view.new").mkdir()
    assert len(run(store, standing(0, 3))) == 1
    assert "a vehicle may be told twice" in caplog.text


def test_a_source_without_frames_recalls_nothing(store: Store) -> None:
    assert run(store, []) == []
