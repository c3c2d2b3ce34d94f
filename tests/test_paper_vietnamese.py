"""The adaptive Vietnamese system: the ways to restore, the records found, and a restorer that learns to be read."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.papers import restoration
from benchmarks.papers.lookups import enter, looked_up, retrieval
from benchmarks.papers.restoration import Both, both_ways, mixed, only, per_second, rendered_plates, right
from benchmarks.papers.vietnamese import KINDS, STRENGTHS, cost, told
from edge.bench.stages import Kit, open_kit
from edge.pipeline import Pipeline
from edge.records import Candidate
from edge.settings import Settings
from edge.store import Store
from models import reader, restorer
from models.synth import degrade
from models.train import restorer as recipe

SETTINGS = Settings.load(None, device="cpu", region="vn", detection={"thorough": False})


def both(truth: str, plain: tuple[str, float], restored: tuple[str, float], *, degraded: bool) -> Both:
    """A crop whose reading takes 2 s, its assessment 1 s, restoring and reading again 4 s."""
    first, second = ((Candidate(text, sure),) for text, sure in (plain, restored))
    return Both(truth, first, second, degraded, assessing=1.0, reading=2.0, restoring=4.0)


def test_the_router_reads_first_as_the_qam_says_and_the_other_way_only_in_doubt() -> None:
    clear = both("51F12345", ("51F12345", 0.92), ("51F12346", 0.95), degraded=False)
    blurred = both("30A49572", ("30A49577", 0.4), ("30A49572", 0.92), degraded=True)
    missed = both("29B12345", ("29B1234", 0.3), ("29B12345", 0.6), degraded=False)
    seen = [clear, blurred, missed]
    exact = {way: right(way, seen).tolist() for way in restoration.WAYS}
    assert exact == {
        "none": [True, False, False], "all": [False, True, True], "router": [True, True, True],
        "QAM alone": [True, True, False], "doubt alone": [True, True, True], "all, replaced": [False, True, True],
        "QAM, replaced": [True, True, False],
    }
    seconds = [3 / per_second(way, seen) for way in restoration.WAYS]
    assert seconds == pytest.approx([6, 18, 3 + 5 + 7, 3 + 7 + 3, 2 + 6 + 6, 12, 3 + 5 + 3])
    assert "none / all / router 33.3 / 66.7 / 100.0 %" in told(seen) and told(seen).endswith("33 % degraded")
    assert cost("all", seen).holds is False and cost("clear", [replace(clear, assessing=0.1)]).holds is True


def test_reading_both_ways_gives_what_the_pipeline_reads() -> None:
    crops, texts = rendered_plates(6, (5,), mixed(1.0)), []
    with open_kit(SETTINGS) as kit:
        pipeline = Pipeline(kit.detector, kit.assessor, kit.restorer, kit.reader, kit.wide_reader, SETTINGS)
        for crop, text in zip(crops["crop"], crops["text"], strict=True):
            seen = both_ways(kit, crop, str(text))
            answer = restoration.WAYS["router"].answer(seen)
            texts.append(answer[0].text if answer else "")  # one of the six is lost in the dark
            assert texts[-1] == pipeline.read_crop(crop).reading.text
            assert min(seen.assessing, seen.reading, seen.restoring) > 0
    assert sum(map(bool, texts)) == 5


def test_every_kind_of_degradation_is_rendered_alone_and_at_its_strength() -> None:
    rng = np.random.default_rng(0)
    assert set(KINDS.values()) < set(degrade.NAMES) and max(STRENGTHS) == 1
    for kind in KINDS.values():
        strengths = only(kind, 0.75)(rng)
        assert strengths.pop(kind) == 0.75 and set(strengths.values()) == {0.0}


def test_clear_vietnamese_plates_are_read_and_heavy_blur_costs_readings() -> None:
    def exact(kit: Kit, strength: float) -> float:
        plates = rendered_plates(40, (3,), only("motion", strength))
        return float(right("none", [both_ways(kit, c, str(t)) for c, t in zip(*plates.values(), strict=True)]).mean())

    with open_kit(SETTINGS) as kit:
        assert exact(kit, 0.0) > 0.9 > exact(kit, 1.0)


def test_a_record_is_right_wrong_or_missing_and_look_alikes_are_tolerated(tmp_path: Path) -> None:
    alike = Both(
        "51A12340", (Candidate("51A1234O", 0.6), Candidate("51A12340", 0.4)), (), False, 0.1, 0.1, 0.1
    )  # fmt: skip
    slipped = both("51F12345", ("51F12346", 0.9), ("51F12345", 0.1), degraded=False)
    lost = both("51F12345", ("77F77777", 0.9), ("51F12345", 0.1), degraded=False)
    with Store.open(tmp_path / "vehicles.db") as store:
        enter(store.registry, {"51A12340", "51F12345"})
        found = [looked_up(store.registry, "none", [alike, slipped, lost], tolerant=t) for t in (False, True)]
    assert [plate for plate, _ in found[0]] == ["", "51F12346", ""]
    assert [plate for plate, _ in found[1]] == ["51A12340", "51F12346", ""]


def test_half_of_the_vehicles_are_strangers_and_are_counted_apart() -> None:
    seen = [both(f"51F1230{n}", (f"51F1230{n}", 0.9), ("", 0.0), degraded=False) for n in range(0, 8, 2)]
    claims = list(retrieval(seen))
    assert len(claims) == 6 and all(claim.n == 2 for claim in claims)
    assert claims[0].ours == "right 100.0, wrong 0.00, none 0.0 %; a stranger's 0.00 %"
    assert claims[0].difference is None and claims[1].difference == (0, 0, 0)


def test_the_reading_loss_forgives_what_nobody_can_read() -> None:
    nll = keras.ops.convert_to_tensor(np.array([0.0, 1.0, 60.0], np.float32))
    q = recipe.PATIENCE
    np.testing.assert_allclose(recipe.patient(nll), [0, (1 - np.exp(-q)) / q, 1 / q], rtol=1e-5)


def test_what_a_crop_should_be_restored_to_is_finer_than_a_coarse_view() -> None:
    coarse = {**dict.fromkeys(degrade.NAMES, 0.0), "low_resolution": 1.0}
    pairs = [recipe.pair(np.random.default_rng(n), coarse) for n in range(6)]

    def detail(images: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(np.diff(image.astype(float), axis=1)).mean() for image in images]))

    assert detail([sharp for _, sharp in pairs]) > 1.3 * detail([sample.clear for sample, _ in pairs])


def test_a_restorer_learns_to_be_read_while_the_reader_stays_as_it_was() -> None:
    keras.utils.set_random_seed(0)
    judge = reader.build()
    before = [np.array(v) for v in judge.variables]
    trainer = recipe.RestorerTrainer(restorer.build(), judge)
    trainer.compile(optimizer=keras.optimizers.Adam(3e-3), run_eagerly=True)
    crops, targets = recipe.make(4, np.random.default_rng(0), 1.0)
    losses = [float(trainer.test_on_batch(crops, targets))]
    for _ in range(4):
        trainer.train_on_batch(crops, targets)
    losses.append(float(trainer.train_on_batch(crops, targets)))
    assert losses[1] < losses[0]
    assert all((np.array(now) == then).all() for now, then in zip(judge.variables, before, strict=True))
