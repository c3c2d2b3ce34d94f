"""Read the real photographs with the released files and print the table of docs/accuracy.md.

    python -m benchmarks.accuracy --photographs FOLDER --score score.py

FOLDER holds one folder a set with images/ and labels.csv; score.py is the scorer that comes with them. Every set is
read by the command that users run, `edge-alpr read --json`, and scored from its output alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Set:
    """A set of photographs and how it is read."""

    name: str
    options: tuple[str, ...] = ()


SETS = (
    Set("vn_crops", ("--crops",)), Set("vn_gp_frames", ("--region", "vn")), Set("vn_street_frames", ("--region", "vn")),
    Set("vn_tracks", ("--region", "vn")), Set("br_frames"), Set("latin_frames"), Set("latin_tracks"),
    Set("cn_crops", ("--crops",)), Set("cn_frames"), Set("kr_crops", ("--crops",)), Set("kr_frames"), Set("kr_tracks"),
)


def pictures(folder: Path) -> list[str]:
    """The labelled pictures of a set."""
    with open(folder / "labels.csv", encoding="utf-8", newline="") as table:
        return sorted({str(folder / row["file"]) for row in csv.DictReader(table)})


def read(chosen: Set, folder: Path, readings: Path) -> None:
    """Let `edge-alpr read` write its JSON lines to a file; a picture that it refuses is a line with an error."""
    command = [sys.executable, "-m", "edge", "read", "--json", *chosen.options, *pictures(folder)]
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--score", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--keep", type=Path, help="folder for the readings, one JSON lines file a set")
    options = parser.parse_args()
    print("| set | options | group | n | found | exact | O=0, I=1 | characters | extra per image |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        keep = options.keep or Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        for chosen in SETS:
            if options.sets and chosen.name not in options.sets:
                continue
            folder, readings = options.photographs / chosen.name, keep / f"{chosen.name}.jsonl"
            read(chosen, folder, readings)
            table = score(options.score, folder / "labels.csv", readings)
            regions = {row["group"] for row in table if "rows=" not in str(row["group"])}
            for row in table:
                if (
                    row["group"] == "all"
                    or ("rows=" in str(row["group"]) and len(table) > len(regions) + 1)
                    or len(regions) > 2
                ):
                    figures = " | ".join(cell(row[k]) for k in ("found", "exact", "fold", "chars", "extra"))
                    print(
                        f"| {chosen.name} | {' '.join(chosen.options)} | {row['group']} | {row['n']} | {figures} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
