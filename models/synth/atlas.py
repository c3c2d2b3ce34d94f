"""The glyph atlas: coverage bitmaps of every plate character in many faces, made once from free fonts and strokes.

`python -m models.synth.atlas` renders it anew (needs the font packages named in docs/renderer.md) into
`atlas.npz` beside this file, which the renderer reads; nothing else needs the fonts.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.plates.alphabet import CHINESE_USE, DIGITS, HANGUL, LATIN, PROVINCES
from models.synth import hangul, hanzi, strokes

HEIGHT = 64  # pixels of a capital letter
PATH = Path(__file__).with_name("atlas.npz")
FONTS = Path("/usr/share/fonts")
LATIN_FONTS = (
    "truetype/opendin/OSP-DIN.ttf", "truetype/roadgeek/RG2014B.ttf", "truetype/roadgeek/RG2014C.ttf",
    "truetype/roadgeek/RG2014D.ttf", "truetype/roadgeek/RG2014E.ttf", "opentype/national-park/NationalPark-Regular.otf",
    "opentype/national-park/NationalPark-Heavy.otf", "truetype/osifont/osifont.ttf",
    "opentype/bebas-neue/BebasNeue-Bold.otf", "opentype/bebas-neue/BebasNeue-Regular.otf",
    "truetype/liberation/LiberationSansNarrow-Bold.ttf",
    "truetype/liberation/LiberationSans-Bold.ttf", "truetype/liberation/LiberationSans-Regular.ttf",
    "opentype/urw-base35/NimbusSansNarrow-Bold.otf", "opentype/urw-base35/NimbusSans-Bold.otf",
    "truetype/dejavu/DejaVuSansMono-Bold.ttf", "truetype/dejavu/DejaVuSans-Bold.ttf",
)  # fmt: skip
HANGUL_FONTS = (
    "truetype/nanum/NanumGothicBold.ttf", "truetype/nanum/NanumGothic.ttf", "truetype/nanum/NanumSquareB.ttf",
    "truetype/nanum/NanumSquareRoundB.ttf", "truetype/nanum/NanumBarunGothicBold.ttf", "truetype/baekmuk/dotum.ttf",
    "truetype/baekmuk/gulim.ttf", "truetype/baekmuk/hline.ttf", "opentype/noto/NotoSansCJK-Bold.ttc",
)  # fmt: skip
HANZI_FONTS = (
    "opentype/noto/NotoSansCJK-Bold.ttc", "opentype/noto/NotoSansCJK-Regular.ttc", "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc", "truetype/droid/DroidSansFallbackFull.ttf",
)  # fmt: skip
STROKE_FACES = 36
PRESSES = {  # for each alphabet the faces, and between what width, weight and corner radius lie, in heights
    "vietnamese": (12, (0.45, 0.6), (0.115, 0.17), (0.22, 0.34)),
    "brazilian": (12, (0.46, 0.6), (0.115, 0.17), (0.07, 0.32)),
    "chinese": (12, (0.44, 0.54), (0.09, 0.14), (0.18, 0.34)),
    "forgery proof": (12, (0.46, 0.62), (0.1, 0.15), (0.16, 0.3)),
}
KOREAN_FACES = 12
CHINESE_FACES = 8


@dataclass(frozen=True)
class Face:
    """One design of the alphabet: coverage bitmaps (HEIGHT, width) uint8 by character."""

    kind: str  # font | stroke | hangul | hanzi, or one of strokes.ALPHABETS
    glyphs: dict[str, np.ndarray]


def font_glyphs(path: Path, characters: str, *, index: int = 0) -> dict[str, np.ndarray]:
    """Bitmaps of a font, cropped to the ink and brought to HEIGHT, with the font's own proportions."""
    font = ImageFont.truetype(str(path), 200, index=index)
    top, bottom = font.getbbox("H")[1::2] if characters[0] in DIGITS else (None, None)
    glyphs = {}
    for character in characters:
        image = Image.new("L", (400, 400))
        ImageDraw.Draw(image).text((60, 60), character, font=font, fill=255)
        box = image.getbbox()
        if box is None:
            raise ValueError(f"{path} has no glyph {character!r}: leave this font out of the list")
        y0, y1 = (60 + top, 60 + bottom) if top is not None and character != "Q" else (box[1], box[3])
        cut = image.crop((box[0], min(y0, box[1]), box[2], max(y1, box[3])))
        width = max(4, round(cut.width * HEIGHT / cut.height))
        glyphs[character] = np.asarray(cut.resize((width, HEIGHT), Image.Resampling.BOX))
    return glyphs


def stroke_glyphs(seed: int) -> dict[str, np.ndarray]:
    """A stroke face with its own width, weight, corner radius and choice of forms."""
    rng = np.random.default_rng([7, seed])
    aspect, weight = rng.uniform(0.38, 0.68), rng.uniform(0.1, 0.2)
    shape = {"radius": rng.choice([0.12, 0.18, 0.25, 0.35]), "plain": rng.choice([0.0, 0.5, 0.8])}
    shape |= {"aspect": aspect, "weight": weight, "room": np.random.default_rng([10, seed]).uniform(0.74, 1.06)}
    return {c: strokes.draw(c, rng, height=HEIGHT, **shape) for c in DIGITS + LATIN + "Đ"}


def pressed_glyphs(alphabet: str, seed: int) -> dict[str, np.ndarray]:
    """A plate alphabet as one of its presses makes it."""
    rng = np.random.default_rng([8, seed])
    _, aspects, weights, radii = PRESSES[alphabet]
    shape = {"aspect": rng.uniform(*aspects), "weight": rng.uniform(*weights), "radius": rng.uniform(*radii)}
    shape["square"] = bool(seed % 2)
    return {
        character: strokes.draw(character, rng, height=HEIGHT, plain=0.0, alphabet=alphabet, **shape)
        for character in DIGITS + LATIN + "Đ"
    }


def korean_glyphs(seed: int, others: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Korea's alphabet as one of its presses makes it, and the syllables that it lacks from another face."""
    rng = np.random.default_rng([9, seed])
    shape = {"aspect": rng.uniform(0.6, 0.95), "weight": rng.uniform(0.07, 0.13)}
    drawn = {c: hangul.draw(c, seed, height=HEIGHT, **shape) for c in others}
    return {c: others[c] if glyph is None else glyph for c, glyph in drawn.items()}


def chinese_glyphs(seed: int, others: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """China's provinces as one of its presses makes them, and the Hanzi of a use from another face."""
    rng = np.random.default_rng([11, seed])
    shape = {"aspect": rng.uniform(0.46, 0.6), "weight": rng.uniform(0.045, 0.07)}
    return {**others, **{c: hanzi.draw(c, rng, height=HEIGHT, **shape) for c in PROVINCES}}


def build() -> list[Face]:
    """Every face; FileNotFoundError where a font package is missing."""
    missing = [f for f in (*LATIN_FONTS, *HANGUL_FONTS, *HANZI_FONTS) if not (FONTS / f).exists()]
    if missing:
        raise FileNotFoundError(
            f"fonts missing: {', '.join(missing)}. Install the packages: make fonts."
        )
    faces = [Face("stroke", stroke_glyphs(seed)) for seed in range(STROKE_FACES)]
    faces += [Face(name, pressed_glyphs(name, seed)) for name, (count, *_) in PRESSES.items() for seed in range(count)]
    for f in LATIN_FONTS:
        glyphs = font_glyphs(FONTS / f, DIGITS + LATIN)
        barred = glyphs["D"].copy()
        barred[HEIGHT // 2 - 3 : HEIGHT // 2 + 4, : barred.shape[1] // 2] = 255
        faces.append(Face("font", {**glyphs, "Đ": np.pad(barred, ((0, 0), (6, 0)))}))
    faces += [Face("hangul", font_glyphs(FONTS / f, HANGUL, index=1 if "Noto" in f else 0)) for f in HANGUL_FONTS]
    fonts = [face.glyphs for face in faces if face.kind == "hangul"]
    faces += [Face("hangul", korean_glyphs(seed, fonts[seed % len(fonts)])) for seed in range(KOREAN_FACES)]
    faces += [
        Face("hanzi", font_glyphs(FONTS / f, PROVINCES + CHINESE_USE, index=2 if "Noto" in f else 0))
        for f in HANZI_FONTS
    ]
    fonts = [face.glyphs for face in faces if face.kind == "hanzi"]
    return faces + [Face("hanzi", chinese_glyphs(seed, fonts[seed % len(fonts)])) for seed in range(CHINESE_FACES)]


def save(faces: list[Face], path: Path = PATH) -> None:
    arrays = {
        f"{n:03d}_{face.kind}_{ord(c)}": bitmap for n, face in enumerate(faces) for c, bitmap in face.glyphs.items()
    }
    widths = np.array([a.shape[1] for a in arrays.values()])
    np.savez_compressed(path, names=np.array(list(arrays)), widths=widths, strip=np.hstack(list(arrays.values())))


@cache
def load(path: Path = PATH) -> dict[str, tuple[Face, ...]]:
    """The faces by kind."""
    with np.load(path) as stored:
        names, widths, strip = stored["names"], stored["widths"], stored["strip"]
    ends = np.cumsum(widths)
    faces: dict[str, Face] = {}
    for name, start, end in zip(names, ends - widths, ends, strict=True):
        number, kind, code = str(name).split("_")
        faces.setdefault(number, Face(kind, {})).glyphs[chr(int(code))] = strip[:, start:end]
    kinds: dict[str, list[Face]] = {}
    for face in faces.values():
        kinds.setdefault(face.kind, []).append(face)
    return {kind: tuple(members) for kind, members in kinds.items()}


if __name__ == "__main__":
    save(build())
    print(f"{PATH} written, {PATH.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
