"""Vietnam: cars 51F-123.45, motorbikes 29-B1 234.56, old four-digit numbers, military and diplomatic plates.

Circulars 58/2020/TT-BCA and 24/2023/TT-BCA. Đ stands as D in the canonical text.
"""

from __future__ import annotations

from edge.plates.alphabet import DIGITS
from edge.plates.grammar import Form, Grammar

PROVINCES = frozenset(
    str(number) for number in range(11, 100) if number not in {13, 42, 44, 45, 46, 87, 91, 96}
)
# Motorbike series are numbered in order: how often a number was met on 258 photographed plates, the rare ones evened.
NUMBERS = {"1": 0.69, "2": 0.17, "3": 0.04, "4": 0.02, "5": 0.02, "6": 0.02, "7": 0.02, "8": 0.01, "9": 0.01}
# So are the second letters of mopeds; beside them stand those of pairs with a meaning: LD, CD, TD, KT, QT, NG, NN.
SECOND = {"A": 8, "B": 4, "C": 2, "D": 6, "G": 2, "K": 2, "N": 2, "T": 2, "Z": 0.2}
SECOND |= dict.fromkeys("EFHLMPQSUVXY", 0.5)
SERIES = "ABCDEFGHKLMNPRSTUVXYZ"  # R: trailers

GRAMMAR = Grammar(
    code="vn",
    classes={
        "9": DIGITS,
        "L": SERIES,
        "S": "".join(SECOND),
        "F": "LKDHNQTRACB",  # first letter of a pair: LD, KT, HC, NG, QT, TD, AA …
        "1": "".join(NUMBERS),
        "W": "ABCDHKMPQTV",  # first letter of a military pair
        "X": "".join(sorted(SECOND)),  # and its second
    },
    forms=(
        Form("99L-999.99", heads=PROVINCES),
        Form("99-L1 999.99", heads=PROVINCES),
        Form("99-NG-999-99", -0.5, heads=PROVINCES),
        Form("99-NN-999-99", -0.5, heads=PROVINCES),
        Form("99LA-999.99", -0.5, heads=PROVINCES),  # mopeds
        Form("99FS-999.99", -2.0, heads=PROVINCES),
        Form("99MK-999.99", -2.0, heads=PROVINCES),  # tractors
        Form("99L-9999", -1.0, heads=PROVINCES),
        Form("99FS-9999", -2.0, heads=PROVINCES),
        Form("99MK-9999", -2.0, heads=PROVINCES),
        Form("99-MD1 999.99", -1.0, heads=PROVINCES),
        Form("99-999-NG-99", -1.5),
        Form("99-999-QT-99", -1.5),
        Form("99-999-NN-99", -1.5),
        Form("WX-99-99", -1.5),
        Form("WX-999.99", -2.0),
    ),
    shares={"1": NUMBERS, "S": SECOND},
)
