"""What a region's plates look like: forms of character classes, which match, constrain and display."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SEPARATORS = "-. ·"
UNKNOWN_HEAD = -2.0  # ln of how much rarer a form is with a province that does not exist


@dataclass(frozen=True, slots=True)
class Form:
    """One plate format as it is displayed: class letters with separators, such as 99L-999.99.

    `weight` is ln of how usual it is beside the region's other forms; `heads` are the known beginnings
    (provinces), all of one length.
    """

    shown: str
    weight: float = 0.0
    heads: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def letters(self) -> str:
        """The class letters alone, one per character of the text."""
        return "".join(letter for letter in self.shown if letter not in SEPARATORS)


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """A region's plates; a letter that is no class stands for itself.

    `shares` say, by class letter, how often each of its characters is met where they are not met alike, in any unit.
    `loose` is a regular expression for texts that may be plates though no form is known, with its weight.
    """

    code: str
    classes: Mapping[str, str]
    forms: tuple[Form, ...]
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    loose: str | None = None
    loose_weight: float = 0.0

    def characters(self, letter: str) -> str:
        """The characters that may stand where a form has this letter."""
        return self.classes.get(letter, letter)

    def form(self, text: str) -> Form | None:
        """The most usual form of a canonical text, None where it has none."""
        ways = _expressions(self).get(len(text), ())
        fitting = [form for form, expression in ways if expression.fullmatch(text)]
        return max(fitting, key=lambda form: self._weight(form, text), default=None)

    def weight(self, text: str) -> float | None:
        """Ln of how usual a text is among the region's plates, None where it is no plate of the region."""
        form = self.form(text)
        if form is not None:
            return self._weight(form, text)
        if self.loose is not None and re.fullmatch(self.loose, text):
            return self.loose_weight
        return None

    def display(self, text: str) -> str | None:
        """The text with the region's separators, None where no form fits."""
        form = self.form(text)
        if form is None:
            return None
        characters = iter(text)
        return "".join(letter if letter in SEPARATORS else next(characters) for letter in form.shown)

    def _weight(self, form: Form, text: str) -> float:
        known = not form.heads or text.startswith(tuple(form.heads))
        weight = form.weight if known else form.weight + UNKNOWN_HEAD
        for letter, usual in _usual(self).items():
            if (place := form.letters.find(letter)) >= 0:
                weight += usual[text[place]]
        return weight


@functools.cache
def _usual(grammar: Grammar) -> dict[str, dict[str, float]]:
    """Ln of how much oftener than the mean each character is met, by class letter."""
    means = {letter: sum(shares.values()) / len(shares) for letter, shares in grammar.shares.items()}
    return {
        letter: {character: math.log(share / means[letter]) for character, share in shares.items()}
        for letter, shares in grammar.shares.items()
    }


@functools.cache
def _expressions(grammar: Grammar) -> dict[int, list[tuple[Form, re.Pattern[str]]]]:
    """Every form with what its texts match, by the length of the text."""
    found: dict[int, list[tuple[Form, re.Pattern[str]]]] = {}
    for form in grammar.forms:
        expression = re.compile("".join(f"[{re.escape(grammar.characters(c))}]" for c in form.letters))
        found.setdefault(len(form.letters), []).append((form, expression))
    return found
