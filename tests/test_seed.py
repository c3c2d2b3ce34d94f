"""The seed net costs what the paper says, and is converted like ours."""

from __future__ import annotations

import keras
import numpy as np

from convert import check, flatbuffer, quantize
from models import seed


def test_the_seed_net_costs_what_the_paper_says_and_maps_wholly_on_the_edge_tpu() -> None:
    keras.utils.set_random_seed(1)
    samples = np.random.default_rng(1).random((4, 64, 128, 3), np.float32)
    samples[0, 0, 0], samples[0, -1, -1] = 0.0, 1.0
    data = quantize.quantize(seed.build(batch_size=1), samples)
    graph = flatbuffer.parse(data)
    assert graph.parameters == 198_050  # the paper: 198,189
    assert round(graph.macs / 1e6, 2) == 27.54  # the paper: 55.06 MFLOP
    assert 290_000 < len(data) < 310_000  # the paper: 300 KB
    assert check.check(graph, file="seed.tflite").mapped


def test_the_paper_segments_characters_in_training_only() -> None:
    net = seed.build()
    training = seed.segmenting(net)
    assert {name: tensor.shape[1:] for name, tensor in training.output.items()} == {
        "classes": (8, 16, 82), "masks": (8, 16, 16), "cells": (16, 32, 17),
    }  # fmt: skip
    assert "cells" not in net.output
