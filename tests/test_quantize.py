"""Quantization with the real TensorFlow converter, in its real subprocess."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from convert import flatbuffer, golden, package, quantize
from convert.errors import BadCalibration, ConversionFailed
from tests import tiny_models


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return tiny_models.network(tiny_models.heads)


@pytest.fixture(scope="module")
def data(model: keras.Model) -> bytes:
    pictures = quantize.collect(picture[None] for picture in tiny_models.samples())
    return quantize.quantize(model, pictures)


def test_the_uint8_file_keeps_the_models_names_and_shapes(data: bytes) -> None:
    graph = flatbuffer.parse(data)
    assert {name: t.shape for name, t in graph.inputs.items()} == {"image": (1, 16, 16, 3)}
    assert {name: t.shape for name, t in graph.outputs.items()} == {
        "heat": (1, 8, 16, 1),
        "box": (1, 8, 16, 4),
    }
    assert {t.dtype for t in (*graph.inputs.values(), *graph.outputs.values())} == {"uint8"}


def test_a_pixel_of_the_input_is_a_255th(data: bytes) -> None:
    image = flatbuffer.parse(data).inputs["image"]
    assert image.scale == pytest.approx((1 / 255,))
    assert image.zero_point == (0,)


def test_convolutions_are_quantized_per_channel(data: bytes) -> None:
    kernels = [op.weights[0] for op in flatbuffer.parse(data).ops if op.name == "CONV_2D"]
    assert len(kernels) == 4
    assert all(len(kernel.scale) == kernel.shape[0] for kernel in kernels)


def test_the_uint8_file_computes_nearly_what_the_float_model_computes(
    model: keras.Model, data: bytes
) -> None:
    described = package.manifest("tiny", data, package.Origin("w", "c", 8))
    images = golden.pick(tiny_models.samples(), count=4)
    differences = golden.difference(model, described, images, golden.run(data, images))
    assert set(differences) == {"heat", "box"}
    steps = {t.name: t.scale for t in described.outputs}
    assert all(differences[name] < 3 * steps[name] for name in steps), (differences, steps)


def test_parameters_and_multiplications_are_counted_from_the_file(data: bytes) -> None:
    graph = flatbuffer.parse(data)
    stem, depthwise, skip, heads = (27 * 8, 9 * 8, 8 * 8, 8 * 5)
    assert graph.parameters == stem + 8 + depthwise + 8 + skip + 8 + heads + 5
    assert graph.macs == 256 * (stem + depthwise + skip) + 128 * heads


def test_a_model_with_a_free_batch_is_exported_with_batch_one() -> None:
    model = tiny_models.network(lambda x: keras.layers.Conv2D(2, 1, name="out")(x), batch=None)
    graph = flatbuffer.parse(quantize.quantize(model, tiny_models.samples(2).clip(0, 1).round()))
    assert not any(tensor.dynamic for tensor in graph.tensors)
    assert graph.outputs["out"].shape == (1, 16, 16, 2)


def test_a_converter_that_aborts_becomes_an_error_that_names_the_signal() -> None:
    layers = keras.layers
    model = tiny_models.network(lambda x: layers.LSTM(4, name="out")(layers.Reshape((16, 128))(x)))
    with pytest.raises(ConversionFailed, match=r"ended by SIG[A-Z]+ .*Remove the layer"):
        quantize.quantize(model, tiny_models.samples(2))


def test_a_converter_that_refuses_becomes_an_error_with_its_last_words(tmp_path) -> None:
    np.save(tmp_path / "samples.npy", tiny_models.samples(1))
    with pytest.raises(ConversionFailed, match=r"refused the model:\n(.*\n)*.*SavedModel"):
        quantize.run_converter(tmp_path / "absent", tmp_path / "samples.npy", timeout=120)


def test_a_converter_that_hangs_is_ended(tmp_path) -> None:
    with pytest.raises(ConversionFailed, match=r"not done after 0\.05 s.*--timeout"):
        quantize.run_converter(tmp_path / "absent", tmp_path / "samples.npy", timeout=0.05)


def test_an_input_that_does_not_span_the_range_is_refused() -> None:
    model = tiny_models.network(lambda x: keras.layers.Conv2D(2, 1, name="out")(x))
    with pytest.raises(BadCalibration, match=r"instead of 1/255 and 0\. The calibration must span"):
        quantize.quantize(model, tiny_models.samples(4) * 0.5)


def test_calibration_pictures_are_stacked_with_both_ends_of_the_range() -> None:
    pictures = quantize.collect(p[None] * 0.5 + 0.25 for p in tiny_models.samples(3))
    assert pictures.shape == (3, 16, 16, 3)
    assert (pictures.min(), pictures.max()) == (0, 1)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((2, 4, 4, 3)), r"shape \(2, 4, 4, 3\)"),
        (np.zeros((4, 4, 3)), r"shape \(4, 4, 3\)"),
        (np.full((1, 4, 4, 3), 255.0), "values 255 to 255"),
        (np.full((1, 4, 4, 3), np.nan), "values nan"),
    ],
)
def test_a_wrong_calibration_picture_is_refused(sample: np.ndarray, message: str) -> None:
    with pytest.raises(BadCalibration, match=message):
        quantize.collect([sample])


def test_no_calibration_picture_at_all_is_refused() -> None:
    with pytest.raises(BadCalibration, match="no calibration pictures"):
        quantize.collect([])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("", "no rows"),
        ("seed,region\n", "no rows"),
        ("number,region\n1,vn\n", "no column `seed`"),
        ("seed,region\n1\n", "too many or too few"),
        ("seed,region\n1,vn,x\n", "too many or too few"),
    ],
)
def test_a_broken_calibration_list_is_refused(tmp_path, text: str | None, message: str) -> None:
    path = tmp_path / "list.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadCalibration, match=message):
        quantize.calibration_rows(path)


def test_a_calibration_list_is_read_line_by_line(tmp_path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("seed,region,strength\n1,vn,0.5\n2,kr,0.1\n")
    assert quantize.calibration_rows(path) == [
        {"seed": "1", "region": "vn", "strength": "0.5"},
        {"seed": "2", "region": "kr", "strength": "0.1"},
    ]
