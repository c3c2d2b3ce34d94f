"""EQ-LPR as it is shipped: the released QAM beside what the released reader, its teacher, makes of the same crops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr, spearmanr

from benchmarks.accuracy import SETS, labels_of
from benchmarks.joined import area_under_curve
from benchmarks.papers.claims import Claim, difference, verdict
from benchmarks.papers.reading import cut
from edge.bench.stages import HERE, SEED
from edge.bench.timing import Stage, in_turn
from edge.fusion import fuse
from edge.plates.alphabet import canonical
from edge.quality import Assessor
from edge.reader import Reader
from edge.records import Detection, Look, PlateCrop
from edge.runtime import open_model
from models import iq_stan
from models.eq_lpr import recommended, sureness_ctc

ROUNDS = 200
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Seen:
    """A crop as QAM and reader see it; `sure` is the α that the score estimates (Eq. 3)."""

    look: Look
    sure: float

    @property
    def text(self) -> str:
        return self.look.reading.text


class Shipped:
    """The released QAM and reader on the CPU."""

    def __init__(self, stack: ExitStack) -> None:
        self.nets = {name: stack.enter_context(open_model(name, device="cpu")) for name in ("quality", "reader")}
        self.nets[SEED] = stack.enter_context(open_model(SEED, device="cpu", zoo=HERE))
        self._assessor, self._reader = Assessor(self.nets["quality"]), Reader(self.nets["reader"])

    def see(self, image: np.ndarray, region: str | None) -> Seen:
        """Both views of a crop (64, 128, 3) uint8."""
        crop = PlateCrop(image, Detection.whole(image))
        look = Look(crop, self._assessor.assess(crop), self._reader.read(crop, region=region))
        return Seen(look, sureness_ctc(np.exp(look.reading.log_posteriors)))

    def cost(self, image: np.ndarray) -> dict[str, float]:
        """Milliseconds of CPU of the networks alone, and of all that it takes to `assess` and to `read`, in turn."""
        crop = PlateCrop(image, Detection.whole(image))
        for net in self.nets.values():
            net(crop=image)
        stages: dict[str, Stage] = {name: net.again for name, net in self.nets.items()}
        stages |= {"assess": partial(self._assessor.assess, crop), "read": partial(self._reader.read, crop)}
        return {name: figures.cpu for name, figures in in_turn(stages, ROUNDS, warm=self.nets).items()}


def photographed(folder: Path) -> Iterator[tuple[np.ndarray, str]]:
    """Every legible labelled plate that counts, cut by its box, with its text."""
    for chosen in SETS:
        if not (folder / chosen.name / "labels.csv").exists():
            raise SystemExit(f"{folder / chosen.name} holds no labels.csv; give --photographs the folder of the sets")
        for row in labels_of(chosen, folder / chosen.name):
            if canonical(row["text"]):
                yield cut(folder / chosen.name, row), canonical(row["text"])


def correlations(seen: Sequence[Seen]) -> tuple[str, tuple[float, float, float]]:
    """Linear and rank correlation of score and α in words, and the rank correlation with its 95 % interval."""
    score, sure = np.array([(one.look.quality.score, one.sure) for one in seen]).T
    rng, n = np.random.default_rng(0), len(score)
    drawn = (rng.integers(n, size=n) for _ in range(DRAWS))
    low, high = np.percentile([spearmanr(score[some], sure[some])[0] for some in drawn], (2.5, 97.5))
    rank = float(spearmanr(score, sure)[0])
    return f"{pearsonr(score, sure)[0]:.3f}, {rank:.3f}", (rank, float(low), float(high))


def curves(told: Sequence[tuple[Seen, str]]) -> tuple[float, float]:
    """How score and α order right before wrong readings: areas under the curve."""
    right = [one.text == truth for one, truth in told]
    score = area_under_curve([one.look.quality.score for one, _ in told], right)
    return score, area_under_curve([one.sure for one, _ in told], right)


def streams(seen: list[list[Seen]], truths: Sequence[str], cost: dict[str, float]) -> list[Claim]:
    """Algorithm 1 with the shipped files beside reading every look and fusing, on streams of five."""
    standing = [recommended([one.look.quality.score for one in stream]) for stream in seen]
    read = float(np.mean([[n == s for n, s in enumerate(stream)] for stream in standing]))
    best = [float(stream[kept[-1]].text == truth) for stream, kept, truth in zip(seen, standing, truths, strict=True)]
    single = [float(np.mean([one.text == truth for one in s])) for s, truth in zip(seen, truths, strict=True)]
    fused = []
    for stream, truth in zip(seen, truths, strict=True):
        candidates = fuse([one.look for one in stream], region="cn")
        fused.append(float(bool(candidates) and candidates[0].text == truth))
    gain, loss = difference([best], [single]), difference([fused], [best])
    return [
        Claim("Shipped: the recommended look of five is read better than a look is", "–",
              f"{100 * np.mean(best):.1f} against {100 * np.mean(single):.1f} %", len(truths), 1, gain, verdict(gain)),
        Claim("Shipped: reading and fusing all five is better than the recommended one", "not in the paper",
              f"{100 * np.mean(fused):.1f} against {100 * np.mean(best):.1f} %", len(truths), 1, loss, verdict(loss)),
        Claim("Shipped: cost of a frame by Algorithm 1 as a share of reading every frame", "–",
              f"{cost['assess'] / cost['read'] + read:.2f} ({read:.0%} of the frames read)", 5 * len(truths)),
    ]


def shipped(crops: np.ndarray, classes: np.ndarray, photographs: Path | None) -> list[Claim]:
    """The claims about the QAM as E's student, on rendered streams (n, 5, 64, 128, 3) and on photographs."""
    truths = ["".join(iq_stan.ALPHABET[c] for c in row) for row in classes[: len(crops)]]
    with ExitStack() as stack:
        pair = Shipped(stack)
        seen = [[pair.see(crop, "cn") for crop in stream] for stream in crops]
        cost = pair.cost(crops[0, 0])
        real = [(pair.see(image, None), truth) for image, truth in photographed(photographs)] if photographs else []
    groups = {"rendered looks": [(one, text) for stream, text in zip(seen, truths, strict=True) for one in stream]}
    groups |= {"photographs": real} if real else {}
    macs = {name: net.manifest.macs / 1e6 for name, net in pair.nets.items()}
    claims = [
        Claim(f"Time of the QAM's network as a share of {what}", asked,
              f"{cost['quality'] / cost[name]:.3f} ({macs['quality']:.1f} of {macs[name]:.1f} MMAC)", ROUNDS,
              holds=cost["quality"] <= 0.15 * cost[name] if asked != "–" else None)
        for name, what, asked in (
            (SEED, "the Korean paper's reader", "0.15 asked of us"), ("reader", "our reader", "–"),
        )
    ]
    for name, told in groups.items():
        (words, rank), (score, sure) = correlations([one for one, _ in told]), curves(told)
        claims += [
            Claim(f"The QAM's score follows the reader's α, {name}", "–", f"{words} (linear, rank)", len(told), 1, rank,
                  verdict(rank)),
            Claim(f"It orders right before wrong readings, {name}: area under the curve", "0.85 asked of us",
                  f"{score:.3f} (α itself {sure:.3f})", len(told), holds=score >= 0.85),
        ]
    return claims + streams(seen, truths, cost)
