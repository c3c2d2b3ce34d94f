"""The released models at work: the bundled clip from the wheel alone, rendered pictures through the command."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import ctc
from edge.plates.alphabet import decode
from edge.reader import Reader
from edge.records import Detection, PlateCrop
from edge.runtime import open_model
from edge.wide import WIDE
from models import synth
from models.synth import clip, view

ROOT = Path(__file__).parents[1]
PLATES = [passage.plate.text for passage in clip.PASSAGES]


def alpr(arguments: Sequence[str | Path], folder: Path, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`edge-alpr` with the package found in `where` and nothing else of the checkout."""
    command = [sys.executable, "-P", "-m", "edge", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_wheel_alone_reads_every_vehicle_of_the_bundled_clip(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    done = alpr(["demo"], tmp_path, tmp_path / "installed")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if re.match(r"\d{4}-", line)]
    told = [re.sub(r"[-. ]", "", line[21:35]) for line in lines]
    assert told == PLATES
    assert sum("restored" in line for line in lines) >= 1
    owners = [passage.owner or "not in the registry" for passage in clip.PASSAGES]
    assert all(owner in line for owner, line in zip(owners, lines, strict=True))
    picture = cv2.imread(str(tmp_path / "demo-output" / "annotated.png"))
    assert picture is not None and picture.shape[0] > 300


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Forty lightly degraded rendered plates as pictures, with their texts."""
    folder = tmp_path_factory.mktemp("crops")
    texts = {}
    for seed in range(40):
        sample = view.render(np.random.default_rng([77, seed]), weights=synth.SHARES, level=0.15, jitter=0.5)
        cv2.imwrite(str(folder / f"{seed:02d}.png"), cv2.cvtColor(sample.crop, cv2.COLOR_RGB2BGR))
        texts[f"{seed:02d}.png"] = sample.plate.text.replace("Đ", "D")
    return folder, texts


def test_most_lightly_degraded_plates_of_all_regions_are_read_without_naming_the_region(
    crops: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, texts = crops
    done = alpr(["read", "--json", "--crops", "--device", "cpu", folder], tmp_path)
    assert done.returncode == 0, done.stderr
    answers = {Path(a["source"]).name: a["plates"][0] for a in map(json.loads, done.stdout.splitlines())}
    right = [answers[name]["text"] == text for name, text in texts.items()]
    assert len(right) == 40 and np.mean(right) > 0.6


def test_most_plates_seen_wide_are_read() -> None:
    with open_model("wide_reader", device="cpu") as model:
        reader, right = Reader(model), []
        for seed in range(40):
            rng = np.random.default_rng([78, seed])
            sample = view.render(rng, weights=synth.SHARES, level=0.15, jitter=0.5, size=WIDE)
            said = reader.read(PlateCrop(sample.crop, Detection.whole(sample.crop)))
            right.append(decode([*ctc.greedy(said.log_posteriors)]) == decode([*sample.text]).replace("Đ", "D"))
    assert np.mean(right) > 0.6


def test_the_registry_of_the_clip_names_all_owners_but_the_strangers() -> None:
    with open(ROOT / "edge" / "demo" / "vehicles.csv", encoding="utf-8", newline="") as table:
        known = {row["plate"]: row["owner"] for row in csv.DictReader(table)}
    assert known == {p.plate.text: p.owner for p in clip.PASSAGES if p.owner} and len(known) == len(PLATES) - 1
