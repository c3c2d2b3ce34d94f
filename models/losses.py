"""Losses, outside the graphs: what was trained is what is exported."""

from __future__ import annotations

import keras
from keras import ops

ALPHA, GAMMA = 0.8, 3.0  # seed 003, focal CTC
IGNORE = 255


def focal_ctc(text: keras.KerasTensor, length: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """α(1 − p)^γ · −ln p per sample, p the CTC probability of the text (batch, n) under logits (batch, steps, characters)."""
    steps = ops.full_like(length, logits.shape[1])
    nll = ops.ctc_loss(text, logits, length, steps, mask_index=0)
    return ALPHA * (1.0 - ops.exp(-nll)) ** GAMMA * nll


def aligned(steps: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy per sample over the time steps (batch, 64) whose character the renderer knows."""
    known = ops.cast(ops.not_equal(steps, IGNORE), logits.dtype)
    labels = ops.where(ops.equal(steps, IGNORE), ops.zeros_like(steps), steps)
    entropy = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.sum(entropy * known, axis=-1) / (ops.sum(known, axis=-1) + 1.0)


def segmented(cells: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy per sample of the ordinal character map (batch, 16, 32): seed 003's auxiliary task."""
    return ops.mean(ops.sparse_categorical_crossentropy(cells, logits, from_logits=True), axis=(1, 2))
