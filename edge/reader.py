"""The reader: a rectified crop in, its text with candidates and posteriors out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.errors import ModelMismatch
from edge.plates.alphabet import CHARACTERS
from edge.plates.decide import conclude, fold
from edge.records import Image, PlateCrop, Reading
from edge.runtime import Model
from edge.windows import stitch, windows


class Reader:
    """Reads plates of every region; the contraction and the CTC decoding are done on the host."""

    def __init__(self, model: Model) -> None:
        if model.manifest.alphabet != CHARACTERS:
            raise ModelMismatch(
                "The reader model was made for another alphabet than this edge-alpr has. "
                "Install the models and the program of one release."
            )
        self._model = model

    def read(self, crop: PlateCrop, *, region: str | None = None) -> Reading:
        """The reading of a crop (64, 128, 3); without a region the grammars vote."""
        return _reading(self._look(crop.image), region)

    def read_wide(self, wide: Image, *, region: str | None = None) -> Reading:
        """The same of a wide view (64, 256, 3), in which the rows of a plate stand side by side."""
        return _reading(stitch([self._look(window) for window in windows(wide)]), region)

    def _look(self, image: Image) -> NDArray[np.float32]:
        outputs = self._model(crop=image)
        return fold(ctc.log_softmax(ctc.contract(outputs["classes"], outputs["masks"])))


def _reading(log_posteriors: NDArray[np.float32], region: str | None) -> Reading:
    rows = (log_posteriors.argmax(axis=1) != ctc.BLANK).reshape(ctc.ROWS, -1)
    return Reading(conclude(log_posteriors, region), log_posteriors, 2 if rows.any(axis=1).all() else 1)
