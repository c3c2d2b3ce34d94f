"""The syllables of Korean plates as strokes: a consonant left of an upright vowel, or above a lying one.

Plates are pressed from an alphabet of bars of one width that is narrower and plainer than any text font.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.synth import strokes

O_SHAPE = [(0.5, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), (0, 0, 1), "z"]
CONSONANTS: dict[int, list[list]] = {  # by their place in Unicode's order of initial consonants
    0: [[(0, 0), (1, 0), (0.8, 1)]],
    2: [[(0, 0), (0, 1), (1, 1)]],
    3: [[(1, 0), (0, 0), (0, 1), (1, 1)]],
    5: [[(0, 0), (1, 0), (1, 0.5), (0, 0.5), (0, 1), (1, 1)]],
    6: [[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]],
    7: [[(0, 0), (0, 1), (1, 1), (1, 0)], [(0, 0.5), (1, 0.5)]],
    9: [[(0.5, 0), (0.45, 0.35), (0, 1)], [(0.46, 0.35), (1, 1)]],
    11: [O_SHAPE],
    12: [[(0, 0), (1, 0)], [(0.55, 0), (0.45, 0.4), (0, 1)], [(0.48, 0.4), (1, 1)]],
    18: [[(0.3, 0), (0.7, 0)], [(0, 0.25), (1, 0.25)], [(x, 0.45 + 0.55 * y, *r) for x, y, *r in O_SHAPE[:-1]] + ["z"]],
}
UPRIGHT, LYING = {0: "ㅏ", 1: "ㅐ", 4: "ㅓ"}, {8: "ㅗ", 13: "ㅜ"}  # vowels, by Unicode's order


def parts(syllable: str) -> tuple[int, int] | None:
    """Consonant and vowel of a syllable that this alphabet has, by Unicode's order; None of any other."""
    lead, rest = divmod(ord(syllable) - 0xAC00, 21 * 28)
    vowel, tail = divmod(rest, 28)
    return (lead, vowel) if not tail and lead in CONSONANTS and vowel in UPRIGHT | LYING else None


def fitted(shape: list, x0: float, y0: float, x1: float, y1: float) -> list:
    """A stroke of the unit box in another box."""
    return [v if v == "z" else (x0 + v[0] * (x1 - x0), y0 + v[1] * (y1 - y0), *v[2:]) for v in shape]


def shapes(lead: int, vowel: int, rng: np.random.Generator) -> list[list]:
    """The strokes of a syllable in the unit box; the proportions are those of one press."""
    tick = rng.uniform(0.38, 0.52)
    if vowel in UPRIGHT:
        reach, top, low = rng.uniform(0.5, 0.62), rng.uniform(0, 0.12), rng.uniform(0.72, 0.95)
        bar = rng.uniform(reach + 0.16, 0.86)
        consonant = [fitted(shape, 0, top, reach, low) for shape in CONSONANTS[lead]]
        if UPRIGHT[vowel] == "ㅏ":
            return [*consonant, [(bar, 0), (bar, 1)], [(bar, tick), (1, tick)]]
        if UPRIGHT[vowel] == "ㅓ":
            return [*consonant, [(1, 0), (1, 1)], [(reach + rng.uniform(0.02, 0.14), tick), (1, tick)]]
        return [*consonant, [(bar, 0), (bar, 1)], [(1, 0), (1, 1)], [(bar, tick), (1, tick)]]
    inset, height = rng.uniform(0.05, 0.2), rng.uniform(0.42, 0.55)
    consonant = [fitted(shape, inset, 0, 1 - inset, height) for shape in CONSONANTS[lead]]
    if LYING[vowel] == "ㅗ":
        return [*consonant, [(0.5, height + 0.16), (0.5, 1)], [(0, 1), (1, 1)]]
    line = rng.uniform(height + 0.14, 0.74)
    return [*consonant, [(0, line), (1, line)], [(0.5, line), (0.5, 1)]]


def draw(syllable: str, seed: int, *, height: int, aspect: float, weight: float) -> np.ndarray | None:
    """Coverage (height, width) uint8; None of a syllable that this alphabet has not. Shapes as in strokes.draw."""
    found = parts(syllable)
    if found is None:
        return None
    rng = np.random.default_rng([9, seed, found[1] in UPRIGHT])  # alike for all syllables built alike
    thick = max(2, round(weight * height * strokes.SCALE))
    size = round(aspect * height) * strokes.SCALE, height * strokes.SCALE
    canvas = strokes.paint(shapes(*found, rng), size, thick, 0.5 * height * strokes.SCALE)
    return cv2.resize(canvas, (size[0] // strokes.SCALE, height), interpolation=cv2.INTER_AREA)
