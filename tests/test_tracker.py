import numpy as np

from edge.records import Box, Detection, Frame
from edge.settings import Tracking
from edge.tracker import Tracker


def frame(time: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), "clip", int(time * 10), time)


def plate(x: float, y: float = 100, width: float = 80, height: float = 30) -> Detection:
    return Detection(Box(x, y, x + width, y + height), 0.9, None, 1)


def ids(tracker: Tracker, time: float, *plates: Detection) -> list[int]:
    return [track.id for track, _ in tracker.update(plates, frame(time))]


def test_a_slow_plate_keeps_its_track() -> None:
    tracker = Tracker(Tracking())
    assert [ids(tracker, t / 10, plate(10 + 5 * t)) for t in range(20)] == [[1]] * 20
    assert tracker.tracks[0].first_seen == 0
    assert tracker.tracks[0].last_seen == 1.9


def test_a_fast_plate_at_a_low_frame_rate_keeps_its_track() -> None:
    tracker = Tracker(Tracking())
    assert [ids(tracker, t / 5, plate(200 * t)) for t in range(6)] == [[1]] * 6


def test_a_plate_that_jumps_out_of_reach_is_a_new_vehicle() -> None:
    tracker = Tracker(Tracking())
    assert ids(tracker, 0.0, plate(0)) + ids(tracker, 0.1, plate(1500)) == [1, 2]


def test_a_plate_of_another_size_is_a_new_vehicle() -> None:
    tracker = Tracker(Tracking())
    assert ids(tracker, 0.0, plate(0)) + ids(tracker, 0.1, plate(100, width=300, height=110)) == [1, 2]


def test_two_vehicles_that_pass_each_other_keep_their_tracks() -> None:
    tracker = Tracker(Tracking())
    for t in range(11):
        right, left = plate(100 * t, y=100), plate(1000 - 100 * t, y=180)
        assert ids(tracker, t / 10, right, left) == [1, 2]


def test_vehicles_one_behind_the_other_keep_their_tracks() -> None:
    tracker = Tracker(Tracking())
    for t in range(8):
        assert ids(tracker, t / 5, plate(150 * t + 400), plate(150 * t)) == [1, 2]


def test_a_vehicle_hidden_for_a_moment_keeps_its_track() -> None:
    tracker = Tracker(Tracking())
    for t in (0, 1, 2, 6, 7):
        assert ids(tracker, t / 10, plate(60 * t)) == [1]


def test_a_vehicle_leaves_once_when_it_was_unseen_for_longer_than_the_limit() -> None:
    tracker = Tracker(Tracking(max_age_seconds=1.0))
    tracker.update([plate(0)], frame(5.0))
    assert tracker.gone(6.0) == []
    assert [track.id for track in tracker.gone(6.1)] == [1]
    assert tracker.gone(9.0) == []
    assert tracker.finish() == []


def test_the_end_of_the_stream_hands_over_what_is_in_view() -> None:
    tracker = Tracker(Tracking())
    tracker.update([plate(0), plate(600)], frame(1.0))
    assert [track.id for track in tracker.finish()] == [1, 2]
    assert tracker.tracks == ()


def test_two_frames_of_one_time_do_not_divide_by_zero() -> None:
    tracker = Tracker(Tracking())
    assert ids(tracker, 1.0, plate(0)) + ids(tracker, 1.0, plate(4)) == [1, 1]
