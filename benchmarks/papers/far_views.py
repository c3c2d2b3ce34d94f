"""Whether the generative model of the low-resolution paper (seed 001) helps our reader: views made, views restored.

The reader goes on learning from its released weights, in three variants with the same number of plates and steps: from
what the renderer makes as ever; with a third of it replaced by far views that the generative model made of near ones;
and with the same third replaced by far views of the renderer. Then the same model, taught backwards, restores pictures
for the reader as it is.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from benchmarks.joined import box_of, measured
from benchmarks.papers.claims import Claim, difference, verdict
from benchmarks.papers.experiment import rendered
from benchmarks.papers.reading import right
from edge import ctc
from edge.image import decode_image, fill, rectify
from edge.plates.alphabet import canonical, decode
from models import reader
from models.synth import SHARES, distance, formats, view
from models.train.low_resolution import fit_generative, generated, levelled, schedule
from models.train.reader import ReaderTrainer

WEIGHTS = Path("models/weights/reader.weights.h5")
SHARE = 0.33  # of far views among the training samples, as in the paper: 400,000 of 1,200,000
RATE = 3e-4
SMALL = 80  # pixels: a plate on a photograph that is narrower counts as far
SETS = (
    "vn_crops", "vn_gp_frames", "vn_street_frames", "vn_tracks", "br_frames", "latin_frames", "cn_crops", "cn_frames",
    "kr_crops", "kr_frames",
)
TRAINED = ("cn_crops", "cn_frames", "kr_frames")  # of which the reader has seen a part


Questions = dict[str, tuple[np.ndarray, list[str]]]  # by name: crops (n, 64, 128, 3) and what they say
Kept = dict[str, np.ndarray]  # by variant and question: right or not, (n,) of one training, (seeds, n) of all


@dataclass(frozen=True)
class Size:
    """How large the experiment is: plates to learn from and to be asked about, batches of 64 in one fine-tuning."""

    plates: int
    pairs: int
    tests: int
    batches: int
    epochs: int


FULL, REDUCED = Size(1000, 600, 1000, 32, 12), Size(200, 100, 200, 4, 4)


def plates(seed: int, count: int) -> dict[str, np.ndarray]:
    """So many plates of all regions from near and from far, and others as the reader learns from: crops and texts."""
    rng = np.random.default_rng(seed)
    found: dict[str, list] = {name: [] for name in ("near", "far", "usual", "pair_text", "usual_text")}
    for _ in range(count):
        near, far = (look.sample for look in distance.render(rng, formats.sample(rng, SHARES)))
        usual = view.render(rng, weights=SHARES, level=0.8)
        for name, sample in (("near", near), ("far", far), ("usual", usual)):
            found[name].append(sample.crop)
        found["pair_text"].append(padded(near.text))
        found["usual_text"].append(padded(usual.text))
    return {name: np.stack(values) for name, values in found.items()}


def padded(text: tuple[int, ...]) -> np.ndarray:
    """Indices (12,) of a text; the rest is 0, the blank."""
    return np.pad(np.array(text, np.int32), (0, reader.MAX_TEXT - len(text)))


def released() -> keras.Model:
    """The reader with the weights that the released file was made of."""
    net = reader.build()
    net.load_weights(WEIGHTS)
    net.compile(jit_compile=False)
    return net


def tuned(crops: np.ndarray, texts: np.ndarray, *, seed: int) -> keras.Model:
    """The released reader after one more pass over crops (n, 64, 128, 3) and texts (n, 12); batch statistics stay."""
    keras.utils.set_random_seed(seed)
    net = released()
    for layer in net.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    trainer = ReaderTrainer(reader.segmenting(net))
    trainer.compile(schedule(RATE, len(crops) // 64), jit_compile=False)
    n = len(crops)
    unknown = {"steps": (n, 64), "cells": (n, 16, 32)}
    targets = {name: np.full(shape, view.IGNORE, np.int32) for name, shape in unknown.items()}
    targets |= {"text": texts, "length": np.count_nonzero(texts, axis=1).astype(np.int32)}
    targets["alignment"] = np.zeros(n, np.float32)
    trainer.fit(crops, targets, batch_size=64, epochs=1, verbose=0)
    return net


def readings(net: keras.Model, crops: np.ndarray) -> list[str]:
    """The likeliest texts of crops (n, 64, 128, 3) uint8, each step for itself, in canonical form."""
    told = []
    for begin in range(0, len(crops), 256):
        maps = net.predict(crops[begin : begin + 256].astype(np.float32) / 255, batch_size=64, verbose=0)
        for classes, masks in zip(maps["classes"], maps["masks"], strict=True):
            steps = ctc.contract(classes[None], masks[None])
            told.append(canonical(decode(list(ctc.greedy(ctc.log_softmax(steps))))))
    return told


def hits(net: keras.Model, crops: np.ndarray, truths: list[str]) -> np.ndarray:
    """Which crops are read without a fault, (n,) bool."""
    return np.array(right(readings(net, crops), truths))


def photographs(folder: Path, sets: Sequence[str] = SETS) -> Iterator[tuple[np.ndarray, str, float]]:
    """Every labelled real plate that no reader has seen: crop (64, 128, 3), text, and its width in pixels."""
    for name in sets:
        with open(folder / name / "labels.csv", encoding="utf-8", newline="") as table:
            rows = [row for row in csv.DictReader(table) if measured(row, trained=name in TRAINED)]
        for row in rows:
            if truth := canonical(row["text"]):
                picture, box = decode_image(folder / name / row["file"]), box_of(row)
                wide = picture.shape[1] if box is None else box.x1 - box.x0
                yield (fill(picture) if box is None else rectify(picture, box)), truth, wide


def arms(seed: int, count: int, shown: Mapping[str, np.ndarray], made: np.ndarray) -> dict[str, tuple]:
    """The training crops and texts of every variant: the same draw, of which a third is taken from elsewhere."""
    rng = np.random.default_rng([seed, 2])
    which, pairs = rng.integers(len(shown["usual"]), size=count), rng.integers(len(made), size=count)
    elsewhere = rng.random(count) < SHARE
    usual, text = shown["usual"][which], shown["usual_text"][which]
    found = {"usual": (usual, text)}
    for name, views in (("made", made), ("far", shown["far"])):
        crops = np.where(elsewhere[:, None, None, None], views[pairs], usual)
        found[name] = crops, np.where(elsewhere[:, None], shown["pair_text"][pairs], text)
    return found


def green(crops: np.ndarray) -> np.ndarray:
    """The middle channel (n, 64, 128) of crops, levelled: the generative model learns from one and serves all three."""
    return levelled(crops[..., 1])[0]


def tests(asked: argparse.Namespace, size: Size) -> Questions:
    """What the readers are asked: far and usual rendered plates, real ones, and the small among these."""
    shown = rendered(asked.runs / f"plates-13-{size.tests}.npz", partial(plates, 13, size.tests))
    texts = {name: [canonical(decode(list(row))) for row in shown[f"{name}_text"]] for name in ("pair", "usual")}
    found = {"far": (shown["far"], texts["pair"]), "usual": (shown["usual"], texts["usual"])}
    if asked.photographs:
        crops, truths, widths = zip(*photographs(asked.photographs), strict=True)
        small = [n for n, wide in enumerate(widths) if wide < SMALL]
        found["photographs"] = np.stack(crops), list(truths)
        found["small photographs"] = np.stack(crops)[small], [truths[n] for n in small]
    return found


def learnt(seed: int, size: Size, shown: Kept, made: np.ndarray, questions: Questions) -> Kept:
    """Which questions each variant reads after its fine-tuning."""
    told = {}
    for arm, (crops, texts) in arms(seed, 64 * size.batches, shown, made).items():
        net = tuned(crops, texts, seed=seed)
        told |= {f"{arm}, {name}": hits(net, *test) for name, test in questions.items()}
    return told


def restored(restorer: keras.Model, questions: Questions) -> Kept:
    """Which questions the released reader reads as they are and as the model restores them."""
    net, told = released(), {}
    for name, (crops, truths) in questions.items():
        told[f"start, {name}"] = hits(net, crops, truths)
        told[f"restored, {name}"] = hits(net, generated(restorer, crops), truths)
    return told


def measure(asked: argparse.Namespace, size: Size) -> Iterator[Claim]:
    """What the generative model does for our reader."""
    shown = rendered(asked.runs / f"plates-11-{size.plates}.npz", partial(plates, 11, size.plates))
    pairs = rendered(asked.runs / f"plates-12-{size.pairs}.npz", partial(plates, 12, size.pairs))
    near, far = green(pairs["near"]), green(pairs["far"])
    questions = tests(asked, size)
    kept = asked.runs / f"far_views-{size.batches}-{len(questions)}"
    made = rendered(kept.with_suffix(".made.npz"), lambda: {
        "made": generated(fit_generative(near, far, epochs=size.epochs), shown["near"])
    })["made"]
    told = rendered(kept.with_suffix(".restored.npz"), lambda: restored(
        fit_generative(far, near, epochs=size.epochs), questions
    ))
    told = {key: value[None] for key, value in told.items()}
    seeds = [
        rendered(kept.with_suffix(f".{seed}.npz"), partial(learnt, seed, size, shown, made, questions))
        for seed in range(asked.seeds)
    ]
    told |= {key: np.stack([one[key] for one in seeds]) for key in seeds[0]}
    print({key: round(float(value.mean()), 4) for key, value in told.items()}, flush=True)
    for name in questions:
        claim = f"our reader, {name}: taught with a third made by the DGM / none"
        yield claimed(claim, "–", told[f"made, {name}"], told[f"usual, {name}"])
    claim = "our reader, far: taught with a third made by the DGM / by the renderer"
    yield claimed(claim, "–", told["made, far"], told["far, far"])
    for name in questions:
        claim = f"our reader, {name}: restored by the DGM / as seen"
        yield claimed(claim, "–", told[f"restored, {name}"], told[f"start, {name}"])


def claimed(claim: str, paper: str, better: np.ndarray, worse: np.ndarray, *, at_least: float = 0.0) -> Claim:
    """A claim that of the same pictures more are read in `better` than in `worse`, (seeds, n) right or wrong."""
    gap = difference(better, worse)
    ours = f"{100 * np.mean(better):.1f} / {100 * np.mean(worse):.1f} %"
    holds = verdict(gap, at_least=at_least) if np.any(better) or np.any(worse) else None  # none read: nothing shown
    return Claim(claim, paper, ours, better.shape[1], len(better), gap, holds)
