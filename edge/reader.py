"""The reader: a rectified crop in, its text with candidates and posteriors out."""

from __future__ import annotations

from edge import ctc
from edge.errors import ModelMismatch
from edge.plates.alphabet import CHARACTERS
from edge.plates.decide import conclude, fold
from edge.records import PlateCrop, Reading
from edge.runtime import Model


class Reader:
    """Reads plates of every region; the contraction and the CTC decoding are done on the host.

    With the wide reader's model it reads wide views (edge.wide).
    """

    def __init__(self, model: Model) -> None:
        if model.manifest.alphabet != CHARACTERS:
            raise ModelMismatch(
                "The reader model was made for another alphabet than this edge-alpr has. "
                "Install the models and the program of one release."
            )
        self._model = model

    def read(self, crop: PlateCrop, *, region: str | None = None) -> Reading:
        """The reading of a crop (64, 128, 3), or (64, 256, 3) seen wide; without a region the grammars vote."""
        outputs = self._model(crop=crop.image)
        log_posteriors = fold(ctc.log_softmax(ctc.contract(outputs["classes"], outputs["masks"])))
        rows = (log_posteriors.argmax(axis=1) != ctc.BLANK).reshape(ctc.ROWS, -1)
        return Reading(conclude(log_posteriors, region), log_posteriors, 2 if rows.any(axis=1).all() else 1)
