"""A plate crop read as it is and restored, by the parts of the product, and the ways to choose between the two."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.joined import box_of
from edge.bench.stages import Kit
from edge.image import decode_image, rectify
from edge.plates.alphabet import canonical, decode
from edge.records import Box, Candidate, Detection, Image, PlateCrop
from models.synth import degrade, view

Strengths = Callable[[np.random.Generator], Mapping[str, float]]
T = TypeVar("T")
SURE = 0.9  # confidence from which a reading leaves nothing to restore


@dataclass(frozen=True, slots=True)
class Both:
    """What a crop says as it is and restored, whether the QAM calls it degraded, and the CPU seconds of each step."""

    truth: str
    plain: tuple[Candidate, ...]
    restored: tuple[Candidate, ...]
    degraded: bool
    assessing: float
    reading: float
    restoring: float  # with reading what came of it

    @property
    def doubtful(self) -> bool:
        return sureness(self.plain) < SURE

    @property
    def surer(self) -> tuple[Candidate, ...]:
        """The candidates of the surer of both readings, as edge.pipeline chooses."""
        return self.restored if sureness(self.restored) > sureness(self.plain) else self.plain


@dataclass(frozen=True, slots=True)
class Way:
    """How restoration is used: which candidates stand in the end, and the CPU seconds until then."""

    answer: Callable[[Both], tuple[Candidate, ...]]
    seconds: Callable[[Both], float]


WAYS = {
    "none": Way(lambda b: b.plain, lambda b: b.reading),
    "all": Way(lambda b: b.surer, lambda b: b.reading + b.restoring),
    "router": Way(
        lambda b: b.surer if b.degraded else b.plain,
        lambda b: b.assessing + b.reading + b.degraded * b.restoring,
    ),
    "doubt": Way(  # no QAM: the reader's own confidence routes
        lambda b: b.surer if b.doubtful else b.plain,
        lambda b: b.reading + b.doubtful * b.restoring,
    ),
    "router and doubt": Way(
        lambda b: b.surer if b.degraded and b.doubtful else b.plain,
        lambda b: b.assessing + b.reading + (b.degraded and b.doubtful) * b.restoring,
    ),
    "all, replacing": Way(lambda b: b.restored, lambda b: b.restoring),
    "router, replacing": Way(
        lambda b: b.restored if b.degraded else b.plain,
        lambda b: b.assessing + (b.restoring if b.degraded else b.reading),
    ),
}


def sureness(candidates: tuple[Candidate, ...]) -> float:
    return candidates[0].confidence if candidates else 0.0


def right(way: str, seen: Iterable[Both]) -> np.ndarray:
    """Which crops a way reads exactly, (n,) of bool."""
    answers = ((WAYS[way].answer(both), both.truth) for both in seen)
    return np.array([bool(found) and found[0].text == truth for found, truth in answers])


def per_second(way: str, seen: Iterable[Both]) -> float:
    """Plates a second of one core that a way reads, from a crop to its candidates."""
    return 1.0 / float(np.mean([WAYS[way].seconds(both) for both in seen]))


def both_ways(kit: Kit, image: Image, truth: str) -> Both:
    """Read a crop (64, 128, 3) as it is and restored."""
    crop = PlateCrop(image, Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0, None, 1))
    region = kit.settings.region
    quality, assessing = timed(partial(kit.assessor.assess, crop))
    plain, reading = timed(partial(kit.reader.read, crop, region=region))
    restored, restoring = timed(lambda: kit.reader.read(kit.restorer.restore(crop), region=region))
    return Both(truth, plain.candidates, restored.candidates, quality.degraded, assessing, reading, restoring)


def timed(step: Callable[[], T]) -> tuple[T, float]:
    """What a step gives, and the seconds of CPU that it takes."""
    started = time.thread_time()
    return step(), time.thread_time() - started


def rendered_plates(count: int, seed: tuple[int, ...], strengths: Strengths) -> dict[str, np.ndarray]:
    """Vietnamese plates degraded as `strengths` draws: crop (n, 64, 128, 3) uint8, text (n,)."""
    crops, texts = np.empty((count, *view.CROP, 3), np.uint8), []
    for n in range(count):
        rng = np.random.default_rng([*seed, n])
        sample = view.render(rng, weights={"vn": 1.0}, strengths=dict(strengths(rng)))
        crops[n] = sample.crop
        texts.append(canonical(decode(list(sample.text))))
    return {"crop": crops, "text": np.array(texts)}


def only(kind: str, strength: float) -> Strengths:
    """One degradation of exactly that strength, and no other."""
    return lambda rng: {**dict.fromkeys(degrade.NAMES, 0.0), kind: strength}


def mixed(level: float) -> Strengths:
    """All degradations together as the networks are trained on them, each up to `level`."""
    return lambda rng: degrade.sample(rng, level)


def photographed(folder: Path) -> Iterator[tuple[Image, str]]:
    """Labelled plates of a set of photographs, each cut by its box as the product cuts it, with what it says."""
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if canonical(row["text"])]
    for row in rows:
        picture, box = decode_image(folder / row["file"]), box_of(row)
        whole = Box(0, 0, picture.shape[1], picture.shape[0])
        yield rectify(picture, box) if box else rectify(picture, whole, margin=0.0), canonical(row["text"])
