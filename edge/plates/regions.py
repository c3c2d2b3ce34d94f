"""The grammars by region, and what they say together."""

from __future__ import annotations

import functools

from edge.plates import br, cn, kr, latin, vn
from edge.plates.alphabet import canonical
from edge.plates.grammar import Grammar

GRAMMARS = {module.GRAMMAR.code: module.GRAMMAR for module in (vn, kr, br, cn, latin)}
UNKNOWN = -4.0  # ln weight of a text that no grammar knows, when the grammars vote
FOREIGN = -6.0  # and of one that is not of the region asked for
UNLIKE = "3679"  # digits that no letter is read as


def grammars(region: str | None) -> tuple[Grammar, ...]:
    """The grammar of a region; all of them where the region is None."""
    return tuple(GRAMMARS.values()) if region is None else (GRAMMARS[region],)


def known(text: str) -> tuple[str | None, float]:
    """The region whose plates a canonical text fits best, with its weight; None where it fits none."""
    weighed = [
        (weight, code) for code, grammar in GRAMMARS.items() if (weight := grammar.weight(text)) is not None
    ]
    if not weighed:
        return None, UNKNOWN
    weight, code = max(weighed, key=lambda pair: pair[0])
    return code, weight


@functools.lru_cache(4096)  # the looks at one vehicle propose the same texts
def vote(text: str, region: str | None) -> tuple[str | None, float]:
    """Whose plate a text is and ln of how usual: in the region asked for first, else where it fits best."""
    if region is not None:
        weight = GRAMMARS[region].weight(text)
        return (region, weight) if weight is not None else (known(text)[0], FOREIGN)
    return known(text)


def doubtful(text: str) -> bool:
    """Whether a canonical text is rather a vehicle's make, a sign or a telephone number than a plate.

    No form of it is known, and no letter stands in it beside a digit that is like none.
    """
    if any(grammar.form(text) for grammar in GRAMMARS.values()):
        return False
    return not (any(c.isalpha() for c in text) and any(c in UNLIKE for c in text))


def display(text: str, region: str | None = None) -> str:
    """A plate as it is written for people, such as 51F-123.45; unchanged where no form is known."""
    plain = canonical(text)
    code = region or known(plain)[0]
    return (GRAMMARS[code].display(plain) if code is not None else None) or plain
