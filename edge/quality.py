"""The QAM: how readable a plate crop is, and whether it is worth restoring."""

from __future__ import annotations

from edge.records import PlateCrop, Quality
from edge.runtime import Model


class Assessor:
    """Scores crops before anything expensive is done with them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._degraded = (model.manifest.settings or {}).get("degraded", 0.5)

    def assess(self, crop: PlateCrop) -> Quality:
        """The quality of a rectified crop (64, 128, 3)."""
        outputs = self._model(crop=crop.image)
        return Quality(
            score=float(outputs["quality"].flat[0]),
            degraded=float(outputs["degraded"].flat[0]) >= self._degraded,
        )
