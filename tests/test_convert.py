"""The whole press: `python -m convert` with a real network, a committed list and the renderer."""

from __future__ import annotations

import csv
from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from convert import check, finetune, quantize
from convert.__main__ import compile_release, main
from edge.manifest import Manifest
from edge.runtime import open_model
from models import synth
from models.synth import view
from tests import test_compile, tiny_models

LISTS = Path(__file__).resolve().parents[1] / "convert" / "calibration"


@pytest.mark.parametrize("name", models.NAMES)
def test_each_model_has_a_calibration_list_of_many_pictures(name: str) -> None:
    rows = quantize.calibration_rows(LISTS / f"{name}.csv")
    assert len(rows) >= 64
    assert len({row["seed"] for row in rows}) == len(rows)
    levels = [float(row["level"]) for row in rows]
    assert 0 <= min(levels) < 0.2
    assert 0.8 < max(levels) <= 1


@pytest.mark.parametrize("name", models.NAMES)
def test_a_calibration_list_gives_the_same_pictures_every_time(name: str) -> None:
    rows = quantize.calibration_rows(LISTS / f"{name}.csv")[:3]
    once, again = (quantize.collect(synth.calibration(name, rows)) for _ in range(2))
    assert once.shape[1:] == tuple(models.build(name, batch_size=1).inputs[0].shape[1:])
    np.testing.assert_array_equal(once, again)
    assert len({picture.tobytes() for picture in once}) == 3


def test_the_command_makes_a_release_that_passes_the_check(tmp_path, capsys) -> None:
    few = tmp_path / "few.csv"
    rows = quantize.calibration_rows(LISTS / "quality.csv")[:6]
    with few.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    weights = tmp_path / "fresh.weights.h5"
    models.build("quality").save_weights(weights)

    zoo = tmp_path / "zoo"
    words = ["quality", "--weights", str(weights), "--calibration", str(few), "--out", str(zoo)]
    compiler = test_compile.compiler(tmp_path, test_compile.log("quality"))
    assert main([*words, "--set", "threshold=0.5", "--version", "9.9.9", "--compiler", str(compiler)]) == 0

    assert {f.name for f in zoo.iterdir()} == {
        f"quality{end}" for end in (".tflite", ".json", ".md", ".golden.npz", "_edgetpu.tflite")
    }
    manifest = Manifest.load(zoo / "quality.json")
    assert (manifest.version, manifest.settings) == ("9.9.9", {"threshold": 0.5})
    assert [t.name for t in manifest.outputs] == ["degraded", "quality"]
    assert check.main([str(zoo / "quality.tflite")]) == 0
    said = capsys.readouterr().out
    assert "4/5 package" in said and "5/5 compile the zoo together" in said
    assert "together 1.25 MiB of the chip's 8.00 MiB, 6.38 MiB remain" in said
    assert manifest.edgetpu_file == "quality_edgetpu.tflite"


def test_without_the_compiler_a_release_says_where_it_is_to_be_had(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    compile_release(Namespace(compiler=None, out=tmp_path))
    assert "left out: edgetpu_compiler was not found. Install it" in capsys.readouterr().out
    words = ["quality", "--weights", str(tmp_path / "w.h5"), "--compiler", str(tmp_path / "nowhere")]
    assert main(words) == 1
    assert "nowhere cannot be run" in capsys.readouterr().err


def test_the_same_weights_and_pictures_give_the_same_file() -> None:
    model = tiny_models.network(tiny_models.heads)
    pictures = quantize.collect(p[None] for p in tiny_models.samples(3))
    assert quantize.quantize(model, pictures) == quantize.quantize(model, pictures)


def photographed(folder: Path, count: int) -> Path:
    """A folder of rendered plates with labels, as a user has it of photographs."""
    folder.mkdir()
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(("file", "text"))
        for seed in range(count):
            sample = view.render(np.random.default_rng(seed), weights={"vn": 1.0}, level=0.1)
            cv2.imwrite(str(folder / f"{seed}.png"), cv2.cvtColor(sample.crop, cv2.COLOR_RGB2BGR))
            writer.writerow((f"{seed}.png", sample.plate.text))
    return folder


def test_photographs_and_labels_become_a_zoo_of_ones_own(tmp_path, capsys) -> None:
    folder, zoo = photographed(tmp_path / "mine", 24), tmp_path / "zoo"
    short = ["--epochs", "1", "--steps", "2", "--rate", "1e-6", "--work", str(tmp_path / "work")]
    assert finetune.main([str(folder), "--out", str(zoo), *short]) == 0
    assert "plates that were not trained on: before" in capsys.readouterr().out
    assert {name for name in models.NAMES if (zoo / f"{name}.tflite").exists()} == set(models.NAMES)
    assert "photographs of its user" in (zoo / "reader.md").read_text(encoding="utf-8")
    assert (zoo / "detector.tflite").read_bytes() == Path("edge/zoo/detector.tflite").read_bytes()
    with open_model("reader", device="cpu", zoo=zoo) as model:
        assert model.manifest.name == "reader"


def test_too_few_photographs_or_no_labels_are_refused(tmp_path, capsys) -> None:
    assert finetune.main([str(photographed(tmp_path / "few", 3)), "--out", str(tmp_path / "zoo")]) == 1
    assert "abel more" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert finetune.main([str(tmp_path / "none"), "--out", str(tmp_path / "zoo")]) == 1
    assert "labels.csv" in capsys.readouterr().err
    assert not (tmp_path / "zoo").exists()
