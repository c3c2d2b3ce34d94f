"""The restorer's map as pixels."""

import numpy as np
from numpy.typing import NDArray

from edge.records import Box, Detection, PlateCrop
from edge.restorer import Restorer


def brighter(*, crop: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    return {"restored": crop[np.newaxis].astype(np.float32) / 255 + 0.5}


def test_a_restored_crop_is_marked_and_stays_in_range() -> None:
    detection = Detection(Box(3, 4, 50, 20), 0.7, None, 1)
    dark, light = np.full((64, 128, 3), 10, np.uint8), np.full((64, 128, 3), 200, np.uint8)
    restorer = Restorer(brighter)  # type: ignore[arg-type]
    restored = restorer.restore(PlateCrop(dark, detection))
    assert restored.restored
    assert restored.detection is detection
    assert restored.image.dtype == np.uint8
    assert (abs(restored.image.astype(int) - 137) <= 1).all()
    assert (restorer.restore(PlateCrop(light, detection)).image == 255).all()
