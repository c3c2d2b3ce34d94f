"""Seed 001, multi-task learning for low-resolution plates: its Tables 2 and 3, its Fig. 4, and our reader.

    python -m benchmarks.papers.low_resolution --record

Every plate is rendered from near and from far, in the sizes of the paper's two test sets. A network learns from near
views; then it goes on, once for every variant, with the same number of pictures in the same number of steps, of which
a third differs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np

from benchmarks.papers import cascade, far_views
from benchmarks.papers.claims import Claim, Figures
from benchmarks.papers.distances import FAR_WIDTH, World
from benchmarks.papers.experiment import arguments, rendered, run
from benchmarks.papers.far_views import claimed
from edge.plates.alphabet import CHARACTERS as ALPHABET
from models.low_resolution import CHARACTERS, HEIGHT, WIDTH, build, generative
from models.train.low_resolution import Views, augmented, fit, fit_generative, generated, read

AGAIN = 1e-3  # learning rate with which the variants go on
LOSS = 0.01  # of near plates that "without compromising" allows


@dataclass(frozen=True)
class Size:
    """How large the experiment is: plates, pairs for the generative model, plates to test on, samples of a training."""

    originals: int
    pairs: int
    tests: int
    samples: int  # of the beginning that the variants share
    rounds: int  # over these
    more: int  # samples of every variant after that
    epochs: int  # of the generative model
    passes: int  # of the cascade's networks
    width: float = 0.125  # of the filters of Table 1
    reader: far_views.Size = far_views.FULL


FULL = Size(2520, 800, 1000, 50000, 3, 8000, 16, 4)
REDUCED = Size(400, 150, 200, 4000, 1, 1000, 6, 2, reader=far_views.REDUCED)


def shrunk(pictures: np.ndarray) -> np.ndarray:
    """Plates (n, 40, 120) scaled down to the size of far ones and up again: what the paper's model has to beat."""
    size = FAR_WIDTH, round(FAR_WIDTH * HEIGHT / WIDTH)
    small = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in pictures)
    return np.stack([cv2.resize(one, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for one in small])


def samples(variant: str, seed: int, count: int, near: Views, far: Views, maker: keras.Model) -> tuple[np.ndarray, ...]:
    """What the network learns from: near views with permuted characters, a third of them replaced as `variant` says."""
    pictures, classes = augmented(seed, near, count, permute=variant != "plain")
    if variant == "made":
        pictures[::3] = generated(maker, pictures[::3])
    elif variant == "shrunk":
        pictures[::3] = shrunk(pictures[::3])
    elif variant == "far":
        pictures[::3] = augmented(seed, far, count)[0][::3]
    return pictures, classes


VARIANTS = ("permuted", "made", "shrunk", "far", "plain")
BASELINES = ("networks", "hog-svm")
Told = dict[tuple[str, str], np.ndarray]  # by method and test: which characters are right, (seeds, n, 7)


def begun(runs: Path, variant: str, size: Size, world: World) -> keras.Model:
    """The network after what all seeds and variants share; the one without permutation begins for itself."""
    kind = "plain" if variant == "plain" else "permuted"
    path = runs / f"low_resolution-{kind}-{size.samples}.weights.h5"
    keras.utils.set_random_seed(0)
    net = build(width=size.width)
    if path.exists():
        net.load_weights(path)
    else:
        fit(net, *augmented(0, world.near, size.samples, permute=variant != "plain"), epochs=size.rounds)
        net.save_weights(path)
    return net


def ask(runs: Path, method: str, seed: int, size: Size, world: World, maker: keras.Model) -> dict[str, np.ndarray]:
    """Train one method once and let it read all tests."""
    if method in VARIANTS:
        net = begun(runs, method, size, world)
        keras.utils.set_random_seed(seed)
        fit(net, *samples(method, seed + 1, size.more, world.near, world.far, maker), rate=AGAIN)
        return {name: read(net, test) for name, test in world.tests.items()}
    if method == "networks":
        trained = cascade.Networks(world.near, seed=seed, epochs=size.passes)
    else:
        trained = cascade.HandCrafted(world.near, seed=seed)
    told = {name: cascade.read(trained, test) for name, test in world.tests.items()}
    return told | {"far, cut by hand": cascade.read(trained, world.tests["far"], world.boxes)}


def learnt(asked: argparse.Namespace, size: Size, world: World, maker: keras.Model) -> Told:
    """What every method reads after each training."""
    truths = world.truths | {"far, cut by hand": world.truths["far"]}
    seen: dict[tuple[str, str], list[np.ndarray]] = {}
    for seed in range(asked.seeds):
        for method in (*VARIANTS, *BASELINES):
            path = asked.runs / f"low_resolution-{size.samples}-{len(world.tests)}-{method}-{seed}.npz"
            read_now = rendered(path, partial(ask, asked.runs, method, seed, size, world, maker))
            right = {name: classes == truths[name] for name, classes in read_now.items()}
            plates = ", ".join(f"{name} {100 * one.all(axis=1).mean():.1f}" for name, one in right.items())
            print(f"{method}, seed {seed}, % of plates right: {plates}", flush=True)
            for name, one in right.items():
                seen.setdefault((method, name), []).append(one)
    return {key: np.stack(ones) for key, ones in seen.items()}


def ours(world: World, seeds: int) -> dict[str, np.ndarray]:
    """Which of the rendered tests our released reader reads, repeated for each seed (seeds, n)."""
    net = far_views.released()
    found = {}
    for name, crops in world.crops.items():
        truths = ["".join(ALPHABET[n] for n in row) for row in world.truths[name]]
        found[name] = np.repeat(far_views.hits(net, crops, truths)[None], seeds, axis=0)
    return found


def tables(told: Told) -> Iterator[Claim]:
    """Table 2, Fig. 4 and Table 3."""
    plate = {key: right.all(axis=2) for key, right in told.items()}
    wrong = {m: np.concatenate([(~told[m, t]).sum(axis=2) for t in ("near", "far")], axis=1) for m, _ in told}
    for test, paper in (("near", ("83.2 / 43.3 %", "83.2 / 48.3 %")), ("far", ("35.4 / 0.9 %", "35.4 / 0.1 %"))):
        for baseline, figures in zip(BASELINES, paper, strict=True):
            claim = f"Table 2, {test}: multi-task / {baseline}"
            yield claimed(claim, figures, plate["permuted", test], plate[baseline, test])
    best = max(BASELINES, key=lambda name: (wrong[name] == 0).mean())
    for most, paper in ((0, "70.4 / 36.2 %"), (1, "88.7 / 54.2 %")):
        claim = f"Fig. 4: at most {most} characters wrong, multi-task / {best}"
        yield claimed(claim, paper, wrong["permuted"] <= most, wrong[best] <= most)
    for method in ("permuted", "made", best):
        shares = " ".join(f"{100 * (wrong[method] <= most).mean():.1f}" for most in range(CHARACTERS))
        claim = f"Fig. 4: 7, ≥ 6 … ≥ 1 characters right, {method}"
        yield Claim(claim, "a curve", shares + " %", *wrong[method].shape[::-1])
    claim = "Table 3, far: with / without views of the DGM"
    yield claimed(claim, "40.3 / 35.4 %", plate["made", "far"], plate["permuted", "far"])
    claim = f"Table 3, near: with / without, no more than {100 * LOSS:.0f} point lost"
    yield claimed(claim, "83.2 / 83.2 %", plate["made", "near"], plate["permuted", "near"], at_least=-LOSS)


def asides(told: Told, world: World, maker: keras.Model, reader: dict[str, np.ndarray]) -> Iterator[Claim]:
    """What the text says beside the tables, and what it did not measure: by characters, which tell more than plates."""
    share = {key: right.mean(axis=2) for key, right in told.items()}
    for test in world.tests:
        yield claimed(f"characters, {test}: with / without the DGM", "–", share["made", test], share["permuted", test])
    needed = np.full_like(share["made", "far"], 0.87)
    yield claimed("characters, far: with the DGM / what is asked", "87.8 %", share["made", "far"], needed)
    for test in ("near", "far"):
        claim = f"2.2, characters, {test}: permuted / the originals alone"
        yield claimed(claim, "helps", share["permuted", test], share["plain", test])
    claim = "1, characters, far: cascade cut by hand / by its own network"
    yield claimed(claim, "errors propagate", share["networks", "far, cut by hand"], share["networks", "far"])
    near, far = world.tests["near"], world.tests["far"]
    alike = likeness(generated(maker, near), far), likeness(shrunk(near), far)
    yield claimed("2.2: likeness to the far view, DGM / scaled down", "DGM nearer", *alike)
    for other, name in (("shrunk", "scaled down"), ("far", "rendered far")):
        claim = f"2.2, characters, far: taught with views of the DGM / {name}"
        yield claimed(claim, "DGM better" * (other == "shrunk") or "–", share["made", "far"], share[other, "far"])
    for test in ("near", "far"):
        plates = told["made", test].all(axis=2)
        yield claimed(f"plates, {test}: our reader / multi-task with the DGM", "–", reader[test], plates)


def likeness(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Correlation (1, n) of pictures (n, 40, 120) with others of the same plates."""
    a, b = (p.reshape(len(p), -1).astype(np.float32) for p in (pictures, others))
    a, b = (p - p.mean(axis=1, keepdims=True) for p in (a, b))
    return ((a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1)))[None]


def taught(path: Path, size: Size, world: World) -> keras.Model:
    """The generative model, taught once."""
    if not path.exists():
        fit_generative(*world.pairs, epochs=size.epochs).save_weights(path)
    maker = generative()
    maker.load_weights(path)
    maker.compile(jit_compile=False)
    return maker


def measure(asked: argparse.Namespace) -> list[Claim]:
    size = REDUCED if asked.reduced else FULL
    world = World.rendered(asked, size.originals, size.pairs, size.tests)
    maker = taught(asked.runs / f"generative-{size.pairs}-{size.epochs}.weights.h5", size, world)
    told = learnt(asked, size, world, maker)
    found = [*tables(told), *asides(told, world, maker, ours(world, asked.seeds))]
    return found + list(far_views.measure(asked, size.reader))


def main(given: Sequence[str] | None = None) -> Figures:
    parser = arguments("low_resolution", "The low-resolution paper (seed 001) on rendered plates, and our reader.")
    return run("low_resolution", measure, parser, given)


if __name__ == "__main__":
    main()
