"""Seed 004, EQ-LPR: its table of accuracy and time on rendered streams of plates, and our QAM as its student.

    python -m benchmarks.papers.eq_lpr --record --photographs FOLDER     # 25 minutes of one core

The streams are as in the paper's second data set: Chinese plates, five frames each. All architectures and seeds begin
with one recogniser that was trained alone and go on with the same pictures, so that differences are theirs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from benchmarks.papers.claims import Claim, Figures, difference, verdict
from benchmarks.papers.experiment import arguments, rendered, run
from benchmarks.papers.shipped import shipped
from models.eq_lpr import KINDS, EqLpr, build, recommended
from models.train.eq_lpr import fit, predict, readable, render, singly

TIMED, ROUNDS = 32, 15  # looks of a timed batch, times that it is timed
BEARABLE = 0.02  # what "acceptable reduction in recognition performance" may cost of the streams


@dataclass(frozen=True)
class Size:
    """Plates of five looks to train on, to test on, and of these to read with the shipped files.

    `start` and `epochs` are how often the start and then each architecture learn from them.
    """

    plates: int
    tests: int
    read: int
    start: int
    epochs: int = 1


FULL = Size(3000, 1000, 400, 5)
REDUCED = Size(600, 200, 60, 3)


@dataclass(frozen=True)
class Told:
    """What one training of an architecture did with the test streams (n, 5).

    single: look by look; online: what stands after each look by Algorithm 1; voted: the majority of five readings;
    plain: what stands at the end without the province; each right or wrong. `read` says which looks were read.
    """

    single: np.ndarray
    online: np.ndarray
    voted: np.ndarray
    plain: np.ndarray
    read: np.ndarray
    quality: np.ndarray
    sure: np.ndarray

    @property
    def final(self) -> np.ndarray:
        return self.online[:, -1]


def told(net: EqLpr, test: dict[str, np.ndarray]) -> Told:
    """Read every look, then do what Algorithm 1 would have done."""
    looks, _ = singly(test)
    count, frames = test["looks"].shape[:2]
    seen = {name: value.reshape(count, frames, *value.shape[1:]) for name, value in predict(net, looks).items()}
    hit = seen["classes"] == test["text"][:, None]
    standing = np.array([recommended(stream) for stream in seen["quality"]])
    online = np.take_along_axis(hit.all(axis=2), standing, axis=1)
    plain = np.take_along_axis(hit[:, :, 1:].all(axis=2), standing, axis=1)[:, -1]
    majority = [Counter(map(tuple, five)).most_common(1)[0][0] for five in seen["classes"].tolist()]
    read = standing == np.arange(frames)
    voted = (np.array(majority) == test["text"]).all(axis=1)
    return Told(hit.all(axis=2), online, voted, plain, read, seen["quality"], seen["sure"])


def times(nets: dict[str, EqLpr], looks: np.ndarray) -> dict[str, float]:
    """Milliseconds of CPU a look of every part, all in turn."""
    batch = looks[:TIMED].astype(np.float32) / 255
    parts = {f"{kind} scores": partial(net.scoring.predict_on_batch, batch) for kind, net in nets.items()}
    parts["reads"] = partial(nets["P"].reading.predict_on_batch, batch)
    shared = nets["S"].shared
    assert shared is not None
    parts["S sees"] = partial(shared.predict_on_batch, batch)
    parts["decodes"] = partial(nets["S"].decode.predict_on_batch, shared.predict_on_batch(batch)["features"])
    spent: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS + 1):
        for name, part in parts.items():
            begun = time.process_time()  # with that of TensorFlow's threads
            part()
            spent[name].append(time.process_time() - begun)
    return {name: 1e3 * float(np.median(took[1:])) / len(batch) for name, took in spent.items()}


def per_frame(took: dict[str, float], read: float) -> dict[str, float]:
    """Milliseconds of CPU a frame of each architecture where a share `read` of the frames is read."""
    return {
        "P": took["P scores"] + read * took["reads"], "S": took["S sees"] + read * took["decodes"],
        "E": took["E scores"] + read * took["reads"],
    }


def agreement(quality: np.ndarray, sure: np.ndarray) -> tuple[float, float]:
    """Linear and rank correlation of a score with what it estimates."""
    from scipy.stats import pearsonr, spearmanr

    return float(pearsonr(quality.ravel(), sure.ravel())[0]), float(spearmanr(quality.ravel(), sure.ravel())[0])


def stacked(results: Sequence[Told], of: Callable[[Told], np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(of(one), float).ravel() for one in results]


def percent(results: Sequence[Told], of: Callable[[Told], np.ndarray]) -> str:
    return f"{100 * np.mean(stacked(results, of)):.2f} %"


def accuracies(by: dict[str, list[Told]], n: int, seeds: int) -> list[Claim]:
    """The accuracy columns of Tables 1 and 2."""
    def final(one: Told) -> np.ndarray:
        return one.final

    def compare(claim: str, paper: str, a: str, b: str, of: Callable[[Told], np.ndarray], least: float = 0.0) -> Claim:
        gap = difference(stacked(by[a], of), stacked(by[b], of))
        ours = f"{percent(by[a], of)} against {percent(by[b], of)}"
        return Claim(claim, paper, ours, n, seeds, gap, verdict(gap, at_least=least))

    best = difference(stacked(by["E"], final), stacked(by["E"], lambda one: one.single.mean(axis=1)))
    voting = difference(stacked(by["E"], final), stacked(by["E"], lambda one: one.voted))
    return [
        compare("S reads better than P, province included", "93.86 against 91.21 %", "S", "P", final),
        compare("S reads better than P, province left out", "96.07 against 93.09 %", "S", "P", lambda one: one.plain),
        compare(f"E loses less than {BEARABLE:.0%} of S", "92.91 against 93.86 %", "E", "S", final, -BEARABLE),
        Claim(
            "The recommended look of five is read better than a look is (E)", "drawn, no figure",
            f"{percent(by['E'], final)} against {percent(by['E'], lambda one: one.single)}", n, seeds, best,
            verdict(best),
        ),
        Claim(
            "It is read better than the majority of all five readings (E)", "90.14 against 78.33 % of another reader",
            f"{percent(by['E'], final)} against {percent(by['E'], lambda one: one.voted)}", n, seeds, voting,
            verdict(voting),
        ),
    ]


def speeds(by: dict[str, list[Told]], took: dict[str, float], n: int) -> list[Claim]:
    """The time columns of Tables 1 and 2, as ratios."""
    read = float(np.mean([one.read.mean() for one in by["E"]]))
    each = per_frame(took, read)
    shown = ", ".join(f"{kind} {each[kind]:.2f} ms" for kind in KINDS)
    return [
        Claim("Time a frame, S as a share of P", "81 of 106 ms (0.76), 66 of 96 ms (0.69)",
              f"{each['S'] / each['P']:.2f} ({shown}; {read:.0%} of the frames read)", n, holds=each["S"] < each["P"]),
        Claim("Time a frame, E as a share of S", "49 of 81 ms (0.60), 43 of 66 ms (0.65)",
              f"{each['E'] / each['S']:.2f}", n, holds=each["E"] < each["S"]),
        Claim("Time of E's score as a share of reading", "–", f"{took['E scores'] / took['reads']:.2f}", n),
    ]


def scores(by: dict[str, list[Told]], n: int, seeds: int) -> list[Claim]:
    """How well each score estimates its α (Eq. 3), and what the second term of Eq. 5 adds."""
    def agreeing(kind: str) -> str:
        pairs = [agreement(one.quality, one.sure) for one in by[kind]]
        return "{:.3f}, {:.3f}".format(*np.mean(pairs, axis=0))

    def off(one: Told) -> np.ndarray:
        return np.abs(one.quality - one.sure)

    gap = difference(stacked(by["alone"], off), stacked(by["E"], off))
    return [
        *(Claim(f"Linear and rank correlation of {kind}'s score with α", "–", agreeing(kind), 5 * n, seeds)
          for kind in KINDS),
        Claim("The distance to F_r in Eq. 5 brings E's score nearer to α", "taken for granted",
              f"{agreeing('E')} with, {agreeing('alone')} without it", 5 * n, seeds, gap, verdict(gap)),
    ]


def results(asked: argparse.Namespace, size: Size, test: dict[str, np.ndarray]) -> dict[str, list[Told]]:
    """What every training did, by architecture; `alone` is E without the second term of Eq. 5. All are kept."""
    place = asked.runs / f"eq_lpr-{size.plates}"
    train = rendered(place / "looks.npz", partial(render, size.plates, 0))

    def begin() -> dict[str, np.ndarray]:
        weights = readable(train, epochs=size.start, seed=0)
        return {f"{number:03d}": weight for number, weight in enumerate(weights)}

    def one(kind: str, seed: int) -> dict[str, np.ndarray]:
        start = list(rendered(place / "start.npz", begin).values())
        distil = kind != "alone"
        net = fit(kind if distil else "E", train, epochs=size.epochs, seed=seed, start=start, distil=distil)
        print(f"{kind}, seed {seed}, is trained", flush=True)
        return asdict(told(net, test))

    return {
        kind: [Told(**rendered(place / f"{kind}-{seed}.npz", partial(one, kind, seed))) for seed in range(asked.seeds)]
        for kind in (*KINDS, "alone")
    }


def measure(asked: argparse.Namespace) -> list[Claim]:
    size = REDUCED if asked.reduced else FULL
    test = rendered(asked.runs / f"eq_lpr-test-{size.tests}.npz", partial(render, size.tests, 1, crops=True))
    by = results(asked, size, test)
    took = times({kind: build(kind) for kind in KINDS}, singly(test)[0])
    n = len(test["text"])
    return [
        *accuracies(by, n, asked.seeds), *speeds(by, took, n), *scores(by, n, asked.seeds),
        *shipped(test["crops"][: size.read], test["text"], asked.photographs),
    ]


def main(given: Sequence[str] | None = None) -> Figures:
    return run("eq_lpr", measure, arguments("eq_lpr", (__doc__ or "").splitlines()[0]), given)


if __name__ == "__main__":
    main(sys.argv[1:])
