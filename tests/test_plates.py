"""Grammars, display forms, confusions, and the vote between regions."""

import numpy as np
import pytest

from edge import ctc
from edge.plates import REGIONS, regions
from edge.plates.alphabet import CHARACTERS, INDEX, SIZE, canonical
from edge.plates.confusions import PAIRS, SLIP, soften
from edge.plates.decide import SETTLED, conclude, decide, fold, propose
from edge.plates.grammar import SEPARATORS
from edge.records import Candidate
from tests.posteriors import posteriors


def read(log_posteriors: np.ndarray, region: str | None = None) -> tuple[Candidate, ...]:
    return conclude(fold(log_posteriors), region)


def thoroughly(log_posteriors: np.ndarray, region: str | None = None) -> tuple[Candidate, ...]:
    """The same with the grammars' search in every case."""
    folded = fold(log_posteriors)
    return decide(propose(folded, region), [(folded, 1.0)], region)


@pytest.mark.parametrize(
    ("text", "region", "shown"),
    [
        ("51F12345", "vn", "51F-123.45"),
        ("29A1234", "vn", "29A-1234"),
        ("51LD12345", "vn", "51LD-123.45"),
        ("29B123456", "vn", "29-B1 234.56"),
        ("29AA12345", "vn", "29AA-123.45"),
        ("59MD112345", "vn", "59-MD1 123.45"),
        ("80NG12312", "vn", "80-NG-123-12"),
        ("29MK12345", "vn", "29MK-123.45"),
        ("12가3456", "kr", "12가 3456"),
        ("123호4567", "kr", "123호 4567"),
        ("서울12가3456", "kr", "서울 12가 3456"),
        ("12국1720", "kr", "12국 1720"),
        ("영사012345", "kr", "영사 012-345"),
        ("ABC1234", "br", "ABC-1234"),
        ("ABC1D23", "br", "ABC1D23"),
        ("粤B12345", "cn", "粤B·12345"),
        ("粤BD12345", "cn", "粤B·D12345"),
        ("粤B12345F", "cn", "粤B·12345F"),
        ("粤B1234学", "cn", "粤B·1234学"),
        ("BA123CD", "latin", "BA 123CD"),
        ("1AB2345", "latin", "1AB 2345"),
        ("AB12CDE", "latin", "AB12 CDE"),
        ("8ABC123", "latin", "8-ABC-123"),
        ("MKK1X9", "latin", "MKK1X9"),
    ],
)
def test_a_text_is_known_and_shown_as_its_region_writes_it(text: str, region: str, shown: str) -> None:
    assert regions.known(text)[0] == region
    assert regions.display(text) == shown
    assert canonical(shown) == text


@pytest.mark.parametrize("text", ["", "1", "XYZ", "12345", "ABCDEFG", "51F123456789", "粤12345"])
def test_a_text_that_is_no_plate_has_no_region(text: str) -> None:
    assert regions.known(text)[0] is None
    assert regions.display(text) == text


def test_every_form_stays_within_the_alphabet() -> None:
    assert tuple(regions.GRAMMARS) == REGIONS
    forms = [(g, form) for g in regions.GRAMMARS.values() for form in g.forms]
    assert len(forms) > 40
    for grammar, form in forms:
        sets = [grammar.characters(letter) for letter in form.letters]
        assert all(character in INDEX for characters in sets for character in characters)
        example = "".join(characters[0] for characters in sets)
        if form.heads:
            example = min(form.heads) + example[len(min(form.heads)) :]
            assert len({len(head) for head in form.heads}) == 1
        assert grammar.weight(example) is not None, form
        shown = grammar.display(example)
        assert shown is not None
        assert "".join(c for c in shown if c not in SEPARATORS) == example


def test_a_province_that_does_not_exist_weighs_less() -> None:
    real, invented = regions.known("51F12345")[1], regions.known("13F12345")[1]
    assert invented < real


@pytest.mark.parametrize("region", [None, "vn"])
@pytest.mark.parametrize(
    ("upper", "lower", "text"),
    [("51F12345", "", "51F12345"), ("29B1", "23456", "29B123456"), ("59MĐ1", "12345", "59MD112345")],
)
def test_a_clear_plate_is_read_with_confidence(upper: str, lower: str, text: str, region: str | None) -> None:
    best = read(posteriors(upper, lower), region)[0]
    assert best.text == text
    assert best.region == "vn"
    assert best.confidence > 0.95


@pytest.mark.parametrize(
    ("text", "region"), [("서울12가3456", "kr"), ("粤BD12345", "cn"), ("ABC1D23", "br"), ("BA123CD", "latin")]
)
def test_without_a_region_the_grammars_vote(text: str, region: str) -> None:
    best = read(posteriors(text))[0]
    assert (best.text, best.region) == (text, region)
    assert best.confidence > 0.9


def test_a_form_that_nobody_knows_is_still_read() -> None:
    best = read(posteriors("QWERTY"))[0]
    assert (best.text, best.region) == ("QWERTY", None)
    assert best.confidence > 0.5


@pytest.mark.parametrize(
    ("seen", "position", "meant"),
    [
        ("5IF12345", 1, "51F12345"),
        ("51F1Z345", 4, "51F12345"),
        ("51F123A5", 6, "51F12345"[:6] + "45"),
        ("51F1234S", 7, "51F12345"),
        ("51812345", 2, "51B12345"),
        ("51F6789O", 7, "51F67890"),
        ("51FG7890", 3, "51F67890"),
        ("51F67B90", 5, "51F67890"),
    ],
)
def test_the_grammar_decides_between_glyphs_that_look_alike(seen: str, position: int, meant: str) -> None:
    doubtful = posteriors(seen, rivals={position: {meant[position]: -1.0}})
    assert read(doubtful, None)[0].text == meant
    assert read(posteriors(seen), "vn")[0].text == meant  # however sure the network is, once a region is set


@pytest.mark.parametrize(
    ("usual", "rare", "position"),
    [("29B123456", "29B723456", 3), ("29MD123456", "29MD723456", 4), ("豫A12345", "琼A12345", 0)],
)
def test_of_two_that_look_alike_the_usual_one_is_read_but_a_clear_rare_one_stays(
    usual: str, rare: str, position: int
) -> None:
    assert regions.known(rare)[1] < 0.0 < regions.known(usual)[1]
    doubtful = posteriors(rare, rivals={position: {usual[position]: -1.0}})
    assert [candidate.text for candidate in read(doubtful)[:2]] == [usual, rare]
    clear = read(posteriors(rare))[0]
    assert clear.text == rare
    assert clear.confidence > 0.95


def test_a_character_is_as_usual_as_its_share_says() -> None:
    grammars = regions.GRAMMARS
    for code, letter, written in (("vn", "1", "29B*23456"), ("vn", "1", "29MD*23456"), ("cn", "P", "*A12345")):
        shares = grammars[code].shares[letter]
        assert set(shares) == set(grammars[code].characters(letter))
        texts = [written.replace("*", character) for character in shares]
        weights = [grammars[code].weight(text) for text in texts]
        form = grammars[code].form(texts[0])
        assert form is not None
        assert sum(np.exp(weights)) == pytest.approx(len(shares) * np.exp(form.weight))  # as where all are met alike


@pytest.mark.parametrize(("usual", "unusual"), [("59V244588", "59VZ44588"), ("29B25203", "29BZ5203")])
def test_the_second_letter_of_a_moped_is_hardly_ever_a_z(usual: str, unusual: str) -> None:
    assert regions.vote(usual, "vn")[1] - regions.vote(unusual, "vn")[1] > 4.0
    assert read(posteriors(unusual, rivals={3: {"2": -3.0}}), "vn")[0].text == usual


def test_a_confident_text_is_not_rewritten_into_another_format() -> None:
    for text in ("BA123CO", "1AO2345", "S1F12345", "ABIZ34", "8OOMIAMI"):
        assert read(posteriors(text))[0].text == text
    sure = posteriors("XABC1Z3")  # two swaps away from a Mercosul plate with a letter lost
    assert read(sure)[0].text == "XABC1Z3"


def test_a_foreign_plate_is_read_in_a_region_too() -> None:
    best = read(posteriors("粤BD12345"), "vn")[0]
    assert (best.text, best.region) == ("粤BD12345", "cn")


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("NISSAN", True), ("CITR0EN", True), ("TAX1", True), ("3768750", True),  # makes, signs, a telephone number
        ("51F12345", False), ("ABC1D23", False), ("AB123", False), ("5GTE3", False),  # forms, and what could be one
    ],
)
def test_what_no_form_knows_is_doubtful_without_a_letter_beside_a_digit_that_is_like_none(
    text: str, doubtful: bool
) -> None:
    assert regions.doubtful(text) == doubtful


def test_a_plate_that_nothing_supports_has_little_confidence() -> None:
    rng = np.random.default_rng(1)
    vague = posteriors("51F12345", odds=5.0)
    assert read(vague)[0].confidence < read(posteriors("51F12345"))[0].confidence - 0.2
    noise = rng.normal(0, 0.5, vague.shape)
    flat = (noise - np.log(np.exp(noise).sum(axis=1, keepdims=True))).astype(np.float32)
    assert all(candidate.confidence < 0.1 for candidate in read(flat))


def test_where_the_likely_texts_settle_it_the_grammars_search_would_find_nothing_better() -> None:
    settled = 0
    for seed, text in enumerate(["51F12345", "29B123456", "ABC1D23", "12가3456", "粤B12345", "BA123CD"] * 5):
        rng = np.random.default_rng(seed)
        logits = posteriors(text, odds=9.0) + rng.normal(0, 1.3, (64, SIZE))
        log_posteriors = ctc.log_softmax(logits)
        found, sought = read(log_posteriors), thoroughly(log_posteriors)
        assert (found[0].text, found[0].region) == (sought[0].text, sought[0].region)
        assert found[0].confidence == pytest.approx(sought[0].confidence, abs=0.05)
        settled += found[0].confidence >= SETTLED
    assert 10 < settled <= 30


def test_looks_that_are_right_in_different_characters_make_a_text_that_none_proposed() -> None:
    one = (fold(posteriors("51F12395", rivals={6: {"4": -0.5}})), 0.5)
    other = (fold(posteriors("51F72345", rivals={3: {"1": -0.5}})), 0.5)
    candidates = decide(["51F12395", "51F72345"], [one, other], "vn")
    assert candidates[0].text == "51F12345"
    assert candidates[0].confidence > 2 * candidates[1].confidence


def test_an_empty_plate_has_no_candidates() -> None:
    assert read(posteriors("")) == ()
    assert read(posteriors("A")) == () or read(posteriors("A"))[0].confidence < 0.05


def test_confidences_are_shares_best_first() -> None:
    candidates = read(posteriors("51F12345", rivals={7: {"6": 0.0, "8": -1.0}}))
    confidences = [candidate.confidence for candidate in candidates]
    assert len(confidences) >= 3
    assert confidences == sorted(confidences, reverse=True)
    assert 0.99 < sum(confidences) + 0.05 < 1.06
    assert {candidates[0].text, candidates[1].text} == {"51F12345", "51F12346"}


def test_softened_posteriors_stay_distributions_and_move_only_look_alikes() -> None:
    sure = posteriors("O" + CHARACTERS[-1], odds=30.0)
    softened = np.exp(soften(sure))
    np.testing.assert_allclose(softened.sum(axis=1), 1.0, atol=1e-4)
    assert softened[1, INDEX["0"]] == pytest.approx(SLIP, rel=0.05)
    assert softened[4, INDEX[CHARACTERS[-1]]] == pytest.approx(1.0, abs=1e-3)
    assert all(len(pair) == 2 for pair in PAIRS)
