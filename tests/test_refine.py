"""The corners of a plate refined: a lean is found and taken away, and a plate far wider than its text narrowed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.image import MARGIN, corners_of, part_of, rectify
from edge.records import Box, Corners, Reading
from edge.refine import LEANS, USUAL, narrowed, upright
from tests.posteriors import posteriors

PLATE = Box(100, 60, 380, 260)
STEP = LEANS[1] - LEANS[0]


def leaning(text: tuple[str, ...], lean: float) -> np.ndarray:
    """A picture of rows of text on a plate, of which the upper edge is shifted by `lean` of its width to the right."""
    flat = np.full((200, 280, 3), 230, np.uint8)
    for n, row in enumerate(text):
        baseline = (170, 85)[0] if len(text) == 1 else (85, 180)[n]
        cv2.putText(flat, row, (18, baseline), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (20, 20, 20), 10)
    onto = np.array(seen(lean), np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(np.array([(0, 0), (280, 0), (280, 200), (0, 200)], np.float32), onto)
    return cv2.warpPerspective(flat, matrix, (480, 320), borderMode=cv2.BORDER_CONSTANT, borderValue=(60, 60, 60))


def seen(lean: float) -> Corners:
    half = lean / 2
    return part_of(corners_of(PLATE), ((half, 0), (1 + half, 0), (1 - half, 1), (-half, 1)))


@pytest.mark.parametrize("text", [("MH47K1",), ("29-H1", "147.61")])
@pytest.mark.parametrize("lean", [-0.3, -0.1, 0.0, 0.16, 0.3])
def test_the_lean_that_corners_have_left_is_taken_away(text: tuple[str, ...], lean: float) -> None:
    found = upright(leaning(text, lean), corners_of(PLATE), rows=len(text))
    assert np.array(found) == pytest.approx(np.array(seen(lean)), abs=1.5 * STEP * PLATE.width)


def test_it_is_a_lean_in_the_plate_and_not_in_the_picture() -> None:
    turned = tuple((x + 0.2 * y, y - 0.2 * x) for x, y in seen(0.0))
    matrix = cv2.getPerspectiveTransform(np.array(seen(0.0), np.float32), np.array(turned, np.float32))
    picture = cv2.warpPerspective(leaning(("29-H1", "147.61"), 0.0), matrix, (600, 400))
    found = upright(picture, turned, rows=2)  # type: ignore[arg-type]
    assert np.array(found) == pytest.approx(np.array(turned), abs=1.5 * STEP * PLATE.width)


@pytest.mark.parametrize("rows", [1, 2])
def test_what_shows_no_strokes_stays_as_it_is(rows: int) -> None:
    blank = np.full((320, 480, 3), 128, np.uint8)
    assert np.array(upright(blank, corners_of(PLATE), rows=rows)) == pytest.approx(np.array(corners_of(PLATE)))


def test_a_plate_set_upright_is_cut_as_one_that_never_leant() -> None:
    text = ("29-K1", "051.15")
    picture = leaning(text, 0.2)
    straight = rectify(leaning(text, 0.0), corners_of(PLATE)).astype(int)
    before = np.abs(rectify(picture, corners_of(PLATE)).astype(int) - straight).mean()
    after = np.abs(rectify(picture, upright(picture, corners_of(PLATE), rows=2)).astype(int) - straight).mean()
    assert after < before / 3


def reading(text: str, start: int, stride: int, rows: int = 1) -> Reading:
    """A text of which the n-th character is read in step start + stride · n of 32."""
    spread, steps = posteriors(text), posteriors("")
    steps[start : start + stride * len(text) : stride] = spread[1 : 1 + 3 * len(text) : 3]
    return Reading((), steps, rows)


def test_a_plate_is_as_wide_as_its_text_asks_for() -> None:
    corners = narrowed(corners_of(PLATE), reading("51F123", start=4, stride=2))
    assert corners is not None
    cut = PLATE.width * (1 + 2 * MARGIN)
    left = PLATE.x0 - MARGIN * PLATE.width
    begin, end = left + cut * 4 / 32, left + cut * 15 / 32
    found = Box.around(corners)
    assert (found.y0, found.y1) == pytest.approx((PLATE.y0, PLATE.y1))
    assert found.x0 + found.x1 == pytest.approx(begin + end)
    assert (end - begin) / (found.width * (1 + 2 * MARGIN)) == pytest.approx(USUAL)


@pytest.mark.parametrize(
    ("text", "stride", "rows"), [("51F12345", 3, 1), ("51F123", 4, 1), ("51F", 2, 1), ("", 1, 1), ("51F123", 2, 2)]
)
def test_a_plate_that_its_text_fills_or_that_says_too_little_stays_as_it_is(text: str, stride: int, rows: int) -> None:
    assert narrowed(corners_of(PLATE), reading(text, start=4, stride=stride, rows=rows)) is None
