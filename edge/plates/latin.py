"""Everything written in Latin letters elsewhere: the usual forms of Europe and North America, weakly held.

A text of no listed form is still taken for a plate when letters and digits mix.
"""

from __future__ import annotations

from edge.plates.alphabet import DIGITS, LATIN
from edge.plates.grammar import Form, Grammar

LISTED = -1.0  # each form is one of many
FORMS = (
    "LL 999LL",  # Slovakia, Croatia, France, Italy
    "9L9 9999",  # Czechia
    "LL99 LLL",  # United Kingdom
    "L9 LLL",
    "L99 LLL",
    "L999 LLL",
    "9999 LLL",  # Spain
    "LLL 999",  # Hungary, Sweden, US states
    "LLL 9999",  # US states, Poland
    "LLL 99999",
    "LLL 99LL",
    "LL 99999",  # Poland, Denmark, Norway
    "LL 9999",  # Germany, as are the next four
    "L-LL 9999",
    "LL-LL 99",
    "LL-LL 999",
    "LL-LL 9999",
    "LL-99-LL",  # Portugal, Netherlands
    "99-LL-99",
    "LL 99 LLL",  # Romania
    "L 99 LLL",
    "L 999 LLL",
    "L 9999 LL",  # Bulgaria
    "LL 9999 LL",  # Bulgaria, Ukraine
    "9-LLL-999",  # Belgium, and California without the hyphens
    "LL-999-L",  # Netherlands
    "L-999-LL",
    "99-LLL-9",
    "LL 999999",  # Switzerland
    "99 LLL 999",  # Turkey
    "99 LL 999",
    "99 LL 9999",
    "99 L 9999",
    "999 LLL",  # Finland, US states
    "L 999 LL 99",  # Russia
    "L 999 LL 999",
    "LL9 L9L",  # US states, as are all that follow
    "L99 9LL",
    "LLL L99",
    "9LL 999",
    "9LL 9999",
    "9L 9999",
    "9L9 999",
    "99L 999",
    "999 L99",
    "9999 LL",
    "L 999999",
)

GRAMMAR = Grammar(
    code="latin",
    classes={"9": DIGITS, "L": LATIN},
    forms=tuple(Form(shown, LISTED) for shown in FORMS),
    loose=r"(?=.*[0-9])(?=.*[A-Z])[A-Z0-9]{4,8}",
    loose_weight=-5.0,  # such a form has a hundred times as many texts as a listed one
)
