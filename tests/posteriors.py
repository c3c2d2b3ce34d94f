"""Log posteriors as the reader would give them, written for a known text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.plates.alphabet import INDEX, SIZE

Rivals = dict[int, dict[str, float]]  # position → other characters, with their logits above the text's own


def posteriors(
    upper: str, lower: str = "", *, odds: float = 14.0, rivals: Rivals | None = None
) -> NDArray[np.float32]:
    """(64, characters): the upper row in the first 32 steps, the lower in the last, blanks between."""
    logits = np.zeros((64, SIZE))
    logits[:, ctc.BLANK] = 14.0
    position = 0
    for start, row in ((1, upper), (33, lower)):
        for step, character in enumerate(row):
            logits[start + 3 * step, ctc.BLANK] = 0.0
            logits[start + 3 * step, INDEX[character]] = odds
            for rival, more in (rivals or {}).get(position, {}).items():
                logits[start + 3 * step, INDEX[rival]] = odds + more
            position += 1
    return ctc.log_softmax(logits)
