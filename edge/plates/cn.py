"""China: 粤B·12345, the green six-character numbers of electric cars, and plates with a use character."""

from __future__ import annotations

from edge.plates.alphabet import DIGITS, PROVINCES
from edge.plates.grammar import Form, Grammar

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # neither I nor O, which stands for an authority after a province

# Which letters are a city's, or a county's of Beijing, Shanghai, Tianjin and Chongqing, by province.
CITIES = {
    "京": "ABCDEFGHJKLMNPQY", "津": "ABCDEFGHJKLMNPQR", "冀": "ABCDEFGHJRT", "晋": "ABCDEFHJKLM", "蒙": "ABCDEFGHJKLM",
    "辽": "ABCDEFGHJKLMNPV", "吉": "ABCDEFGHJK", "黑": "ABCDEFGHJKLMNPR", "沪": "ABCDEFGHJKLMNPQR",
    "苏": "ABCDEFGHJKLMNU", "浙": "ABCDEFGHJKL", "皖": "ABCDEFGHJKLMNPQRS", "闽": "ABCDEFGHJK", "赣": "ABCDEFGHJKLMS",
    "鲁": "ABCDEFGHJKLMNPQRSUVWY", "豫": "ABCDEFGHJKLMNPQRSUV", "鄂": "ABCDEFGHJKLMNPQRSW", "湘": "ABCDEFGHJKLMNSU",
    "粤": LETTERS, "桂": "ABCDEFGHJKLMNPR", "琼": "ABCDEF", "渝": "ABCDFGHN", "川": LETTERS, "贵": "ABCDEFGHJ",
    "云": "ACDEFGHJKLMNPQRSV", "藏": "ABCDEFGHJ", "陕": "ABCDEFGHJKUV", "甘": "ABCDEFGHJKLMNP", "青": "ABCDEFGH",
    "宁": "ABCDE", "新": "ABCDEFGHJKLMNPQRS",
}  # fmt: skip
HEADS = frozenset(province + letter for province, letters in CITIES.items() for letter in letters)

GRAMMAR = Grammar(
    code="cn",
    classes={
        "9": DIGITS,
        "P": PROVINCES,
        "L": LETTERS,
        "X": DIGITS + LETTERS,
        "E": "ABCDEFGHJK",  # kinds of electric and hybrid cars
        "U": "学警港澳挂使领",
    },
    forms=(
        Form("PL·XXXXX", heads=HEADS),
        Form("PO·XXXXX", -1.5),  # authorities
        Form("PL·EX9999", heads=HEADS),
        Form("PL·99999E", heads=HEADS),
        Form("PL·XXXXU", -1.0, heads=HEADS),
        Form("999999使", -1.5),
        Form("使999999", -2.0),
    ),
)
