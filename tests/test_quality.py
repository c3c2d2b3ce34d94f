"""The QAM's answer as a record."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.quality import Assessor
from edge.records import Box, Detection, PlateCrop
from tests import tiny

CROP = PlateCrop(np.zeros((64, 128, 3), np.uint8), Detection(Box(0, 0, 1, 1), 1.0, None, 1))


class Network:
    """A QAM that always says the same."""

    def __init__(self, quality: float, degraded: float, settings: dict[str, float] | None = None) -> None:
        self.manifest = dataclasses.replace(tiny.manifest(b""), settings=settings)
        self.said = {"quality": quality, "degraded": degraded}

    def __call__(self, *, crop: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        assert crop.shape == (64, 128, 3)
        return {name: np.full((1, 1, 1, 1), value, np.float32) for name, value in self.said.items()}


@pytest.mark.parametrize(("share", "verdict"), [(0.2, False), (0.5, True), (0.9, True)])
def test_a_crop_is_degraded_from_one_half_on(share: float, verdict: bool) -> None:
    quality = Assessor(Network(0.25, share)).assess(CROP)  # type: ignore[arg-type]
    assert quality.score == pytest.approx(0.25)
    assert quality.degraded is verdict


def test_the_weights_may_bring_their_own_verdict() -> None:
    assert not Assessor(Network(0.2, 0.6, {"degraded": 0.7})).assess(CROP).degraded  # type: ignore[arg-type]
