"""How alike two plates are to a camera: an edit distance in which look-alikes cost little, and why."""

from __future__ import annotations

from dataclasses import dataclass

from edge.plates import confusions

CONFUSED, ALIKE = 0.3, 0.6  # the price of a glyph for one readers confuse, or people; other edits cost 1
ALSO = (
    "1L",
    "1J",
    "1T",
    "17",
    "IL",
    "IJ",
    "IT",
    "3B",
    "9P",
    "CG",
    "EF",
    "HN",
    "KX",
    "MN",
    "MW",
    "UV",
    "VY",
    "PR",
)


def _prices() -> dict[tuple[str, str], float]:
    priced = [(ALSO, ALIKE), (confusions.PAIRS, CONFUSED)]
    one_way = {(pair[0], pair[1]): price for pairs, price in priced for pair in pairs}
    return one_way | {(b, a): price for (a, b), price in one_way.items()}


PRICES = _prices()


@dataclass(frozen=True, slots=True)
class Likeness:
    """The distance between two plates, why, and whether they differ by what readers confuse alone."""

    distance: float
    explanation: str
    confusable: bool


def likeness(read: str, known: str) -> Likeness:
    """Compare what was read or asked for with a known plate; positions count from 1."""
    costs = _table(read, known)
    i, j = len(read), len(known)
    reasons: list[str] = []
    confusable = True
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + _price(read[i - 1], known[j - 1]):
            i, j = i - 1, j - 1
            if read[i] != known[j]:
                reasons.append(f"{read[i]} for {known[j]} at {j + 1}")
                confusable &= _price(read[i], known[j]) <= CONFUSED
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i, confusable = i - 1, False
            reasons.append(f"{read[i]} too many after {j}")
        else:
            j, confusable = j - 1, False
            reasons.append(f"{known[j]} missing at {j + 1}")
    return Likeness(costs[-1][-1], ", ".join(reversed(reasons)), confusable and bool(reasons))


def _table(read: str, known: str) -> list[list[float]]:
    """Wagner and Fischer's table: entry [i][j] is the distance of the first i from the first j characters."""
    costs = [[float(j) for j in range(len(known) + 1)]]
    for i, a in enumerate(read, 1):
        above, row = costs[-1], [float(i)]
        for j, b in enumerate(known, 1):
            row.append(min(above[j - 1] + _price(a, b), above[j] + 1, row[j - 1] + 1))
        costs.append(row)
    return costs


def _price(a: str, b: str) -> float:
    return 0.0 if a == b else PRICES.get((a, b), 1.0)
