"""Five looks at a plate read by the released files and fused as a stream fuses them; and the looks of real clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy import SETS, labels_of
from benchmarks.fused import looks_at
from edge.fusion import fuse
from edge.quality import Assessor
from edge.reader import Reader
from edge.records import Detection, Look, PlateCrop, Quality
from edge.runtime import open_model

CLIPS = ("vn_tracks", "kr_tracks")
DRAWN = 20  # times that five looks of a real clip are drawn
FRAMES = 5


@dataclass(frozen=True)
class Told:
    """What was right of n plates: single (n, 5) look by look, the best look by its quality, five weighted alike, and
    fused as the product does; quality (n, 5) of the QAM."""

    single: np.ndarray
    best: np.ndarray
    alike: np.ndarray
    fused: np.ndarray
    quality: np.ndarray


def text(looks: Sequence[Look], region: str | None) -> str:
    """The fused text of some looks, empty where they say nothing."""
    candidates = fuse(looks, region=region)
    return candidates[0].text if candidates else ""


def alike(looks: Sequence[Look]) -> list[Look]:
    """The same looks as if all were equally good."""
    return [replace(look, quality=Quality(1.0, False)) for look in looks]


def released() -> Callable[[np.ndarray], Look]:
    """Looks at Chinese crops (64, 128, 3) through the released QAM and reader on the CPU."""
    assessor, reader = (stage(open_model(name, device="cpu")) for stage, name in
                        ((Assessor, "quality"), (Reader, "reader")))

    def look(crop: np.ndarray) -> Look:
        cut = PlateCrop(crop, Detection.whole(crop))
        return Look(cut, assessor.assess(cut), reader.read(cut, region="cn"))

    return look


def rendered_looks(crops: np.ndarray, truths: Sequence[str]) -> Told:
    """What the released files say of plates of five looks (n, 5, 64, 128, 3)."""
    look, rows = released(), []
    for five, truth in zip(crops, truths, strict=True):
        looks = [look(crop) for crop in five]
        quality = [one.quality.score for one in looks]
        single = [one.reading.text == truth for one in looks]
        rows.append((
            single, single[int(np.argmax(quality))], text(alike(looks), "cn") == truth, text(looks, "cn") == truth,
            quality,
        ))
    return Told(*(np.array(column) for column in zip(*rows, strict=True)))


def clips(photographs: Path) -> dict[str, np.ndarray]:
    """Shares right for the vehicles of real clips: a single look, five drawn looks fused, all looks fused, looks."""
    vehicles = []
    for chosen in (one for one in SETS if one.name in CLIPS):
        folder = photographs / chosen.name
        found = looks_at(folder, labels_of(chosen, folder), chosen.region)
        vehicles += [vehicle(truth, looks, chosen.region) for truth, looks in found.values() if looks]
    return dict(zip(("single", "five", "all", "looks"), np.array(vehicles).T, strict=True))


def vehicle(truth: str, looks: list[Look], region: str | None) -> tuple[float, float, float, int]:
    """What is right of one vehicle: on average over its looks, over draws of five of them, and of all together."""
    rng = np.random.default_rng(0)
    some = [rng.choice(len(looks), min(FRAMES, len(looks)), replace=False) for _ in range(DRAWN)]
    five = np.mean([text([looks[n] for n in drawn], region) == truth for drawn in some])
    single = np.mean([look.reading.text == truth for look in looks])
    return float(single), float(five), float(text(looks, region) == truth), len(looks)
