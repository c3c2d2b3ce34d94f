"""What stands on a plate: the text and the layout of every kind, region by region, sizes in millimetres.

Facts: Vietnam Circular 24/2023/TT-BCA and QCVN plates (520×110, 330×165, 190×140), Brazil CONTRAN 729 (400×130),
China GA 36 (440×140, 440×220, 480×140), Korea (520×110, 335×155, 335×170), EU 520×110, US 305×152.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.plates.alphabet import CHINESE_USE, PROVINCES
from edge.plates.kr import DIPLOMATS, FORCES

VN_SERIES = "ABCDEFGHKLMNPSTUVXYZ"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CN_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
KR_USE = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호배바사아자"
KR_REGIONS = (
    "서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종", "경기", "강원", "충북", "충남", "전북", "전남",
    "경북", "경남", "제주",
)  # fmt: skip
WHITE, BLACK, YELLOW, BLUE, RED, GREEN = (
    (235, 235, 232), (22, 22, 24), (238, 186, 24), (22, 58, 150), (176, 24, 28), (30, 100, 62)
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of text, its separators not read; top and bottom of the capitals as fractions of the plate's height."""

    text: str
    top: float
    bottom: float
    left: float = 0.04
    right: float = 0.96
    row: int = 0


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate before it is drawn; `captions` are small texts that are not part of the reading."""

    region: str
    kind: str
    width: int
    height: int
    lines: tuple[Line, ...]
    background: tuple[int, int, int]
    ink: tuple[int, int, int]
    captions: tuple[Line, ...] = ()
    band: tuple[str, float, tuple[int, int, int]] | None = None  # side, fraction, colour
    border: float = 0.5  # probability of a painted or pressed rim
    gradient: tuple[int, int, int] | None = None

    @property
    def text(self) -> str:
        return "".join(c for line in self.lines for c in line.text if c not in "-.· *")

    @property
    def rows(self) -> int:
        return 1 + max(line.row for line in self.lines)


Rng = np.random.Generator


def pick(rng: Rng, characters: str, count: int = 1) -> str:
    return "".join(characters[i] for i in rng.integers(0, len(characters), count))


def digits(rng: Rng, count: int) -> str:
    if rng.random() < 0.12:  # repeated digits: sought after on real plates, and hard for CTC
        return pick(rng, "0123456789") * count
    return pick(rng, "0123456789", count)


def vietnam(rng: Rng) -> Plate:
    province = str(rng.integers(11, 100))
    colour = rng.choice(4, p=[0.8, 0.08, 0.07, 0.05])
    background, ink = ((WHITE, BLACK), (YELLOW, BLACK), (BLUE, WHITE), (RED, WHITE))[colour]
    five = rng.random() < 0.72
    tail = digits(rng, 5) if five else digits(rng, 4)
    serial = f"{tail[:3]}.{tail[3:]}" if five and rng.random() < 0.9 else tail
    kind = rng.choice(3, p=[0.3, 0.22, 0.48])
    dash = rng.choice(["-", "", "."], p=[0.8, 0.12, 0.08])
    if kind < 2:
        series = (
            pick(rng, VN_SERIES)
            if rng.random() < 0.85
            else str(rng.choice(["LD", "NG", "NN", "KT", "DA", "QT", "HC", "TD", "MK", "LĐ", "AB", "CD", "R"]))
        )
        head = pick(rng, "ABCDGHKPQTV") + pick(rng, "ABCDGHKMNPST") if colour == 3 else province + series
        if kind == 0:
            return Plate("vn", "car1", 520, 110, (Line(head + dash + serial, 0.15, 0.85),), background, ink, border=0.7)
        left = rng.uniform(0.14, 0.3)
        lines = (Line(head, 0.1, 0.46, left, 1 - left, 0), Line(serial, 0.55, 0.91, 0.08, 0.92, 1))
        return Plate("vn", "car2", 330, 165, lines, background, ink, border=0.7)
    style = rng.random()
    if style < 0.66:
        series = pick(rng, VN_SERIES) + pick(rng, "123456789")
    elif style < 0.82:
        series = ("MĐ" if rng.random() < 0.7 else "MD") + pick(rng, "123456789")
    elif style < 0.94:
        series = pick(rng, VN_SERIES, 2)
    else:
        series = pick(rng, VN_SERIES)
    left = rng.uniform(0.06, 0.16)
    lines = (
        Line(province + (dash or "-") + series, 0.09, 0.46, left, 1 - left, 0),
        Line(serial, 0.55, 0.92, *sorted((rng.uniform(0.04, 0.12), rng.uniform(0.88, 0.96))), 1),
    )
    return Plate("vn", "motorbike", 190, 140, lines, background, ink, border=0.7)


def brazil(rng: Rng) -> Plate:
    head = pick(rng, LETTERS, 3)
    if rng.random() < 0.5:
        serial = digits(rng, 4)
        background, ink = (
            ((168, 172, 172), BLACK)
            if rng.random() < 0.85
            else (((200, 30, 36), WHITE) if rng.random() < 0.7 else (WHITE, BLACK))
        )
        city = str(
            rng.choice(
                [
                    "SP-SAO PAULO", "PR-CURITIBA", "BA-SALVADOR", "MG-BELO HORIZONTE", "RJ-RIO DE JANEIRO", "PARANA",
                    "ES-VITORIA", "GO-GOIANIA",
                ]
            )
        )
        if rng.random() < 0.15:
            lines = (Line(head, 0.2, 0.54, 0.2, 0.8, 0), Line(serial, 0.6, 0.94, 0.1, 0.9, 1))
            return Plate(
                "br", "grey2", 187, 136, lines, background, ink, (Line(city[:11], 0.05, 0.13, 0.3, 0.7),), border=0.6
            )
        sep = str(rng.choice(["·", "-", " "], p=[0.75, 0.15, 0.1]))
        return Plate(
            "br", "grey", 400, 130, (Line(head + sep + serial, 0.33, 0.86),), background, ink,
            (Line(city, 0.08, 0.19, 0.28, 0.72),), border=0.5,
        )
    serial = (
        pick(rng, "0123456789")
        + pick(rng, LETTERS if rng.random() < 0.4 else "ABCDEFGHIJ")
        + pick(rng, "0123456789", 2)
    )
    ink = ((20, 20, 22), (24, 50, 130), (180, 24, 30), (20, 110, 60))[rng.choice(4, p=[0.86, 0.05, 0.06, 0.03])]
    if rng.random() < 0.15:
        lines = (Line(head, 0.27, 0.58, 0.25, 0.75, 0), Line(serial, 0.63, 0.94, 0.16, 0.84, 1))
        return Plate(
            "br", "mercosul2", 200, 170, lines, WHITE, ink, (Line("BRASIL", 0.05, 0.15, 0.3, 0.7),),
            ("top", 0.22, BLUE), 0.4,
        )
    captions = (Line("BRASIL", 0.05, 0.17, 0.4, 0.6), Line("BR", 0.82, 0.92, 0.02, 0.06))
    return Plate(
        "br", "mercosul", 400, 130, (Line(head + serial, 0.31, 0.9, 0.08, 0.96),), WHITE, ink, captions,
        ("top", 0.23, BLUE), 0.4,
    )


def china(rng: Rng) -> Plate:
    province, city = pick(rng, PROVINCES), pick(rng, CN_LETTERS + "O")  # O: authorities
    alphabet = "0123456789" * 4 + CN_LETTERS
    serial = digits(rng, 5) if rng.random() < 0.45 else pick(rng, alphabet, 5)
    dot = str(rng.choice(["·", " ", ""], p=[0.8, 0.1, 0.1]))
    kind = rng.choice(5, p=[0.6, 0.17, 0.09, 0.06, 0.08])
    if kind == 0:
        return Plate(
            "cn", "blue", 440, 140, (Line(province + city + dot + serial, 0.18, 0.82),), (24, 62, 160), WHITE,
            border=0.7,
        )
    if kind == 1:
        serial = pick(rng, "DF") + digits(rng, 5) if rng.random() < 0.8 else digits(rng, 5) + pick(rng, "DF")
        return Plate(
            "cn", "green", 480, 140, (Line(province + city + dot + serial, 0.18, 0.84),), (140, 210, 150), BLACK,
            border=0.6, gradient=(240, 250, 240),
        )
    if kind == 2:
        return Plate(
            "cn", "yellow", 440, 140, (Line(province + city + dot + serial, 0.18, 0.82),), YELLOW, BLACK, border=0.7
        )
    if kind == 3:
        lines = (Line(province + dot + city, 0.09, 0.36, 0.25, 0.75, 0), Line(serial, 0.43, 0.92, 0.06, 0.94, 1))
        return Plate("cn", "yellow2", 440, 220, lines, YELLOW, BLACK, border=0.7)
    background, ink = ((WHITE, BLACK), ((20, 20, 24), WHITE), (YELLOW, BLACK))[rng.integers(3)]
    return Plate(
        "cn", "special", 440, 140, (Line(province + city + dot + serial[:4] + pick(rng, CHINESE_USE), 0.18, 0.82),),
        background, ink, border=0.7,
    )


def korea(rng: Rng) -> Plate:
    use, serial = pick(rng, KR_USE if rng.random() < 0.95 else FORCES), digits(rng, 4)
    kind = rng.choice(6, p=[0.37, 0.14, 0.2, 0.14, 0.13, 0.02])
    if kind == 5:
        text = f"{DIPLOMATS[rng.integers(len(DIPLOMATS))]} {digits(rng, 3)}-{digits(rng, 3)}"
        return Plate("kr", "diplomat", 520, 110, (Line(text, 0.14, 0.86),), (24, 40, 90), WHITE, border=0.6)
    if kind == 0:
        number = pick(rng, "0123456789", 2 if rng.random() < 0.6 else 3)
        band = ("left", 0.09, (40, 70, 170)) if rng.random() < 0.25 else None
        background, ink = ((WHITE, BLACK), ((170, 205, 235), BLACK))[int(rng.random() < 0.15)]
        left = 0.11 if band else 0.04
        return Plate(
            "kr", "white", 520, 110, (Line(number + use + " " + serial, 0.14, 0.86, left, 0.97),), background, ink,
            band=band, border=0.6,
        )
    if kind == 1:
        return Plate(
            "kr", "short", 335, 155, (Line(pick(rng, "0123456789", 2) + use + serial, 0.2, 0.82),), WHITE, BLACK,
            border=0.6,
        )
    region = KR_REGIONS[rng.integers(len(KR_REGIONS))]
    if kind == 2:
        if rng.random() < 0.55:
            lines: tuple[Line, ...] = (
                Line(pick(rng, "0123456789", 2) + use, rng.uniform(0.06, 0.12), rng.uniform(0.3, 0.37), 0.2, 0.8, 0),
                Line(serial, rng.uniform(0.36, 0.44), 0.92, 0.06, 0.94, 1),
            )
        else:
            lines = regional(rng, region + pick(rng, "0123456789", int(rng.integers(1, 3))), use, serial)
        return Plate("kr", "green", 335, 170, lines, GREEN, WHITE, border=0.5)
    if kind == 3:
        lines = regional(rng, region + pick(rng, "0123456789", 2), pick(rng, "바사아자배"), serial)
        return Plate("kr", "yellow2", 335, 170, lines, YELLOW, (30, 40, 70), border=0.5)
    number = pick(rng, "0123456789", 2) + pick(rng, "바사아자배") + " " + serial
    lines = (Line(region + number, 0.14, 0.86),)
    if rng.random() < 0.8:  # one syllable above the other
        lines = (
            Line(region[0], 0.11, 0.49, 0.04, 0.14), Line(region[1], 0.51, 0.89, 0.04, 0.14),
            Line(number, 0.14, 0.86, 0.155, 0.96),
        )
    return Plate("kr", "yellow", 520, 110, lines, YELLOW, BLACK, border=0.6)


def regional(rng: Rng, head: str, use: str, serial: str) -> tuple[Line, ...]:
    """A Korean plate of two rows: the use character before the serial is smaller than it, and stands higher."""
    top, between = rng.uniform(0.06, 0.12), rng.uniform(0.34, 0.4)
    right = rng.uniform(0.2, 0.25)
    return (
        Line(head, top, rng.uniform(0.3, 0.36), 0.22, 0.78, 0),
        Line(use, between - 0.02, rng.uniform(0.68, 0.76), 0.04, right, 1),
        Line(serial, between, 0.92, right + 0.03, 0.96, 1),
    )


def pattern(rng: Rng, shape: str) -> str:
    return "".join(pick(rng, LETTERS) if c == "A" else pick(rng, "0123456789") if c == "9" else c for c in shape)


EU_SHAPES = (
    "AA-999AA", "9A9 9999", "AA 999 AA", "AA99 AAA", "A-AA 999", "AA-A 9999", "99-AAA-9", "AAA 999", "AA 99999",
    "A99 9999", "999-AAA", "A 999 AA", "AA 99 AAA", "9AAA999", "AAAAA9", "AA999AA",
)
US_SHAPES = (
    "9AAA999", "9AAA999", "AAA 9999", "AAA 9999", "AAA-9999", "AAA-999", "AAA 999", "999 AAA", "AA9 9AA", "A99 9AA",
    "AAA9999", "99A 999", "9A9999", "AAAA999", "AA 99999", "AAAAAA", "9999 AA", "AA 9999", "AA9 A9A", "AA9 A9A",
    "AAA A99", "999 9999", "A99-AAA", "9AA 999", "9AA9999", "A 999999",
)


def latin(rng: Rng) -> Plate:
    if rng.random() < 0.5:
        text = pattern(rng, EU_SHAPES[rng.integers(len(EU_SHAPES))])
        if rng.random() < 0.35:
            text = "*" + text
        if rng.random() < 0.45:
            text = text.replace("-", "*" if rng.random() < 0.6 else "*-", 1).replace(" ", "*", 1)
        if rng.random() < 0.2:  # Slovakia: the arms and the country's letters on white, left of the text
            country = Line(pick(rng, LETTERS, 2), rng.uniform(0.64, 0.7), 0.84, 0.025, 0.075)
            line = Line("*" + text.lstrip("*"), 0.16, 0.84, 0.025, 0.97)
            return Plate("latin", "eu", 520, 110, (line,), WHITE, BLACK, (country,), None, 0.7)
        band = ("left", rng.uniform(0.07, 0.11), BLUE) if rng.random() < 0.8 else None
        background = WHITE if rng.random() < 0.85 else YELLOW
        caption = (Line(pick(rng, LETTERS, int(rng.integers(1, 3))), 0.62, 0.85, 0.02, 0.07),) if band else ()
        if rng.random() < 0.08:
            cut = len(text) // 2
            lines = (Line(text[:cut], 0.08, 0.46, 0.2, 0.9, 0), Line(text[cut:], 0.54, 0.92, 0.15, 0.9, 1))
            return Plate("latin", "eu2", 280, 200, lines, background, BLACK, border=0.7)
        return Plate(
            "latin", "eu", 520, 110, (Line(text, 0.16, 0.84, 0.13 if band else 0.04, 0.97),), background, BLACK,
            caption, band, 0.7,
        )
    inks = (BLACK, (30, 50, 120), (120, 20, 30), (20, 80, 50))
    ground = ((235, 235, 232), (225, 235, 245), (240, 225, 200), (210, 225, 215), (250, 235, 160))[rng.integers(5)]
    words = (
        "CALIFORNIA", "TEXAS", "NEW YORK", "FLORIDA", "OHIO", "WASHINGTON", "ARIZONA", "UTAH", "STATE OF MIND",
        "DMV.GOV", "SUNSHINE STATE",
    )
    captions = (
        Line(words[rng.integers(len(words))], 0.05, 0.19, 0.25, 0.75),
        Line(words[rng.integers(len(words))], 0.86, 0.95, 0.28, 0.72),
    )
    text = pattern(rng, US_SHAPES[rng.integers(len(US_SHAPES))])
    if rng.random() < 0.55:
        text = text.replace("-", "*", 1).replace(" ", "*", 1)
    band = ("top", 0.22, inks[rng.integers(4)]) if rng.random() < 0.12 else None
    gradient = tuple(rng.integers(120, 256, 3).tolist()) if rng.random() < 0.4 else None
    top = rng.uniform(0.23, 0.32)
    line = Line(text, top, top + rng.uniform(0.42, 0.54), *sorted((rng.uniform(0.03, 0.12), rng.uniform(0.88, 0.97))))
    return Plate(
        "latin", "us", 305, 152, (line,), ground, inks[rng.choice(4, p=[0.4, 0.4, 0.1, 0.1])],
        captions[: rng.integers(0, 3)], band, 0.5, gradient,
    )


REGIONS: dict[str, Callable[[Rng], Plate]] = {"vn": vietnam, "br": brazil, "cn": china, "kr": korea, "latin": latin}


def sample(rng: Rng, weights: dict[str, float]) -> Plate:
    """A plate of a region drawn with the given weights."""
    names = list(weights)
    shares = np.array([weights[name] for name in names])
    return REGIONS[names[rng.choice(len(names), p=shares / shares.sum())]](rng)
