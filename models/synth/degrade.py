"""The degradations of the papers, each with a strength in [0, 1] that is drawn, applied and stored.

Light acts on the scene (shadow, glare, night), then the optics (motion, defocus), then the sensor and the codec
(noise, JPEG). Low resolution, dirt, perspective and occlusion belong to the view and are applied there.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.synth.formats import Rng
from models.synth.noise import noise

NAMES = (
    "low_resolution", "defocus", "motion", "noise", "jpeg", "night", "glare", "shadow", "dirt", "perspective",
    "occlusion",
)
CHANCES = (0.75, 0.35, 0.3, 0.5, 0.6, 0.3, 0.2, 0.35, 0.35, 0.8, 0.06)
Strengths = dict[str, float]


def sample(rng: Rng, level: float) -> Strengths:
    """Strengths for one view; `level` in [0, 1] is the curriculum's ceiling."""
    present = rng.random(len(NAMES)) < CHANCES
    values = rng.random(len(NAMES)) ** 1.3 * level * present
    return dict(zip(NAMES, values.tolist(), strict=True))


def light(image: np.ndarray, strengths: Strengths, rng: Rng) -> np.ndarray:
    """Shadow, glare, night and the camera's own exposure and colour, on (h, w, 3) float32."""
    h, w = image.shape[:2]
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    if (s := strengths["shadow"]) > 0:
        angle = rng.uniform(0, 2 * np.pi)
        edge = (
            np.cos(angle) * (xs - rng.uniform(0.2, 0.8) * w) + np.sin(angle) * (ys - rng.uniform(0.2, 0.8) * h)
        ) / rng.uniform(0.5, 8)
        image = image * (1 - 0.75 * s / (1 + np.exp(-np.clip(edge, -30, 30))))[:, :, None]
    if (s := strengths["night"]) > 0:
        centre = rng.uniform(0.1, 0.9, 2) * (w, h)
        falloff = np.exp(-((xs - centre[0]) ** 2 + (ys - centre[1]) ** 2) / (rng.uniform(0.4, 1.5) * w) ** 2)
        warm = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.0)], np.float32)
        image = image * ((1 - 0.88 * s * rng.uniform(0.6, 1)) + 0.25 * s * falloff)[:, :, None] * (1 - s + s * warm)
    if (s := strengths["glare"]) > 0:
        centre = rng.uniform(0, 1, 2) * (w, h)
        spread = rng.uniform(0.08, 0.5) * w
        spot = np.exp(-((xs - centre[0]) ** 2 + (rng.uniform(0.6, 2) * (ys - centre[1])) ** 2) / spread**2)
        image = image + (spot * 255 * s * rng.uniform(0.5, 1.3))[:, :, None] + 60 * s * rng.random()
    gain = rng.uniform(0.65, 1.3) * (1 + rng.normal(0, 0.06, 3))
    image = np.clip(image * gain.astype(np.float32) + rng.uniform(-25, 25), 0, 255)
    if rng.random() < 0.4:
        image = 255 * (image / 255) ** np.float32(rng.uniform(0.6, 1.7))
    if rng.random() < 0.12:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    return image


def optics(image: np.ndarray, strengths: Strengths, rng: Rng, extent: float) -> np.ndarray:
    """Motion and defocus; `extent` is the plate's text height in pixels, to which blur is proportional.

    Mostly they mix light, not pixel values: bright strokes grow into a dark ground, dark ones shrink.
    """
    moved, sigma = strengths["motion"] > 0.05, 0.12 * strengths["defocus"] * extent
    if not (moved or sigma > 0.25):
        return image
    gamma = np.float32(rng.uniform(1.6, 2.4) if rng.random() < 0.7 else 1)
    image = np.clip(image / 255, 0, 1) ** gamma
    if moved:
        image = cv2.filter2D(image, -1, streak(strengths["motion"], extent, rng), borderType=cv2.BORDER_REPLICATE)
    if sigma > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    return 255 * np.clip(image, 0, 1) ** (1 / gamma)


def streak(strength: float, extent: float, rng: Rng) -> np.ndarray:
    """The path of a point while the shutter is open: a kernel of odd size and sum 1."""
    length = max(2, round(strength * extent * 0.38))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    angle = rng.normal(0, 0.4) if rng.random() < 0.7 else rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in np.round((length + sign * reach) * 16)) for sign in (1, -1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return kernel / max(kernel.sum(), 1e-6)


def sensor(image: np.ndarray, strengths: Strengths, rng: Rng) -> np.ndarray:
    """Noise, sharpening and JPEG; gives uint8."""
    if (s := strengths["noise"]) > 0:
        grain = rng.standard_normal(image.shape[:2] if rng.random() < 0.4 else image.shape, np.float32)
        grain = grain[:, :, None] if grain.ndim == 2 else grain
        image = image + grain * (s * 26 * (0.5 + strengths["night"]))
    if rng.random() < 0.3:
        image = image + (image - cv2.GaussianBlur(image, (0, 0), 1.2)) * rng.uniform(0.3, 1.5)
    picture = np.clip(image, 0, 255).astype(np.uint8)
    if (s := strengths["jpeg"]) > 0:
        quality = int(95 - 75 * s)
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    return picture


def soil(rng: Rng, image: np.ndarray, strength: float) -> np.ndarray:
    """An object in front of the plate: a bar, a branch, a tow hook; strength is about the share that is hidden."""
    h, w = image.shape[:2]
    shade = (rng.uniform(0, 200) * (0.6 + 0.4 * noise(rng, h, w)))[:, :, None] * rng.uniform(0.7, 1, 3)
    mask = np.zeros((h, w), np.uint8)
    start, angle = rng.uniform(0, 1, 2) * (w, h), rng.uniform(0, np.pi)
    way = np.array([np.cos(angle), np.sin(angle)]) * w
    cv2.line(
        mask, tuple(np.int32(start - way)), tuple(np.int32(start + way)), 255, max(1, round(strength * 0.2 * h)),
        cv2.LINE_AA,
    )
    alpha = (mask.astype(np.float32) / 255)[:, :, None]
    return image * (1 - alpha) + shade.astype(np.float32) * alpha
