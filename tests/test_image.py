"""Decoding, letterbox and rectification, without any model."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import BadImage
from edge.image import GREY, corners_of, decode_image, fill, letterbox, rectify
from edge.records import Box, Image


def gradient(height: int, width: int) -> Image:
    """Red grows to the right, green downwards: a pixel's colour tells where it came from."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns * 255 / max(1, width - 1), rows * 255 / max(1, height - 1)
    return np.stack([red, green, np.zeros_like(red)], axis=2).astype(np.uint8)


def encoded(image: Image, extension: str) -> bytes:
    done, data = cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (1, 1), (10, 2000), (384, 384)])
def test_letterbox_points_come_back_to_where_they_were(height: int, width: int) -> None:
    canvas, transform = letterbox(gradient(height, width), (384, 384))
    assert canvas.shape == (384, 384, 3)
    points = np.array([[0.0, 0.0], [width, height], [width / 3, height / 2]])
    inside = points * (transform.scale_x, transform.scale_y) + (transform.left, transform.top)
    assert inside.min() >= 0
    assert inside.max() <= 384
    np.testing.assert_allclose([transform.point(x, y) for x, y in inside], points, atol=1e-9)


def test_letterbox_pads_with_grey_and_keeps_the_aspect() -> None:
    canvas, transform = letterbox(np.zeros((100, 200, 3), np.uint8), (384, 384))
    assert (canvas[:96] == GREY).all()
    assert (canvas[96:288] == 0).all()
    assert (canvas[288:] == GREY).all()
    assert transform.scale_x == transform.scale_y == 1.92


def test_an_8000_by_6000_picture_is_letterboxed_and_rectified() -> None:
    image = np.zeros((6000, 8000, 3), np.uint8)
    image[5000:5200, 7000:7500] = 200
    canvas, _ = letterbox(image, (384, 384))
    assert canvas.shape == (384, 384, 3)
    crop = rectify(image, Box(7000, 5000, 7500, 5200))
    assert (crop[6:-6, 8:-8] == 200).all()
    assert (crop[0] == 0).all()


def test_rectify_keeps_an_upright_plate_of_crop_size_as_it_is() -> None:
    image = gradient(64, 128)
    np.testing.assert_array_equal(rectify(image, Box(0, 0, 128, 64), margin=0.0), image)


def test_rectify_leaves_the_margin_around_the_plate() -> None:
    image = np.zeros((400, 800, 3), np.uint8)
    image[100:300, 200:600] = 255
    crop = rectify(image, Box(200, 100, 600, 300))[..., 0]
    share_x, share_y = (crop[32] > 127).mean(), (crop[:, 64] > 127).mean()
    assert share_x == pytest.approx(1 / 1.08, abs=0.02)
    assert share_y == pytest.approx(1 / 1.08, abs=0.02)


def test_rectify_undoes_perspective() -> None:
    flat = gradient(64, 128)
    corners = np.array([[100, 90], [310, 60], [330, 170], [90, 220]], np.float32)
    matrix = cv2.getPerspectiveTransform(
        np.array(corners_of(Box(0, 0, 128, 64)), np.float32) - 0.5, corners - 0.5
    )
    scene = cv2.warpPerspective(flat, matrix, (400, 300), flags=cv2.INTER_CUBIC)
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    crop = rectify(np.asarray(scene, np.uint8), (a, b, c, d), margin=0.0)
    assert np.abs(crop[4:-4, 4:-4].astype(int) - flat[4:-4, 4:-4]).mean() < 2


def test_rectify_averages_a_large_plate_instead_of_aliasing() -> None:
    stripes = np.zeros((640, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = rectify(stripes, Box(0, 0, 1280, 640), margin=0.0)
    assert np.abs(crop.astype(int) - 127).max() < 20


@pytest.mark.parametrize("box", [Box(-50, -20, 30, 20), Box(90, 90, 200, 150), Box(500, 500, 600, 600)])
def test_a_plate_over_the_edge_of_the_picture_is_still_cut(box: Box) -> None:
    assert rectify(gradient(100, 100), box).shape == (64, 128, 3)


def test_a_picture_of_one_pixel_fills_a_crop() -> None:
    crop = fill(np.full((1, 1, 3), 7, np.uint8))
    assert (crop == 7).all()


@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp"])
def test_pictures_are_decoded_as_rgb(tmp_path: Path, extension: str) -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 0] = 250
    path = tmp_path / f"red{extension}"
    path.write_bytes(encoded(image, extension))
    decoded = decode_image(path)
    assert decoded.shape == (40, 60, 3)
    assert decoded[20, 30, 0] > 240
    assert decoded[20, 30, 2] < 15


def test_a_grey_picture_gets_three_channels(tmp_path: Path) -> None:
    done, data = cv2.imencode(".png", np.full((5, 6), 90, np.uint8))
    assert done
    assert decode_image(bytes(data)).shape == (5, 6, 3)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_truncated_jpeg_is_refused(share: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), np.uint8)
    data = encoded(noise, ".jpg")
    with pytest.raises(BadImage, match=r"gate\.jpg .*(cut short|not a picture)"):
        decode_image(data[: int(len(data) * share)], name="gate.jpg")


def test_a_truncated_png_is_refused() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (200, 300, 3), np.uint8)
    data = encoded(noise, ".png")
    with pytest.raises(BadImage, match="cut short"):
        decode_image(data[: len(data) // 2])


def test_a_jpeg_with_bytes_after_its_end_is_fine() -> None:
    assert decode_image(encoded(gradient(20, 30), ".jpg") + b"\x00" * 20).shape == (20, 30, 3)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("no picture")
    with pytest.raises(BadImage, match=r"notes\.jpg is not a picture .*Use JPEG"):
        decode_image(path)
    with pytest.raises(BadImage, match="is empty"):
        decode_image(b"")
    with pytest.raises(BadImage, match=r"gone\.jpg cannot be read"):
        decode_image(tmp_path / "gone.jpg")
