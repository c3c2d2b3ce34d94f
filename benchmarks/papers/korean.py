"""The Korean paper (seed 003): what its net costs, what expression, focal CTC and segmentation are worth.

    python -m benchmarks.papers.korean --photographs FOLDER --record
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks.papers import rivals
from benchmarks.papers.claims import DRAWS, Claim, Figures, difference, verdict
from benchmarks.papers.experiment import arguments, rendered, run
from benchmarks.papers.reading import character_accuracy, expressed, greedy, kept, photographed, right
from convert import flatbuffer, quantize
from edge.bench.machine import machine
from edge.bench.timing import timed
from edge.plates.regions import GRAMMARS
from models import seed
from models.train import korean

SEED_FILE = Path("edge/bench/seed.tflite")  # the paper's net in uint8, made by benchmarks.seed_file
LEVEL = 0.4  # of degradation of the test plates
VARIANTS = {"whole": {}, "plain": {"focal": False}, "alone": {"segmentation": False}}
CLOSE = 0.02  # how near to the paper's a cost has to be


@dataclass(frozen=True, slots=True)
class Size:
    """How many plates are rendered, batches of 16 learnt and plates read; `calls` are timed."""

    plates: int
    steps: int
    tests: int
    calls: int


FULL, REDUCED = Size(9000, 1000, 2000, 600), Size(1000, 60, 200, 100)


def costs() -> Iterator[Claim]:
    """Parameters, operations and size of the uint8 file."""
    data = SEED_FILE.read_bytes()
    graph = flatbuffer.parse(data)
    flops = 2e-6 * graph.macs
    yield Claim("parameters", "198,189", f"{graph.parameters:,}", 1, holds=near(graph.parameters, 198_189))
    yield Claim("MFLOP", "55.06", f"{flops:.2f}", 1, holds=near(flops, 55.06))
    yield Claim("size in uint8", "300 KB", f"{len(data) / 1000:.0f} KB", 1, holds=near(len(data), 300_000))


def near(ours: float, paper: float) -> bool:
    return abs(ours / paper - 1) <= CLOSE


def squeezing() -> bytes:
    """The uint8 file of the net with its SE blocks put back; its weights are random, only its time counts."""
    keras.utils.set_random_seed(3)
    noise = np.random.default_rng(3).random((16, 1, 64, 128, 3), np.float32)
    return quantize.quantize(seed.build(batch_size=1, squeeze=True), quantize.collect(noise))


def times(files: Sequence[bytes], calls: int) -> NDArray[np.float64]:
    """Milliseconds of CPU (calls, files) of files called in turn, one thread, each warm: called just before as well."""
    nets = [Interpreter(model_content=data, num_threads=1) for data in files]
    for net in nets:
        net.allocate_tensors()
    taken = [[(net.invoke(), timed(net.invoke)[1])[1] for net in nets] for _ in range(calls + 3)]
    return 1e3 * np.array(taken[3:])


def latency(calls: int) -> Claim:
    """With and without SE: medians of one run, and the interval of their difference by a bootstrap over the calls."""
    taken = times([SEED_FILE.read_bytes(), squeezing()], calls)
    drawn = taken[np.random.default_rng(0).integers(calls, size=(DRAWS, calls))]
    medians = np.median(drawn, axis=1)  # (draws, 2)
    gap = (float(np.diff(np.median(taken, axis=0))[0]), *np.percentile(np.diff(medians, axis=1), (2.5, 97.5)).tolist())
    ratio = np.percentile(medians[:, 1] / medians[:, 0], (2.5, 97.5))
    without, squeezed = np.median(taken, axis=0)
    ours = f"{without:.2f} → {squeezed:.2f} ms (× {ratio[0]:.2f} … {ratio[1]:.2f}), {machine().processor}, one thread"
    return Claim("latency without → with SE", "1.53 → 2.10 ms (× 1.37)", ours, calls, 1, gap, verdict(gap))


def tested(size: Size, runs: Path) -> dict[str, dict[str, np.ndarray]]:
    """Training plates in which some characters are rare, and test plates in which they are not."""
    train = rendered(
        runs / f"plates-{size.plates}.npz", partial(korean.render, size.plates, 1, share=korean.RARELY)
    )
    test = rendered(runs / f"test-{size.tests}.npz", partial(korean.render, size.tests, 2, level=LEVEL))
    return {"train": train, "test": test}


def nets(size: Size, asked: argparse.Namespace, runs: Path, train: korean.Arrays) -> dict[str, list[keras.Model]]:
    """Every variant, trained once a seed on the same plates."""
    found: dict[str, list[keras.Model]] = {name: [] for name in VARIANTS}
    for number in range(asked.seeds):
        for name, options in VARIANTS.items():
            make = partial(korean.trained, train, number=number, steps=size.steps, init=asked.init, **options)
            found[name].append(kept(runs / f"{name}-{number}-{size.steps}.weights.h5", seed.build, make))
    return found


def percent(*shares: float) -> str:
    return " → ".join(f"{100 * share:.2f} %" for share in shares)


def expression(
    where: str, read: Sequence[NDArray[np.float32]], truths: Sequence[str], paper: bool
) -> Iterator[Claim]:
    """What the regular expression is worth, as the paper has it and as ours; `read` are the posteriors of each seed."""
    plain = [greedy(posteriors) for posteriors in read]
    hit = np.array([right(texts, truths) for texts in plain])
    ours = np.array([right(expressed(posteriors, "kr"), truths) for posteriors in read])
    known = np.array([[GRAMMARS["kr"].form(text) is not None for text in texts] for texts in plain])
    characters = float(np.mean([character_accuracy(texts, truths) for texts in plain]))
    told, gap, kept_gap = "98.33 → 99.80 %" if paper else "–", difference(ours, hit), given(hit, known)
    n, seeds, refused = len(truths), len(read), percent(1 - known.mean())
    yield Claim(
        f"{where}: right without → with expression, grammar searched", told, percent(hit.mean(), ours.mean()), n, seeds,
        gap, verdict(gap),
    )
    yield Claim(
        f"{where}: right of what is given out, without → with texts refused that are no Korean plate ({refused})",
        told, percent(hit.mean(), hit[known].mean()), n, seeds, kept_gap, verdict(kept_gap),
    )
    reached = characters >= 0.9971 if paper else None
    yield Claim(f"{where}: characters right", "99.71 %" if paper else "–", percent(characters), n, seeds, holds=reached)


def given(hit: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[float, float, float]:
    """How much more often a text (seeds, n) is right where it is known, with the interval over seeds and plates."""
    seeds, n = hit.shape
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(DRAWS):
        rows, columns = rng.integers(seeds, size=seeds)[:, None], rng.integers(n, size=n)
        chosen, fit = hit[rows, columns], known[rows, columns]
        gaps.append(chosen[fit].mean() - chosen.mean())
    low, high = np.percentile(gaps, (2.5, 97.5))
    return float(hit[known].mean() - hit.mean()), float(low), float(high)


def ablation(claim: str, better: NDArray[np.bool_], worse: NDArray[np.bool_]) -> Claim:
    """One part of the paper's training against the same without it."""
    gap = difference(better, worse)
    return Claim(claim, "better", percent(worse.mean(), better.mean()), better.shape[1], len(better), gap, verdict(gap))


def learning(size: Size, asked: argparse.Namespace) -> Iterator[Claim]:
    """Accuracy with and without expression; what focal CTC and the segmentation head are worth."""
    runs = asked.runs / "korean"
    arrays = tested(size, runs)
    trained = nets(size, asked, runs, arrays["train"])
    read = {n: [korean.posteriors(net, arrays["test"]["crops"]) for net in each] for n, each in trained.items()}
    truths = korean.texts(arrays["test"])
    seldom = np.array([korean.rare(text) for text in truths])
    usual = [text for text in truths if not korean.rare(text)]
    yield from expression("rendered", [p[~seldom] for p in read["whole"]], usual, paper=True)
    if asked.photographs:
        seen = photographed(asked.photographs, ("kr_crops",))
        mine = [not korean.rare(text) for text in seen.texts]
        looks = [korean.posteriors(net, seen.crops[mine]) for net in trained["whole"]]
        yield from expression("photographs", looks, [t for t in seen.texts if not korean.rare(t)], paper=True)
    texts = {name: [greedy(posteriors) for posteriors in each] for name, each in read.items()}
    hits = {name: np.array([right(t, truths) for t in each]) for name, each in texts.items()}
    found = {name: np.array([recalled(t, truths) for t in each]) for name, each in texts.items()}
    told = f"characters in {korean.RARELY:.0%} of their plates: found with CTC → focal CTC"
    yield ablation(told, found["whole"], found["plain"])
    yield ablation("other plates right with CTC → focal CTC", hits["whole"][:, ~seldom], hits["plain"][:, ~seldom])
    yield ablation("plates right without → with segmentation", hits["whole"][:, ~seldom], hits["alone"][:, ~seldom])


def recalled(texts: Sequence[str], truths: Sequence[str]) -> list[bool]:
    """Whether the rare character of each plate that has one stands in what was read."""
    return [
        any(c in text for c in truth if c in korean.RARE)
        for text, truth in zip(texts, truths, strict=True)
        if korean.rare(truth)
    ]


def measure(asked: argparse.Namespace) -> list[Claim]:
    size = REDUCED if asked.reduced else FULL
    parts: tuple[Callable[[], Iterator[Claim]], ...] = (
        costs, lambda: iter([latency(size.calls)]), lambda: learning(size, asked), lambda: rivals.claims(asked)
    )  # fmt: skip
    return [claim for part in parts for claim in part()]


def main(given: Sequence[str] | None = None) -> Figures:
    parser = arguments("korean", "The Korean paper (seed 003): costs, latency, expression, focal CTC, segmentation.")
    parser.add_argument("--init", type=Path, help="weights whose backbone every training starts from")
    return run("korean", measure, parser, given)


if __name__ == "__main__":
    main(sys.argv[1:])
