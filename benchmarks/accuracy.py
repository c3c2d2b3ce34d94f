"""Read the real photographs with the released files and print the tables of docs/accuracy.md.

    python -m benchmarks.accuracy --photographs FOLDER --score score.py --plots docs

FOLDER holds one folder a set with images/ and labels.csv; score.py is the scorer that comes with them. Every set is
read by the command that users run, `edge-alpr read --json`, and scored from its output alone. Of sets that were
trained on, only the vehicles that were held out are scored.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plots
from benchmarks.fused import fused
from benchmarks.joined import Plate, area_under_curve, calibration_error, join, measured

SURE = 0.9  # confidence from which readings are counted as sure


@dataclass(frozen=True, slots=True)
class Set:
    """A set of photographs and how it is read; `trained` where those that allow it were trained on, but for half."""

    name: str
    options: tuple[str, ...] = ()
    trained: bool = False
    clips: bool = False

    @property
    def region(self) -> str | None:
        """The region that is given, if one is."""
        return self.options[1] if "--region" in self.options else None

    @property
    def crops(self) -> bool:
        """Whether its plates come cut out."""
        return "--crops" in self.options


SETS = (
    Set("vn_crops", ("--crops",)), Set("vn_gp_frames", ("--region", "vn")), Set("vn_street_frames", ("--region", "vn")),
    Set("vn_tracks", ("--region", "vn"), clips=True), Set("br_frames"), Set("latin_frames"),
    Set("latin_tracks", clips=True), Set("cn_crops", ("--crops",), trained=True), Set("cn_frames", trained=True),
    Set("kr_crops", ("--crops",)), Set("kr_frames", trained=True), Set("kr_tracks", clips=True),
)


def labels_of(chosen: Set, folder: Path) -> list[dict[str, str]]:
    """The labels of a set that count; a line that stands twice is one plate. SystemExit where there are none."""
    if not (folder / "labels.csv").exists():
        raise SystemExit(f"{folder} holds no labels.csv; give --photographs the folder of the sets")
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        lines = {tuple(row.values()): row for row in csv.DictReader(table)}
    return [row for row in lines.values() if measured(row, trained=chosen.trained)]


def read(chosen: Set, folder: Path, labels: Sequence[dict[str, str]], readings: Path) -> None:
    """Let `edge-alpr read` write its JSON lines to a file; a picture that it refuses is a line with an error."""
    pictures = sorted({str(folder / row["file"]) for row in labels})
    command = [sys.executable, "-m", "edge", "read", "--json", *chosen.options, *pictures]
    with open(readings, "w", encoding="utf-8") as out:
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False)
    if not readings.stat().st_size:
        raise SystemExit(f"edge-alpr read gave no line for {chosen.name}; run it by hand to see why")


def score(scorer: Path, labels: Path, readings: Path) -> list[dict[str, object]]:
    """The scorer's table; CalledProcessError where it refuses."""
    done = subprocess.run(
        [sys.executable, scorer, labels, readings, "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    return list(json.loads(done.stdout))


def cell(value: object) -> str:
    return "–" if value is None else f"{float(str(value)):.3f}"


def rows(chosen: Set, table: list[dict[str, object]]) -> Iterator[str]:
    """The lines of a set: the whole, and its regions and rows of text where there are several."""
    regions = {row["group"] for row in table if "rows=" not in str(row["group"])}
    for row in table:
        several = "rows=" in str(row["group"]) and len(table) > len(regions) + 1
        if row["group"] == "all" or several or len(regions) > 2:
            figures = " | ".join(cell(row[k]) for k in ("found", "exact", "fold", "chars", "extra"))
            yield f"| {chosen.name} | {' '.join(chosen.options)} | {row['group']} | {row['n']} | {figures} |"


def judged(plates: Sequence[Plate]) -> Iterator[str]:
    """How far confidence and quality can be trusted, set by set and together."""
    yield "| set | readings | ECE | given at ≥ 0.9 | of these right | AUC of confidence | AUC of quality |"
    yield "|---|---|---|---|---|---|---|"
    names = list(dict.fromkeys(plate.set for plate in plates))
    for name, chosen in [*((n, [p for p in plates if p.set == n and p.text]) for n in names), ("all", plates)]:
        told = [p for p in chosen if p.text]
        right, sure = [p.exact for p in told], [p.exact for p in told if p.confidence >= SURE]
        error = calibration_error([p.confidence for p in told], right)
        curves = [area_under_curve([getattr(p, key) for p in told], right) for key in ("confidence", "quality")]
        share = f"{sum(sure) / len(sure):.3f}" if sure else "–"
        yield f"| {name} | {len(told)} | {error:.3f} | {len(sure)} | {share} | {curves[0]:.3f} | {curves[1]:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--score", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--keep", type=Path, help="folder for the readings, one JSON lines file a set")
    parser.add_argument("--plots", type=Path, help="folder to draw the pictures of docs/accuracy.md into")
    options = parser.parse_args()
    chosen = [one for one in SETS if not options.sets or one.name in options.sets]
    with tempfile.TemporaryDirectory() as scratch:
        keep = options.keep or Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        plates = list(measure(chosen, options.photographs, options.score, keep))
    print("\n" + "\n".join(judged(plates)))
    if options.plots:
        plots.draw(plates, options.plots)


def measure(chosen: Sequence[Set], photographs: Path, scorer: Path, keep: Path) -> Iterator[Plate]:
    """Read and score set by set, printing as it goes; then the clips, fused."""
    print("| set | options | group | n | found | exact | O=0, I=1 | characters | extra per image |")
    print("|---|---|---|---|---|---|---|---|---|")
    labelled = {one: labels_of(one, photographs / one.name) for one in chosen}
    for one, labels in labelled.items():
        folder, readings, counted = photographs / one.name, keep / f"{one.name}.jsonl", keep / f"{one.name}.csv"
        with open(counted, "w", encoding="utf-8", newline="") as table:
            writer = csv.DictWriter(table, labels[0])
            writer.writeheader()
            writer.writerows(labels)
        read(one, folder, labels, readings)
        print("\n".join(rows(one, score(scorer, counted, readings))), flush=True)
        yield from join(one.name, folder, readings, labels)
    for one, labels in labelled.items():
        if one.clips:
            told = fused(photographs / one.name, labels, one.region)
            wrong = ", ".join(f"{truth} as {text or 'nothing'}" for truth, text, _ in told if truth != text)
            right = sum(truth == text for truth, text, _ in told)
            print(f"\n{one.name}, looks fused: {right} of {len(told)} vehicles right{'; ' * bool(wrong)}{wrong}")


if __name__ == "__main__":
    main()
