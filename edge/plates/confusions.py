"""Glyphs that a reader takes for each other, and posteriors that admit it."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from edge.plates.alphabet import INDEX

SLIP = 0.005  # probability that a glyph was taken for one like it, however sure the network is
PAIRS = dict.fromkeys(("0O", "0Q", "0D", "OQ", "OD", "QD", "1I", "8B", "7Z", "5S", "6G", "4A"), SLIP)
PAIRS["2Z"] = 0.02  # Vietnam's 2 has a straight back


def soften(log_posteriors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log posteriors (timesteps, characters) in which every glyph keeps a little of those like it.

    This is what lets a grammar turn a sure O into the 0 that must stand there, at a known price.
    """
    glyphs, slips = _slips()
    softened = log_posteriors.copy()
    # a dozen columns: einsum's own loop is over before BLAS has woken its threads
    shared = np.einsum("ts,sm->tm", np.exp(log_posteriors[:, glyphs]), slips)
    softened[:, glyphs] = np.log(shared + 1e-30)
    return softened


@functools.cache
def _slips() -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Indices of the glyphs, and the probability (seen, meant) among them, rows adding up to 1."""
    glyphs = sorted(set("".join(PAIRS)))
    matrix = np.eye(len(glyphs), dtype=np.float32)
    for pair, slip in PAIRS.items():
        i, j = glyphs.index(pair[0]), glyphs.index(pair[1])
        matrix[i, j] = matrix[j, i] = slip
        matrix[i, i] -= slip
        matrix[j, j] -= slip
    return np.array([INDEX[glyph] for glyph in glyphs]), matrix
