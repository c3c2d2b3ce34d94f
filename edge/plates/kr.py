"""South Korea: 12가 3456 and 123가 4567, the regional 서울 12가 3456, military and diplomatic plates."""

from __future__ import annotations

from edge.plates.alphabet import DIGITS
from edge.plates.grammar import Form, Grammar

NAMES = "서울부산대구인천광주대전울산경기강원충북충남전북전남경북경남제주세종"
REGIONS = frozenset(NAMES[i : i + 2] for i in range(0, len(NAMES), 2))
PRIVATE = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주허하호"  # and rented
COMMERCIAL = "배바사아자"  # parcels, taxis, buses: their plates name the region
FORCES = "육공해국합"
DIPLOMATS = ("외교", "영사", "준외", "준영", "협정", "대표")

GRAMMAR = Grammar(
    code="kr",
    classes={
        "9": DIGITS,
        "U": PRIVATE,
        "C": COMMERCIAL,
        "R": "".join(sorted({name[0] for name in REGIONS})),
        "S": "".join(sorted({name[1] for name in REGIONS})),
        "F": FORCES,
        "D": "".join(sorted({word[0] for word in DIPLOMATS})),
        "E": "".join(sorted({word[1] for word in DIPLOMATS})),
    },
    forms=(
        Form("99U 9999"),
        Form("999U 9999"),
        Form("RS 99U 9999", heads=REGIONS),
        Form("RS 9U 9999", -1.0, heads=REGIONS),
        Form("RS 99C 9999", heads=REGIONS),
        Form("RS 9C 9999", -1.0, heads=REGIONS),
        Form("99C 9999", -3.0),
        Form("99F 9999", -1.5),
        Form("DE 999-999", -1.5, heads=frozenset(DIPLOMATS)),
    ),
)
