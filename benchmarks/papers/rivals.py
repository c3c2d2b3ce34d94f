"""Our reader against the Korean paper's net: both from chance on the same rendered plates of all regions, same batches.

Both learn the same alphabet with the same losses (focal CTC, segmentation, an alignment that fades), the same number of
batches of the same plates, and are read the same way. Their costs are measured by `edge-alpr bench`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.papers.claims import Claim, difference, mcnemar, verdict
from benchmarks.papers.experiment import rendered
from benchmarks.papers.reading import expressed, greedy, kept, photographed, right
from edge import ctc
from edge.plates.alphabet import CHARACTERS, SIZE
from models import reader, seed, synth
from models.train import korean
from models.train.reader import ReaderTrainer

SETS = (
    "vn_crops", "vn_gp_frames", "vn_street_frames", "vn_tracks", "br_frames", "latin_frames", "latin_tracks",
    "cn_crops", "cn_frames", "kr_crops", "kr_frames", "kr_tracks",
)  # fmt: skip
LEVEL = 0.5  # of degradation of the test plates


@dataclass(frozen=True, slots=True)
class Size:
    """Plates rendered, batches of 16 learnt, plates read, trainings of each net."""

    plates: int
    steps: int
    tests: int
    seeds: int = 1


FULL, REDUCED = Size(18000, 2250, 2000), Size(600, 30, 100)


def seed_net() -> keras.Model:
    return seed.build(classes=SIZE)


def train_seed(arrays: korean.Arrays, steps: int, number: int) -> keras.Model:
    """The paper's net for our alphabet."""
    keras.utils.set_random_seed(number)
    net = seed_net()
    mine = korean.for_seed(arrays, CHARACTERS)
    korean.fit(korean.SeedTrainer(seed.segmenting(net)), mine, steps=steps, number=number)
    return net


def train_ours(arrays: korean.Arrays, steps: int, number: int) -> keras.Model:
    """Our reader, with the alignment to the time steps that it has."""
    keras.utils.set_random_seed(number)
    net = reader.build()
    korean.fit(ReaderTrainer(reader.segmenting(net)), arrays, steps=steps, number=number)
    return net


NETS = {"seed": (seed_net, train_seed), "ours": (reader.build, train_ours)}


def posteriors(net: keras.Model, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Log posteriors (n, 64, characters) of our reader."""
    parts = [net(crops[n : n + 128].astype(np.float32) / 255.0) for n in range(0, len(crops), 128)]
    logits = [np.asarray(reader.contract(part["classes"], part["masks"])) for part in parts]
    return ctc.log_softmax(np.concatenate(logits))


def claims(asked: argparse.Namespace) -> Iterator[Claim]:
    """Train both, read rendered plates and photographs with both."""
    size, runs = REDUCED if asked.reduced else FULL, asked.runs / "rivals"
    draw = partial(korean.render, weights=synth.SHARES)
    arrays = rendered(runs / f"plates-{size.plates}.npz", partial(draw, size.plates, 11))
    test = rendered(runs / f"test-{size.tests}.npz", partial(draw, size.tests, 12, level=LEVEL))
    nets: dict[str, list[keras.Model]] = {name: [] for name in NETS}
    for number in range(size.seeds):
        for name, (build, train) in NETS.items():
            path = runs / f"{name}-{number}-{size.steps}.weights.h5"
            nets[name].append(kept(path, build, partial(train, arrays, size.steps, number)))
    yield from compared("rendered plates of all regions", nets, test["crops"], korean.texts(test))
    if asked.photographs:
        seen = photographed(asked.photographs, SETS)
        yield from compared("photographs of all regions", nets, seen.crops, seen.texts)


def compared(
    where: str, nets: dict[str, list[keras.Model]], crops: NDArray[np.uint8], truths: Sequence[str]
) -> Iterator[Claim]:
    """Right with the paper's net → with ours, along the best path and with the grammars."""
    looks = {
        "seed": [korean.posteriors(net, crops, CHARACTERS) for net in nets["seed"]],
        "ours": [posteriors(net, crops) for net in nets["ours"]],
    }
    for how, read in (("best path", greedy), ("grammars", partial(expressed, region=None))):
        hits = {name: np.array([right(read(look), truths) for look in each]) for name, each in looks.items()}
        gap = difference(hits["ours"], hits["seed"])
        chance = mcnemar(hits["seed"][0], hits["ours"][0])
        ours = f"{100 * hits['seed'].mean():.1f} → {100 * hits['ours'].mean():.1f} % (McNemar p = {chance:.1g})"
        claim = f"{where}, {how}: right with the paper's net → with our reader, both taught alike"
        yield Claim(claim, "–", ours, len(truths), len(hits["ours"]), gap, verdict(gap))

