"""Fusion of looks: likelihoods, not votes, decide."""

import numpy as np
import pytest

from edge.fusion import fuse
from edge.plates.decide import decide, fold, propose
from edge.records import Box, Detection, Look, PlateCrop, Quality, Reading
from tests.posteriors import Rivals, posteriors


def look(text: str, quality: float, *, rivals: Rivals | None = None, odds: float = 14.0) -> Look:
    log_posteriors = fold(posteriors(text, rivals=rivals, odds=odds))
    candidates = decide(propose(log_posteriors, None), [(log_posteriors, 1.0)], None)
    crop = PlateCrop(np.zeros((64, 128, 3), np.uint8), Detection(Box(0, 0, 1, 1), 1.0, None, 1))
    return Look(crop, Quality(quality, False), Reading(candidates, log_posteriors, 1))


def test_no_looks_give_no_candidates() -> None:
    assert fuse([]) == ()


@pytest.mark.parametrize("quality", [0.01, 0.4, 1.0])
def test_one_look_is_its_own_reading(quality: float) -> None:
    single = look("51F12345", quality, rivals={7: {"6": -2.0}})
    fused = fuse([single])
    assert [c.text for c in fused] == [c.text for c in single.reading.candidates]
    np.testing.assert_allclose(
        [c.confidence for c in fused], [c.confidence for c in single.reading.candidates], atol=0.01
    )


def test_agreeing_looks_are_surer_than_one() -> None:
    looks = [look("51F12345", 0.6, rivals={7: {"6": -1.0}, 3: {"7": -1.0}}) for _ in range(4)]
    assert fuse(looks)[0].confidence > looks[0].reading.confidence + 0.1


def test_looks_that_are_each_wrong_can_be_right_together() -> None:
    looks = [
        look("51F12345", 0.5, rivals={7: {"6": 0.5}}),
        look("51F12345", 0.5, rivals={6: {"9": 0.5}}),
        look("51F12345", 0.5, rivals={3: {"7": 0.5}}),
    ]
    assert all(one.reading.text != "51F12345" for one in looks)
    assert fuse(looks)[0].text == "51F12345"


def test_one_good_look_outweighs_two_bad_ones() -> None:
    good = look("51F12345", 0.95, rivals={7: {"6": -2.0}})
    bad = [look("51F12346", 0.1, rivals={7: {"5": -2.0}}) for _ in range(2)]
    assert fuse([*bad, good])[0].text == "51F12345"
    assert fuse([*bad, look("51F12345", 0.1, rivals={7: {"6": -2.0}})])[0].text == "51F12346"


def test_a_look_at_something_else_does_not_win_against_many() -> None:
    looks = [look("51F12345", 0.7, rivals={7: {"6": -0.5}}) for _ in range(4)]
    assert fuse([*looks, look("ABC1D23", 0.7)])[0].text == "51F12345"


def test_the_region_counts_in_fusion_too() -> None:
    looks = [look("5IF12345", 0.8), look("5IF12345", 0.7)]
    assert fuse(looks)[0].text == "5IF12345"
    assert "51F12345" in {c.text for c in fuse(looks, region="vn")}
