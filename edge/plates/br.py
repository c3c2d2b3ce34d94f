"""Brazil: the grey ABC-1234 and the Mercosul ABC1D23."""

from __future__ import annotations

from edge.plates.alphabet import DIGITS, LATIN
from edge.plates.grammar import Form, Grammar

GRAMMAR = Grammar(
    code="br",
    classes={"9": DIGITS, "L": LATIN},
    forms=(Form("LLL-9999"), Form("LLL9L99")),
)
