"""What restoration does: real photographs read by the whole chain with and without it, and single rendered plates.

    python -m benchmarks.restoration --photographs FOLDER     # prints the table of docs/accuracy.md

FOLDER is that of benchmarks.accuracy, whose sets, regions and held out vehicles are those of here. A photographed plate
counts as right where the reading that meets its label says it exactly. Rendered plates of all regions are single crops,
degraded as the networks are trained on them. The QAM calls a plate degraded by its first cut, or not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.accuracy import SETS, Set, labels_of
from benchmarks.joined import box_of, meeting
from benchmarks.papers.claims import difference, mcnemar
from benchmarks.papers.restoration import both_ways, mixed, rendered_plates, right
from edge.bench.stages import Kit, open_kit
from edge.image import decode_image
from edge.pipeline import Pipeline
from edge.plates.alphabet import canonical
from edge.records import Look, PlateCrop
from edge.settings import Settings
from models import synth

Answer = tuple[bool, bool, bool]  # of a plate: right without restoration, right with it, degraded


class Leaves:
    """A restorer that leaves every crop as it is."""

    def restore(self, crop: PlateCrop) -> PlateCrop:
        return crop


def photographed(kit: Kit, one: Set, folder: Path) -> Iterator[Answer]:
    """The legible labelled plates of a set that are told either way."""
    chains = [
        Pipeline(kit.detector, kit.assessor, restorer, kit.reader, kit.wide_reader, kit.settings)
        for restorer in (Leaves(), kit.restorer)
    ]
    labels = [row for row in labels_of(one, folder) if canonical(row["text"])]
    for file in dict.fromkeys(row["file"] for row in labels):
        image = decode_image(folder / file)
        told = [[chain.read_crop(image)] if one.crops else chain.read_image(image) for chain in chains]
        for row in (row for row in labels if row["file"] == file):
            met = [met_by(looks, row) for looks in told]
            seen = [look for look in met if look]
            if seen:
                without, restored = (bool(look) and look.reading.text == canonical(row["text"]) for look in met)
                yield without, restored, seen[0].quality.degraded


def met_by(looks: Sequence[Look], row: dict[str, str]) -> Look | None:
    """The look that meets a label's box, the first where it has none."""
    box = box_of(row)
    which = meeting(box, (look.crop.detection.box for look in looks)) if box else 0
    return looks[which] if looks and which is not None else None


def rendered(kit: Kit, count: int) -> Iterator[Answer]:
    """Single crops."""
    plates = rendered_plates(count, (2026,), mixed(1.0), synth.SHARES)
    for crop, text in zip(plates["crop"], plates["text"], strict=True):
        both = both_ways(kit, crop, str(text))
        yield bool(right("none", [both])[0]), bool(right("router", [both])[0]), both.degraded


def table(name: str, answers: Sequence[Answer]) -> Iterator[str]:
    """A line for all plates, one for the degraded ones, one for the others; none where there are none."""
    for which, verdicts in (("all", (True, False)), ("degraded", (True,)), ("clear", (False,))):
        chosen = [answer[:2] for answer in answers if answer[2] in verdicts]
        if not chosen:
            continue
        seen, restored = np.array(chosen).T
        gap = "{:+.1f} ({:+.1f} … {:+.1f})".format(*(100 * value for value in difference([restored], [seen])))
        shares = f"{100 * seen.mean():.1f} | {100 * restored.mean():.1f} | {gap}"
        counts = f"{(restored & ~seen).sum()} / {(seen & ~restored).sum()} | {mcnemar(restored, seen):.3f}"
        yield f"| {name} | {which} | {len(seen)} | {shares} | {counts} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restoration", description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--rendered", type=int, default=3000, help="plates to render (default %(default)s)")
    options = parser.parse_args()
    print("| plates | QAM | n | as seen, % | with restoration, % | difference (95 %) | won / lost | p (McNemar) |")
    print("|---|---|---|---|---|---|---|---|")
    photographs: list[Answer] = []
    for one in SETS:
        with open_kit(Settings.load(None, device="cpu", region=one.region)) as kit:
            photographs += photographed(kit, one, options.photographs / one.name)
    print("\n".join(table("photographs", photographs)), flush=True)
    with open_kit(Settings.load(None, device="cpu")) as kit:
        print("\n".join(table("rendered", list(rendered(kit, options.rendered)))))


if __name__ == "__main__":
    main()
