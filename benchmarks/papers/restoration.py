"""A plate crop read as it is and restored, by the parts of the product, and the ways to choose between the two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from edge.bench.stages import Kit
from edge.plates.alphabet import canonical, decode
from edge.records import Candidate, Detection, Image, PlateCrop
from edge.settings import Deciding
from models.synth import degrade, view

Strengths = Callable[[np.random.Generator], Mapping[str, float]]
T = TypeVar("T")
SURE = Deciding().sure_confidence


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
    def surer(self) -> tuple[Candidate, ...]:
        """The candidates of the surer of both readings."""
        return self.restored if sureness(self.restored) > sureness(self.plain) else self.plain

    @property
    def routed(self) -> tuple[Candidate, ...]:
        """The candidates of the reading that the QAM wants."""
        return self.restored if self.degraded else self.plain

    @property
    def routing(self) -> float:
        """Seconds until those."""
        return self.assessing + (self.restoring if self.degraded else self.reading)


@dataclass(frozen=True, slots=True)
class Way:
    """How restoration is used: which candidates stand in the end, and the CPU seconds until then."""

    answer: Callable[[Both], tuple[Candidate, ...]]
    seconds: Callable[[Both], float]


WAYS = {
    "none": Way(lambda b: b.plain, lambda b: b.reading),
    "all": Way(lambda b: b.surer, lambda b: b.reading + b.restoring),
    "router": Way(  # as edge.pipeline does it: the QAM says which way first, doubt whether the other way too
        lambda b: b.surer if doubtful(b.routed) else b.routed,
        lambda b: b.assessing + b.reading + b.restoring if doubtful(b.routed) else b.routing,
    ),
    "QAM alone": Way(
        lambda b: b.surer if b.degraded else b.plain,
        lambda b: b.assessing + b.reading + b.degraded * b.restoring,
    ),
    "doubt alone": Way(
        lambda b: b.surer if doubtful(b.plain) else b.plain,
        lambda b: b.reading + doubtful(b.plain) * b.restoring,
    ),
    "all, replaced": Way(lambda b: b.restored, lambda b: b.restoring),  # as the paper has it
    "QAM, replaced": Way(lambda b: b.routed, lambda b: b.routing),
}


def doubtful(candidates: tuple[Candidate, ...]) -> bool:
    return sureness(candidates) < SURE


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
    crop = PlateCrop(image, Detection.whole(image))
    region = kit.settings.region
    quality, assessing = timed(partial(kit.assessor.assess, crop))
    plain, reading = timed(partial(kit.reader.read, crop, region=region))
    restored, restoring = timed(lambda: kit.reader.read(kit.restorer.restore(crop), region=region))
    return Both(truth, plain.candidates, restored.candidates, quality.degraded, assessing, reading, restoring)


def timed(step: Callable[[], T]) -> tuple[T, float]:
    """What a step gives, and the seconds of CPU that it takes."""
    started = time.thread_time()
    return step(), time.thread_time() - started


def rendered_plates(
    count: int, seed: tuple[int, ...], strengths: Strengths, weights: dict[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Plates of Vietnam, or by `weights` of regions, degraded as `strengths` draws: crop (n, 64, 128, 3), text (n,)."""
    crops, texts = np.empty((count, *view.CROP, 3), np.uint8), []
    for n in range(count):
        rng = np.random.default_rng([*seed, n])
        sample = view.render(rng, weights=weights or {"vn": 1.0}, strengths=dict(strengths(rng)))
        crops[n] = sample.crop
        texts.append(canonical(decode(list(sample.text))))
    return {"crop": crops, "text": np.array(texts)}


def only(kind: str, strength: float) -> Strengths:
    """One degradation of exactly that strength, and no other."""
    return lambda rng: {**dict.fromkeys(degrade.NAMES, 0.0), kind: strength}


def mixed(level: float) -> Strengths:
    """All degradations together as the networks are trained on them, each up to `level`."""
    return lambda rng: degrade.sample(rng, level)
