"""Losses, outside the graphs: what was trained is what is exported."""

from __future__ import annotations

import keras
from keras import ops

ALPHA, GAMMA = 0.8, 3.0  # seed 003, focal CTC
IGNORE = 255


def plain_ctc(text: keras.KerasTensor, length: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """−ln p per sample; p: CTC probability of text (batch, n) under logits (batch, steps, characters)."""
    return ops.ctc_loss(text, logits, length, ops.full_like(length, logits.shape[1]), mask_index=0)


def focal_ctc(text: keras.KerasTensor, length: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """α(1 − p)^γ · −ln p per sample, with the p of plain_ctc."""
    nll = plain_ctc(text, length, logits)
    return ALPHA * (1.0 - ops.exp(-nll)) ** GAMMA * nll


def known_entropy(
    labels: keras.KerasTensor, logits: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Cross-entropy of every label, 0 where it is IGNORE; and where it is not, as 0 or 1."""
    known = ops.cast(ops.not_equal(labels, IGNORE), logits.dtype)
    labels = ops.where(ops.equal(labels, IGNORE), ops.zeros_like(labels), labels)
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True) * known, known


def aligned(steps: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy per sample over the time steps (batch, 64) whose character the renderer knows."""
    entropy, known = known_entropy(steps, logits)
    return ops.sum(entropy, axis=-1) / (ops.sum(known, axis=-1) + 1.0)


def segmented(cells: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Mean cross-entropy per sample of the ordinal character map (batch, 16, 32): seed 003's auxiliary task."""
    return ops.mean(known_entropy(cells, logits)[0], axis=(1, 2))


def centres(heat: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """CenterNet's penalty-reduced focal loss per sample and plate over heat maps (batch, h, w, 1)."""
    p = ops.clip(predicted, 1e-4, 1.0 - 1e-4)
    here = ops.cast(ops.greater(heat, 0.99), p.dtype)
    hit = here * (1.0 - p) ** 2 * ops.log(p)
    miss = (1.0 - here) * (1.0 - heat) ** 4 * p**2 * ops.log(1.0 - p)
    return -ops.sum(hit + miss, axis=(1, 2, 3)) / (ops.sum(here, axis=(1, 2, 3)) + 1.0)


def shapes(target: keras.KerasTensor, predicted: keras.KerasTensor, weight: keras.KerasTensor) -> keras.KerasTensor:
    """Mean absolute error per sample of maps (batch, h, w, k) where `weight` (batch, h, w, 1) says a plate is."""
    error = ops.sum(ops.abs(target - predicted) * weight, axis=(1, 2, 3))
    return error / (ops.sum(weight, axis=(1, 2, 3)) + 1.0)
