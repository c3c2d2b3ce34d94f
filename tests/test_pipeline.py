"""The way of a frame, with stages that are plain functions of what is painted into the frame.

A plate is a rectangle: red says which text it carries, green how good the QAM finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from edge.image import corners_of
from edge.pipeline import CUTS, CUTS_AGAIN, Pipeline
from edge.plates.decide import decide, fold, propose
from edge.records import Box, Detection, Event, Frame, Image, PlateCrop, Quality, Reading
from edge.settings import Settings
from tests.posteriors import Rivals, posteriors

TEXTS = {50: "51F12345", 100: "29B123456", 150: "ABC1D23"}
WIDTH, HEIGHT = 60, 30


def frame(index: int, *plates: tuple[int, int, int], time: float | None = None) -> Frame:
    """A frame with plates (x, red, green)."""
    image = np.zeros((200, 400, 3), np.uint8)
    for x, red, green in plates:
        image[80 : 80 + HEIGHT, x : x + WIDTH] = plate(HEIGHT, WIDTH, red, green)
    return Frame(image, "gate", index, 1000.0 + (index / 10 if time is None else time))


def plate(height: int, width: int, red: int, green: int) -> Image:
    return np.full((height, width, 3), (red, green, 255), np.uint8)


@dataclass
class Stages:
    """All stages; counts what was read and restored."""

    rivals: Rivals = field(default_factory=dict)
    degraded_below: float = 0.0
    odds: float = 14.0
    wide_odds: float = 14.0
    reads: list[float] = field(default_factory=list)
    assessed: int = 0
    restored: int = 0
    wide: int = 0

    def detect(self, image: Image) -> list[Detection]:
        if len(image) < 80 + HEIGHT:
            return []
        row = image[80 + HEIGHT // 2, :, 2]
        starts = np.flatnonzero((row > 0) & (np.concatenate(([0], row[:-1])) == 0))
        boxes = [Box(float(x), 80.0, float(x + WIDTH), 80.0 + HEIGHT) for x in starts]
        return [Detection(box, 0.9, corners_of(box), 1) for box in boxes]

    def assess(self, crop: PlateCrop) -> Quality:
        self.assessed += 1
        score = float(crop.image[32, 64, 1]) / 200
        return Quality(score, score < self.degraded_below)

    def restore(self, crop: PlateCrop) -> PlateCrop:
        self.restored += 1
        return replace(crop, restored=True)

    def read(self, crop: PlateCrop, *, region: str | None) -> Reading:
        if crop.image.shape == (64, 256, 3):
            return self._read_wide(crop.image, region)
        self.reads.append(round(float(crop.image[32, 64, 1]) / 200, 2))
        odds = self.odds + (4.0 if crop.restored else 0.0)
        return self._reading(crop.image, region, odds=odds, rivals=self.rivals)

    def _read_wide(self, wide: Image, region: str | None) -> Reading:
        """From near no rival looks like it."""
        self.wide += 1
        return self._reading(wide, region, odds=self.wide_odds)

    def _reading(self, image: Image, region: str | None, *, odds: float, rivals: Rivals | None = None) -> Reading:
        text = min(TEXTS.items(), key=lambda item: abs(item[0] - int(image[32, 64, 0])))[1]
        log_posteriors = fold(posteriors(text, odds=odds, rivals=rivals))
        candidates = decide(propose(log_posteriors, region), [(log_posteriors, 1.0)], region)
        return Reading(candidates, log_posteriors, 1)


def pipeline(stages: Stages, **overrides: object) -> Pipeline:
    return Pipeline(stages, stages, stages, stages, stages, Settings.load(None, **overrides))


def run(watch: Pipeline, frames: list[Frame]) -> list[Event]:
    return [event for one in frames for event in watch.process(one)] + watch.finish()


def test_every_plate_of_a_picture_is_read_on_its_own() -> None:
    looks = pipeline(Stages()).read_image(frame(0, (10, 50, 160), (300, 150, 100)).image)
    assert [look.reading.text for look in looks] == ["51F12345", "ABC1D23"]
    assert [look.quality.score for look in looks] == [0.8, 0.5]
    assert looks[0].crop.image.shape == (64, 128, 3)
    assert not looks[0].crop.restored


def test_a_picture_without_a_plate_gives_an_empty_list() -> None:
    assert pipeline(Stages()).read_image(np.zeros((1, 1, 3), np.uint8).repeat(200, 0)) == []


def test_an_illegible_plate_of_a_picture_is_left_out() -> None:
    assert pipeline(Stages(odds=-5.0)).read_image(frame(0, (10, 50, 160)).image) == []


@pytest.mark.parametrize(
    ("text", "score", "told"),
    [("RENAULT", 0.4, []), ("RENAULT", 0.9, ["RENAULT"]), ("C1TR0EN", 0.4, []), ("ABC1D23", 0.4, ["ABC1D23"])],
)
def test_lettering_is_told_only_where_it_looks_like_a_plate(
    text: str, score: float, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lettering(Stages):
        def detect(self, image: Image) -> list[Detection]:
            return [replace(plate, score=score) for plate in super().detect(image)]

    monkeypatch.setitem(TEXTS, 50, text)
    looks = pipeline(Lettering(odds=20.0)).read_image(frame(0, (10, 50, 160)).image)
    assert [look.reading.text for look in looks] == told


@pytest.mark.parametrize(
    ("odds", "score", "told"),
    [(-0.1, 0.9, ["51F12345"]), (-0.1, 0.8, []), (0.8, 0.5, ["51F12345"]), (0.8, 0.3, []), (-1, 0.9, []), (0.8, 0, [])],
)
def test_an_unsure_reading_is_told_only_where_the_detector_is_sure(odds: float, score: float, told: list[str]) -> None:
    class Unsure(Stages):
        def detect(self, image: Image) -> list[Detection]:
            return [replace(plate, score=score) for plate in super().detect(image)]

    stages = Unsure(odds=odds, wide_odds=odds + 4.0)  # as sure as what is read restored
    looks = pipeline(stages).read_image(frame(0, (10, 50, 160)).image)
    assert [look.reading.text for look in looks] == told


def test_a_degraded_crop_is_read_restored_and_another_as_it_is_where_that_leaves_no_doubt() -> None:
    stages = Stages(degraded_below=0.5)
    bad, good = pipeline(stages).read_image(frame(0, (10, 50, 60), (300, 150, 160)).image)
    assert bad.crop.restored and bad.reading.text == "51F12345"
    assert not good.crop.restored
    assert stages.restored == len(CUTS) and len(stages.reads) == 2 * len(CUTS)


@pytest.mark.parametrize("degraded_below", [0.0, 1.0])
def test_in_doubt_a_crop_is_read_both_ways_and_the_surer_counts(degraded_below: float) -> None:
    stages = Stages(degraded_below=degraded_below, odds=1.0)
    (look,) = pipeline(stages).read_image(frame(0, (10, 50, 160)).image)
    assert look.crop.restored and look.reading.text == "51F12345"
    assert stages.restored == len(CUTS) + 6 and len(stages.reads) == 2 * (len(CUTS) + 6) and stages.wide == 4


@pytest.mark.parametrize(("odds", "cuts"), [(14.0, len(CUTS)), (1.0, len(CUTS) + 6), (-5.0, len(CUTS))])
def test_a_plate_in_doubt_is_cut_higher_lower_by_its_box_and_upright_too_but_a_hopeless_one_is_not(
    odds: float, cuts: int
) -> None:
    stages = Stages(odds=odds)
    pipeline(stages, reading={"sure_confidence": 0.9}).read_image(frame(0, (10, 50, 160)).image)
    assert stages.assessed == cuts
    quick = Stages(odds=odds)
    pipeline(quick, detection={"thorough": False}).read_image(frame(0, (10, 50, 160)).image)
    assert quick.assessed == 1


def test_what_the_first_cuts_do_not_tell_is_not_looked_at_again() -> None:
    class Faint(Stages):
        def detect(self, image: Image) -> list[Detection]:
            return [replace(plate, score=0.3) for plate in super().detect(image)]

    stages = Faint(odds=0.5)
    assert pipeline(stages).read_image(frame(0, (10, 50, 160)).image) == []
    assert stages.assessed == len(CUTS) and stages.wide == 0


def test_in_doubt_a_plate_wider_than_its_text_is_looked_at_again_as_wide_as_that_and_the_surer_counts() -> None:
    class Recess(Stages):
        """Finds twice the plate's width; there the text is half as wide as the cut and hardly legible."""

        def detect(self, image: Image) -> list[Detection]:
            plates = [one.box for one in super().detect(image)]
            boxes = [replace(box, x0=box.x0 - WIDTH / 2, x1=box.x1 + WIDTH / 2) for box in plates]
            return [Detection(box, 0.9, corners_of(box), 1) for box in boxes]

        def read(self, crop: PlateCrop, *, region: str | None) -> Reading:
            if crop.detection.box.width < 1.5 * WIDTH:
                return super().read(crop, region=region)
            whole = fold(posteriors("51F12345", odds=5.0))
            narrow = np.repeat(whole[:1], 64, axis=0)
            narrow[8:24:2] = whole[1:25:3]
            return Reading(decide(propose(narrow, region), [(narrow, 1.0)], region), narrow, 1)

    stages = Recess()
    (look,) = pipeline(stages).read_image(frame(0, (100, 50, 160)).image)
    assert look.reading.text == "51F12345" and look.reading.confidence >= 0.9
    box = look.crop.detection.box
    assert (box.x0, box.x1) == pytest.approx((92, 168), abs=3) and (box.y0, box.y1) == pytest.approx((80, 110))
    assert len(stages.reads) == len(CUTS)


def test_in_doubt_a_plate_is_read_wide_and_that_decides() -> None:
    stages = Stages(rivals={7: {"6": 0.3}})
    (look,) = pipeline(stages).read_image(frame(0, (10, 50, 160)).image)
    assert stages.wide == 4
    assert look.reading.text == "51F12345"
    unsure = Stages(rivals={7: {"6": 0.3}}, wide_odds=0.0)
    (look,) = pipeline(unsure, reading={"min_confidence": 0.0}).read_image(frame(0, (10, 50, 160)).image)
    assert unsure.wide == 4
    assert look.reading.text == "51F12346"
    sure = Stages()
    pipeline(sure).read_image(frame(0, (10, 50, 160)).image)
    assert sure.wide == 0


def test_a_cut_out_plate_is_read_whole() -> None:
    look = pipeline(Stages()).read_crop(plate(40, 90, 100, 120))
    assert look.reading.text == "29B123456"
    assert look.crop.detection.box == Box(0, 0, 90, 40)
    assert look.crop.detection.corners is None


def test_a_cut_out_plate_is_also_cut_by_the_corners_it_shows() -> None:
    class Cornered(Stages):
        def detect(self, image: Image) -> list[Detection]:
            box = Box(35, 20, image.shape[1] - 35, image.shape[0] - 20)
            return [Detection(box, 0.9, corners_of(box), 1)]

    stages = Cornered()
    look = pipeline(stages).read_crop(plate(40, 90, 100, 120))
    assert look.reading.text == "29B123456"
    assert len(stages.reads) == len(CUTS_AGAIN) + len(CUTS)
    quick = Cornered()
    pipeline(quick, detection={"thorough": False}).read_crop(plate(40, 90, 100, 120))
    assert len(quick.reads) == 1


def test_a_vehicle_is_one_event_as_soon_as_it_is_certain() -> None:
    watch = pipeline(Stages())
    seen = [watch.process(frame(i, (10 + 5 * i, 50, 100 + 10 * i))) for i in range(6)]
    assert [len(events) for events in seen] == [0, 1, 0, 0, 0, 0]
    (event,) = seen[1]
    assert event.plate == "51F12345"
    assert event.region == "vn"
    assert event.confidence > 0.98
    assert event.looks == 2
    assert (event.first_seen, event.last_seen) == (1000.0, 1000.1)
    assert event.quality == pytest.approx(0.55)
    assert event.box == Box(15, 80, 75, 110)
    assert event.evidence is not None
    assert event.evidence.shape == (39, 79, 3)
    assert event.vehicle is None
    assert watch.finish() == []


def test_an_uncertain_vehicle_is_reported_when_it_has_left() -> None:
    watch = pipeline(Stages(rivals={7: {"6": 0.0}}))
    for i in range(4):
        assert watch.process(frame(i, (10 + 5 * i, 50, 100))) == []
    assert watch.process(frame(8)) == []
    (event,) = watch.process(frame(20))
    assert event.plate in ("51F12345", "51F12346")
    assert 0.2 < event.confidence < 0.98
    assert event.last_seen == 1000.3


def test_what_is_still_in_view_at_the_end_is_reported() -> None:
    events = run(pipeline(Stages()), [frame(0, (10, 50, 100), (300, 150, 100))])
    assert {event.plate for event in events} == {"51F12345", "ABC1D23"}
    assert all(event.looks == 1 for event in events)


def test_a_vehicle_that_nobody_could_read_makes_no_event() -> None:
    assert run(pipeline(Stages(odds=-5.0)), [frame(i, (10, 50, 100)) for i in range(5)]) == []


def test_with_room_for_one_look_only_a_better_frame_is_read() -> None:
    stages = Stages(rivals={7: {"6": 0.0}})
    green = [100, 80, 140, 120, 140, 180, 20]
    run(
        pipeline(stages, reading={"max_looks": 1, "sure_confidence": 0.0}),
        [frame(i, (10, 50, value)) for i, value in enumerate(green)],
    )
    assert stages.reads == [0.5, 0.7, 0.9]


def test_with_more_room_the_best_looks_are_kept() -> None:
    stages = Stages(rivals={7: {"6": 0.0}})
    green = [100, 80, 140, 60, 90, 180, 120]
    (event,) = run(
        pipeline(stages, reading={"max_looks": 3, "sure_confidence": 0.0}),
        [frame(i, (10, 50, value)) for i, value in enumerate(green)],
    )
    assert stages.reads == [0.5, 0.4, 0.7, 0.45, 0.9, 0.6]
    assert event.looks == 3
    assert event.quality == pytest.approx(0.9)


def test_after_the_first_look_a_frame_below_the_gate_is_not_read() -> None:
    stages = Stages(rivals={7: {"6": 0.0}})
    watch = pipeline(stages, reading={"sure_confidence": 0.0})
    run(watch, [frame(i, (10, 50, value)) for i, value in enumerate([10, 10, 16, 100])])
    assert stages.reads == [0.05, 0.5]


def test_a_reported_vehicle_is_read_no_more() -> None:
    stages = Stages()
    events = run(pipeline(stages), [frame(i, (10, 50, 100 + i)) for i in range(10)])
    assert len(events) == 1
    assert len(stages.reads) == 2


def test_the_same_plate_shortly_after_is_the_same_passage() -> None:
    watch = pipeline(Stages())
    first = [frame(i, (10, 50, 100)) for i in range(3)]
    again = [frame(3 + i, (10, 50, 100), time=4.0 + i / 10) for i in range(3)]
    later = [frame(6 + i, (10, 50, 100), time=60.0 + i / 10) for i in range(3)]
    events = run(watch, [*first, *again, *later])
    assert [event.first_seen for event in events] == [1000.0, 1060.0]


def test_a_parked_vehicle_that_is_lost_for_a_moment_is_not_reported_again() -> None:
    parked = [frame(i, (10, 50, 100)) for i in range(300) if not 200 <= i < 230]
    assert len(run(pipeline(Stages()), parked)) == 1
