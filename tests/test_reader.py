"""The reader's host side, from maps that were written for known texts."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import ModelMismatch
from edge.plates.alphabet import CHARACTERS, SIZE
from edge.reader import Reader
from edge.records import Box, Detection, PlateCrop
from tests import tiny
from tests.posteriors import posteriors

CROP = PlateCrop(np.zeros((64, 128, 3), np.uint8), Detection(Box(0, 0, 1, 1), 1.0, None, 1))


class Network:
    """A reader network whose maps say a given text: upper row on map row 2, lower on map row 5."""

    def __init__(self, upper: str, lower: str = "", alphabet: str = CHARACTERS) -> None:
        self.manifest = dataclasses.replace(tiny.manifest(b""), alphabet=alphabet)
        logits = posteriors(upper, lower).reshape(2, 16, 2, SIZE)
        self.classes = np.zeros((1, 8, 16, 2 * SIZE), np.float32)
        self.masks = np.zeros((1, 8, 16, 4), np.float32)
        for row, height in enumerate((2, 5)):
            self.classes[0, height] = logits[row].reshape(16, 2 * SIZE) * 1.25
            self.masks[0, height, :, 2 * row : 2 * row + 2] = 1.0

    def __call__(self, *, crop: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        assert crop.shape == (64, 128, 3)
        return {"classes": self.classes, "masks": self.masks}


@pytest.mark.parametrize(
    ("upper", "lower", "text", "rows"),
    [("51F12345", "", "51F12345", 1), ("29B1", "23456", "29B123456", 2), ("", "", "", 1)],
)
def test_a_plate_of_one_or_two_rows_is_read_in_order(upper: str, lower: str, text: str, rows: int) -> None:
    reading = Reader(Network(upper, lower)).read(CROP)  # type: ignore[arg-type]
    assert reading.text == text
    assert reading.rows == rows
    assert reading.log_posteriors.shape == (64, SIZE)
    np.testing.assert_allclose(np.exp(reading.log_posteriors).sum(axis=1), 1.0, atol=1e-4)


def test_the_region_reaches_the_grammar() -> None:
    network = Network("5IF12345")
    assert Reader(network).read(CROP, region="vn").text == "51F12345"  # type: ignore[arg-type]
    assert Reader(network).read(CROP).text == "5IF12345"  # type: ignore[arg-type]


def test_a_model_of_another_alphabet_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="another alphabet"):
        Reader(Network("51F12345", alphabet="0123456789"))  # type: ignore[arg-type]
