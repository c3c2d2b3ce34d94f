"""China: 粤B·12345, the green six-character numbers of electric cars, and plates with a use character."""

from __future__ import annotations

import math

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
# Civil vehicles in millions at the end of 2021, about 300 in all; an estimate after the national statistics.
VEHICLES = {
    "京": 6, "津": 4, "冀": 19, "晋": 8, "蒙": 7, "辽": 10, "吉": 5, "黑": 6, "沪": 5, "苏": 22, "浙": 20, "皖": 11,
    "闽": 8, "赣": 7, "鲁": 27, "豫": 19, "鄂": 10, "湘": 11, "粤": 27, "桂": 9, "琼": 2, "渝": 6, "川": 14, "贵": 6,
    "云": 9, "藏": 1, "陕": 8, "甘": 4, "青": 1, "宁": 2, "新": 5,
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
    shares={"P": {province: math.sqrt(number) for province, number in VEHICLES.items()}},  # a camera stands in one
)
