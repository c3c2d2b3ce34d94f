"""The networks and their recipes: shapes, the paper's size, the contraction, training that resumes."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import models
from edge import ctc
from edge.image import CROP
from edge.plates import alphabet
from edge.wide import WIDE
from models import losses, reader, synth, wide_reader
from models.synth import scene
from models.train import detector as detector_recipe
from models.train import reader as reader_recipe
from models.train import wide_reader as wide_recipe
from models.train.feed import feed
from tests.dice import dice

SHAPES = {
    "detector": {"heat": (48, 48, 1), "box": (48, 48, 4), "corners": (48, 48, 8), "rows": (48, 48, 1)},
    "quality": {"quality": (1, 1, 1), "degraded": (1, 1, 1)}, "restorer": {"restored": (64, 128, 3)},
    "reader": {"classes": (8, 16, 2 * alphabet.SIZE), "masks": (8, 16, 4)},
    "wide_reader": {"classes": (8, 32, 2 * alphabet.SIZE), "masks": (8, 32, 4)},
}


@pytest.mark.parametrize("name", models.NAMES)
def test_each_network_gives_the_outputs_its_stage_expects(name: str) -> None:
    net = models.build(name, batch_size=1)
    assert {key: tensor.shape[1:] for key, tensor in net.output.items()} == SHAPES[name]


def test_the_reader_is_smaller_than_the_papers() -> None:
    assert 120_000 < models.build("reader").count_params() < 198_189


def test_host_and_training_contract_the_maps_alike() -> None:
    rng = np.random.default_rng(3)
    classes = rng.normal(size=(1, 8, 16, 2 * alphabet.SIZE)).astype(np.float32)
    masks = rng.random((1, 8, 16, 4), np.float32)
    trained = np.asarray(reader.contract(keras.ops.convert_to_tensor(classes), keras.ops.convert_to_tensor(masks)))
    np.testing.assert_allclose(ctc.contract(classes, masks), trained[0], atol=1e-4)


def test_the_wide_reader_begins_as_the_reader_it_grew_from(tmp_path: Path) -> None:
    keras.utils.set_random_seed(6)
    reader.build().save_weights(tmp_path / "r.weights.h5")
    net, whole = wide_reader.grown(tmp_path / "r.weights.h5"), reader.build(size=WIDE)
    whole.load_weights(tmp_path / "r.weights.h5")
    assert net.count_params() > whole.count_params()
    shown = np.random.default_rng(6).random((2, *WIDE, 3), np.float32)
    for name, wanted in whole(shown).items():
        np.testing.assert_allclose(np.asarray(net(shown)[name]), np.asarray(wanted), atol=1e-4)


@pytest.mark.parametrize(("size", "steps", "cells"), [(CROP, 64, (16, 32)), (WIDE, 128, (16, 64))])
def test_a_batch_is_of_plates_seen_as_the_reader_has_them(
    size: tuple[int, int], steps: int, cells: tuple[int, int]
) -> None:
    crops, known = reader_recipe.make(8, (), 0.0, size, synth.SHARES, np.random.default_rng(5), 0.5)
    assert crops.shape == (8, *size, 3)
    assert known["steps"].shape == (8, steps) and known["cells"].shape == (8, *cells)
    assert known["text"].shape == (8, reader.MAX_TEXT) and (known["length"] == (known["text"] > 0).sum(axis=1)).all()


def test_focal_ctc_forgives_what_is_nearly_right_more_than_ctc_does() -> None:
    text, length = np.array([[1, 2, 0, 0]]), np.array([2])
    weak = np.zeros((1, 64, alphabet.SIZE), np.float32)
    sure = weak.copy()
    sure[0, :, 0] = 12.0
    sure[0, 5, 0] = sure[0, 9, 0] = 0.0
    sure[0, 5, 1] = sure[0, 9, 2] = 12.0
    focal = [float(losses.focal_ctc(text, length, keras.ops.convert_to_tensor(x))[0]) for x in (weak, sure)]
    steps = np.array([64])
    plain = [float(keras.ops.ctc_loss(text, x, length, steps, mask_index=0)[0]) for x in (weak, sure)]
    assert focal[0] == pytest.approx(losses.ALPHA * plain[0], rel=1e-3)
    assert focal[1] < 0.01 * plain[1]


def test_detector_maps_put_each_plate_where_it_decodes_to_itself() -> None:
    corners = np.array([[100.0, 60], [180, 64], [178, 84], [98, 80]])
    maps = detector_recipe.maps((scene.Target(corners, 2),))
    row, column = np.unravel_index(maps.heat[:, :, 0].argmax(), (48, 48))
    dx, dy, lw, lh = maps.box[row, column]
    centre = np.array([column + 0.5 + dx, row + 0.5 + dy]) * 8
    size = np.exp([lw, lh]) * 8
    np.testing.assert_allclose([*(centre - size / 2), *(centre + size / 2)], [98, 60, 180, 84], atol=1e-3)
    np.testing.assert_allclose(centre + maps.corners[row, column].reshape(4, 2) * size / 2, corners, atol=1e-3)
    assert maps.rows[row, column, 0] == 1 and maps.heat[row, column, 0] == 1


def test_the_wide_reader_trains_from_a_reader(tmp_path: Path) -> None:
    reader.build().save_weights(tmp_path / "r.weights.h5")
    sizes = ["--epochs", "1", "--steps", "1", "--batch", "2", "--workers", "0", "--settle", "1"]
    wide_recipe.main(["--out", str(tmp_path), "--reader", str(tmp_path / "r.weights.h5"), *sizes])
    wide_reader.build().load_weights(tmp_path / "average.weights.h5")


def test_the_wide_reader_begins_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        wide_recipe.main(["--reader", "reader.weights.h5", "--init", "wide_reader.weights.h5"])
    assert refused.value.code == 2
    assert "--reader and --init both say where to begin; give one of them" in capsys.readouterr().err


def test_a_recipe_trains_and_goes_on_from_its_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def train(epochs: int) -> str:
        sizes = ["--steps", "2", "--batch", "4", "--workers", "0", "--settle", "2"]
        reader_recipe.main(["--out", str(tmp_path), "--epochs", str(epochs), *sizes])
        return capsys.readouterr().out

    assert train(1).startswith("epoch 1 ")
    assert (tmp_path / "average.weights.h5").exists() and list((tmp_path / "log").iterdir())
    again = train(2).splitlines()
    assert again[0] == "continuing after epoch 1" and again[1].startswith("epoch 2 ") and len(again) == 2
    with h5py.File(tmp_path / "last.weights.h5") as stored:
        assert stored["optimizer/vars/0"][()] == 4  # the optimizer went on too: two epochs of two steps
    assert "finished run of 2 epochs" in train(2)


def test_worker_processes_render_the_batches_that_one_process_would() -> None:
    alone, together = (list(feed(dice, seed=5, workers=n, start=1, total=5)) for n in (0, 2))
    assert len(alone) == 4 and alone == together
    assert alone == list(feed(dice, seed=5, workers=0, start=0, total=5))[1:]
