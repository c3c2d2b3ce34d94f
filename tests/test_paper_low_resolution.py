"""The low-resolution paper (seed 001): what it fixes, and that its methods learn."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from benchmarks.papers import cascade, far_views, low_resolution
from benchmarks.papers.claims import Claim
from edge.plates.alphabet import decode
from models.low_resolution import build, generative
from models.synth import distance
from models.train import low_resolution as recipe


@cache
def seen(name: str) -> recipe.Views:
    """Sixteen Brazilian plates from near or far."""
    return recipe.views(rendered(), name)


@cache
def rendered() -> dict[str, np.ndarray]:
    return recipe.passing(5, 16)


def dense(net: keras.Model) -> list[int]:
    return [layer.units for layer in net.layers if isinstance(layer, keras.layers.Dense)]


def test_the_network_is_that_of_table_1() -> None:
    net = build()
    convolutions = [layer for layer in net.layers if isinstance(layer, keras.layers.Conv2D)]
    assert net.input_shape == (None, 40, 120, 1) and net.output_shape == (None, 7, 36)
    assert [(c.filters, c.kernel_size) for c in convolutions] == [
        (128, (5, 5)), (128, (3, 3)), (192, (3, 3)), (256, (3, 3)),
    ]
    assert sorted(dense(net)) == 7 * [36] + 8 * [512]  # one shared, seven separate, seven outputs
    assert sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in net.layers) == 3
    shared = 15 * 5 * 256 * 512 + 512
    tasks = 7 * (512 * 512 + 512 + 512 * 36 + 36)
    filters = 25 * 128 + 128 + 9 * 128 * 128 + 128 + 9 * 128 * 192 + 192 + 9 * 192 * 256 + 256
    norms = 2 * (128 + 128 + 192 + 256)  # a scale and a shift stand where folding leaves a bias
    trainable = sum(int(np.prod(weight.shape)) for weight in net.trainable_weights)
    assert trainable - norms // 2 == filters + shared + tasks == 12_613_692


def test_the_generative_model_is_that_of_figure_2() -> None:
    net = generative()
    kinds = [type(layer).__name__ for layer in net.layers[1:]]
    assert kinds == 3 * ["Conv2D", "MaxPooling2D"] + 3 * ["Conv2D", "UpSampling2D"]
    assert [layer.filters for layer in net.layers if isinstance(layer, keras.layers.Conv2D)] == [1, 64, 64, 64, 64, 1]
    assert net(np.zeros((2, 40, 120, 1), np.float32)).shape == (2, 40, 120, 1)
    assert generative((64, 128)).output_shape == (None, 64, 128, 1)
    assert net.count_params() == (9 + 1) + (9 * 64 + 64) + 3 * (9 * 64 * 64 + 64) + (9 * 64 + 1)


def test_plates_are_of_three_letters_and_four_digits_and_seen_twice() -> None:
    near, far = seen("near"), seen("far")
    texts = [decode(list(row + 1)) for row in near.classes]
    assert len(set(texts)) == 16
    assert all(len(text) == 7 and text[:3].isalpha() and text[3:].isdigit() for text in texts)
    assert (near.classes == far.classes).all() and near.pictures.shape == far.pictures.shape == (16, 40, 120)
    detail = [np.abs(cv2.Laplacian(p, cv2.CV_32F)).mean() for views in (near, far) for p in views.pictures]
    assert np.mean(detail[:16]) > 1.5 * np.mean(detail[16:])


def test_the_sizes_of_near_and_far_plates_are_those_of_the_papers_test_sets() -> None:
    widths = [160 * 0.22 ** np.mean(r["low_resolution"]) for r in (distance.NEAR, distance.FAR)]
    assert widths == pytest.approx([104, 49], abs=2)


def test_a_permuted_plate_shows_every_character_at_its_new_place() -> None:
    picture = np.repeat(np.arange(120, dtype=np.uint8)[None], 40, axis=0)
    left = np.array([10.0, 22, 40, 60, 70, 85, 100])
    boxes = np.stack([left, left * 0 + 5, left + 8, left * 0 + 35], axis=1)
    order = np.array([2, 0, 1, 6, 5, 4, 3])
    made = recipe.permuted(picture, boxes, order)
    assert made.shape == picture.shape
    firsts = [int(np.flatnonzero(made[0] == x + 4)[0]) for x in left]  # where each character's middle went
    assert list(np.argsort(firsts)) == order.tolist()
    assert sorted(made[0]) == sorted(picture[0])
    assert (recipe.permuted(picture, boxes, np.arange(7)) == picture).all()


def test_an_order_keeps_letters_before_digits_and_changes_from_draw_to_draw() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([recipe.orders(rng) for _ in range(200)])
    assert (np.sort(drawn[:, :3]) == [0, 1, 2]).all() and (np.sort(drawn[:, 3:]) == [3, 4, 5, 6]).all()
    assert len(np.unique(drawn, axis=0)) > 60


def test_augmented_plates_have_the_characters_of_their_originals() -> None:
    near = seen("near")
    pictures, classes = recipe.augmented(0, near, 40)
    again, _ = recipe.augmented(0, near, 40)
    kinds = {tuple(sorted(row)) for row in near.classes}
    assert pictures.shape == (40, 40, 120) and (pictures == again).all()
    assert all(tuple(sorted(row)) in kinds for row in classes)
    plain, same = recipe.augmented(0, near, 40, permute=False)
    assert {row.tobytes() for row in plain} <= {row.tobytes() for row in near.pictures}
    assert {tuple(row) for row in same} <= {tuple(row) for row in near.classes}


def test_levelled_pictures_differ_no_more_in_light() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 120, (1, 40, 120)).astype(np.uint8)
    dark, bright = (recipe.levelled(p)[0].astype(int) for p in (picture, picture * 2))
    assert np.abs(dark - bright).max() <= 3
    assert dark.mean() == pytest.approx(recipe.MIDDLE, abs=2) and dark.std() == pytest.approx(recipe.SPREAD, abs=2)


def test_the_generative_model_learns_what_far_views_look_like() -> None:
    near, far = (seen(name).pictures for name in ("near", "far"))
    net = recipe.fit_generative(near, far, epochs=60)
    made = recipe.generated(net, near)
    assert made.shape == near.shape and made.dtype == np.uint8
    assert low_resolution.likeness(made, far).mean() > 0.5
    coloured = np.stack([near[:2], near[2:4], near[4:6]], axis=-1)
    assert (recipe.generated(net, coloured)[..., 1] == made[2:4]).all()


def test_the_multi_task_network_learns() -> None:
    near = seen("near")
    keras.utils.set_random_seed(0)
    net = build(width=0.0625)
    recipe.fit(net, near.pictures, near.classes, epochs=15, batch=16)
    logits = net(recipe.unit(near.pictures), training=True)
    entropy = keras.ops.sparse_categorical_crossentropy(near.classes, logits, from_logits=True)
    assert float(np.mean(entropy)) < 0.9 * np.log(36)  # of chance
    assert recipe.read(net, near.pictures).shape == (16, 7)


def test_blobs_become_boxes_from_left_to_right() -> None:
    boxes = np.array([[6.0 + 16 * n, 10, 16.0 + 16 * n, 34] for n in range(7)])
    found = cascade.blobs(cascade.marked(boxes))
    assert found.shape == (7, 4) and np.abs(found - boxes).max() <= 2.5


def test_components_are_found_dark_on_light_and_light_on_dark() -> None:
    picture = np.full((40, 120), 220, np.uint8)
    for n in range(7):
        cv2.rectangle(picture, (8 + 15 * n, 10), (16 + 15 * n, 30), 20, -1)
    for shown in (picture, 255 - picture):
        found = cascade.components(shown)
        assert len(found) == 7 and np.abs(found[:, 0] - (8 + 15 * np.arange(7))).max() < 2


@pytest.mark.parametrize("make", [partial(cascade.Networks, epochs=1), cascade.HandCrafted])
def test_a_cascade_answers_seven_characters_or_says_that_it_found_fewer(make) -> None:
    near = seen("near")
    trained = make(near, seed=0)
    told = cascade.read(trained, near.pictures)
    assert told.shape == (16, 7) and told.min() >= -1 and told.max() < 36
    assert cascade.read(trained, near.pictures, near.boxes).min() >= 0


def test_characters_that_were_cut_by_hand_are_read_by_the_hand_crafted_cascade() -> None:
    near = seen("near")
    told = cascade.read(cascade.HandCrafted(near, seed=0, epochs=40), near.pictures, near.boxes)
    assert (told == near.classes).mean() > 0.8


def test_every_variant_of_the_experiment_replaces_a_third() -> None:
    near, far = seen("near"), seen("far")
    given = {v: low_resolution.samples(v, 0, 30, near, far, generative()) for v in low_resolution.VARIANTS}
    base, classes = given["permuted"]
    for name in ("made", "shrunk", "far"):
        pictures, same = given[name]
        changed = (pictures != base).any(axis=(1, 2))
        assert (same == classes).all() and changed[::3].all() and not changed[1::3].any() and not changed[2::3].any()


def test_the_reader_learns_from_the_same_draw_in_every_variant() -> None:
    shown = far_views.plates(3, 12)
    made = np.zeros_like(shown["near"])
    given = far_views.arms(0, 60, shown, made)
    usual, texts = given["usual"]
    replaced = (given["made"][0] == 0).all(axis=(1, 2, 3))
    assert 10 < replaced.sum() < 35 and (given["made"][0][~replaced] == usual[~replaced]).all()
    assert (given["far"][1] == given["made"][1]).all() and (given["far"][1][~replaced] == texts[~replaced]).all()


def test_likeness_is_one_for_the_same_picture_in_another_light() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, (3, 40, 120)).astype(np.uint8)
    assert low_resolution.likeness(a, a * 2 + 5) == pytest.approx(np.ones((1, 3)), abs=1e-3)


def test_the_tables_name_what_beats_what() -> None:
    rng = np.random.default_rng(0)
    skill = {"networks": 0.8, "hog-svm": 0.7, "permuted": 0.9, "made": 0.97}
    told = {(m, t): rng.random((2, 300, 7)) < p for m, p in skill.items() for t in ("near", "far")}
    found: list[Claim] = list(low_resolution.tables(told))
    assert [claim.holds for claim in found if claim.claim.startswith("Table 2")] == [True] * 4
    assert any("Fig. 4: at most 0" in claim.claim and "networks" in claim.claim for claim in found)
    assert next(claim for claim in found if claim.claim.startswith("Table 3, far")).holds is True


def test_the_recipe_writes_both_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--plates", "8", "--pairs", "8", "--samples", "32", "--width", "0.0625", "--tests", "8"]
    recipe.main([*options, "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"generative.weights.h5", "multi_task.weights.h5"}
    assert "of 8 plates right" in capsys.readouterr().out
