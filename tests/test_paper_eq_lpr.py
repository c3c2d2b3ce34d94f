"""EQ-LPR (seed 004): the formulas against hand-computed values, what the architectures share, a tiny training."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.papers.eq_lpr import Told, per_frame, told
from models import eq_lpr
from models.train import eq_lpr as recipe


@pytest.fixture(scope="module")
def nets() -> dict[str, eq_lpr.EqLpr]:
    return {kind: eq_lpr.build(kind) for kind in eq_lpr.KINDS}


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Without graphs, whose tracing would take longer than the test."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def tensor(values: object) -> keras.KerasTensor:
    return keras.ops.convert_to_tensor(np.array(values, np.float32))


def test_the_quality_target_is_the_softmax_of_the_least_sure_character() -> None:
    logits = np.log([[[0.9, 0.05, 0.05], [0.2, 0.7, 0.1]], [[0.4, 0.3, 0.3], [0.1, 0.1, 0.8]]])
    np.testing.assert_allclose(eq_lpr.sureness(tensor(logits)), [0.7, 0.4], rtol=1e-5)


def test_of_a_ctc_reader_it_is_the_lowest_of_the_peaks() -> None:
    blank, a, b = np.eye(3)
    steps = np.array([blank, 0.6 * a + 0.4 * blank, 0.9 * a + 0.1 * b, blank, 0.7 * b + 0.3 * a, 0.55 * b + 0.45 * a])
    assert eq_lpr.sureness_ctc(steps) == pytest.approx(0.7)
    assert eq_lpr.sureness_ctc(np.array([blank, blank])) == 0


def test_the_losses_are_those_of_equations_4_and_5() -> None:
    p = np.array([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]])
    text = keras.ops.convert_to_tensor(np.array([[0, 2]]))
    assert float(eq_lpr.reading_loss(text, tensor(np.log(p)))[0]) == pytest.approx(-np.log(0.5 * 0.8), rel=1e-5)
    off = eq_lpr.scoring_loss(tensor([[0.9], [0.2]]), tensor([[0.6], [0.3]]))
    np.testing.assert_allclose(off, [0.3, 0.1], rtol=1e-5)
    apart = np.zeros((1, 2, 2, 1))
    apart[0, 0, :, 0] = 3.0, 4.0
    assert float(eq_lpr.distance(tensor(apart), tensor(np.zeros((1, 2, 2, 1))))[0]) == pytest.approx(5.0)


def test_algorithm_1_reads_the_first_look_and_every_better_one() -> None:
    assert eq_lpr.recommended([0.5, 0.4, 0.7, 0.7, 0.9]) == [0, 0, 2, 2, 4]
    assert eq_lpr.recommended([0.0]) == [0]


def test_p_shares_nothing_s_one_cnn_and_e_learns_features_of_the_same_shape_from_a_light_one(
    nets: dict[str, eq_lpr.EqLpr],
) -> None:
    def common(net: eq_lpr.EqLpr) -> set[int]:
        return {id(w) for w in net.reading.weights} & {id(w) for w in net.scoring.weights}

    assert not common(nets["P"]) and not common(nets["E"])
    assert len(common(nets["S"])) == sum(len(layer.weights) for layer in recipe.cnn(nets["S"].reading)) > 0
    own, light = (sum(layer.count_params() for layer in recipe.cnn(nets[kind].scoring)) for kind in "PE")
    assert own == sum(layer.count_params() for layer in recipe.cnn(nets["P"].reading)) and light < 0.3 * own
    assert nets["E"].scoring.output["features"].shape == nets["E"].reading.output["features"].shape == (None, 4, 21, 48)
    with pytest.raises(ValueError, match="choose one of P, S, E"):
        eq_lpr.build("Q")


def test_a_character_is_read_after_those_before_it(nets: dict[str, eq_lpr.EqLpr]) -> None:
    net, look = nets["E"], np.random.default_rng(0).random((2, *eq_lpr.SHAPE), np.float32)
    read = net.reading(look)
    own = np.argmax(read["characters"], axis=-1)
    np.testing.assert_allclose(net.taught([look, own]), read["characters"], atol=1e-5)
    np.testing.assert_allclose(net.decode(read["features"])["characters"], read["characters"], atol=1e-5)
    other = own.copy()
    other[:, 2] = (own[:, 2] + 1) % len(eq_lpr.ALPHABET)
    changed = np.abs(net.taught([look, other]) - read["characters"]).max(axis=(0, 2)) > 1e-6
    assert list(changed) == [False] * 3 + [True] * 4


@pytest.mark.usefixtures("eagerly")
def test_a_tiny_training_learns_to_read_and_to_score() -> None:
    arrays = recipe.render(13, 3)
    looks, texts = recipe.singly(arrays)
    untrained, trained = recipe.begin("E", None), recipe.fit("E", arrays, epochs=6, seed=0)

    def losses(net: eq_lpr.EqLpr) -> tuple[float, float]:
        light = looks[:64].astype(np.float32) / 255
        read, scored = net.reading(light, training=True), net.scoring(light, training=True)
        text, features = keras.ops.convert_to_tensor(texts[:64]), trained.reading(light)["features"]
        return (float(np.mean(eq_lpr.reading_loss(text, read["characters"]))),
                float(np.mean(eq_lpr.distance(features, scored["features"]))))

    before, after = losses(untrained), losses(trained)
    assert after[0] < before[0] - 1 and after[1] < before[1]
    done = told(trained, arrays)
    assert done.single.shape == done.online.shape == (13, 5) and done.read[:, 0].all()


def test_time_a_frame_counts_reading_only_for_the_frames_that_are_read() -> None:
    took = {"P scores": 2.0, "E scores": 0.5, "reads": 4.0, "S sees": 2.5, "decodes": 1.0}
    assert per_frame(took, 0.5) == {"P": 4.0, "S": 3.0, "E": 2.5}


def test_what_stands_at_the_end_is_the_reading_of_the_best_look() -> None:
    online = np.array([[False, True, True]])
    assert Told(online, online, online[:, 0], online[:, 0], online, online, online).final.tolist() == [True]
