"""Pictures a person can look at: the frame of each vehicle with its plate marked, named and enlarged."""

from __future__ import annotations

import logging
import math
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from edge.errors import StoreError
from edge.image import letterbox
from edge.records import Box, Event, Frame, Image
from edge.store import LoggedEvent, encode_jpeg
from edge.tracker import Track

YELLOW, BLACK = (255, 210, 0), (0, 0, 0)  # RGB
LETTER = 20  # height of the writing in pixels
PLATE = (96, 192)  # height, width of the enlarged plate
LARGEST = 1280  # pixels; wider frames are made smaller before they are kept
TILE = (360, 640)  # height, width of one vehicle on a contact sheet
MOST_TILES = 60  # on one sheet; of more vehicles, the last ones
MOST_WAITING = 16  # vehicles whose best frame is kept until they are told
VIDEOS, SHEETS = (".mp4", ".avi", ".mkv"), (".png", ".jpg", ".jpeg")

Tracks = Callable[[], Iterable[Track]]

log = logging.getLogger(__name__)


class Annotator(Protocol):
    """Sees every frame after the pipeline, and every event when it is told."""

    def see(self, frame: Frame) -> None: ...
    def tell(self, logged: LoggedEvent) -> None: ...


@contextmanager
def open_annotator(out: Path, tracks: Tracks) -> Iterator[Annotator]:
    """A video of all frames (.mp4, .avi, .mkv), a contact sheet (.png, .jpg), or a folder of pictures.

    StoreError where it cannot be written.
    """
    suffix = out.suffix.lower()
    folder = out.parent if suffix in VIDEOS + SHEETS else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreError(f"{folder} cannot be made ({problem.strerror}). Correct --annotate.") from problem
    if suffix in VIDEOS:
        film = Film(out, tracks)
        try:
            yield film
        finally:
            film.close()
    elif suffix in SHEETS:
        tiles: deque[Image] = deque(maxlen=MOST_TILES)
        try:
            yield Album(tracks, lambda logged, picture: tiles.append(picture))
        finally:
            write_picture(out, contact_sheet(tiles))
    else:
        yield Album(tracks, lambda logged, picture: write_picture(folder / _file_name(logged), picture))


class Album:
    """Keeps the clearest frame of every vehicle and makes its picture when the vehicle is told."""

    def __init__(self, tracks: Tracks, keep: Callable[[LoggedEvent, Image], object]) -> None:
        self._tracks, self._keep = tracks, keep
        self._best: dict[int, tuple[float, Image, Box]] = {}

    def see(self, frame: Frame) -> None:
        """Remember this frame for the vehicles that it shows best."""
        for track in self._tracks():
            known = self._best.get(track.id)
            if track.last_seen == frame.time and (known is None or track.best_quality > known[0]):
                self._best[track.id] = track.best_quality, *_smaller(frame.image, track.box)
        for track_id in list(self._best)[:-MOST_WAITING]:
            del self._best[track_id]

    def tell(self, logged: LoggedEvent) -> None:
        """Make the picture of a vehicle."""
        found = self._best.pop(logged.event.track, None)
        if found is not None:
            self._keep(logged, marked(found[1], found[2], logged.event))


class Film:
    """Every frame with what is in view, as a video."""

    def __init__(self, path: Path, tracks: Tracks) -> None:
        self._path, self._tracks = path, tracks
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)  # width, height
        self._waiting: Frame | None = None

    def see(self, frame: Frame) -> None:
        """Draw the vehicles in view and write the frame."""
        image = frame.image.copy()
        for track in self._tracks():
            if track.last_seen == frame.time:
                reading = max(
                    (look.reading for look in track.looks), key=lambda r: r.confidence, default=None
                )
                mark(image, track.box, reading.text if reading else "")
        drawn = Frame(image, frame.source, frame.index, frame.time)
        if self._waiting is not None:
            self._write(self._waiting, frame.time - self._waiting.time)
        self._waiting = drawn

    def tell(self, logged: LoggedEvent) -> None:
        """The video shows what is read while it is in view; nothing is added afterwards."""

    def close(self) -> None:
        """Write the last frame and end the file."""
        if self._waiting is not None:
            self._write(self._waiting, 0.0)
        if self._writer is not None:
            self._writer.release()

    def _write(self, frame: Frame, seconds: float) -> None:
        height, width = frame.image.shape[:2]
        if self._writer is None:
            fps = 1 / seconds if 0.01 < seconds < 2 else 25.0
            self._size = width, height
            code = "MJPG" if self._path.suffix.lower() == ".avi" else "mp4v"
            self._writer = cv2.VideoWriter(str(self._path), cv2.VideoWriter.fourcc(*code), fps, self._size)
            if not self._writer.isOpened():
                raise StoreError(f"{self._path} cannot be written. Name another file with --annotate.")
        image = frame.image if (width, height) == self._size else letterbox(frame.image, self._size[::-1])[0]
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def marked(image: Image, box: Box, event: Event) -> Image:
    """A tile of a contact sheet: the frame, the plate marked and enlarged, and what is known."""
    small, transform = letterbox(image, TILE)
    scale = np.array((transform.scale_x, transform.scale_y))
    low, high = (
        np.array(p) * scale + (transform.left, transform.top) for p in ((box.x0, box.y0), (box.x1, box.y1))
    )
    mark(small, Box(*low, *high), event.plate)
    if event.evidence is not None:
        height, width = PLATE
        small[-height:, -width:] = cv2.resize(event.evidence, (width, height), interpolation=cv2.INTER_CUBIC)
    owner = event.vehicle.owner if event.vehicle else "not in the registry"
    restored = ", restored" if event.restored else ""
    write(small, f"{event.plate}  {event.confidence:.0%}  quality {event.quality:.2f}{restored}", (6, 8))
    write(small, owner, (6, 8 + LETTER + 10))
    return small


def mark(image: Image, box: Box, text: str) -> None:
    """Draw a frame around a plate, and its text above it or, at the upper edge, below."""
    x0, y0, x1, y1 = (round(float(v)) for v in (box.x0, box.y0, box.x1, box.y1))
    cv2.rectangle(image, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), YELLOW, 2)
    if text:
        above = y0 - LETTER - 12
        write(image, text, (max(4, x0), above if above > 0 else y1 + 8))


def write(image: Image, text: str, at: tuple[int, int]) -> None:
    """Black letters on yellow, the upper left corner of the first letter at (x, y)."""
    x, y = at
    if hasattr(cv2, "FontFace"):  # OpenCV 5 brings the letters of all regions
        face = cv2.FontFace("uni")
        _, _, width, _ = cv2.getTextSize((image.shape[1], image.shape[0]), text, (x, y), face, LETTER)
        cv2.rectangle(image, (x - 4, y - 5), (x + width + 4, y + LETTER + 5), YELLOW, cv2.FILLED)
        cv2.putText(image, text, (x, y + LETTER - 2), BLACK, face, LETTER)
        return
    text = "".join(_latin(character) for character in text)
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, LETTER / 30, 2)
    cv2.rectangle(image, (x - 4, y - 5), (x + width + 4, y + LETTER + 5), YELLOW, cv2.FILLED)
    cv2.putText(
        image, text, (x, y + LETTER - 2), cv2.FONT_HERSHEY_SIMPLEX, LETTER / 30, BLACK, 2, cv2.LINE_AA
    )


def contact_sheet(tiles: Iterable[Image]) -> Image:
    """All tiles on one picture, about as many across as down; grey where there is none."""
    pictures = list(tiles)
    across = max(1, math.ceil(math.sqrt(len(pictures))))
    down = max(1, math.ceil(len(pictures) / across))
    height, width = TILE
    sheet = np.full((down * height, across * width, 3), 114, np.uint8)
    for index, picture in enumerate(pictures):
        y, x = index // across * height, index % across * width
        sheet[y : y + height, x : x + width] = picture
    return sheet


def write_picture(path: Path, image: Image) -> None:
    """Write a PNG or JPEG; StoreError where the disk refuses."""
    if path.suffix.lower() == ".png":
        data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    else:
        data = encode_jpeg(image)
    try:
        path.write_bytes(data)
    except OSError as problem:
        raise StoreError(f"{path} cannot be written ({problem.strerror}). Name another file.") from problem


def _smaller(image: Image, box: Box) -> tuple[Image, Box]:
    """The picture and the box at most LARGEST pixels wide."""
    scale = min(1.0, LARGEST / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    return np.asarray(small, np.uint8), Box(box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale)


def _latin(character: str) -> str:
    """A letter of a font that has only ASCII: a Hangul syllable by its name, others by their number."""
    if character.isascii():
        return character
    plain = unicodedata.normalize("NFD", character.replace("Đ", "D").replace("đ", "d"))
    if plain[0].isascii():
        return plain[0]
    name = unicodedata.name(character, "")
    return (
        name.removeprefix("HANGUL SYLLABLE ")
        if name.startswith("HANGUL SYLLABLE")
        else f"[{ord(character):X}]"
    )


def _file_name(logged: LoggedEvent) -> str:
    return f"{logged.id:06}-{logged.event.plate}.jpg"
