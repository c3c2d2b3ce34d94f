import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera import open_source, shown
from edge.errors import BadImage, BadInput, BadSettings, CameraError
from edge.records import Frame
from edge.settings import Filming
from tests.mjpeg import jpeg, network_camera


def frames(source: Path | str, **settings: object) -> list[Frame]:
    with open_source(Filming(source=str(source), **settings)) as stream:  # type: ignore[arg-type]
        return list(stream)


def clip(path: Path, count: int, fps: float = 10) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for number in range(count):
        writer.write(np.full((48, 64, 3), (0, 0, 20 * number), np.uint8))  # red in OpenCV's order
    writer.release()
    os.utime(path, (5000, 5000))
    return path


@contextmanager
def standard_input(data: bytes) -> Iterator[None]:
    """Put a real pipe in the place of descriptor 0."""
    reader, writer = os.pipe()
    before = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)

    def feed() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        thread.join()


def test_a_video_gives_every_frame_in_rgb_with_the_time_of_the_recording(tmp_path: Path) -> None:
    found = frames(clip(tmp_path / "a.avi", 12))
    assert [frame.index for frame in found] == list(range(12))
    assert [frame.time for frame in found] == pytest.approx([5000 + i / 10 for i in range(12)])
    red, green, blue = found[10].image.reshape(-1, 3).mean(axis=0)
    assert red > 180
    assert max(green, blue) < 20


def test_a_frame_rate_in_the_settings_goes_before_the_videos_own(tmp_path: Path) -> None:
    times = [frame.time for frame in frames(clip(tmp_path / "a.avi", 4), fps=2.0)]
    assert times == pytest.approx([5000, 5000.5, 5001, 5001.5])


def test_a_file_of_concatenated_pictures_is_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mjpeg"
    path.write_bytes(b"".join(jpeg(50 * i) for i in range(5)))
    found = frames(path, fps=10.0)
    assert [round(float(frame.image.mean())) for frame in found] == [0, 50, 100, 150, 200]
    assert found[4].time - found[0].time == pytest.approx(0.4)


def test_a_folder_gives_its_pictures_by_name_and_warns_of_a_truncated_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, data in (("b.jpg", jpeg(200)), ("a.png", jpeg(10)), ("c.jpg", jpeg()[:-20]), ("n.txt", b"x")):
        (tmp_path / name).write_bytes(data)
    assert [round(float(frame.image.mean())) for frame in frames(tmp_path)] == [10, 200]
    assert "c.jpg is cut short" in caplog.text


def test_a_single_picture_is_one_frame(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(120) + jpeg(10))  # phones append a preview
    (frame,) = frames(tmp_path / "a.jpg")
    assert frame.image.shape == (48, 64, 3)
    assert frame.source == str(tmp_path / "a.jpg")


def test_pictures_of_one_pixel_and_of_48_megapixels_are_frames(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(9, 1, 1))
    (tmp_path / "b.jpg").write_bytes(jpeg(9, 6000, 8000))
    assert [frame.image.shape for frame in frames(tmp_path)] == [(1, 1, 3), (6000, 8000, 3)]


@pytest.mark.parametrize("live", [None, True])
def test_standard_input_gives_the_pictures_of_a_pipe_and_ends_with_it(live: bool | None) -> None:
    with standard_input(b"".join(jpeg(50 * i) for i in range(4))):
        found = frames("-", live=live)
    means = [round(float(frame.image.mean())) for frame in found]
    assert means == [0, 50, 100, 150] if live is None else means[-1] == 150


def test_standard_input_without_a_picture_is_told() -> None:
    with standard_input(b""), pytest.raises(BadImage, match="standard input holds no picture"):
        frames("-")
    with (
        standard_input(jpeg()[:-20]),
        pytest.raises(BadImage, match="picture 1 of standard input is cut"),
    ):
        frames("-")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("97", CameraError, r"There is no camera /dev/video97 \(present: .*Check its cable"),
        ("/nowhere/clip.mp4", CameraError, "There is no file or folder /nowhere/clip.mp4. Check the path"),
        ("http://127.0.0.1:9/video", CameraError, "cannot be opened. Check the address"),
    ],
)
def test_a_source_that_is_not_there_is_told_at_once(source: str, error: type, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=message):
        frames(source)
    assert time.monotonic() - began < 5


def test_files_that_are_no_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video" * 100)
    with pytest.raises(BadInput, match=r"is not a video that can be decoded[.] Save it as MP4"):
        frames(tmp_path / "a.mp4")
    (tmp_path / "a.jpg").write_bytes(jpeg()[:-20])
    with pytest.raises(BadImage, match="cut short"):
        frames(tmp_path / "a.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"holds no picture[.] Name a folder"):
        frames(tmp_path / "empty")


def test_a_file_cannot_be_live(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"camera.live is for cameras"):
        frames(clip(tmp_path / "a.avi", 2), live=True)


def test_a_slow_consumer_of_a_live_stream_gets_the_newest_frame() -> None:
    settings = {"stall_seconds": 0.5, "give_up_seconds": 5.0}
    with (
        network_camera(40, stalls=True) as camera,
        open_source(Filming(source=camera.address, **settings)) as stream,  # type: ignore[arg-type]
    ):
        next(stream)
        time.sleep(0.3)
        late = next(stream)
    assert late.index == 1
    assert time.time() - late.time < 0.3


def test_a_stream_that_ends_is_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with (
        network_camera(6) as camera,
        open_source(Filming(source=camera.address, reconnect_seconds=0.05)) as stream,
    ):
        while camera.connections < 3:
            assert next(stream).source == camera.address.replace("user:secret@", "")
    assert "the stream ended; opening it again in 0.05 s" in caplog.text
    assert "secret" not in caplog.text


def test_a_stream_that_stalls_is_told_with_the_remedy() -> None:
    settings = {"stall_seconds": 0.3, "reconnect_seconds": 0.1, "give_up_seconds": 1.5}
    with network_camera(6, stalls=True) as camera:
        with open_source(Filming(source=camera.address, **settings)) as stream:  # type: ignore[arg-type]
            assert next(stream).image.shape == (48, 64, 3)
            camera.pictures = 0
            with pytest.raises(CameraError, match=r"gave no picture for 1.5 s: .*Check its power, cable"):
                for _ in stream:
                    pass
        assert camera.connections >= 2


def test_a_stream_that_stalls_while_every_frame_is_wanted_is_told() -> None:
    with (
        network_camera(6, stalls=True) as camera,
        pytest.raises(CameraError, match=r"stood still for 0.4 s[.] Check the camera and the network"),
    ):
        frames(camera.address, live=False, stall_seconds=0.4)


def test_names_and_passwords_of_addresses_are_not_shown() -> None:
    assert shown("rtsp://admin:pw@10.0.0.2:554/s?x=1") == "rtsp://10.0.0.2:554/s?x=1"
    assert [shown(s) for s in ("0", "-", "clip.mp4")] == ["/dev/video0", "-", "clip.mp4"]
