"""docs/renderer.md says of the renderer what its tables say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import synth
from models.synth import atlas, degrade, formats

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "renderer.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("region", formats.REGIONS)
def test_every_kind_of_plate_is_listed_with_its_size_and_rows(region: str) -> None:
    (line,) = re.findall(rf"^\| `{region}` \| (.*) \|$", PAGE, re.MULTILINE)
    listed = set(re.findall(r"`(\w+)` (\d+)×(\d+), (\d)", line))
    drawn = {formats.REGIONS[region](np.random.default_rng(seed)) for seed in range(500)}
    assert listed == {(p.kind, str(p.width), str(p.height), str(p.rows)) for p in drawn}


def test_every_degradation_is_listed_with_its_chance() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (0\.\d+) \|", PAGE, re.MULTILINE)
    assert [(name, float(chance)) for name, chance in listed] == list(zip(degrade.NAMES, degrade.CHANCES, strict=True))


def test_the_shares_of_the_regions_are_those_of_training() -> None:
    assert str(synth.SHARES).replace("'", '"') in PAGE


def test_every_font_package_is_listed_with_its_licence_and_installed_by_make_fonts() -> None:
    packages = re.findall(r"fonts-[a-z0-9-]+", (ROOT / ".ci" / "fonts").read_text(encoding="utf-8"))
    assert set(packages) == set(re.findall(r"^\| `(fonts-[a-z0-9-]+)` \| \w", PAGE, re.MULTILINE))
    files = [Path(f) for f in (*atlas.LATIN_FONTS, *atlas.HANGUL_FONTS, *atlas.HANZI_FONTS)]
    families = {f.stem if f.parent.name == "wqy" else f.parent.name for f in files}  # two packages share that folder
    assert [f for f in families if not any(f in package for package in packages)] == []
    assert len(families) == len(packages)


def test_the_benchmark_prints_plates_and_scenes_per_second() -> None:
    command = [sys.executable, "-m", "benchmarks.renderer", "--runs", "1", "--count", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\| ([a-z ]+) \| \d+ \| \d+ \| \d+ \|$", done.stdout, re.MULTILINE) == [
        "plates", "plates with their clear view", "scenes",
    ]
