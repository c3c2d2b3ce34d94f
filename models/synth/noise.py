"""Smooth noise: dirt, wear, clouds of light."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from models.synth.formats import Rng


@cache
def noise_bank() -> np.ndarray:
    """Sixteen smooth noise fields (16, 128, 256) in [0, 1]: dirt, wear, clouds of light."""
    rng = np.random.default_rng(11)
    bank = []
    for n in range(16):
        field = np.zeros((128, 256), np.float32)
        for octave in range(n % 3, 6):
            grain = rng.random((2 + 2**octave, 2 + 2 ** (octave + 1)), np.float32)
            field += cv2.resize(grain, (256, 128), interpolation=cv2.INTER_CUBIC) * 0.62**octave
        low, high = np.percentile(field, (1, 99))
        bank.append(np.clip((field - low) / (high - low), 0, 1))
    return np.stack(bank)


def noise(rng: Rng, height: int, width: int) -> np.ndarray:
    """A patch (height, width) of smooth noise in [0, 1]."""
    field = noise_bank()[rng.integers(16)]
    h, w = int(rng.integers(40, 128)), int(rng.integers(80, 256))
    y, x = int(rng.integers(0, 129 - h)), int(rng.integers(0, 257 - w))
    return cv2.resize(field[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_LINEAR)
