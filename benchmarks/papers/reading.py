"""Plates read by a net, rendered and photographed: texts from posteriors, what is right of them, weights kept."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.joined import box_of
from edge import ctc
from edge.image import decode_image, fill, rectify
from edge.plates.alphabet import canonical, decode
from edge.plates.decide import conclude, fold

Posteriors = Sequence[NDArray[np.float32]]  # (timesteps, characters) each


@dataclass(frozen=True, slots=True)
class Photographs:
    """Labelled plates cut by their boxes: crops (n, 64, 128, 3) uint8, what they say, and of which set they are."""

    crops: NDArray[np.uint8]
    texts: list[str]
    sets: list[str]


def photographed(root: Path, sets: Sequence[str]) -> Photographs:
    """The legible plates of sets of photographs; the whole picture where no box is labelled."""
    found = [(crop, text, name) for name in sets for crop, text in labelled(root / name)]
    crops, texts, names = zip(*found, strict=True)
    return Photographs(np.stack(crops), list(texts), list(names))


def cut(folder: Path, row: dict[str, str]) -> NDArray[np.uint8]:
    """A labelled plate cut by its box as the product cuts it, (64, 128, 3) uint8; the whole picture without a box."""
    image, box = decode_image(folder / row["file"]), box_of(row)
    return rectify(image, box) if box else fill(image)


def labelled(folder: Path) -> Iterator[tuple[NDArray[np.uint8], str]]:
    """The legible plates of a set of photographs, each with what it says."""
    if not (folder / "labels.csv").exists():
        raise SystemExit(f"{folder} holds no labels.csv; give --photographs the folder of the sets")
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if "#" not in row["text"] and canonical(row["text"]):
                yield cut(folder, row), canonical(row["text"])


def greedy(posteriors: Posteriors) -> list[str]:
    """The texts along the best paths."""
    return [decode(list(ctc.greedy(fold(look)))) for look in posteriors]


def expressed(posteriors: Posteriors, region: str | None) -> list[str]:
    """The texts that the grammar of a region prefers, of all regions where it is None."""
    concluded = (conclude(fold(look), region) for look in posteriors)
    return [candidates[0].text if candidates else "" for candidates in concluded]


def right(texts: Sequence[str], truths: Sequence[str]) -> list[bool]:
    return [text == canonical(truth) for text, truth in zip(texts, truths, strict=True)]


def character_accuracy(texts: Sequence[str], truths: Sequence[str]) -> float:
    """1 − edits over characters."""
    edits = sum(edit_distance(text, truth) for text, truth in zip(texts, truths, strict=True))
    return 1 - edits / sum(map(len, truths))


def edit_distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements between two texts (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def kept(path: Path, build: Callable[[], keras.Model], make: Callable[[], keras.Model]) -> keras.Model:
    """A net with the weights that an earlier run has kept, else made and kept."""
    if path.exists():
        net = build()
        net.load_weights(path)
        return net
    started = time.process_time()
    net = make()
    print(f"{path.name}: trained in {time.process_time() - started:.0f} s of CPU", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    net.save_weights(path)
    return net
