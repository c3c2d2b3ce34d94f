"""The runtime over a real interpreter and a tiny real model: bound by name, or refused with the reason."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from edge import libedgetpu, runtime
from edge.errors import DeviceError, ModelMismatch
from edge.runtime import open_model
from tests import tiny

PICTURE = np.arange(72, dtype=np.uint8).reshape(4, 6, 3) * 3


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libedgetpu, "LIBRARY", "libedgetpu-that-is-not-here.so")
    runtime._proven.clear()
    runtime._delegate.cache_clear()


def test_outputs_are_real_values_by_name_with_the_batch_kept(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with open_model("tiny", device="cpu", zoo=tmp_path) as model:
        assert model.device == "cpu"
        outputs = model(crop=PICTURE)
    assert list(outputs) == ["squashed"]
    assert outputs["squashed"].shape == (1, 4, 6, 3)
    assert outputs["squashed"].dtype == np.float32
    np.testing.assert_allclose(outputs["squashed"][0], 1 / (1 + np.exp(PICTURE / -255)), atol=1 / 128)


def test_a_batch_of_one_is_taken_as_well(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with open_model("tiny", device="cpu", zoo=tmp_path) as model:
        np.testing.assert_array_equal(
            model(crop=PICTURE)["squashed"], model(crop=PICTURE[np.newaxis])["squashed"]
        )


def test_what_is_painted_over_the_input_is_what_the_model_sees(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())

    def paint(canvas: np.ndarray) -> str:
        canvas[:] = PICTURE
        return "painted"

    with open_model("tiny", device="cpu", zoo=tmp_path) as model:
        for _ in range(2):  # the memory is the interpreter's again in between
            outputs, told = model.on(paint)
            assert told == "painted"
            np.testing.assert_array_equal(outputs["squashed"][:], model(crop=PICTURE)["squashed"])
    with pytest.raises(ModelMismatch, match="has been closed"):
        model.on(paint)


def test_auto_without_a_compiled_file_runs_on_the_cpu_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with caplog.at_level(logging.INFO), open_model("tiny", zoo=tmp_path) as model:
        assert model.device == "cpu"
    assert "tiny runs on the CPU: There is no file" in caplog.text


@pytest.mark.usefixtures("no_library")
def test_auto_without_the_library_runs_on_the_cpu_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny.release(tmp_path, tiny.logistic(), tiny.compiled())
    with caplog.at_level(logging.INFO), open_model("tiny", zoo=tmp_path) as model:
        assert model.device == "cpu"
    assert "Install libedgetpu1-std" in caplog.text


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize("device", ["edgetpu", "usb:0", "pci:0"])
def test_an_edge_tpu_without_its_library_is_refused_with_the_remedy(tmp_path: Path, device: str) -> None:
    tiny.release(tmp_path, tiny.logistic(), tiny.compiled())
    with pytest.raises(DeviceError, match=r"is missing .*Install libedgetpu1-std"):
        open_model("tiny", device=device, zoo=tmp_path)


def test_an_edge_tpu_without_a_compiled_file_is_refused(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with pytest.raises(DeviceError, match=r"no file of the tiny model compiled .*device = cpu"):
        open_model("tiny", device="edgetpu", zoo=tmp_path)


def test_a_cpu_file_that_claims_to_be_compiled_is_refused(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic(), tiny.logistic())
    with pytest.raises(ModelMismatch, match="not compiled for the Edge TPU"):
        open_model("tiny", device="edgetpu", zoo=tmp_path)


def test_a_compiled_file_on_the_cpu_is_refused(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.compiled())
    with pytest.raises(DeviceError, match="compiled for the Edge TPU and cannot run on the CPU"):
        open_model("tiny", device="cpu", zoo=tmp_path)


def test_a_probe_tells_a_crash_from_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libedgetpu, "LIBRARY", "libc.so.6")  # any library that loads
    for name, code, message in [
        ("crash", "import os; os.abort()", "crashes with this TFLite runtime"),
        ("refusal", "import sys; sys.exit('No Edge TPU answers')", "No Edge TPU answers"),
    ]:
        monkeypatch.setattr(libedgetpu, "PROBE", code)
        reason = libedgetpu.probe(tmp_path / name, "usb:0")
        assert reason is not None
        assert message in reason
    monkeypatch.setattr(libedgetpu, "PROBE", "pass")
    assert libedgetpu.probe(tmp_path / "fine", "usb:0") is None


def test_a_library_that_is_no_delegate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libedgetpu, "LIBRARY", "libedgetpu-that-is-not-here.so")
    runtime._delegate.cache_clear()
    with pytest.raises(DeviceError, match="is missing"):
        runtime._delegate("usb:3")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with (tmp_path / "tiny.tflite").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelMismatch, match="not the file its manifest describes"):
        open_model("tiny", device="cpu", zoo=tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    tiny.release(tmp_path, b"no flatbuffer, but its hash is right")
    with pytest.raises(ModelMismatch, match="runtime refuses the model file"):
        open_model("tiny", device="cpu", zoo=tmp_path)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="not a model manifest"):
        open_model("tiny", device="cpu", zoo=tmp_path)
    tiny.release(tmp_path, tiny.logistic())
    (tmp_path / "tiny.tflite").unlink()
    with pytest.raises(ModelMismatch, match="cannot be read"):
        open_model("tiny", device="cpu", zoo=tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"tensor": "another_name:0"},
        {"shape": (1, 6, 4, 3)},
        {"dtype": "int8"},
        {"scale": 1 / 128},
        {"zero_point": 3},
    ],
)
def test_a_manifest_that_differs_from_the_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    manifest = tiny.release(tmp_path, tiny.logistic())
    wrong = dataclasses.replace(tiny.OUTPUT, **change)  # type: ignore[arg-type]
    dataclasses.replace(manifest, outputs=(wrong,)).save(tmp_path / "tiny.json")
    with pytest.raises(ModelMismatch, match="manifest says"):
        open_model("tiny", device="cpu", zoo=tmp_path)


def test_a_model_that_does_not_take_plain_pixels_is_refused(tmp_path: Path) -> None:
    manifest = tiny.release(tmp_path, tiny.logistic())
    wrong = dataclasses.replace(tiny.INPUT, scale=1 / 128, zero_point=128)
    dataclasses.replace(manifest, inputs=(wrong,)).save(tmp_path / "tiny.json")
    with pytest.raises(ModelMismatch, match="pixels 0 to 255"):
        open_model("tiny", device="cpu", zoo=tmp_path)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"picture": PICTURE}, r"takes \['crop'\], not \['picture'\]"),
        ({}, r"takes \['crop'\], not \[\]"),
        ({"crop": PICTURE[:3]}, r"uint8 \(1, 4, 6, 3\), not uint8 \(3, 6, 3\)"),
        ({"crop": PICTURE.astype(np.float32)}, r"not float32"),
    ],
)
def test_wrong_inputs_are_refused(tmp_path: Path, inputs: dict[str, np.ndarray], message: str) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with open_model("tiny", device="cpu", zoo=tmp_path) as model, pytest.raises(ModelMismatch, match=message):
        model(**inputs)


def test_a_closed_model_does_not_run(tmp_path: Path) -> None:
    tiny.release(tmp_path, tiny.logistic())
    with open_model("tiny", device="cpu", zoo=tmp_path) as model:
        pass
    with pytest.raises(ModelMismatch, match="has been closed"):
        model(crop=PICTURE)
