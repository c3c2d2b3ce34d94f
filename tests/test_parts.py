"""A plate in two parts: where it parts, and what its parts say together."""

from __future__ import annotations

import numpy as np
import pytest

from edge.image import MARGIN, corners_of
from edge.parts import gap, join, parts
from edge.plates.decide import conclude, fold
from edge.records import Box, Reading
from tests.posteriors import posteriors

PLATE = corners_of(Box(100, 50, 300, 150))


def reading(upper: str, lower: str = "") -> Reading:
    log_posteriors = fold(posteriors(upper, lower))
    return Reading(conclude(log_posteriors, None), log_posteriors, 2 if lower else 1)


@pytest.mark.parametrize(("text", "place"), [("51F12345", 15 / 32), ("7", 0.5), ("51", 3 / 32), ("ABC1D23", 15 / 32)])
def test_a_row_parts_between_the_characters_nearest_its_middle(text: str, place: float) -> None:
    assert gap(reading(text)) == pytest.approx(place)


def test_halves_of_a_row_share_the_gap_and_keep_the_margin_elsewhere() -> None:
    left, right = parts(PLATE, reading("51F12345"))
    across, high = MARGIN * 200, MARGIN * 100
    edge = 100 - across + 15 / 32 * (200 + 2 * across)
    top, bottom = 50 - high, 150 + high
    for part, box in ((left, Box(100 - across, top, edge, bottom)), (right, Box(edge, top, 300 + across, bottom))):
        assert np.array(part) == pytest.approx(np.array(corners_of(box)), abs=0.01)


@pytest.mark.parametrize(("upper", "lower", "edge"), [("51F1", "23456", 100.0), ("서울12", "가3456", 90.0)])
def test_two_rows_part_where_they_do_in_their_country(upper: str, lower: str, edge: float) -> None:
    first, second = parts(PLATE, reading(upper, lower))
    assert first[2][1] == pytest.approx(edge, abs=0.01)
    assert second[0][1] == pytest.approx(edge, abs=0.01)


def test_a_tilted_plate_has_tilted_parts() -> None:
    tilted = ((100.0, 50.0), (300.0, 90.0), (300.0, 190.0), (100.0, 150.0))
    left, right = parts(tilted, reading("51F12345"))
    assert left[1] == pytest.approx(right[0], abs=0.01)
    assert left[1][1] - left[0][1] == pytest.approx(0.2 * (left[1][0] - left[0][0]), abs=0.01)


def test_what_the_parts_say_one_after_the_other_is_the_reading() -> None:
    whole = join(reading("51F12"), reading("345"), rows=1, region=None)
    assert (whole.text, whole.region, whole.rows) == ("51F12345", "vn", 1)
    assert whole.log_posteriors.shape[0] == 128
