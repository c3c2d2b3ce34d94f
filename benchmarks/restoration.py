"""What restoration does to single cuts of plates of all regions, photographed and rendered.

    python -m benchmarks.restoration --photographs FOLDER     # prints the table of docs/accuracy.md

FOLDER is that of benchmarks.accuracy, whose sets, regions and held out vehicles are those of here. Every plate is cut
by its label with the margins that the product cuts with, and every cut read as it is and as the product reads it:
restored where the QAM calls it degraded, in doubt both ways. A plate counts as the share of its cuts read exactly.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.accuracy import SETS, Set, labels_of
from benchmarks.joined import box_of
from benchmarks.papers.claims import difference
from benchmarks.papers.restoration import Both, both_ways, mixed, rendered_plates, right
from edge.bench.stages import Kit, open_kit
from edge.image import decode_image, rectify
from edge.pipeline import CUTS, CUTS_AGAIN
from edge.plates.alphabet import canonical
from edge.records import Detection
from edge.settings import Settings
from models import synth

Cuts = list[Both]  # of one plate


def photographed(kit: Kit, one: Set, folder: Path) -> Iterator[Cuts]:
    """The legible labelled plates of a set."""
    for row in labels_of(one, folder):
        truth = canonical(row["text"])
        if not truth or "#" in row["text"]:
            continue
        image, box = decode_image(folder / row["file"]), box_of(row)
        margins, plate = (CUTS, box) if box else (CUTS_AGAIN, Detection.whole(image).box)
        yield [both_ways(kit, rectify(image, plate, margin=margin), truth) for margin in margins]


def rendered(kit: Kit, count: int) -> Iterator[Cuts]:
    """Plates of all regions, degraded as the networks are trained on them, one cut each."""
    plates = rendered_plates(count, (2026,), mixed(1.0), synth.SHARES)
    for crop, text in zip(plates["crop"], plates["text"], strict=True):
        yield [both_ways(kit, crop, str(text))]


def table(name: str, plates: Sequence[Cuts]) -> Iterator[str]:
    """A line for all cuts, one for those that the QAM calls degraded, one for the others."""
    for which, verdicts in (("all", (True, False)), ("degraded", (True,)), ("clear", (False,))):
        chosen = [[cut for cut in cuts if cut.degraded in verdicts] for cuts in plates]
        chosen = [cuts for cuts in chosen if cuts]
        seen, read = ([right(way, cuts).mean() for cuts in chosen] for way in ("none", "router"))
        gap = "{:+.1f} ({:+.1f} … {:+.1f})".format(*(100 * value for value in difference([read], [seen])))
        shares = f"{100 * np.mean(seen):.1f} | {100 * np.mean(read):.1f} | {gap}"
        yield f"| {name} | {which} | {len(chosen)} | {sum(map(len, chosen))} | {shares} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restoration", description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--rendered", type=int, default=20000, help="plates to render (default %(default)s)")
    options = parser.parse_args()
    print("| plates | cuts | plates | cuts | as seen, % | with restoration, % | difference (95 %) |")
    print("|---|---|---|---|---|---|---|")
    photographs: list[Cuts] = []
    for one in SETS:
        region = one.options[1] if "--region" in one.options else None
        with open_kit(Settings.load(None, device="cpu", region=region)) as kit:
            photographs += photographed(kit, one, options.photographs / one.name)
    print("\n".join(table("photographs", photographs)), flush=True)
    with open_kit(Settings.load(None, device="cpu")) as kit:
        print("\n".join(table("rendered", list(rendered(kit, options.rendered)))))


if __name__ == "__main__":
    main()
