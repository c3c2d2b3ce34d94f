"""Where frames come from: V4L2, RTSP or HTTP, a video, a picture, a folder of pictures, standard input.

Every source is an iterator of Frame. Live ones give the newest frame and come back after a failure; files
give every frame, with the time of the recording. Colours become RGB here and nowhere else.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from edge.errors import BadImage, BadInput, BadSettings, CameraError
from edge.image import decode_image
from edge.live import Stamped, Stream, newest, nobody
from edge.pictures import JPEG, PNG, concatenated
from edge.records import Frame, Image
from edge.settings import Filming

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"))
STANDARD_INPUT = 0
USUAL_FPS = 25.0  # of a recording that does not tell its own
SLOWEST = 0.9  # of stall_seconds: an end that took this long was a stall

log = logging.getLogger(__name__)


@contextmanager
def open_source(settings: Filming, idle: Callable[[], None] = nobody) -> Iterator[Iterator[Frame]]:
    """Frames of the source that the settings name; `idle` is called while a live one is waited for.

    CameraError where there is none, or where it ends badly; BadInput for a file that holds no picture.
    """
    name = shown(settings.source)
    with _open(settings, name, idle) as pictures:
        yield (Frame(image, name, index, at) for index, (image, at) in enumerate(pictures))


def shown(source: str) -> str:
    """The source as it may appear in logs and records: without user name and password."""
    if not is_address(source):
        return f"/dev/video{source}" if source.isdecimal() else source
    parts = urlsplit(source)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def keeps_time(settings: Filming) -> bool:
    """Whether frames carry the time at which they came in: cameras, streams and pipes, not recordings."""
    source = settings.source
    if source == "-":
        return settings.fps is None or bool(settings.live)
    return source.isdecimal() or source.startswith("/dev/video") or is_address(source)


def is_address(source: str) -> bool:
    return "://" in source


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder by name; BadInput where there is none."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise BadInput(f"{folder} holds no picture. Name a folder with JPEG, PNG, BMP, TIFF or WebP files.")
    return files


def _open(
    settings: Filming, name: str, idle: Callable[[], None]
) -> AbstractContextManager[Iterator[Stamped]]:
    """The pictures of a source, live or one by one."""
    source = settings.source
    live = settings.live
    if source == "-":
        stream = Stream(name, partial(_piped, settings), settings, again=False)
        return newest(stream, idle) if live else stream.open()
    if source.isdecimal() or source.startswith("/dev/video"):
        stream = Stream(name, partial(_device, settings, name), settings, again=True)
    elif is_address(source):
        stream = Stream(name, partial(_address, settings, name), settings, again=True)
    elif live:
        raise BadSettings(f"camera.live is for cameras, streams and -, not for the file {source}. Remove it.")
    else:
        return closing(_file(Path(source), settings))
    return stream.open() if live is False else newest(stream, idle)


# Cameras and streams


@contextmanager
def _device(settings: Filming, name: str) -> Iterator[Iterator[Stamped]]:
    path = Path(name)
    if not path.exists():
        present = ", ".join(sorted(str(p) for p in Path("/dev").glob("video[0-9]*"))) or "none"
        raise CameraError(f"There is no camera {path} (present: {present}). Check its cable or --camera.")
    if not os.access(path, os.R_OK | os.W_OK):
        raise CameraError(f"{path} may not be opened. Add the user to the group video, then log in again.")
    wishes = {
        cv2.CAP_PROP_FRAME_WIDTH: settings.width,
        cv2.CAP_PROP_FRAME_HEIGHT: settings.height,
        cv2.CAP_PROP_FPS: settings.fps,
    }
    capture = cv2.VideoCapture(str(path), cv2.CAP_V4L2)
    with _released(capture):
        if not capture.isOpened():
            raise CameraError(f"{path} gives no pictures: it is in use or no camera. Stop the other program.")
        for key, value in wishes.items():
            if value is not None:
                capture.set(key, value)
        yield ((image, time.time()) for image in _images(capture))


@contextmanager
def _address(settings: Filming, name: str) -> Iterator[Iterator[Stamped]]:
    limit = int(settings.stall_seconds * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
    capture = cv2.VideoCapture(settings.source, cv2.CAP_FFMPEG, limits)
    with _released(capture):
        if not capture.isOpened():
            raise CameraError(f"{name} cannot be opened. Check the address, the password and the network.")
        yield _streamed(capture, settings.stall_seconds)


def _streamed(capture: cv2.VideoCapture, patience: float) -> Iterator[Stamped]:
    """Pictures with the time they came in; CameraError where the end was a stall."""
    waiting_since = time.monotonic()
    for image in _images(capture):
        yield image, time.time()
        waiting_since = time.monotonic()
    if time.monotonic() - waiting_since > SLOWEST * patience:
        raise CameraError(f"The stream stood still for {patience:g} s. Check the camera and the network.")


@contextmanager
def _piped(settings: Filming) -> Iterator[Iterator[Stamped]]:
    """Standard input: read by descriptor, so that a reader left behind holds no lock."""
    started = time.time()
    pictures = _decoded(concatenated(partial(os.read, STANDARD_INPUT)), "standard input")
    if settings.fps is None or settings.live:
        yield ((image, time.time()) for image in pictures)
    else:
        yield _paced(pictures, started, settings.fps)


# Files


def _file(path: Path, settings: Filming) -> Generator[Stamped, None, None]:
    if not path.exists():
        raise CameraError(f"There is no file or folder {path}. Check the path given with --source.")
    if path.is_dir():
        files = picture_files(path)
        return _paced(_decoded(files, str(path)), files[0].stat().st_mtime, settings.fps)
    if path.suffix.lower() in PICTURES:
        return _paced(_decoded([path], str(path)), path.stat().st_mtime, settings.fps)
    with path.open("rb") as file:
        start = file.read(len(PNG))
    return _album(path, settings) if start.startswith((JPEG, PNG)) else _video(path, settings)


def _album(path: Path, settings: Filming) -> Generator[Stamped, None, None]:
    """A file of pictures one after the other, such as `rpicam-vid --codec mjpeg` writes."""
    with path.open("rb") as file:
        pictures = _decoded(concatenated(file.read), str(path))
        yield from _paced(pictures, path.stat().st_mtime, settings.fps)


def _video(path: Path, settings: Filming) -> Generator[Stamped, None, None]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    with _released(capture):
        start = at = path.stat().st_mtime
        step = 1 / (settings.fps or capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS)
        count = 0
        for count, image in enumerate(_images(capture), 1):
            told = start + capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            regular = settings.fps is not None or told <= at  # also where the file has no time stamps
            at = (at + step if regular else told) if count > 1 else start
            yield image, at
        if not count:
            raise BadInput(f"{path} is not a video that can be decoded. Save it as MP4 (H.264) or MJPEG.")


def _paced(pictures: Iterable[Image], start: float, fps: float | None) -> Generator[Stamped, None, None]:
    """Pictures without times of their own, spread evenly from `start` on."""
    for index, image in enumerate(pictures):
        yield image, start + index / (fps or USUAL_FPS)


def _decoded(pictures: Iterable[bytes | Path], name: str) -> Generator[Image, None, None]:
    """Decode what can be decoded and warn of the rest; BadImage where nothing can be."""
    trouble: BadImage | None = BadImage(f"{name} holds no picture. Check what is sent there.")
    for number, picture in enumerate(pictures, 1):
        label = str(picture) if isinstance(picture, Path) else f"picture {number} of {name}"
        try:
            image = decode_image(picture, name=label)
        except BadImage as problem:
            log.warning("%s It is left out.", problem)
            trouble = problem if trouble else None
            continue
        trouble = None
        yield image
    if trouble:
        raise trouble


def _images(capture: cv2.VideoCapture) -> Iterator[Image]:
    """RGB pictures until the capture ends."""
    while True:
        alive, image = capture.read()
        if not alive:
            return
        yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


@contextmanager
def _released(capture: cv2.VideoCapture) -> Iterator[None]:
    try:
        yield
    finally:
        capture.release()
