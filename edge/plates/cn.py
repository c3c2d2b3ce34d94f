"""China: 粤B·12345, the green six-character numbers of electric cars, and plates with a use character."""

from __future__ import annotations

from edge.plates.alphabet import DIGITS, PROVINCES
from edge.plates.grammar import Form, Grammar

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # neither I nor O

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
        Form("PL·XXXXX"),
        Form("PL·EX9999"),
        Form("PL·99999E"),
        Form("PL·XXXXU", -1.0),
        Form("999999使", -1.5),
        Form("使999999", -2.0),
    ),
)
