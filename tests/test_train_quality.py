"""What the QAM learns from: crops, and what the reader makes of each."""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
import pytest

from edge.plates.alphabet import INDEX, SIZE
from models import quality, reader
from models.train import quality as recipe


def test_what_the_form_of_a_plate_settles_costs_a_picture_nothing() -> None:
    steps = np.full((64, SIZE), 1e-6)
    for n, character in enumerate("51G12345"):
        steps[8 * n + 2, INDEX[character]] = 1.0
    steps[:, 0] += steps.sum(axis=1) < 0.5
    steps[2 + 8 * 6, [INDEX["4"], INDEX["A"]]] = 0.4, 0.6  # no plate of Vietnam ends in A5
    steps /= steps.sum(axis=1, keepdims=True)
    seen = np.log(steps).astype(np.float32)
    assert recipe.believed(seen, "51G12345") == recipe.believed(seen, "") > 0.9
    assert recipe.believed(seen, "51G123A5") < 0.1
    nothing = np.log(np.eye(SIZE, dtype=np.float32)[np.zeros(64, int)] + 1e-9)
    assert recipe.believed(nothing, "") == 0 == recipe.believed(nothing, "51G12345")


def test_what_is_not_known_teaches_nothing() -> None:
    def loss(*targets: float) -> float:
        shown = keras.ops.convert_to_tensor(np.array(targets, np.float32))
        return float(recipe.where_known(shown, keras.ops.convert_to_tensor(np.array([0.2, 0.9], np.float32))))

    assert loss(recipe.UNKNOWN, recipe.UNKNOWN) == 0
    assert loss(0.0, recipe.UNKNOWN) == pytest.approx(-np.log(0.8) / 2, rel=1e-4)


def test_a_character_that_is_misread_costs_21_times_what_a_blank_does() -> None:
    read = np.eye(SIZE, dtype=np.float32)[[0, INDEX["A"]]][None]

    def loss(first: int, second: int) -> float:
        logits = 100.0 * np.eye(SIZE, dtype=np.float32)[[first, second]][None]
        return float(recipe.misread(keras.ops.convert_to_tensor(read), keras.ops.convert_to_tensor(logits)))

    assert loss(0, INDEX["A"]) == pytest.approx(0)
    assert loss(0, INDEX["4"]) == pytest.approx(100 / (1 + 2 * recipe.BLANKS) * (1 + recipe.BLANKS))
    assert loss(0, INDEX["4"]) / loss(INDEX["A"], INDEX["A"]) == pytest.approx(21)


def test_photographs_have_no_verdict_and_the_reader_judges_them_by_what_it_reads() -> None:
    corners = np.array([[5.0, 5.0], [85, 5], [85, 35], [5, 35]])
    photograph = recipe.Photograph(np.full((40, 90, 3), 120, np.uint8), corners, ())
    shown = recipe.pictures(6, [[photograph]], 0.5, 1)
    again = recipe.pictures(6, [[photograph]], 0.5, 1)
    assert all((shown[name] == again[name]).all() for name in shown)
    taken = shown["length"] == 0
    assert 0 < taken.sum() < 6 and ((shown["degraded"] == recipe.UNKNOWN) == taken).all()
    judged = recipe.judged(reader.build(), shown, batch=4)
    assert judged["masks"].shape == (6, 8, 16, 4)
    assert judged["posteriors"].shape == judged["likeliest"].shape == (6, 64, recipe.LIKELIEST)
    assert (np.diff(judged["posteriors"], axis=-1) <= 0).all() and (judged["posteriors"] > 0).all()
    assert (judged["posteriors"].sum(axis=-1) <= 1.01).all()
    assert all(len(set(step)) == recipe.LIKELIEST for step in judged["likeliest"].reshape(-1, recipe.LIKELIEST))
    assert ((judged["sure"] >= 0) & (judged["sure"] <= 1)).all()


def test_a_lot_is_drawn_once_and_a_batch_has_what_the_reader_made_of_its_crops(tmp_path: Path) -> None:
    teacher, options = reader.build(), argparse.Namespace(out=tmp_path, pictures=6, share=0.0, seed=1, workers=0)
    (lot,) = recipe.draw(teacher, [], options)
    drawn = {file.name: file.stat().st_mtime_ns for file in lot.iterdir()}
    assert recipe.draw(keras.Model(), [], options) == [lot]
    assert {file.name: file.stat().st_mtime_ns for file in lot.iterdir()} == drawn

    crops, targets = recipe.make([lot], 4, np.random.default_rng(3), 0.0)
    shown = {name: np.load(lot / f"{name}.npy") for name in ("crops", "text", "length", "degraded")}
    at = [int(np.flatnonzero((shown["crops"] == crop).all(axis=(1, 2, 3)))[0]) for crop in crops]
    judged = recipe.judged(teacher, shown)
    assert targets["sure"] == pytest.approx(judged["sure"][at], abs=1e-3)
    assert targets["read"].shape == (4, 64, SIZE) and targets["read"].sum(axis=-1) == pytest.approx(1, abs=1e-3)
    likeliest, posteriors = (np.load(lot / f"{name}.npy")[at] for name in ("likeliest", "posteriors"))
    shares = posteriors.astype(np.float32) / posteriors.astype(np.float32).sum(axis=-1, keepdims=True)
    assert np.take_along_axis(targets["read"], likeliest.astype(int), axis=-1) == pytest.approx(shares, abs=1e-6)
    assert ((targets["read"] > 0).sum(axis=-1) == recipe.LIKELIEST).all()


def test_the_recipe_trains_the_network_that_is_exported(tmp_path: Path) -> None:
    teacher = tmp_path / "reader.weights.h5"
    reader.build().save_weights(teacher)
    sizes = ["--steps", "2", "--batch", "4", "--settle", "2", "--epochs", "1", "--pictures", "8"]
    recipe.main(["--out", str(tmp_path / "run"), "--reader", str(teacher), *sizes])
    quality.build().load_weights(tmp_path / "run" / "average.weights.h5")
