"""A plate seen wide: what its view shows."""

from __future__ import annotations

import numpy as np
import pytest

from edge.image import MARGIN, corners_of
from edge.records import Box
from edge.wide import spread

PLATE = Box(100, 50, 300, 150)


def ramp(axis: int) -> np.ndarray:
    """A picture whose brightness is half the column, or the row."""
    ys, xs = np.mgrid[0:200, 0:400]
    return np.repeat((xs // 2 if axis else ys)[:, :, None], 3, axis=2).astype(np.uint8)


def test_a_single_row_is_seen_twice_as_wide_with_a_margin_around_it() -> None:
    wide = spread(ramp(1), corners_of(PLATE), rows=1, region=None)
    assert wide.shape == (64, 256, 3)
    left, right = 100 - MARGIN * 200, 300 + MARGIN * 200
    assert wide[32, 0, 0] == pytest.approx(left / 2, abs=2)
    assert wide[32, -1, 0] == pytest.approx(right / 2, abs=2)
    assert wide[32, 128, 0] == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("region", "edge"), [(None, 100), ("vn", 100), ("kr", 85), ("br", 108)])
def test_two_rows_stand_side_by_side_parted_where_they_are_in_their_country(region: str | None, edge: int) -> None:
    wide = spread(ramp(0), corners_of(PLATE), rows=2, region=region)
    assert wide.shape == (64, 256, 3)
    upper, lower = wide[:, 10, 0], wide[:, 240, 0]
    assert (upper[0], upper[-1]) == pytest.approx((50 - MARGIN * 100, edge), abs=2)
    assert (lower[0], lower[-1]) == pytest.approx((edge, 150 + MARGIN * 100), abs=2)
    low = Box(100, 50, 300, 140)  # neither of its rows is sampled finer than the other
    both = spread(ramp(1), corners_of(low), rows=2, region=region)[32, :, 0]
    assert both[:128].tolist() == both[128:].tolist()


def test_a_tilted_plate_is_seen_upright() -> None:
    tilted = ((100.0, 50.0), (300.0, 90.0), (300.0, 190.0), (100.0, 150.0))
    wide = spread(ramp(0), tilted, rows=1, region=None)
    assert int(wide[32, 250, 0]) - int(wide[32, 5, 0]) == pytest.approx(40, abs=4)
