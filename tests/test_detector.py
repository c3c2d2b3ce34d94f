"""Decoding of the detector's maps, from maps that were written for known plates."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.binding import Output
from edge.detector import Detector, decode_maps, suppress
from edge.errors import ModelMismatch
from edge.image import Letterbox, corners_of, letterbox
from edge.records import Box, Detection
from edge.settings import Detecting
from tests import tiny

CELLS, STRIDE = 48, 8
UPRIGHT = ((0.0, 0.0),) * 4


FINE = 1e-5  # step of the maps, much finer than a released file's


def outputs(maps: dict[str, NDArray[np.float32]]) -> dict[str, Output]:
    """The maps as a network tells them."""
    return {
        name: Output(np.rint(real / FINE).astype(np.int32), dataclasses.replace(tiny.OUTPUT, scale=FINE, zero_point=0))
        for name, real in maps.items()
    }


class Network:
    """A detector network that answers with the maps it was given."""

    def __init__(self, maps: dict[str, NDArray[np.float32]], threshold: float | None = 0.4) -> None:
        self.maps = maps
        inputs = (dataclasses.replace(tiny.INPUT, name="image", shape=(1, 384, 384, 3)),)
        self.manifest = dataclasses.replace(
            tiny.manifest(b""),
            inputs=inputs,
            settings=None if threshold is None else {"threshold": threshold},
        )

    def on(
        self, draw: Callable[[NDArray[np.uint8]], Letterbox]
    ) -> tuple[dict[str, Output], Letterbox]:
        return outputs(self.maps), draw(np.empty((384, 384, 3), np.uint8))


def empty_maps() -> dict[str, NDArray[np.float32]]:
    channels = {"heat": 1, "box": 4, "corners": 8, "rows": 1}
    return {name: np.zeros((1, CELLS, CELLS, depth), np.float32) for name, depth in channels.items()}


def write(
    maps: dict[str, NDArray[np.float32]],
    box: Box,
    score: float,
    *,
    rows: int = 1,
    skew: tuple[tuple[float, float], ...] = UPRIGHT,
) -> None:
    """Write a plate given in input pixels into the maps, as training does; skew moves the corners."""
    x, y = (box.x0 + box.x1) / 2 / STRIDE, (box.y0 + box.y1) / 2 / STRIDE
    row, column = int(y), int(x)
    maps["heat"][0, row, column] = score
    size = np.log([box.width / STRIDE, box.height / STRIDE])
    maps["box"][0, row, column] = [x - column - 0.5, y - row - 0.5, *size]
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float) + skew
    maps["corners"][0, row, column] = corners.ravel()
    maps["rows"][0, row, column] = 0.9 if rows == 2 else 0.1


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920), (640, 360), (384, 384)])
def test_a_plate_comes_back_where_it_stands_in_the_frame(height: int, width: int) -> None:
    frame = np.zeros((height, width, 3), np.uint8)
    _, transform = letterbox(frame, (384, 384))
    plate = Box(0.4 * width, 0.5 * height, 0.7 * width, 0.6 * height)
    inside = [
        value * scale + start
        for value, scale, start in zip(
            (plate.x0, plate.y0, plate.x1, plate.y1),
            (transform.scale_x, transform.scale_y) * 2,
            (transform.left, transform.top) * 2,
            strict=True,
        )
    ]
    maps = empty_maps()
    write(maps, Box(*inside), 0.8, rows=2)
    (found,) = Detector(Network(maps)).detect(frame)  # type: ignore[arg-type]
    assert found.score == pytest.approx(0.8)
    assert found.rows == 2
    np.testing.assert_allclose(dataclasses.astuple(found.box), dataclasses.astuple(plate), atol=1e-3 * width)
    assert found.corners is not None
    np.testing.assert_allclose(found.corners, corners_of(plate), atol=1e-3 * width)


def test_no_plate_is_an_empty_list() -> None:
    assert Detector(Network(empty_maps())).detect(np.zeros((1, 1, 3), np.uint8)) == []  # type: ignore[arg-type]


def test_plates_come_surest_first_and_below_the_threshold_not_at_all() -> None:
    maps = empty_maps()
    for x, score in [(40, 0.5), (140, 0.9), (240, 0.3), (330, 0.7)]:
        write(maps, Box(x, 100, x + 40, 120), score)
    frame = np.zeros((384, 384, 3), np.uint8)
    network = Network(maps)
    assert [round(d.score, 1) for d in Detector(network).detect(frame)] == [0.9, 0.7, 0.5]  # type: ignore[arg-type]
    few = Detecting(max_plates=2, threshold=0.2)
    assert [round(d.score, 1) for d in Detector(network, few).detect(frame)] == [0.9, 0.7]  # type: ignore[arg-type]
    tall = Detecting(min_height=30.0)
    assert Detector(network, tall).detect(frame) == []  # type: ignore[arg-type]


def test_only_the_peak_of_a_hill_is_a_plate() -> None:
    maps = empty_maps()
    maps["heat"][0, 10:13, 10:14, 0] = 0.6
    write(maps, Box(80, 80, 120, 100), 0.9)
    _, transform = letterbox(np.zeros((384, 384, 3), np.uint8), (384, 384))
    scores = [d.score for d in decode_maps(outputs(maps), 0.4, STRIDE, transform, (384, 384))]
    assert scores[0] == pytest.approx(0.9)
    assert len(scores) < 12


def test_a_skewed_plate_keeps_its_corners_and_a_folded_one_loses_them() -> None:
    maps = empty_maps()
    write(maps, Box(40, 40, 100, 80), 0.9, skew=((0, 0), (0, 0.4), (0, 0), (0, -0.4)))
    write(maps, Box(240, 240, 300, 280), 0.8, skew=((2, 0), (-2, 0), (0, 0), (0, 0)))
    skewed, folded = Detector(Network(maps)).detect(np.zeros((384, 384, 3), np.uint8))  # type: ignore[arg-type]
    assert skewed.corners is not None
    assert skewed.corners[1] == pytest.approx((100, 48), abs=0.01)
    assert folded.corners is None


def test_a_plate_over_the_edge_is_cut_to_the_frame() -> None:
    maps = empty_maps()
    write(maps, Box(-20, 370, 40, 390), 0.9)
    (found,) = Detector(Network(maps)).detect(np.zeros((384, 384, 3), np.uint8))  # type: ignore[arg-type]
    assert found.box.x0 == 0
    assert found.box.y1 == 384


def test_the_best_of_overlapping_and_nested_boxes_stays() -> None:
    boxes = [Box(0, 0, 100, 50), Box(5, 0, 105, 50), Box(20, 10, 60, 40), Box(80, 0, 180, 50)]
    plates = [Detection(box, 0.9 - i / 10, None, 1) for i, box in enumerate(boxes)]
    assert [plate.box for plate in suppress(plates)] == [boxes[0], boxes[3]]


def test_a_plate_within_what_another_view_took_for_one_stays_where_it_is_surer() -> None:
    grille, within = Box(0, 0, 400, 200), Box(100, 50, 200, 100)
    for score, kept in ((0.8, [grille, within]), (0.5, [grille])):
        plates = [Detection(grille, 0.6, None, 1), Detection(within, score, None, 1)]
        assert [plate.box for plate in suppress(plates)] == kept


def test_a_manifest_without_a_threshold_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="no threshold"):
        Detector(Network(empty_maps(), threshold=None))  # type: ignore[arg-type]
