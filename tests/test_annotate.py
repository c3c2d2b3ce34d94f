from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.annotate import TILE, YELLOW, Album, contact_sheet, mark, marked, open_annotator, write_picture
from edge.errors import StoreError
from edge.records import Box, Frame, Image, Vehicle
from edge.store import LoggedEvent
from edge.tracker import Track
from tests.passing import event
from tests.read_only import read_only_directory


def is_yellow(image: Image, x: int, y: int) -> bool:
    return bool(np.all(np.abs(image[y, x].astype(int) - YELLOW) < 3))


def test_a_plate_is_framed_and_named_also_at_the_edge_of_the_picture() -> None:
    image = np.zeros((120, 300, 3), np.uint8)
    mark(image, Box(50, 60, 110, 80), "서울12가3456")
    mark(image, Box(200, 2, 260, 20), "ABC1D23")
    assert is_yellow(image, 48, 70)
    assert is_yellow(image, 52, 24)  # above
    assert is_yellow(image, 202, 24)  # below
    mark(image, Box(-1e4, -1e4, -9e3, -9e3), "X")  # out of the picture


def test_the_tile_of_a_vehicle_has_its_plate_enlarged() -> None:
    told = replace(event("51F12345"), vehicle=Vehicle("51F12345", "Nguyễn Thị Lan"))
    tile = marked(np.full((1000, 500, 3), 40, np.uint8), Box(10, 10, 80, 30), told)
    assert tile.shape == (*TILE, 3)
    assert (tile[-20, -20] == 120).all()


def test_the_clearest_frame_of_a_vehicle_is_the_one_that_is_drawn() -> None:
    kept: list[Image] = []
    track = Track(7, "gate", Box(4, 5, 44, 20), 1.0, 1.0)
    album = Album(lambda: [track], lambda logged, picture: kept.append(picture))
    for time, quality in ((1.0, 0.2), (2.0, 0.9), (3.0, 0.9)):
        track.last_seen, track.best_quality = time, quality
        album.see(Frame(np.full((360, 640, 3), int(time) * 50, np.uint8), "gate", 0, time))
    album.tell(LoggedEvent(1, replace(event("51F12345"), track=7)))
    album.tell(LoggedEvent(2, replace(event("51F12345"), track=7)))
    (picture,) = kept
    assert (picture[200, 300] == 100).all()


def test_a_contact_sheet_has_room_for_every_vehicle() -> None:
    tile = np.zeros((*TILE, 3), np.uint8)
    assert [contact_sheet([tile] * n).shape[:2] for n in (0, 1, 2, 5)] == [
        (360, 640),
        (360, 640),
        (360, 1280),
        (720, 1920),
    ]


def test_a_video_holds_every_frame_at_the_pace_of_the_source(tmp_path: Path) -> None:
    track = Track(1, "gate", Box(4, 5, 44, 20), 0.0, 0.0)
    with open_annotator(tmp_path / "a.mp4", lambda: [track]) as film:
        for index in range(6):
            track.last_seen = index / 10
            film.see(Frame(np.zeros((48, 64, 3), np.uint8), "gate", index, index / 10))
        film.see(Frame(np.zeros((96, 64, 3), np.uint8), "gate", 6, 0.6))  # a source may change its size
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 7
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    capture.release()


def test_pictures_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="Correct --annotate"),
        open_annotator(tmp_path / "file" / "x.png", list),
    ):
        pass
    with read_only_directory() as folder, pytest.raises(StoreError, match="Name another file"):
        write_picture(folder / "a.png", np.zeros((4, 4, 3), np.uint8))
