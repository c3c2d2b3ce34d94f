"""Releases: manifest, card and golden pictures, and the command that makes them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from convert import golden, package, quantize
from convert.__main__ import main
from convert.errors import NotMapped
from edge.manifest import Manifest
from edge.plates import alphabet
from tests import tiny_models

ORIGIN = package.Origin("tiny.weights.h5", "tiny.csv", 8, {"threshold": 0.35}, "1.2.3")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A tiny detector, written to a folder as a release."""
    folder = tmp_path_factory.mktemp("zoo")
    model = tiny_models.network(tiny_models.heads)
    pictures = quantize.collect(p[None] for p in tiny_models.samples())
    data = quantize.quantize(model, pictures)
    described = package.manifest("detector", data, ORIGIN)
    package.write(package.release(data, described, model, pictures, ORIGIN), folder)
    return folder


def test_the_manifest_comes_back_as_it_was_written(released) -> None:
    manifest = Manifest.load(released / "detector.json")
    data = (released / "detector.tflite").read_bytes()
    assert manifest == package.manifest("detector", data, ORIGIN)
    assert manifest.sha256 == hashlib.sha256(data).hexdigest()
    assert (manifest.version, manifest.settings, manifest.alphabet) == ("1.2.3", {"threshold": 0.35}, None)


def test_the_manifest_binds_every_tensor_by_name(released) -> None:
    manifest = Manifest.load(released / "detector.json")
    assert [(t.name, t.shape, t.dtype) for t in manifest.inputs] == [("image", (1, 16, 16, 3), "uint8")]
    assert [(t.name, t.shape) for t in manifest.outputs] == [("box", (1, 8, 16, 4)), ("heat", (1, 8, 16, 1))]
    assert len({t.tensor for t in (*manifest.inputs, *manifest.outputs)}) == 3


def test_the_golden_outputs_are_what_the_released_file_computes(released) -> None:
    with np.load(released / "detector.golden.npz", allow_pickle=False) as arrays:
        recorded = dict(arrays)
    assert set(recorded) == {"in_image", "out_heat", "out_box"}
    assert recorded["in_image"].shape == (2, 16, 16, 3)
    assert {a.dtype for a in recorded.values()} == {np.dtype(np.uint8)}
    again = golden.run((released / "detector.tflite").read_bytes(), recorded["in_image"])
    for name, values in again.items():
        np.testing.assert_array_equal(recorded[f"out_{name}"], values)


def test_the_card_names_hash_sizes_tensors_operations_and_origin(released) -> None:
    manifest = Manifest.load(released / "detector.json")
    card = (released / "detector.md").read_text(encoding="utf-8")
    for fact in (
        manifest.sha256,
        f"{manifest.macs:,}",
        "| CONV_2D | 3 |",
        "`heat`",
        "1×8×16×4",
        "tiny.weights.h5",
    ):
        assert fact in card


def test_only_the_reader_carries_the_alphabet(released) -> None:
    data = (released / "detector.tflite").read_bytes()
    assert package.manifest("reader", data, ORIGIN).alphabet == alphabet.CHARACTERS


def test_a_file_that_does_not_map_is_not_released(released) -> None:
    def newer(model) -> None:
        tiny_models.operation(model, "ADD")[1].version = 5

    with pytest.raises(NotMapped, match="ADD v5"):
        package.manifest(
            "detector", tiny_models.mend((released / "detector.tflite").read_bytes(), newer), ORIGIN
        )


def test_golden_pictures_are_spread_over_the_calibration_set() -> None:
    samples = np.linspace(0, 1, 11, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)
    assert golden.pick(samples, count=3)[:, 0, 0, 0].tolist() == [0, 128, 255]
    assert len(golden.pick(samples, count=40)) == 11


def test_an_unknown_model_name_is_an_error_that_lists_the_models(tmp_path, capsys) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("seed\n1\n")
    assert main(["plates", "--weights", "w.h5", "--calibration", str(listed)]) == 1
    assert (
        "no model is called 'plates'; there are detector, quality, reader, restorer"
        in capsys.readouterr().err
    )


def test_missing_weights_are_an_error_that_says_how_to_train(tmp_path, capsys) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("seed\n1\n")
    absent = tmp_path / "absent.weights.h5"
    assert main(["quality", "--weights", str(absent), "--calibration", str(listed)]) == 1
    assert "python -m models.train.quality" in capsys.readouterr().err


def test_a_setting_that_is_no_number_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["quality", "--weights", "w.h5", "--set", "threshold"])
    assert "KEY=NUMBER" in capsys.readouterr().err
