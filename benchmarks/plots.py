"""The pictures of docs/accuracy.md: accuracy against how a plate looks, reliability, and what is taken for what."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from benchmarks.joined import Plate, calibration_error

matplotlib.use("Agg")
import itertools

from matplotlib import pyplot

LOOKS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("height", "plate height, pixels", (0, 16, 24, 32, 48, 64, 96, 10_000)),
    ("sharpness", "sharpness (Laplacian over contrast)", (0, 0.1, 0.2, 0.3, 0.4, 0.6, 100)),
    ("tilt", "tilt, degrees", (0, 2, 5, 10, 15, 90)),
    ("brightness", "mean brightness, 0 to 255", (0, 40, 80, 120, 160, 200, 256)),
)
LEAST = 5  # plates of a bin that is drawn
PAIRS = 20  # of characters that are most often confused


def draw(plates: Sequence[Plate], folder: Path) -> list[Path]:
    """Write the three pictures into a folder."""
    written = []
    for name, painter in (("looks", _looks), ("reliability", _reliability), ("confusions", _confusions)):
        written.append(folder / f"accuracy-{name}.png")
        painter(plates)
        pyplot.savefig(written[-1], dpi=80)
        pyplot.close()
    return written


def confused(plates: Sequence[Plate]) -> Counter[tuple[str, str]]:
    """How often a character (first) was read as another (second), where a whole reading has the right length."""
    pairs: Counter[tuple[str, str]] = Counter()
    for plate in plates:
        if len(plate.truth) == len(plate.text):
            pairs.update((t, r) for t, r in zip(plate.truth, plate.text, strict=True) if t != r)
        else:
            steps = difflib.SequenceMatcher(None, plate.truth, plate.text, autojunk=False).get_opcodes()
            for kind, a, b, c, d in steps:
                if kind == "replace" and b - a == d - c:
                    pairs.update(zip(plate.truth[a:b], plate.text[c:d], strict=True))
    return pairs


def _looks(plates: Sequence[Plate]) -> None:
    _, axes = pyplot.subplots(1, len(LOOKS), figsize=(17, 3.6), sharey=True, layout="constrained")
    for axis, (name, label, edges) in zip(axes, LOOKS, strict=True):
        value: Callable[[Plate], float | None] = lambda plate, key=name: getattr(plate, key)  # noqa: E731
        bins = [
            [p.exact for p in plates if (v := value(p)) is not None and low <= v < high]
            for low, high in itertools.pairwise(edges)
        ]
        shown = [(n, b) for n, b in enumerate(bins) if len(b) >= LEAST]
        axis.bar([n for n, _ in shown], [np.mean(b) for _, b in shown], color="#3b6ea5")
        for n, b in shown:
            axis.text(n, 0.02, str(len(b)), ha="center", color="white", fontsize=8)
        ends = [
            f"{low:g}–{high:g}" if high < edges[-1] else f"≥ {low:g}"
            for low, high in itertools.pairwise(edges)
        ]
        axis.set_xticks(range(len(ends)), ends, fontsize=8, rotation=30)
        axis.set_xlabel(label)
    axes[0].set_ylabel("exact (n in the bar)")
    axes[0].set_ylim(0, 1)


def _reliability(plates: Sequence[Plate]) -> None:
    read = [p for p in plates if p.text]
    sure, right = np.array([p.confidence for p in read]), np.array([p.exact for p in read], float)
    _, axis = pyplot.subplots(figsize=(5, 5), layout="constrained")
    which = np.minimum((sure * 10).astype(int), 9)
    full = [b for b in range(10) if (which == b).sum() >= LEAST]
    axis.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    axis.plot([sure[which == b].mean() for b in full], [right[which == b].mean() for b in full], "o-", color="#3b6ea5")
    for b in full:
        axis.annotate(str((which == b).sum()), (sure[which == b].mean(), right[which == b].mean()), fontsize=8)
    error = calibration_error(sure.tolist(), [bool(r) for r in right])
    axis.set(
        xlabel="confidence", ylabel="exact", xlim=(0, 1), ylim=(0, 1), title=f"{len(read)} readings, ECE {error:.3f}"
    )


def _confusions(plates: Sequence[Plate]) -> None:
    pairs = [(pair, count) for pair, count in confused(plates).most_common() if pair[0].isascii() and pair[1].isascii()]
    letters = sorted({c for pair, _ in pairs[:PAIRS] for c in pair})
    matrix = np.zeros((len(letters), len(letters)), int)
    for (truth, text), count in pairs:
        if truth in letters and text in letters:
            matrix[letters.index(truth), letters.index(text)] = count
    _, axis = pyplot.subplots(figsize=(7, 6.5), layout="constrained")
    axis.imshow(matrix, cmap="Blues")
    for y, x in np.argwhere(matrix):
        axis.text(x, y, str(matrix[y, x]), ha="center", va="center", fontsize=7)
    axis.set_xticks(range(len(letters)), letters)
    axis.set_yticks(range(len(letters)), letters)
    axis.set(
        xlabel="read",
        ylabel="on the plate",
        title=f"the {PAIRS} most frequent confusions, and all between their characters",
    )
