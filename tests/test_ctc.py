"""CTC decoding held against the definition: every path of a small problem is added up."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import ctc


def random_posteriors(timesteps: int, characters: int, seed: int) -> NDArray[np.float32]:
    return ctc.log_softmax(np.random.default_rng(seed).normal(0, 2, (timesteps, characters)))


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for c, _ in itertools.groupby(path) if c != ctc.BLANK)


def by_definition(log_posteriors: NDArray[np.float32]) -> dict[tuple[int, ...], float]:
    """Probability of every text, summed over all its paths."""
    timesteps, characters = log_posteriors.shape
    texts: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(characters), repeat=timesteps):
        probability = float(np.exp(sum(log_posteriors[t, c] for t, c in enumerate(path))))
        texts[collapsed(path)] = texts.get(collapsed(path), 0.0) + probability
    return texts


def sure(path: list[int], characters: int, *, odds: float = 8.0) -> NDArray[np.float32]:
    logits = np.zeros((len(path), characters))
    logits[np.arange(len(path)), path] = odds
    return ctc.log_softmax(logits)


@pytest.mark.parametrize("seed", range(4))
def test_likelihoods_are_the_sum_over_all_paths(seed: int) -> None:
    log_posteriors = random_posteriors(5, 3, seed)
    texts = by_definition(log_posteriors)
    assert len(texts) == 25
    exact = ctc.log_likelihoods(log_posteriors, list(texts))
    np.testing.assert_allclose(np.exp(exact), list(texts.values()), rtol=1e-4)
    assert np.exp(exact).sum() == pytest.approx(1.0, abs=1e-4)


def test_a_text_too_long_for_the_steps_is_impossible() -> None:
    log_posteriors = random_posteriors(4, 3, 0)
    assert ctc.log_likelihood(log_posteriors, [1, 2, 1, 2, 1]) == -np.inf
    assert ctc.log_likelihood(log_posteriors, [1, 1, 1]) == -np.inf  # needs two blanks between
    assert ctc.log_likelihood(log_posteriors, [1, 1]) > -np.inf


def test_steps_that_say_nothing_count_once_and_change_no_probability() -> None:
    log_posteriors = sure([0, 0, 0, 1, 1, 0, 0, 2, 0, 0, 0, 2, 0, 0], 5, odds=9.0)
    condensed = ctc.condense(log_posteriors)
    assert len(condensed) == 8  # a run of blanks each before, between and after 1, 2 and 2
    texts = [[1, 2, 2], [1, 2], [2], [3, 2, 2], []]
    exact, found = (np.exp(ctc.log_likelihoods(p, texts)) for p in (log_posteriors, condensed))
    assert exact[0] > 0.9
    np.testing.assert_allclose(found, exact, atol=1e-3)
    np.testing.assert_array_equal(ctc.condense(condensed), condensed)


def test_a_reading_without_quiet_steps_is_not_condensed() -> None:
    log_posteriors = random_posteriors(20, 4, 1)
    np.testing.assert_array_equal(ctc.condense(log_posteriors), log_posteriors)


def test_likelihoods_of_improbable_texts_do_not_underflow() -> None:
    log_posteriors = sure([0] * 64, 5, odds=30.0)
    assert -600 < ctc.log_likelihood(log_posteriors, [1, 2, 3, 4] * 4) < -300


@pytest.mark.parametrize("seed", range(4))
def test_beam_finds_the_most_probable_texts_in_order(seed: int) -> None:
    log_posteriors = random_posteriors(5, 3, seed)
    texts = by_definition(log_posteriors)
    expected = sorted(texts, key=lambda text: -texts[text])[:5]
    found = ctc.beam(log_posteriors, width=60, top=5)
    assert found[0][0] == expected[0]
    assert {text for text, _ in found[:3]} <= set(expected)
    np.testing.assert_allclose([np.exp(p) for _, p in found], [texts[t] for t, _ in found], atol=5e-3)


def test_beam_and_greedy_agree_where_the_network_is_sure() -> None:
    path = [0, 1, 1, 0, 1, 2, 0, 0, 3, 3, 0]
    log_posteriors = sure(path, 5)
    assert ctc.greedy(log_posteriors) == (1, 1, 2, 3)
    assert ctc.beam(log_posteriors)[0][0] == (1, 1, 2, 3)


def test_nothing_but_blanks_is_an_empty_text() -> None:
    log_posteriors = sure([0] * 64, 40)
    assert ctc.greedy(log_posteriors) == ()
    assert ctc.beam(log_posteriors)[0][0] == ()
    assert ctc.log_likelihoods(log_posteriors, []).shape == (0,)


def test_constrained_reads_the_best_text_of_each_template() -> None:
    logits = np.full((8, 5), -4.0)  # characters 1, 2 in class 0; 3, 4 in class 1
    logits[[0, 2, 4, 6, 7], 0] = 4.0
    logits[1, [1, 3]] = 2.0, 3.0  # the free search reads 3 here
    logits[3, [2, 4]] = 3.0, 2.0
    logits[5, [4]] = 3.0
    log_posteriors = ctc.log_softmax(logits)
    classes = np.array([[0, 1, 1, 0, 0], [0, 0, 0, 1, 1]], bool)
    assert ctc.greedy(log_posteriors) == (3, 2, 4)
    assert ctc.constrained(log_posteriors, classes, [(0, 0, 1), (0, 1, 1), (1, 0, 1)]) == [
        (1, 2, 4),
        (1, 4, 4),
        (3, 2, 4),
    ]
    assert ctc.constrained(log_posteriors, classes, []) == []


def test_a_template_longer_than_the_text_does_not_repeat_a_character_for_free() -> None:
    log_posteriors = sure([0, 1, 1, 1, 0, 2, 2, 0], 4)
    classes = np.array([[0, 1, 1, 1]], bool)
    two, three = ctc.constrained(log_posteriors, classes, [(0, 0), (0, 0, 0)])
    assert two == (1, 2)
    assert len(three) == 3
    assert ctc.log_likelihood(log_posteriors, three) > -20


def test_contraction_follows_the_rule_for_every_step() -> None:
    rng = np.random.default_rng(5)
    characters = 7
    classes = rng.normal(size=(1, 8, 16, 2 * characters))
    masks = rng.uniform(size=(1, 8, 16, 4))
    logits = ctc.contract(classes, masks)
    assert logits.shape == (64, characters)
    for row, column, half in itertools.product(range(2), range(16), range(2)):
        mask = masks[0, :, column, row * 2 + half]
        scores = classes[0, :, column, half * characters : (half + 1) * characters]
        expected = (mask[:, np.newaxis] * scores).sum(axis=0) / (mask.sum() + 0.25)
        np.testing.assert_allclose(logits[row * 32 + column * 2 + half], expected, rtol=1e-4, atol=1e-5)


def test_log_softmax_is_normalised() -> None:
    log_posteriors = ctc.log_softmax(np.array([[1000.0, 0.0], [-5.0, -5.0]]))
    np.testing.assert_allclose(np.exp(log_posteriors).sum(axis=1), 1.0)
