"""Which times are trusted, and what the others are corrected by."""

from dataclasses import dataclass
from pathlib import Path

from edge.clock import LARGEST_ERROR, Clock, Doubt, boot_id, kernel_error, synchronized

BOOTED = 1_000_000.0  # what the wrong clock said at the boot
TRUE = 1_774_944_000.0  # when it truly was


@dataclass
class Board:
    """A board whose clock is wrong until it is set."""

    up: float = 100.0
    lead: float = BOOTED
    is_set: bool = False

    def clock(self) -> Clock:
        return Clock(lambda: self.up + self.lead, lambda: self.up, lambda: self.is_set)


def test_times_before_the_clock_is_set_are_in_doubt_and_later_ones_are_not() -> None:
    board = Board()
    clock = board.clock()
    assert clock.doubt(BOOTED + 99) == Doubt(boot_id(), BOOTED)
    assert clock.truth() is None
    board.lead, board.is_set = TRUE, True
    assert clock.doubt(TRUE + 100) is None
    assert clock.truth() == Doubt(boot_id(), TRUE)


def test_a_vehicle_that_was_seen_before_the_step_and_is_booked_after_it_is_still_in_doubt() -> None:
    board = Board()
    clock = board.clock()
    board.lead, board.is_set, board.up = TRUE, True, 130.0
    assert clock.doubt(BOOTED + 120) == Doubt(boot_id(), BOOTED)


def test_a_clock_that_is_kept_on_time_in_small_steps_stays_one_clock() -> None:
    board = Board(is_set=True)
    clock = board.clock()
    for _ in range(1000):
        board.lead, board.up = board.lead + 0.01, board.up + 1
        clock.watch()
    assert clock.doubt(board.up + board.lead) is None
    assert clock.truth() == Doubt(boot_id(), board.lead)


def test_the_time_of_a_recording_is_not_in_doubt() -> None:
    clock = Board().clock()
    assert clock.doubt(BOOTED - 86400) is None
    assert clock.doubt(TRUE) is None


def test_a_clock_that_was_set_by_hand_is_right_when_its_owner_says_so() -> None:
    board = Board()
    clock = board.clock()
    board.lead = TRUE
    assert clock.truth() is None
    assert clock.truth(trusted=True) == Doubt(boot_id(), TRUE)


def test_timesyncd_and_the_kernel_tell_whether_the_clock_is_set(tmp_path: Path) -> None:
    assert 0 <= kernel_error() <= LARGEST_ERROR
    assert synchronized(tmp_path) == (kernel_error() < LARGEST_ERROR)
    (tmp_path / "systemd" / "timesync").mkdir(parents=True)
    (tmp_path / "systemd" / "timesync" / "synchronized").touch()
    assert synchronized(tmp_path)
    assert len(boot_id()) == 36
