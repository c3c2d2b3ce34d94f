"""Five looks at one passing plate, each degraded on its own, with the quality of each: what seed 002 learns from.

The plate is Chinese, of one row and seven characters, as in that paper. Its labels come from a no-reference quality
network (Kang et al. 2014); a renderer has the reference, so the quality of a look is its similarity to the plate as
drawn, seen from the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.synth import degrade, drawing, formats, view
from models.synth.formats import Plate, Rng

FRAMES = 5
CHARACTERS = 7
WINDOW = 1.5  # standard deviation of the window of SSIM, pixels
FAINT = (0.03 * 255 / 60) ** 2  # C2 of SSIM where the standard deviation of a plate is taken for 60 of 255


@dataclass(frozen=True)
class Sequence:
    """crops: (5, 64, 128, 3) uint8; text: (7,) indices; similarity: (5,) in [-1, 1], how well each shows the plate."""

    crops: np.ndarray
    text: tuple[int, ...]
    similarity: np.ndarray


def plate(rng: Rng) -> Plate:
    """A Chinese plate of one row: province, letter, five more; none with an authority's O."""
    while True:
        drawn = formats.china(rng)
        usual = drawn.kind != "special" and "O" not in drawn.text
        if usual and drawn.rows == 1 and len(drawn.text) == CHARACTERS:
            return drawn


def structure(seen: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Contrast and structure of SSIM (Wang et al. 2004) for every pixel of two standardized pictures (h, w)."""

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (0, 0), WINDOW)

    x, y = seen - mean(seen), reference - mean(reference)
    return (2 * mean(x * y) + FAINT) / (mean(x * x) + mean(y * y) + FAINT)


def similarity(sample: view.Sample, sketch: drawing.Drawing) -> float:
    """How well a crop shows the plate: the mean of `structure` over it, in [-1, 1]; exposure does not count."""
    size = view.CROP[::-1]
    reference = cv2.warpPerspective(cv2.GaussianBlur(sketch.image, (0, 0), 0.7), sample.onto, size)
    inside = cv2.warpPerspective(np.ones(sketch.image.shape[:2], np.uint8), sample.onto, size).astype(bool)
    return float(structure(*(standardized(image, inside) for image in (sample.crop, reference)))[inside].mean())


def standardized(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) as grey values (h, w) of mean 0 and standard deviation 1 where `inside` is true."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return (grey - grey[inside].mean()) / max(1.0, float(grey[inside].std()))


def render(rng: Rng) -> Sequence:
    """Five looks at one plate, each with degradations of its own up to a ceiling of its own; dirt is the plate's."""
    kind, dirt = plate(rng), 0.5 * degrade.sample(rng, 1.0)["dirt"]
    sketch = drawing.draw(kind, rng, dirt=dirt)
    looks = []
    for _ in range(FRAMES):
        strengths = degrade.sample(rng, rng.uniform(0.1, 1.0)) | {"dirt": dirt}
        strengths["perspective"] *= 0.3  # a camera over the lane, and a tracker that holds the plate
        looks.append(view.see(rng, kind, sketch, strengths, jitter=0.6))
    return Sequence(
        np.stack([look.crop for look in looks]), looks[0].text,
        np.array([similarity(look, sketch) for look in looks], np.float32),
    )
