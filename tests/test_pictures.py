import io

import cv2
import numpy as np
import pytest

from edge.pictures import concatenated


def picture(kind: str, seed: int, side: int = 40) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return bytes(cv2.imencode(kind, noise)[1])


def with_thumbnail(jpeg: bytes) -> bytes:
    """A JPEG with a whole JPEG in its APP1 segment, as cameras write."""
    thumbnail = picture(".jpg", 9, 16)
    return jpeg[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + jpeg[2:]


PICTURES = [
    picture(".jpg", 1),
    picture(".png", 2),
    with_thumbnail(picture(".jpg", 3)),
    picture(".jpg", 4, 200),
]


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1 << 20])
def test_pictures_come_out_as_they_went_in_however_the_bytes_arrive(chunk: int) -> None:
    stream = io.BytesIO(b"".join(PICTURES))
    assert list(concatenated(lambda n: stream.read(min(n, chunk)))) == PICTURES


def test_what_lies_between_the_pictures_is_left_out() -> None:
    header = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"
    stream = io.BytesIO(b"".join(header + p for p in PICTURES) + b"\r\n--frame--")
    assert list(concatenated(stream.read)) == PICTURES


def test_a_picture_cut_short_does_not_take_the_next_one_with_it() -> None:
    cut = PICTURES[3][:4000]
    assert list(concatenated(io.BytesIO(PICTURES[0] + cut + PICTURES[0]).read)) == [
        PICTURES[0],
        cut,
        PICTURES[0],
    ]


def test_the_last_picture_is_handed_on_even_when_it_is_cut_short() -> None:
    assert list(concatenated(io.BytesIO(PICTURES[0] + PICTURES[1][:100]).read)) == [
        PICTURES[0],
        PICTURES[1][:100],
    ]


def test_a_stream_that_holds_no_jpeg_or_png_is_handed_on_whole() -> None:
    assert list(concatenated(io.BytesIO(picture(".bmp", 5)).read)) == [picture(".bmp", 5)]
    assert list(concatenated(io.BytesIO(b"").read)) == []
