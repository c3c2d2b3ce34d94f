"""What a paper claims beside what holds here: sizes, differences, intervals, one table for all papers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of a paper's results beside ours.

    `difference` with its 95 % interval is between the two things that the claim compares, in the unit of `ours`; None
    where a figure stands alone. `n` counts the pictures (or plates, or clips) of one run, `seeds` the trainings.
    """

    claim: str
    paper: str
    ours: str
    n: int
    seeds: int = 1
    difference: tuple[float, float, float] | None = None
    holds: bool | None = None  # None: neither shown nor refuted


@dataclass(frozen=True, slots=True)
class Figures:
    """All claims of one paper as one run found them, with the command and the size of that run."""

    paper: str
    command: str
    reduced: bool
    minutes: float
    machine: str
    date: str
    claims: tuple[Claim, ...]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def difference(better: Sequence[Sequence[float]], worse: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean of `better` − `worse` with its 95 % interval, by a bootstrap over training seeds and pictures.

    Both are (seeds, n): right or wrong, or any score, of the same pictures after each training. The pictures are
    drawn together for all seeds, because a hard picture is hard for every one of them.
    """
    gap = np.asarray(better, float) - np.asarray(worse, float)
    seeds, n = gap.shape
    rng = np.random.default_rng(0)
    means = [gap[rng.integers(seeds, size=seeds)][:, rng.integers(n, size=n)].mean() for _ in range(DRAWS)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(gap.mean()), float(low), float(high)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """The exact two-sided probability that two readers of the same pictures err alike (McNemar)."""
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def verdict(gap: tuple[float, float, float], *, at_least: float = 0.0) -> bool | None:
    """Whether a difference is shown to exceed `at_least` (True), shown not to (False), or neither (None)."""
    return True if gap[1] > at_least else False if gap[2] < at_least else None


def table(*papers: Figures) -> str:
    """The claims of all papers as one Markdown table."""
    lines = ["| paper | claim | it says | ours | difference (95 %) | n × seeds | holds |", "|---" * 7 + "|"]
    for name, one in ((figures.paper, one) for figures in papers for one in figures.claims):
        gap = "–" if one.difference is None else "{:+.3f} ({:+.3f} … {:+.3f})".format(*one.difference)
        holds = {True: "yes", False: "no", None: "undecided"}[one.holds]
        lines.append(f"| {name} | {one.claim} | {one.paper} | {one.ours} | {gap} | {one.n} × {one.seeds} | {holds} |")
    return "\n".join(lines)
