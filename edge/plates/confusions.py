"""Glyphs that a reader takes for each other, and posteriors that admit it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from edge.plates.alphabet import INDEX, SIZE

PAIRS = ("0O", "0Q", "0D", "OQ", "OD", "QD", "1I", "8B", "2Z", "7Z", "5S", "6G", "4A")
SLIP = 0.005  # probability that a glyph was taken for one like it, however sure the network is


def soften(log_posteriors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log posteriors (timesteps, characters) in which every glyph keeps a little of those like it.

    This is what lets a grammar turn a sure O into the 0 that must stand there, at a known price.
    """
    return np.asarray(np.log(np.exp(log_posteriors) @ _slips() + 1e-30), np.float32)


@functools.cache
def _slips() -> NDArray[np.float32]:
    """Probability (seen, meant), rows adding up to 1."""
    matrix = np.eye(SIZE, dtype=np.float32)
    for pair in PAIRS:
        i, j = INDEX[pair[0]], INDEX[pair[1]]
        matrix[i, j] = matrix[j, i] = SLIP
        matrix[i, i] -= SLIP
        matrix[j, j] -= SLIP
    return matrix
