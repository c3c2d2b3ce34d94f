"""The thorough search, with an eye that is as short-sighted as a detector whose input is small."""

from __future__ import annotations

import numpy as np

from edge.image import corners_of
from edge.records import Box, Detection, Image
from edge.thorough import Thorough


class Eye:
    """Finds white rectangles that span a twentieth of the picture, to a hundredth of it."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def detect(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        self.seen.append((width, height))
        rows, columns = np.nonzero(image[:, :, 0])
        if not len(rows):
            return []
        grain = max(1.0, max(image.shape[:2]) / 100)
        edges = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        x0, y0, x1, y1 = (np.round(edges / grain) * grain).tolist()
        if x1 - x0 < max(image.shape[:2]) / 20:
            return []
        box = Box(x0, y0, x1, y1)
        return [Detection(box, 0.9, corners_of(box), 1)]


def picture(width: int, height: int, plate: Box) -> Image:
    image = np.zeros((height, width, 3), np.uint8)
    image[int(plate.y0) : int(plate.y1), int(plate.x0) : int(plate.x1)] = 255
    return image


def test_a_plate_too_small_for_the_whole_picture_is_found_in_a_quarter() -> None:
    plate = Box(1203, 805, 1283, 835)
    eye = Eye()
    assert eye.detect(picture(2000, 1500, plate)) == []
    (found,) = Thorough(eye).detect(picture(2000, 1500, plate))
    assert found.box.iou(plate) > 0.9


def test_a_plate_is_measured_again_from_near() -> None:
    plate = Box(207, 206, 293, 231)
    (far,) = Eye().detect(picture(1500, 1000, plate))
    (near,) = Thorough(Eye()).detect(picture(1500, 1000, plate))
    assert far.box != plate
    assert near.box.iou(plate) > 0.9 > far.box.iou(plate)
    assert near.corners == corners_of(near.box)


def test_a_plate_that_a_quarter_cuts_off_is_not_taken_for_a_plate() -> None:
    plate = Box(960, 500, 1260, 600)  # across the border of the left quarters at 1200
    (found,) = Thorough(Eye()).detect(picture(2000, 1500, plate))
    assert found.box.iou(plate) > 0.9


def test_a_small_picture_has_no_quarters_and_a_large_plate_is_not_looked_at_again() -> None:
    eye = Eye()
    (found,) = Thorough(eye).detect(picture(400, 300, Box(100, 100, 300, 160)))
    assert found.box == Box(100, 100, 300, 160)
    assert eye.seen == [(400, 300), (640, 480)]  # the whole, and from afar


def test_a_picture_without_a_plate_has_none_in_its_quarters() -> None:
    eye = Eye()
    assert Thorough(eye).detect(np.zeros((900, 1600, 3), np.uint8)) == []
    assert len(eye.seen) == 4  # the whole, two halves of a wide picture, and from afar


def test_a_plate_that_fills_the_picture_is_found_from_afar() -> None:
    class Far(Eye):
        """Sees no plate that is wider than four fifths of the picture."""

        def detect(self, image: Image) -> list[Detection]:
            return [plate for plate in super().detect(image) if plate.box.width < 0.8 * image.shape[1]]

    plate = Box(4, 3, 116, 77)
    assert Far().detect(picture(120, 80, plate)) == []
    (found,) = Thorough(Far()).detect(picture(120, 80, plate))
    assert found.box.iou(plate) > 0.9


def test_a_large_plate_is_found_from_afar_beside_what_the_whole_picture_shows() -> None:
    stamp = Detection(Box(10, 280, 60, 290), 0.5, None, 1)

    class Far(Eye):
        """Sees no plate wider than two fifths of a picture, and a time stamp in the whole one."""

        def detect(self, image: Image) -> list[Detection]:
            plates = [plate for plate in super().detect(image) if plate.box.width < 0.4 * image.shape[1]]
            return plates + [stamp] * (image.shape == (300, 400, 3))

    plate = Box(120, 100, 300, 170)
    assert Far().detect(picture(400, 300, plate)) == [stamp]
    large, other = Thorough(Far()).detect(picture(400, 300, plate))
    assert large.box.iou(plate) > 0.9
    assert other == stamp
