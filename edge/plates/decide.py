"""From posteriors to candidates: texts are proposed, then weighed by exact likelihood and by grammar."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.plates import regions
from edge.plates.alphabet import INDEX, SIZE, VIETNAMESE, decode, encode
from edge.plates.confusions import soften
from edge.records import Candidate

SHORTEST = 2  # a text of fewer characters is no plate
SETTLED = 0.4  # confidence from which the most probable text of a known form is the answer
KEPT = 8  # candidates of a reading
OTHERS = -4.0  # ln weight of all texts that were not proposed
SCATTER = 3.0  # ln of how many those are: looks that are wrong are seldom wrong in the same way
WORST = 12.0  # a look may not hold more than this against a text: it may show another plate
SMALLEST = 1e-6  # probability that all proposals of a look are wrong, at least
Posteriors = NDArray[np.float32]


def fold(log_posteriors: Posteriors) -> Posteriors:
    """Log posteriors in which Đ counts as D, as in the canonical text."""
    folded = log_posteriors.copy()
    plain, barred = INDEX["D"], INDEX[VIETNAMESE]
    folded[:, plain] = np.logaddexp(log_posteriors[:, plain], log_posteriors[:, barred])
    folded[:, barred] = -30.0
    return folded


def conclude(log_posteriors: Posteriors, region: str | None) -> tuple[Candidate, ...]:
    """The candidates of one look, best first.

    The grammars' own search costs more than the network, so it is left out where the most probable texts have
    settled it: on 868 photographed plates none that held 0.3 of all probability was overtaken by its finds.
    """
    condensed = ctc.condense(log_posteriors)
    softened, likely = soften(condensed), _likely(condensed)
    candidates = _weigh(likely, [softened], [1.0], region)
    if candidates and candidates[0].confidence >= SETTLED and candidates[0].region in _homes(region):
        return candidates
    return _weigh(_more(likely, softened, region), [softened], [1.0], region)


def propose(log_posteriors: Posteriors, region: str | None) -> list[str]:
    """Canonical texts worth weighing: the most probable ones, and the best in each form of the grammars."""
    return _more(_likely(log_posteriors), soften(ctc.condense(log_posteriors)), region)


def _likely(log_posteriors: Posteriors) -> list[str]:
    """The most probable texts, best first."""
    texts = [decode(list(indices)) for indices, _ in ctc.beam(log_posteriors)]
    return [text for text in texts if len(text) >= SHORTEST]


def _more(likely: list[str], softened: Posteriors, region: str | None) -> list[str]:
    """The most probable texts, and the best in each form of about their length."""
    lengths = {len(text) for text in likely[:2]}
    classes, templates = _templates(region)
    fitting = [t for t in templates if any(abs(len(t) - length) <= 1 for length in lengths)]
    found = ctc.constrained(softened, classes, fitting)
    texts = [decode(list(indices)) for indices in found]
    return list(dict.fromkeys([*likely, *(text for text in texts if len(text) >= SHORTEST)]))


def decide(
    texts: Sequence[str], looks: Sequence[tuple[Posteriors, float]], region: str | None
) -> tuple[Candidate, ...]:
    """The texts as candidates, best first, for looks of (log posteriors, weight).

    A text's score is the weighted sum of its exact log-likelihoods over the looks plus ln of how usual
    it is among plates. Its confidence is its share among all texts, the unproposed ones included, so
    that a text which no look makes probable stays doubtful however little competes with it. Where none
    is settled, looks may be right in different characters: then the likeliest texts are crossed as well.
    """
    softened, weights = [soften(ctc.condense(seen)) for seen, _ in looks], [weight for _, weight in looks]
    candidates = _weigh(texts, softened, weights, region)
    if not candidates or candidates[0].confidence >= SETTLED:
        return candidates
    return _weigh(list(dict.fromkeys([*texts, *_crossed(candidates)])), softened, weights, region)


def _crossed(candidates: Sequence[Candidate]) -> list[str]:
    """The best text with one character as another text of its length has it."""
    best = candidates[0].text
    others = [candidate.text for candidate in candidates if len(candidate.text) == len(best)]
    return [best[:i] + other[i] + best[i + 1 :] for other in others for i in range(len(best)) if other[i] != best[i]]


def _weigh(
    texts: Sequence[str], softened: Sequence[Posteriors], weights: Sequence[float], region: str | None
) -> tuple[Candidate, ...]:
    """The same for looks that are condensed and admit confusions."""
    if not texts:
        return ()
    votes = [regions.vote(text, region) for text in texts]
    scores = [usual for _, usual in votes]  # plain numbers: they are few, and faster so than as arrays
    others = OTHERS + SCATTER * (1.0 - sum(weights))
    by_look = ctc.likelihoods_by_look(softened, [encode(text) for text in texts])
    for likelihoods, weight in zip(by_look.tolist(), weights, strict=True):
        least = max(likelihoods) - WORST
        scores = [score + weight * max(one, least) for score, one in zip(scores, likelihoods, strict=True)]
        others += weight * math.log(max(SMALLEST, 1.0 - sum(map(math.exp, likelihoods))))
    most = max(*scores, others)
    shares = [math.exp(score - most) for score in scores]
    total = sum(shares) + math.exp(others - most)
    best = sorted(range(len(texts)), key=lambda i: -shares[i])[:KEPT]
    return tuple(Candidate(texts[i], shares[i] / total, votes[i][0]) for i in best)


def _homes(region: str | None) -> frozenset[str]:
    """The regions whose plates are looked for."""
    return frozenset(grammar.code for grammar in regions.grammars(region))


@functools.cache
def _templates(region: str | None) -> tuple[NDArray[np.bool_], tuple[tuple[int, ...], ...]]:
    """All forms of the grammars that have a say, as templates over shared character classes."""
    numbers: dict[str, int] = {}
    templates: dict[tuple[int, ...], None] = {}
    for grammar in regions.grammars(region):
        for form in grammar.forms:
            sets = [grammar.characters(letter) for letter in form.letters]
            templates[tuple(numbers.setdefault(s, len(numbers)) for s in sets)] = None
    classes = np.zeros((len(numbers), SIZE), bool)
    for characters, number in numbers.items():
        classes[number, encode(characters)] = True
    return classes, tuple(templates)
