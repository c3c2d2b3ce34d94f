"""IQ-STAN (seed 002): the shapes and losses that the paper fixes, its looks, and that a tiny training learns."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import ops

from benchmarks.papers import iq_stan as experiment
from benchmarks.papers import iq_stan_cost
from edge.plates.alphabet import decode
from models import iq_stan
from models.synth import sequence
from models.train import iq_stan as recipe


@pytest.fixture(scope="module")
def passed() -> dict[str, np.ndarray]:
    return recipe.render(32, 3, crops=True)


def test_the_cnn_makes_of_the_papers_five_frames_the_map_that_the_paper_names() -> None:
    assert len(iq_stan.ROWS) == 6 and sum(max(pool) > 1 for _, pool in iq_stan.ROWS) == 3
    assert iq_stan.shared(keras.Input((50, 840, 3))).shape[1:3] == (7, 210)
    assert iq_stan.PATCHES == 35


def test_iq_stan_scores_35_patches_and_reads_7_characters_at_the_papers_size() -> None:
    shapes = {name: tensor.shape[1:] for name, tensor in iq_stan.build(height=50, width=840).output.items()}
    assert shapes == {"quality": (35,), "characters": (7, len(iq_stan.ALPHABET))}
    assert set(iq_stan.build(scoring=False).output) == {"characters"}
    assert set(iq_stan.build(reading=False).output) == {"quality"}


def test_the_losses_are_those_of_equations_5_and_6() -> None:
    patches = np.repeat([[0.1, 0.2, 0.3, 0.4, 0.5]], 7, axis=1).reshape(1, 5, 7)
    patches[0, 0] = [0.0, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]  # its mean is 0.1 all the same
    target = np.array([[0.3, 0.2, 0.0, 0.4, 1.0]])
    found = iq_stan.scoring_loss(ops.convert_to_tensor(target), ops.convert_to_tensor(patches.reshape(1, 35)))
    assert float(found[0]) == pytest.approx(0.2 + 0.0 + 0.3 + 0.0 + 0.5)
    logits = np.zeros((1, 7, len(iq_stan.ALPHABET)), np.float32)
    told = iq_stan.reading_loss(np.arange(7)[None], ops.convert_to_tensor(logits))
    assert float(told[0]) == pytest.approx(7 * np.log(65), rel=1e-5)


def test_the_whole_loss_weighs_reading_scoring_and_the_size_of_the_kernels_as_equation_4() -> None:
    keras.utils.set_random_seed(1)
    trainer = recipe.IqStanTrainer(iq_stan.build())
    frames = np.random.default_rng(0).integers(0, 255, (2, iq_stan.HEIGHT, iq_stan.WIDTH, 3), dtype=np.uint8)
    y = {"text": np.arange(14).reshape(2, 7), "quality": np.full((2, 5), 0.5, np.float32)}
    told = trainer(frames)
    kernels = [ops.convert_to_numpy(w).ravel() for w in trainer.net.trainable_variables if "kernel" in w.name]
    reading = float(ops.mean(iq_stan.reading_loss(y["text"], told["characters"])))
    scoring = float(ops.mean(iq_stan.scoring_loss(y["quality"], told["quality"])))
    expected = 0.5 * reading + 0.5 * scoring + 0.5 * float(np.mean(np.concatenate(kernels) ** 2))
    assert float(trainer.compute_loss(y=y, y_pred=told)) == pytest.approx(expected, rel=1e-4)


def test_a_look_that_is_scored_low_reaches_the_encoder_fainter() -> None:
    features = keras.Input((4, 105, 48))
    quality = keras.Input((35,))
    gate = keras.Model([features, quality], iq_stan.attention(features, quality))
    for layer in gate.layers:
        if layer.name.startswith("map"):
            layer.set_weights([np.ones_like(layer.weights[0]), np.zeros_like(layer.weights[1])])
    score = np.repeat([[0.0, 1.0, 1.0, 1.0, 1.0]], 7, axis=1).reshape(1, 5, 7)
    score[0, 0], score[0, 1:] = 0.0, 1.0
    seen = np.asarray(gate([np.ones((1, 4, 105, 48), np.float32), score.reshape(1, 35).astype(np.float32)]))
    assert seen.shape == (1, 4, 105, 48)
    assert seen[0, :, :20].max() == pytest.approx(0.5) and seen[0, :, 22:].min() > 0.9


def test_the_decoder_begins_by_looking_where_the_characters_stand() -> None:
    place = np.asarray(iq_stan.standing((7, 21)))
    assert place.argmax(axis=1).tolist() == [1, 4, 7, 10, 13, 16, 19]


def test_looks_of_one_plate_differ_in_quality_and_the_clearer_are_scored_higher(passed: dict[str, np.ndarray]) -> None:
    assert passed["looks"].shape == (32, 5, 25, 84, 3) and passed["crops"].shape == (32, 5, 64, 128, 3)
    assert passed["similarity"].std(axis=1).mean() > 0.05
    quality = recipe.normalized(passed["similarity"], passed["similarity"])
    assert quality.min() == 0 and quality.max() == 1


def test_blur_and_noise_take_structure_away_and_exposure_does_not() -> None:
    stripes = np.tile(np.where(np.arange(128) // 8 % 2, 200, 40).astype(np.uint8)[None, :, None], (64, 1, 3))
    inside = np.ones((64, 128), bool)
    rng = np.random.default_rng(0)
    seen = {
        "dim": stripes // 3, "blurred": cv2.GaussianBlur(stripes, (0, 0), 4), "gone": np.full_like(stripes, 90),
        "noisy": np.clip(stripes + rng.normal(0, 60, stripes.shape), 0, 255).astype(np.uint8),
    }
    clear = sequence.standardized(stripes, inside)
    found = {name: sequence.structure(sequence.standardized(x, inside), clear).mean() for name, x in seen.items()}
    assert found["dim"] > 0.98 and found["blurred"] < 0.8 and found["noisy"] < 0.8 and found["gone"] < 0.3


def test_plates_are_chinese_of_seven_characters_and_the_same_for_a_seed() -> None:
    one, same = (sequence.render(np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.crops, same.crops) and one.text == same.text
    texts = [sequence.plate(np.random.default_rng(n)).text for n in range(50)]
    assert all(len(text) == 7 and set(text) <= set(iq_stan.ALPHABET) for text in texts)
    assert len(decode(list(one.text))) == 7


def test_looks_stand_beside_each_other_in_their_order() -> None:
    looks = np.arange(5)[None, :, None, None, None] * np.ones((1, 5, 2, 3, 3), int)
    assert recipe.beside(looks)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_a_tiny_training_learns_to_read_and_keeps_its_weights(tmp_path: Path) -> None:
    arrays = recipe.render(32, 3)
    recipe.main(["--plates", "32", "--epochs", "16", "--seed", "3", "--out", str(tmp_path)])
    net = iq_stan.build()
    before = surprise(net, arrays)
    net.load_weights(tmp_path / "iq_stan.weights.h5")
    assert surprise(net, arrays) < 0.9 * before
    told = recipe.predict(net, arrays["looks"])
    assert told["characters"].shape == (32, 7, 65) and told["quality"].shape == (32, 5)


def surprise(net: keras.Model, arrays: dict[str, np.ndarray]) -> float:
    log_probabilities = recipe.predict(net, arrays["looks"])["characters"]
    return float(-np.take_along_axis(log_probabilities, arrays["text"][..., None], axis=-1).mean())


def test_a_variant_begins_with_what_another_net_knows() -> None:
    plain, guided = iq_stan.build(scoring=False), iq_stan.build()
    iq_stan.take(guided, plain)
    for name in ("conv0", "norm5", "encoder", "characters"):
        for mine, theirs in zip(guided.get_layer(name).get_weights(), plain.get_layer(name).get_weights(), strict=True):
            assert np.array_equal(mine, theirs)


def test_multiply_accumulates_are_counted_by_hand() -> None:
    frames = keras.Input((4, 6, 3))
    x = keras.layers.Conv2D(5, 3, padding="same")(frames)
    x = keras.layers.Conv2DTranspose(2, (1, 2), strides=(1, 2))(x)
    net = keras.Model(frames, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    assert iq_stan_cost.macs(net) == 24 * 27 * 5 + 24 * 2 * 5 * 2 + 96 * 7


def test_late_readings_follow_the_better_look() -> None:
    alone = np.log(np.full((5, 1, 7, 65), 0.1 / 64))
    alone[0, :, :, 3] = alone[1:, :, :, 4] = np.log(0.9)
    assert experiment.right(experiment.late(alone, np.array([[1, 0, 0, 0, 0]])), np.full((1, 7), 3)).all()
    assert experiment.right(experiment.late(alone, np.ones((1, 5))), np.full((1, 7), 4)).all()
