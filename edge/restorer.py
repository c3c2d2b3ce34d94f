"""The restorer: a degraded plate crop in, a clearer one out."""

from __future__ import annotations

import dataclasses

import numpy as np

from edge.records import PlateCrop
from edge.runtime import Model


class Restorer:
    """Undoes blur, noise and low light in crops that are degraded or were read in doubt."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def restore(self, crop: PlateCrop) -> PlateCrop:
        """The same crop (64, 128, 3), restored and marked so."""
        restored = self._model(crop=crop.image)["restored"][0]
        pixels = np.clip(np.rint(restored * 255), 0, 255).astype(np.uint8)
        return dataclasses.replace(crop, image=pixels, restored=True)
