"""Training with rounding: the rounded net computes what the uint8 file will, with the variables of the float net."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

import models
from models.fake_quantization import on_grid, rounded
from tests import tiny_models

ROOT = Path(__file__).parents[1]


def test_a_value_moves_to_the_nearest_step_and_zero_stays() -> None:
    x = keras.ops.convert_to_tensor([-1.0, -0.26, 0.0, 0.4, 2.0])
    assert np.allclose(on_grid(x, -1.0, 1.0, 4), [-1.0, -0.5, 0.0, 0.5, 1.0])


def test_the_rounded_net_trains_the_variables_of_the_float_net() -> None:
    net = tiny_models.network(tiny_models.heads, batch=None)
    trained = rounded(net)
    assert {id(v) for v in trained.trainable_variables} == {id(v) for v in net.trainable_variables}
    before = [np.array(v) for v in net.trainable_variables]
    trained.compile("sgd", {"heat": "mse", "box": "mse"})
    shape = {name: (8, *tensor.shape[1:]) for name, tensor in net.output.items()}
    trained.fit(tiny_models.samples(), {name: np.ones(s, np.float32) for name, s in shape.items()}, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, net.trainable_variables, strict=True)]
    assert all(moved)


def test_rounding_moves_the_reader_as_far_as_its_uint8_file_is_from_it() -> None:
    net = models.build("reader")
    net.load_weights(ROOT / "models" / "weights" / "reader.weights.h5")
    with np.load(ROOT / "edge" / "zoo" / "reader.golden.npz") as golden:
        crops, released = golden["in_crop"], golden["out_masks"] / 256.0
    exact, trained = (np.asarray(one(crops / np.float32(255))["masks"]) for one in (net, rounded(net)))
    assert 0.5 < np.abs(trained - exact).mean() / np.abs(released - exact).mean() < 2.0
