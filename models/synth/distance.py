"""One plate from near and from far, each view with the degradations of its distance: what seed 001 learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth import degrade, drawing, formats, view
from models.synth.degrade import Strengths
from models.synth.formats import Plate, Rng

# Ranges of the strengths. By low_resolution the plate is 104 pixels wide from near and 49 from far, as the means of the
# paper's two test sets (section 3.1); what else distance does it only names: noise, and a worse camera.
NEAR = {"low_resolution": (0.22, 0.36), "defocus": (0.0, 0.3), "noise": (0.0, 0.3), "jpeg": (0.0, 0.3)}
FAR = {
    "low_resolution": (0.70, 0.86), "defocus": (0.0, 0.35), "motion": (0.0, 0.25), "noise": (0.1, 0.5),
    "jpeg": (0.1, 0.5),
}
EITHER = {"perspective": (0.0, 0.25), "shadow": (0.0, 0.15), "night": (0.0, 0.2)}
JITTER = 0.3  # of the cut


@dataclass(frozen=True)
class Look:
    """One view of the plate, and the boxes (n, 4) of its characters in the crop."""

    sample: view.Sample
    boxes: np.ndarray


def brazilian(rng: Rng) -> Plate:
    """A plate as in the paper: Brazil before Mercosul, one row, three letters and four digits."""
    while True:
        drawn = formats.brazil(rng)
        if drawn.kind == "grey":
            return drawn


def strengths(rng: Rng, ranges: dict[str, tuple[float, float]], dirt: float) -> Strengths:
    """How a view of that distance is degraded; `dirt` belongs to the plate."""
    drawn = {name: float(rng.uniform(*between)) for name, between in (ranges | EITHER).items()}
    return dict.fromkeys(degrade.NAMES, 0.0) | drawn | {"dirt": dirt}


def render(rng: Rng, plate: Plate) -> tuple[Look, Look]:
    """The same drawn plate, seen from near and from far."""
    dirt = float(rng.uniform(0, 0.3))
    sketch = drawing.draw(plate, rng, dirt=dirt)
    near, far = (view.see(rng, plate, sketch, strengths(rng, ranges, dirt), jitter=JITTER) for ranges in (NEAR, FAR))
    return Look(near, boxes(near, sketch)), Look(far, boxes(far, sketch))


def boxes(sample: view.Sample, sketch: drawing.Drawing) -> np.ndarray:
    """Where the characters stand in the crop: (n, 4), x0 y0 x1 y1 in its pixels."""
    corners = view.project(sketch.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]], sample.onto).reshape(-1, 4, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
