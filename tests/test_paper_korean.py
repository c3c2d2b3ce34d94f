"""The Korean paper (seed 003): its alphabet, its time steps, its losses, and that its net learns."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from benchmarks.papers import korean as experiment
from benchmarks.papers import rivals
from benchmarks.papers.reading import character_accuracy, edit_distance, expressed, greedy, kept, photographed
from edge.plates.alphabet import CHARACTERS, INDEX
from models import losses, seed
from models.train import korean


def test_the_alphabet_of_korean_plates_has_the_papers_82_classes() -> None:
    assert seed.CLASSES == 82 and len(set(seed.CHARACTERS)) == 81
    assert set("0123456789가허바서울외교") <= set(seed.CHARACTERS)


def test_the_costs_are_the_papers_within_two_percent() -> None:
    found = {claim.claim: claim for claim in experiment.costs()}
    assert found["parameters"].ours == "198,050" and found["MFLOP"].ours == "55.07"
    assert len(found) == 3 and all(claim.holds for claim in found.values())


def test_squeeze_and_excitation_add_parameters_but_hardly_any_operations() -> None:
    plain, squeezed = seed.build(), seed.build(squeeze=True)
    rows = [row.expand for n, row in enumerate(seed.BACKBONE) if n in seed.SQUEEZED]
    added = sum(2 * e * (e // 4) + e // 4 + e for e in rows)
    assert squeezed.count_params() - plain.count_params() == added
    assert len(rows) == 7


def test_a_time_step_is_the_mean_of_the_classes_under_its_mask() -> None:
    classes, masks = np.zeros((1, 8, 16, 82), np.float32), np.zeros((1, 8, 16, 16), np.float32)
    classes[0, 2, 3, 7], classes[0, 5, 9, 7] = 8.0, 4.0
    masks[0, 2, 3, 0] = masks[0, 5, 9, 0] = 1.0
    steps = np.asarray(seed.contract(classes, masks))
    assert steps.shape == (1, 16, 82)
    assert steps[0, 0, 7] == pytest.approx(12.0 / (2 + seed.SETTLE)) and np.count_nonzero(steps) == 1


def test_focal_ctc_is_the_papers_formula_over_plain_ctc() -> None:
    logits = np.log(np.array([[[0.2, 0.8, 1e-9], [0.6, 0.1, 0.3]]], np.float32))  # two steps, one character wanted
    text, length = np.array([[1]], np.int32), np.array([1], np.int32)
    p = 0.8 * 0.6 + 0.8 * 0.1 + 0.2 * 0.1  # its three paths: 1–, 11, –1
    plain = float(np.asarray(losses.plain_ctc(text, length, logits))[0])
    focal = float(np.asarray(losses.focal_ctc(text, length, logits))[0])
    assert plain == pytest.approx(-math.log(p), rel=1e-4)
    assert focal == pytest.approx(0.8 * (1 - p) ** 3 * -math.log(p), rel=1e-3)


def test_the_nth_character_is_looked_for_at_one_of_the_sixteen_steps_however_long_the_text() -> None:
    text, length = np.array([[3, 4, 5, 6, 7, 8, 9], [3, 4, 5, 6, 7, 8, 0]]), np.array([7, 6])
    steps = korean.spaced(text, length)
    longest, shorter = ([(n, c) for n, c in enumerate(row) if c != losses.IGNORE] for row in steps)
    assert longest == [(0, 3), (2, 4), (4, 5), (6, 6), (9, 7), (11, 8), (13, 9)] and shorter == longest[:-1]


def test_rare_characters_are_rare_in_the_training_set_alone_and_are_in_no_regions_name() -> None:
    seldom, often = (korean.render(60, 5, level=0.0, share=share) for share in (0.0, 1.0))
    assert not any(korean.rare(text) for text in korean.texts(seldom))
    assert 2 < sum(korean.rare(text) for text in korean.texts(often)) < 30
    assert len(korean.RARE) == 8 and set(korean.RARE) <= set(seed.CHARACTERS)


def test_training_learns_and_its_posteriors_speak_our_alphabet() -> None:
    keras.utils.set_random_seed(0)
    arrays, net = korean.render(16, 3, level=0.0), seed.build()
    mine, trainer = korean.for_seed(arrays), korean.SeedTrainer(seed.segmenting(net))
    crops, targets = korean.draw(mine, 16, np.random.default_rng(0), 1.0)

    def loss() -> float:
        return float(trainer.compute_loss(None, targets, trainer(crops, training=True)))

    before = loss()
    korean.fit(trainer, mine, steps=20, number=0)
    assert loss() < 0.8 * before
    found = korean.posteriors(net, arrays["crops"])
    assert found.shape == (16, seed.TIME_STEPS, len(INDEX) + 1)
    np.testing.assert_allclose(np.exp(found).sum(axis=-1), 1.0, atol=1e-3)


def test_the_papers_net_learns_the_indices_of_its_own_alphabet() -> None:
    arrays = korean.render(3, 3, level=0.0)
    mine = korean.for_seed(arrays)["text"]
    assert ["".join(seed.CHARACTERS[c - 1] for c in row if c) for row in mine] == korean.texts(arrays)
    np.testing.assert_array_equal(korean.for_seed(arrays, CHARACTERS)["text"], arrays["text"])


def test_edits_are_counted_and_characters_weighed_by_them() -> None:
    assert [edit_distance(read, "abc") for read in ("", "abc", "axc", "ac", "abcd")] == [3, 0, 1, 1, 1]
    assert character_accuracy(["12가3456", "12가345"], ["12가3456", "12가3456"]) == pytest.approx(1 - 1 / 14)


def test_the_expression_finds_the_syllable_that_must_stand_between_digits() -> None:
    posteriors = np.full((1, 16, len(INDEX) + 1), -12.0, np.float32)
    posteriors[0, :, 0] = -0.01
    for step, character in zip(range(0, 14, 2), "12가3456", strict=True):
        posteriors[0, step] = -12.0
        posteriors[0, step, INDEX[character]] = -0.1
    posteriors[0, 4, INDEX["가"]], posteriors[0, 4, INDEX["7"]] = -0.9, -0.6
    assert greedy(posteriors) == ["1273456"] and expressed(posteriors, "kr") == ["12가3456"]


def test_right_of_what_is_given_out_is_compared_with_right_of_all() -> None:
    known = np.array([[True, True, False, True] * 50])
    hit = np.array([[True, True, False, False] * 50])
    gap, low, high = experiment.given(hit, known)
    assert gap == pytest.approx(2 / 3 - 1 / 2) and low < gap < high


def test_photographs_are_cut_by_their_boxes_and_illegible_ones_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "kr_crops"
    folder.mkdir()
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[20:60, 40:160] = 255
    cv2.imwrite(str(folder / "a.png"), picture)
    (folder / "labels.csv").write_text(
        "file,kind,text,x,y,w,h\na.png,frame,12가3456,40,20,120,40\na.png,crop,34나5678,,,,\na.png,frame,###,1,1,9,9\n"
    )
    seen = photographed(tmp_path, ("kr_crops",))
    assert seen.texts == ["12가3456", "34나5678"] and seen.crops.shape == (2, 64, 128, 3)
    assert seen.crops[0].mean() > 200 > 100 > seen.crops[1].mean()


def test_a_trained_net_is_kept_and_not_trained_again(tmp_path: Path) -> None:
    def build() -> keras.Model:
        image = keras.Input((2,))
        return keras.Model(image, keras.layers.Dense(1)(image))

    calls = []

    def make() -> keras.Model:
        calls.append(1)
        return build()

    first, second = (kept(tmp_path / "runs" / "x.weights.h5", build, make) for _ in range(2))
    assert calls == [1]
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])


def test_our_reader_and_the_papers_net_read_the_same_plates() -> None:
    arrays = korean.render(4, 3, level=0.0)
    nets = {name: [build()] for name, (build, _) in rivals.NETS.items()}
    found = list(rivals.compared("plates", nets, arrays["crops"], korean.texts(arrays)))
    assert [claim.n for claim in found] == [4, 4] and all(claim.difference for claim in found)
