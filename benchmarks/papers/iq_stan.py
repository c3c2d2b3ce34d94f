"""IQ-STAN (seed 002) against itself without the quality branch, and against the product's fusion of the same looks.

    python -m benchmarks.papers.iq_stan --photographs FOLDER --record
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from scipy.stats import rankdata

from benchmarks.papers import iq_stan_cost, looks
from benchmarks.papers.claims import DRAWS, Claim, Figures, difference, verdict
from benchmarks.papers.experiment import arguments, rendered, run
from edge.fusion import FAINTEST
from edge.manifest import Manifest
from edge.runtime import ZOO
from models import iq_stan
from models.synth.sequence import FRAMES
from models.train import iq_stan as recipe

Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Size:
    """Rendered plates to learn from and to measure on, and how often each is learnt from."""

    train: int
    test: int
    start: int  # epochs of the net without the quality branch from which all variants begin
    epochs: int  # of every variant


FULL, REDUCED = Size(6000, 1000, 16, 1), Size(800, 150, 4, 1)
VARIANTS: dict[str, dict[str, bool]] = {"guided": {}, "plain": {"scoring": False}, "scoring": {"reading": False}}


def trained(path: Path, train: dict[str, np.ndarray], **how: Any) -> keras.Model:
    """A net trained once and kept."""
    if path.exists():
        net = iq_stan.build(**{key: value for key, value in how.items() if key in ("scoring", "reading")})
        net.load_weights(path)
        return net
    net = recipe.fit(train, **how)
    net.save_weights(path)
    return net


def nets(asked: argparse.Namespace, size: Size, train: dict[str, np.ndarray]) -> dict[str, list[keras.Model]]:
    """Every variant after each training; all begin from one net that reads without the branch."""
    folder = asked.runs / f"iq_stan-{size.train}-{size.start}-{size.epochs}"
    folder.mkdir(parents=True, exist_ok=True)
    start = trained(folder / "start.weights.h5", train, epochs=size.start, seed=99, scoring=False)
    every: dict[str, list[keras.Model]] = {name: [] for name in VARIANTS}
    for seed in range(asked.seeds):
        for name, how in VARIANTS.items():
            path = folder / f"{name}-{seed}.weights.h5"
            every[name].append(trained(path, train, epochs=size.epochs, seed=seed, start=start, **how))
    return every


def right(log_probabilities: np.ndarray, text: np.ndarray, first: int = 0) -> np.ndarray:
    """Whether all characters (…, n, 7, 65) from the `first` on are those of the plates (n, 7)."""
    return (log_probabilities.argmax(axis=-1) == text)[..., first:].all(axis=-1)


def one_by_one(net: keras.Model, seen: np.ndarray) -> np.ndarray:
    """Log probabilities (5, n, 7, 65) of every look (n, 5, …) alone, shown five times."""
    alone = (np.repeat(seen[:, n : n + 1], FRAMES, axis=1) for n in range(FRAMES))
    return np.stack([recipe.predict(net, five)["characters"] for five in alone])


def late(alone: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Readings of single looks (5, n, 7, 65) added up as edge.fusion does, weighted by quality (n, 5)."""
    return np.einsum("ni,intc->ntc", np.maximum(FAINTEST, quality), alone)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1])


def drawn(statistic: Callable[[np.ndarray, np.ndarray], float], seeds: int, n: int) -> Interval:
    """A statistic of chosen seeds and plates with its 95 % interval, by the bootstrap of `difference`."""
    rng = np.random.default_rng(0)
    draws = [statistic(rng.integers(seeds, size=seeds), rng.integers(n, size=n)) for _ in range(DRAWS // 4)]
    return (statistic(np.arange(seeds), np.arange(n)), *np.percentile(draws, (2.5, 97.5)).tolist())


def shares(better: np.ndarray, worse: np.ndarray) -> str:
    return f"{np.mean(better):.3f} against {np.mean(worse):.3f}"


def compared(claim: str, paper: str, better: np.ndarray, worse: np.ndarray) -> Claim:
    """A claim that something reads more plates (seeds, n) than something else."""
    gap = difference(better, worse)
    return Claim(claim, paper, shares(better, worse), better.shape[1], len(better), gap, verdict(gap))


def table_1(predicted: dict[str, list[dict[str, np.ndarray]]], text: np.ndarray) -> list[Claim]:
    """Recognition with and without the quality branch."""
    claims = []
    for first, which, paper in ((0, "including", "0.931 against 0.901"), (1, "excluding", "0.954 against 0.939")):
        guided, plain = (
            np.stack([right(one["characters"], text, first) for one in predicted[name]]) for name in ("guided", "plain")
        )
        claims.append(compared(f"the quality branch reads more, {which} the Chinese character", paper, guided, plain))
    guided, plain = (
        np.stack([(one["characters"].argmax(axis=-1) == text).mean(axis=-1) for one in predicted[name]])
        for name in ("guided", "plain")
    )
    return [*claims, compared("the quality branch reads more characters", "–", guided, plain)]


def table_2(predicted: dict[str, list[dict[str, np.ndarray]]], quality: np.ndarray) -> list[Claim]:
    """Linear and rank correlation of the scores with the quality of the looks (n, 5), with reading and without."""
    claims = []
    for name, paper, change in (
        ("linear correlation (LCC) gains", "0.847 against 0.830", np.asarray),
        ("rank correlation (SROCC) loses", "0.805 against 0.819", ranks),
    ):
        both, alone = (np.stack([change(one["quality"]) for one in predicted[v]]) for v in ("guided", "scoring"))
        truth = change(quality)

        def gap(seeds: np.ndarray, plates: np.ndarray, both=both, alone=alone, truth=truth) -> float:
            there = truth[plates]
            each = (correlation(both[s][plates], there) - correlation(alone[s][plates], there) for s in seeds)
            return float(np.mean(list(each)))

        means = [np.mean([correlation(one, truth) for one in kind]) for kind in (both, alone)]
        found = drawn(gap, len(both), len(truth))
        ours, held = f"{means[0]:.3f} against {means[1]:.3f}", verdict(found)
        held = held if "gains" in name or held is None else not held
        claims.append(Claim(f"{name} by learning to read too", paper, ours, len(truth), len(both), found, held))
    return claims


def ranks(values: np.ndarray) -> np.ndarray:
    return rankdata(values).reshape(values.shape)


def fusion(told: looks.Told, five: np.ndarray, alone: np.ndarray, added: np.ndarray) -> list[Claim]:
    """What five looks and their quality are worth to IQ-STAN and to the product; all (seeds, n)."""
    seeds = len(five)
    single, best, alike, fused = (
        np.tile(which, (seeds, 1)) for which in (told.single.mean(axis=1), told.best, told.alike, told.fused)
    )

    def removed(seeds: np.ndarray, plates: np.ndarray, better: np.ndarray, worse: np.ndarray) -> float:
        return float(1 - (1 - better[seeds][:, plates]).sum() / max(1e-9, (1 - worse[seeds][:, plates]).sum()))

    def kept(seeds: np.ndarray, plates: np.ndarray) -> float:
        return removed(seeds, plates, fused, single) - removed(seeds, plates, five, alone)

    everything = np.arange(seeds), np.arange(five.shape[1])
    ours, theirs = removed(*everything, fused, single), removed(*everything, five, alone)
    share = f": {ours / theirs:.2f} of its gain" if theirs > 0.01 else ""
    gap = drawn(kept, seeds, five.shape[1])
    return [
        compared("IQ-STAN reads five looks better than one", "–", five, alone),
        compared("IQ-STAN reads five looks together better than its own single readings added up", "–", five, added),
        compared("our fusion reads five looks better than one", "–", fused[:1], single[:1]),
        compared("our fusion reads five looks better than the one of best quality", "–", fused[:1], best[:1]),
        compared("our fusion gains by weighting with quality", "–", fused[:1], alike[:1]),
        Claim(
            "our fusion removes as many of the errors of a single look as IQ-STAN", "–",
            f"{ours:.3f} against {theirs:.3f} of them{share}", five.shape[1], seeds, gap,
            verdict(gap),
        ),
    ]


def photographed(photographs: Path) -> list[Claim]:
    """What fusion is worth on the vehicles of real clips, each a mean over its looks."""
    found = looks.clips(photographs)
    say = f"a vehicle of the real clips ({int(found['looks'].sum())} looks)"
    return [
        compared(f"five looks fused read {say} better than one", "–", found["five"][None], found["single"][None]),
        compared(f"all looks fused read {say} better than one", "–", found["all"][None], found["single"][None]),
    ]


def released(kept: Path, size: Size, test: dict[str, np.ndarray]) -> looks.Told:
    """What the released files say of the plates, read once by each release."""
    release = "-".join(Manifest.load(ZOO / f"{name}.json").sha256[:6] for name in iq_stan_cost.OURS)
    truths = ["".join(iq_stan.ALPHABET[c] for c in row) for row in test["text"]]
    return looks.Told(**rendered(
        kept / f"told-{size.test}-{release}.npz", lambda: asdict(looks.rendered_looks(test["crops"], truths))
    ))


def measure(asked: argparse.Namespace) -> list[Claim]:
    """Render, train and compare; the released files read the very looks that IQ-STAN reads."""
    size = REDUCED if asked.reduced else FULL
    kept = asked.runs / "iq_stan"
    train = rendered(kept / f"train-{size.train}.npz", partial(recipe.render, size.train, 0))
    test = rendered(kept / f"test-{size.test}.npz", partial(recipe.render, size.test, 1, crops=True))
    every = nets(asked, size, train)
    predicted = {name: [recipe.predict(net, test["looks"]) for net in some] for name, some in every.items()}
    quality = recipe.normalized(test["similarity"], train["similarity"])
    five = np.stack([right(one["characters"], test["text"]) for one in predicted["guided"]])
    singly = [one_by_one(net, test["looks"]) for net in every["guided"]]
    alone = np.stack([right(one, test["text"]).mean(axis=0) for one in singly])
    added = np.stack([
        right(late(one, told["quality"]), test["text"]) for one, told in zip(singly, predicted["guided"], strict=True)
    ])
    told = released(kept, size, test)
    correlations = correlation(told.quality, quality), correlation(ranks(told.quality), ranks(quality))
    return [
        *table_1(predicted, test["text"]), *table_2(predicted, quality), *fusion(told, five, alone, added),
        Claim(
            "LCC and SROCC of the released QAM, which learnt another quality", "–",
            "{:.3f} and {:.3f}".format(*correlations), len(quality),
        ),
        *iq_stan_cost.cost(every["guided"][0], test["crops"], test["looks"]),
        *(photographed(asked.photographs) if asked.photographs else ()),
    ]


def main(given: Sequence[str] | None = None) -> Figures:
    parser = arguments("iq_stan", "IQ-STAN (seed 002), and what our fusion keeps of its gain")
    return run("iq_stan", measure, parser, given)


if __name__ == "__main__":
    main(sys.argv[1:])
