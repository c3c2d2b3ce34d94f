"""Characters drawn as strokes: the shapes of plate alphabets that no free font has.

A glyph is a list of strokes, a stroke a list of vertices (x, y) in the unit box, y down; a third entry 1
rounds the corner there, a fourth closes nothing: closed strokes repeat their first vertex as the string "z".
Plate alphabets (Vietnam, Brazil, the German-derived Mercosur one) are rounded rectangles and straight bars
of one width, so stroke width, corner radius and a few alternative forms describe them.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

Vertex = tuple[float, ...]
SCALE = 4  # glyphs are drawn so many times larger than they are kept

GLYPHS: dict[str, list[list]] = {
    "0": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"]],
    "1": [[(0.05, 0.24), (0.62, 0), (0.62, 1)]],
    "2": [[(0, 0.27), (0, 0, 1), (1, 0, 1), (1, 0.45, 1), (0, 1), (1, 1)]],
    "3": [
        [(0, 0.22), (0, 0, 1), (1, 0, 1), (1, 0.47, 1), (0.38, 0.47)],
        [(0.38, 0.47), (1, 0.47, 1), (1, 1, 1), (0, 1, 1), (0, 0.78)],
    ],
    "4": [[(0.58, 0), (0, 0.73), (1, 0.73)], [(0.74, 0.47), (0.74, 1)]],
    "5": [[(0.95, 0), (0.08, 0), (0.03, 0.5), (0.25, 0.39, 1), (1, 0.39, 1), (1, 1, 1), (0, 1, 1), (0, 0.8)]],
    "6": [[(0.72, 0), (0, 0.6, 1), (0, 1, 1), (1, 1, 1), (1, 0.42, 1), (0, 0.42, 1), (0, 0.7)]],
    "7": [[(0, 0), (1, 0), (0.36, 1)]],
    "8": [
        [(0.06, 0, 1), (0.94, 0, 1), (0.94, 0.46, 1), (0.06, 0.46, 1), "z"],
        [(0, 0.46, 1), (1, 0.46, 1), (1, 1, 1), (0, 1, 1), "z"],
    ],
    "9": [[(0.28, 1), (1, 0.4, 1), (1, 0, 1), (0, 0, 1), (0, 0.58, 1), (1, 0.58, 1), (1, 0.3)]],
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.17, 0.68), (0.83, 0.68)]],
    "B": [
        [(0, 0.47), (0, 0), (0.92, 0, 1), (0.92, 0.47, 1), (0, 0.47)],
        [(0, 0.47), (1, 0.47, 1), (1, 1, 1), (0, 1), (0, 0.47)],
    ],
    "C": [[(1, 0.28), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0.72)]],
    "D": [[(0, 0.5), (0, 0), (1, 0, 1), (1, 1, 1), (0, 1), (0, 0.5)]],
    "E": [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, 0.48), (0.85, 0.48)]],
    "F": [[(1, 0), (0, 0), (0, 1)], [(0, 0.5), (0.85, 0.5)]],
    "G": [[(1, 0.27), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0.54), (0.55, 0.54)]],
    "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.48), (1, 0.48)]],
    "I": [[(0.5, 0), (0.5, 1)]],
    "J": [[(0.9, 0), (0.9, 1, 1), (0, 1, 1), (0, 0.7)]],
    "K": [[(0, 0), (0, 1)], [(0.95, 0), (0, 0.62)], [(0.36, 0.4), (1, 1)]],
    "L": [[(0, 0), (0, 1), (1, 1)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.62), (1, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (1, 1), (1, 0)]],
    "O": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"]],
    "P": [[(0, 1), (0, 0), (1, 0, 1), (1, 0.55, 1), (0, 0.55)]],
    "Q": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"], [(0.58, 0.74), (1.04, 1.06)]],
    "R": [[(0, 1), (0, 0), (1, 0, 1), (1, 0.54, 1), (0, 0.54)], [(0.45, 0.54), (1, 1)]],
    "S": [[(1, 0.25), (1, 0, 1), (0, 0, 1), (0, 0.48, 1), (1, 0.5, 1), (1, 1, 1), (0, 1, 1), (0, 0.75)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "U": [[(0, 0), (0, 1, 1), (1, 1, 1), (1, 0)]],
    "V": [[(0, 0), (0.5, 1), (1, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.25), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
    "Y": [[(0, 0), (0.5, 0.52), (1, 0)], [(0.5, 0.52), (0.5, 1)]],
    "Z": [[(0, 0), (1, 0), (0, 1), (1, 1)]],
}
ALTERNATIVES: dict[str, list[list[list]]] = {
    "1": [[[(0.5, 0), (0.5, 1)]], [[(0.1, 0.2), (0.6, 0), (0.6, 1)], [(0.15, 1), (1, 1)]]],
    "3": [[[(0, 0), (0.95, 0), (0.45, 0.4), (1, 0.45, 1), (1, 1, 1), (0, 1, 1), (0, 0.78)]]],
    "4": [[[(0.75, 1), (0.75, 0), (0, 0.7), (1, 0.7)]], [[(0.2, 0), (0, 0.68), (1, 0.68)], [(0.72, 0.35), (0.72, 1)]]],
    "6": [[[(1, 0.22), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0.43, 1), (0, 0.43, 1), (0, 0.6)]]],
    "7": [[[(0, 0.18), (0, 0), (1, 0), (0.4, 1)]], [[(0, 0), (1, 0), (0.5, 0.5, 1), (0.42, 1)]]],
    "9": [[[(0, 0.78), (0, 1, 1), (1, 1, 1), (1, 0, 1), (0, 0, 1), (0, 0.57, 1), (1, 0.57, 1), (1, 0.4)]]],
    "A": [[[(0, 1), (0.42, 0), (0.58, 0), (1, 1)], [(0.14, 0.7), (0.86, 0.7)]]],
    "G": [[[(1, 0.27), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1), (1, 0.54), (0.5, 0.54)]]],
    "I": [[[(0.5, 0), (0.5, 1)], [(0.1, 0), (0.9, 0)], [(0.1, 1), (0.9, 1)]]],
    "J": [[[(0.3, 0), (0.95, 0), (0.95, 1, 1), (0, 1, 1), (0, 0.7)]]],
    "M": [[[(0, 1), (0, 0), (0.5, 0.45), (1, 0), (1, 1)]], [[(0, 1), (0, 0), (0.5, 1), (1, 0), (1, 1)]]],
    "Q": [[[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"], [(0.62, 0.62), (0.62, 0.85), (1.0, 1.1)]]],
    "R": [[[(0, 1), (0, 0), (1, 0, 1), (1, 0.54, 1), (0, 0.54)], [(0.75, 0.54), (0.95, 0.7, 1), (0.95, 1)]]],
    "W": [
        [[(0, 0), (0.22, 1), (0.5, 0), (0.78, 1), (1, 0)]], [[(0, 0), (0.12, 1), (0.5, 0.42), (0.88, 1), (1, 0)]],
        [[(0, 0), (0, 1), (0.5, 0.4), (1, 1), (1, 0)]],
    ],
    "Y": [[[(0, 0), (0, 0.45, 1), (1, 0.45, 1), (1, 0)], [(0.5, 0.47), (0.5, 1)]]],
}
WIDTHS = {"1": 0.62, "I": 0.5, "M": 1.22, "W": 1.3, "J": 0.9, "A": 1.1, "V": 1.08, "F": 0.94, "L": 0.92}

# Vietnam's narrow alphabet as it is pressed: a short flag on the 1, an M hardly wider than its neighbours.
VIETNAMESE: dict[str, list[list]] = {
    "1": [[(0, 0.19), (0.55, 0), (1, 0)], [(1, 0), (1, 1)]],
    "3": [
        [(0, 0.24), (0, 0, 1), (1, 0, 1), (1, 0.47, 1), (0.42, 0.47)],
        [(0.42, 0.47), (1, 0.47, 1), (1, 1, 1), (0, 1, 1), (0, 0.76)],
    ],
    "4": [[(0.5, 0), (0, 0.76), (1, 0.76)], [(0.72, 0.52), (0.72, 1)]],
    "6": [[(0.6, 0), (0, 0.62, 1), (0, 1, 1), (1, 1, 1), (1, 0.42, 1), (0.3, 0.42)]],
    "9": [[(0.4, 1), (1, 0.38, 1), (1, 0, 1), (0, 0, 1), (0, 0.58, 1), (0.7, 0.58)]],
    "7": [[(0, 0), (1, 0), (0.4, 1)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.55), (1, 0), (1, 1)]],
    "D": [[(0, 0.5), (0, 0), (0.6, 0), (1, 0.16), (1, 0.84), (0.6, 1), (0, 1), (0, 0.5)]],
}

# Brazil's grey plates: bars without flags, O and 0 alike, a W as high in its middle as at its sides.
BRAZILIAN: dict[str, list[list]] = {
    "1": [[(0.5, 0), (0.5, 1)]],
    "4": [[(0.75, 1), (0.75, 0), (0, 0.7), (1, 0.7)]],
    "6": [[(0.66, 0), (0, 0.6, 1), (0, 1, 1), (1, 1, 1), (1, 0.4, 1), (0, 0.4, 1), (0, 0.7)]],
    "9": [[(0.34, 1), (1, 0.42, 1), (1, 0, 1), (0, 0, 1), (0, 0.6, 1), (1, 0.6, 1), (1, 0.3)]],
    "D": [[(0, 0.5), (0, 0), (0.92, 0, 1), (0.92, 1, 1), (0, 1), (0, 0.5)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.72), (1, 0), (1, 1)]],
    "Q": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"], [(0.55, 0.68), (1.02, 1.0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.04), (0.75, 1), (1, 0)]],
}

OVAL = [
    (0, 0.25, 1), (0.25, 0, 1), (0.75, 0, 1), (1, 0.25, 1), (1, 0.75, 1), (0.75, 1, 1), (0.25, 1, 1), (0, 0.75, 1), "z"
]

# Germany's alphabet against forgery, narrow, as Mercosur and others press it: serifs on 1, 7, I and J, an open 4.
FORGERY_PROOF: dict[str, list[list]] = {
    "0": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"], [(0.62, 0.3), (1, 0.08)]],
    "1": [[(0.08, 0.22), (0.52, 0), (0.52, 1)], [(0.05, 1), (1, 1)]],
    "3": [[(0, 0), (0.92, 0), (0.4, 0.4), (1, 0.44, 1), (1, 1, 1), (0, 1, 1), (0, 0.8)]],
    "4": [[(0.45, 0), (0, 0.72), (1, 0.72)], [(0.72, 0.44), (0.72, 1)]],
    "6": [[(0.75, 0), (0, 0.62, 1), (0, 1, 1), (1, 1, 1), (1, 0.42, 1), (0.18, 0.42)]],
    "7": [[(0, 0.16), (0, 0), (1, 0), (0.42, 1)]],
    "9": [[(0.25, 1), (1, 0.38, 1), (1, 0, 1), (0, 0, 1), (0, 0.58, 1), (0.82, 0.58)]],
    "I": [[(0.5, 0), (0.5, 1)], [(0.1, 0), (0.9, 0)], [(0.1, 1), (0.9, 1)]],
    "J": [[(0.3, 0), (0.95, 0), (0.95, 1, 1), (0, 1, 1), (0, 0.74)]],
    "M": [[(0, 1), (0.06, 0), (0.5, 0.55), (0.94, 0), (1, 1)]],
    "O": [OVAL],
    "Q": [OVAL, [(0.55, 0.7), (1, 1)]],
    "R": [[(0, 1), (0, 0), (1, 0, 1), (1, 0.52, 1), (0.22, 0.52)], [(0.5, 0.52), (1, 1)]],
    "W": [[(0, 0), (0.12, 1), (0.5, 0.4), (0.88, 1), (1, 0)]],
}

# China's alphabet (GA 36): thin and round, every character in a cell of the same width, a bar with hardly a flag as 1.
CHINESE: dict[str, list[list]] = {
    "1": [[(0, 0.12), (1, 0), (1, 1)]],
    "4": [[(0.62, 0), (0, 0.76), (1, 0.76)], [(0.76, 0.42), (0.76, 1)]],
    "6": [[(1, 0.2), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0.43, 1), (0, 0.43, 1), (0, 0.6)]],
    "9": [[(0, 0.8), (0, 1, 1), (1, 1, 1), (1, 0, 1), (0, 0, 1), (0, 0.57, 1), (1, 0.57, 1), (1, 0.4)]],
    "G": [[(1, 0.27), (1, 0, 1), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0.56), (0.55, 0.56)]],
    "J": [[(0.95, 0), (0.95, 1, 1), (0, 1, 1), (0, 0.72)]],
    "M": [[(0, 1), (0, 0), (0.5, 0.66), (1, 0), (1, 1)]],
    "Q": [[(0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1), "z"], [(0.5, 0.66), (1, 1)]],
    "W": [[(0, 0), (0.24, 1), (0.5, 0.2), (0.76, 1), (1, 0)]],
}
ALPHABETS: dict[str, tuple[dict[str, list[list]], dict[str, float]]] = {  # glyphs and widths that differ
    "vietnamese": (VIETNAMESE, {"1": 0.68, "I": 0.5, "M": 1.12, "W": 1.3, "A": 1.08, "V": 1.05, "D": 1.02, "K": 1.05}),
    "brazilian": (BRAZILIAN, {"I": 0.5, "M": 1.15, "W": 1.3, "A": 1.08, "V": 1.08, "J": 0.86, "L": 0.9}),
    "chinese": (CHINESE, {"1": 0.36, "I": 0.5, "M": 1.1, "W": 1.1, "A": 1.04}),
    "forgery proof": (FORGERY_PROOF, {"I": 0.8, "1": 0.85, "M": 1.08, "W": 1.12, "A": 1.04, "F": 0.94, "L": 0.92}),
}


def rounded(vertices: list, radius: float) -> np.ndarray:
    """Points (n, 2) of a stroke whose marked corners are replaced by quadratic arcs of at most `radius` pixels."""
    closed = vertices[-1] == "z"
    corners = [np.array(v[:2], float) for v in vertices if v != "z"]
    marks = [len(v) > 2 for v in vertices if v != "z"]
    count, points = len(corners), []
    for i, corner in enumerate(corners):
        if not marks[i] or (not closed and i in (0, count - 1)):
            points.append(corner)
            continue
        before, after = corners[i - 1], corners[(i + 1) % count]
        reach = [min(radius, np.linalg.norm(end - corner) * 0.5) for end in (before, after)]
        start = corner + (before - corner) / max(np.linalg.norm(before - corner), 1e-6) * reach[0]
        end = corner + (after - corner) / max(np.linalg.norm(after - corner), 1e-6) * reach[1]
        middle = corner * 0.86 + (start + end) * 0.07
        t = np.linspace(0, 1, 9)[:, None]
        points.extend((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)
    return np.array(points + points[:1] if closed else points)


def paint(
    shapes: list[list], size: tuple[int, int], thick: int, radius: float, *, square: bool = False
) -> np.ndarray:
    """Coverage (height, width) uint8 of strokes in the unit box, brought to (width, height) pixels.

    Ends and corners that are not marked are round, or `square` where upright and level strokes have them.
    """
    canvas = np.zeros(size[::-1], np.uint8)
    room = np.array(size, float) - thick
    for shape in shapes:
        pixels = [v if v == "z" else (*(np.array(v[:2]) * room + thick / 2), *v[2:]) for v in shape]
        line = rounded(pixels, radius)
        cv2.polylines(canvas, [np.round(line * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 4)
        for x, y in square_ends(pixels) if square else ():
            low, high = (round(x - thick / 2), round(y - thick / 2)), (round(x + thick / 2), round(y + thick / 2))
            cv2.rectangle(canvas, low, high, 255, cv2.FILLED)
    return canvas


def square_ends(vertices: list) -> list[tuple[float, float]]:
    """The ends and unmarked corners of a stroke at which only upright and level lines meet."""
    if vertices[-1] == "z":
        return []
    points = [np.array(v[:2], float) for v in vertices]
    straight = [bool((a == b).any()) for a, b in itertools.pairwise(points)]
    return [
        (float(point[0]), float(point[1]))
        for n, (point, vertex) in enumerate(zip(points, vertices, strict=True))
        if len(vertex) == 2 and all(straight[max(0, n - 1) : n + 1])
    ]


def draw(
    character: str, rng: np.random.Generator, *, height: int, aspect: float, weight: float, radius: float, plain: float,
    alphabet: str = "", room: float = 1.0, square: bool = False,
) -> np.ndarray:
    """Coverage (height, width) uint8 of a stroke glyph; `aspect` is width over height, the rest in heights.

    `alphabet` is one of ALPHABETS; without it the forms are mixed. `room` is what M and W get of their usual width,
    `square` how strokes end (paint).
    """
    barred = character == "Đ"
    character = "D" if barred else character
    options = [GLYPHS[character], *ALTERNATIVES.get(character, [])]
    widths = WIDTHS
    if alphabet:
        own, widths = ALPHABETS[alphabet]
        options = [own.get(character, GLYPHS[character])]
    strokes = options[0] if len(options) == 1 or rng.random() > plain else options[rng.integers(1, len(options))]
    thick = max(2, round(weight * height * SCALE))
    h = height * SCALE
    w = max(thick + 4, round(aspect * widths.get(character, 1.0) * (room if character in "MW" else 1.0) * h))
    if len(strokes) == 1 and character in "1I" and strokes[0] == [(0.5, 0), (0.5, 1)]:
        w = round(thick * 1.15)
    left = round(0.2 * w) if barred else 0
    canvas = np.pad(paint(strokes, (w, h), thick, radius * h, square=square), ((0, 0), (left, 0)))
    if barred:
        cv2.line(
            canvas, (thick // 2, h // 2), (round(0.5 * w) + left, h // 2), 255, max(2, round(thick * 0.8)), cv2.LINE_AA
        )
    return cv2.resize(canvas, ((w + left) // SCALE, height), interpolation=cv2.INTER_AREA)
