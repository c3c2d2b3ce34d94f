"""The way of a frame: detect, track, rectify, assess, restore or read, fuse, report.

Every stage is a function from one record to the next; the pipeline knows no device, file or socket.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import mean
from typing import Protocol

from edge.fusion import fuse
from edge.image import MARGIN, corners_of, rectify
from edge.plates import regions
from edge.records import (
    Box,
    Candidate,
    Corners,
    Detection,
    Event,
    Frame,
    Image,
    Look,
    Passage,
    PlateCrop,
    Quality,
    Reading,
)
from edge.refine import narrowed, upright
from edge.settings import Settings
from edge.thorough import Detects, Thorough, from_afar
from edge.tracker import Track, Tracker
from edge.wide import spread

CUTS = (MARGIN, 0.0, 0.09)  # margins of the cuts of a plate in a single picture, of its width and height
CUTS_AGAIN = (0.0, -0.03, 0.03, 0.07)  # the same of a plate that comes cut out
CUTS_OF_BOX = (0.0, 0.08)  # in doubt, of its box instead of its corners
CUTS_UPRIGHT = (MARGIN, 0.0)  # in doubt, of the plate set upright
OFF = 0.08  # of the plate's height: in doubt it is also cut that much higher and lower
WORD = 0.45  # confidence and detection score below which a doubtful text is no plate
STEEP = 2.5  # by this power of a detection's odds, min_confidence is asked of its reading: less of a sure one
FILLED = 0.2  # IoU of a plate with the picture above which the picture is a cut of that plate
AROUND = 0.15  # of the plate's size, kept around it in the evidence


class Assesses(Protocol):
    """Says how readable a crop is."""

    def assess(self, crop: PlateCrop) -> Quality: ...


class Restores(Protocol):
    """Makes a degraded crop clearer."""

    def restore(self, crop: PlateCrop) -> PlateCrop: ...


class Reads(Protocol):
    """Reads a crop; the wide reader, a wide view."""

    def read(self, crop: PlateCrop, *, region: str | None) -> Reading: ...


class Pipeline:
    """Reads single pictures, each on its own, or a stream, where looks at one vehicle make one event."""

    def __init__(
        self,
        detector: Detects,
        assessor: Assesses,
        restorer: Restores,
        reader: Reads,
        wide_reader: Reads,
        settings: Settings,
    ) -> None:
        self._patient = settings.detection.thorough is not False  # with single pictures
        self._searcher = Thorough(detector) if self._patient else detector
        self._detector = self._searcher if settings.detection.thorough else detector
        self._assessor = assessor
        self._restorer, self._reader, self._wide_reader = restorer, reader, wide_reader
        self._settings = settings
        self._tracker = Tracker(settings.tracking)
        self._passed: dict[str, Passage] = {}  # by plate

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The vehicles in view, oldest first."""
        return self._tracker.tracks

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The vehicles that were told and are in view, or have left within repeat_seconds."""
        here = {t.plate: Passage(t.plate, t.since, t.last_seen) for t in self.tracks if t.reported}
        return tuple((self._passed | here).values())

    def recall(self, passages: Iterable[Passage]) -> None:
        """Vehicles that were told before this pipeline began, so that they are not told again."""
        self._passed.update({passage.plate: passage for passage in passages})

    def read_image(self, image: Image) -> list[Look]:
        """Every legible plate of one picture, surest detection first; an empty list where there is none."""
        looks = [self._look(image, plate) for plate in self._searcher.detect(image)]
        return [look for look in looks if self._tells(look)]

    def _look(self, image: Image, plate: Detection) -> Look:
        """One look at a plate of a picture; at one that is wider than its text, as wide as that if it reads surer."""
        looks = self._read_each(self._cuts(image, plate, CUTS))
        corners = narrowed(_corners(plate), looks[0].reading)
        if corners and self._patient and self._in_doubt(looks[0]):
            height, width = image.shape[:2]
            narrow = replace(plate, box=Box.around(corners).within(width, height), corners=corners)
            again = self._read_each(self._cuts(image, narrow, CUTS))
            if again[0].reading.confidence > looks[0].reading.confidence:
                plate, looks = narrow, again
        return self._study(image, plate, looks)

    def _cuts(self, image: Image, plate: Detection, margins: tuple[float, ...]) -> list[PlateCrop]:
        """A plate of a single picture with each margin; with the first alone where there is no patience."""
        return [_cut(image, plate, margin) for margin in (margins if self._patient else margins[:1])]

    def _tells(self, look: Look) -> bool:
        """Whether a look at a single picture is told; what is rather a word or a number, only where it looks sure."""
        reading, score = look.reading, look.crop.detection.score
        if regions.doubtful(reading.text):
            return min(reading.confidence, score) >= WORD
        least = self._settings.reading.min_confidence * math.pow((1 - score) / max(score, 1e-6), STEEP)
        return reading.confidence >= least

    def _in_doubt(self, look: Look) -> bool:
        """Whether a look at a single picture is told, but unsure."""
        return self._tells(look) and look.reading.confidence < self._settings.reading.sure_confidence

    def read_crop(self, image: Image) -> Look:
        """A plate that has already been cut out, as it is and cut by the corners it shows; its reading may be empty."""
        plate = whole = Detection.whole(image)
        cuts = self._cuts(image, whole, CUTS_AGAIN)
        shown = from_afar(self._detector, image) if self._patient else []
        for plate in [seen for seen in shown if seen.box.iou(whole.box) > FILLED][:1]:
            cuts += self._cuts(image, plate, CUTS)
        return self._study(image, plate, self._read_each(cuts))

    def process(self, frame: Frame) -> list[Event]:
        """The vehicles that became certain with this frame or have left the view."""
        events = self._let_go(self._tracker.gone(frame.time))  # first, or a newcomer would revive them
        for track, detection in self._tracker.update(self._detector.detect(frame.image), frame):
            if not track.reported and self._see(track, frame, detection) and len(track.looks) >= self._enough:
                events += self._report(track, self._settings.tracking.certain_confidence)
        return events

    def finish(self) -> list[Event]:
        """The vehicles still in view when the stream ends."""
        return self._let_go(self._tracker.finish())

    @property
    def _enough(self) -> int:
        return min(self._settings.tracking.min_looks, self._settings.reading.max_looks)

    def _study(self, image: Image, plate: Detection, looks: list[Look]) -> Look:
        """One look from several at one plate, which decide together; in doubt from more, upright and seen wide."""
        look = self._agree(looks)
        if not self._patient or not self._in_doubt(look):
            return look
        off = OFF * plate.box.height
        more = [_cut(image, plate.moved(0, by)) for by in (-off, off)]
        more += [_cut(image, replace(plate, corners=None), margin) for margin in CUTS_OF_BOX]
        standing = replace(plate, corners=upright(image, _corners(plate), rows=look.reading.rows))
        more += [_cut(image, standing, margin) for margin in CUTS_UPRIGHT]
        wide = [self._read_wide(image, standing, look, margin) for margin in CUTS]
        wide.append(self._read_wide(image, plate, look, MARGIN))
        twice = wide if look.reading.rows == 1 else []  # of two rows the characters are large already
        return self._agree([*looks, *self._read_each(more), *wide, *twice])

    def _read_wide(self, image: Image, plate: Detection, look: Look, margin: float) -> Look:
        """One look at a plate seen wide, as it was read so far."""
        rows, region = look.reading.rows, look.reading.region
        wide = PlateCrop(spread(image, _corners(plate), rows=rows, region=region, margin=margin), look.crop.detection)
        return replace(look, reading=self._wide_reader.read(wide, region=self._settings.region))

    def _agree(self, looks: list[Look]) -> Look:
        """The first of several looks at one plate of a picture, with their mean quality and what they say together."""
        first, score = looks[0], mean(look.quality.score for look in looks)
        candidates = fuse(looks, region=self._settings.region, independent=False)
        return replace(
            first, quality=replace(first.quality, score=score), reading=replace(first.reading, candidates=candidates)
        )

    def _read_each(self, cuts: list[PlateCrop]) -> list[Look]:
        return [self._read(cut, self._assessor.assess(cut)) for cut in cuts]

    def _read(self, crop: PlateCrop, quality: Quality) -> Look:
        """Read a degraded crop restored and another as it is; in doubt also the other way, and the surer counts."""
        first = self._read_once(crop, quality, restored=quality.degraded)
        if first.reading.confidence >= self._settings.reading.sure_confidence:
            return first
        other = self._read_once(crop, quality, restored=not quality.degraded)
        return max(first, other, key=lambda look: look.reading.confidence)

    def _read_once(self, crop: PlateCrop, quality: Quality, *, restored: bool) -> Look:
        seen = self._restorer.restore(crop) if restored else crop
        return Look(seen, quality, self._reader.read(seen, region=self._settings.region))

    def _see(self, track: Track, frame: Frame, detection: Detection) -> bool:
        """Read a plate where it promises more than what the track already holds; whether it was read.

        Algorithm 1 of EQ-LPR with room for several looks: a crop is read where its quality beats the
        worst look that is kept, the first one always.
        """
        crop = _cut(frame.image, detection)
        quality = self._assessor.assess(crop)
        if not self._promises(track, quality):
            return False
        track.looks.append(self._read(crop, quality))
        track.looks.sort(key=lambda look: -look.quality.score)
        del track.looks[self._settings.reading.max_looks :]
        if track.evidence is None or quality.score > track.best_quality:
            track.best_quality, track.evidence = quality.score, _evidence(frame.image, detection.box)
        return True

    def _promises(self, track: Track, quality: Quality) -> bool:
        if not track.looks:
            return True
        if quality.score < self._settings.reading.quality_gate:
            return False
        has_room = len(track.looks) < self._settings.reading.max_looks
        return has_room or quality.score > track.looks[-1].quality.score

    def _report(self, track: Track, confidence: float) -> list[Event]:
        """The track's event where its answer is sure enough and its plate has not just passed."""
        candidates = fuse(track.looks, region=self._settings.region)
        if not candidates or candidates[0].confidence < confidence:
            return []
        track.reported, track.plate = True, candidates[0].text
        earlier = self._passage_before(track)
        track.since = earlier.since if earlier else track.first_seen
        self._passed[track.plate] = Passage(track.plate, track.since, track.last_seen)
        return [] if earlier else [_event(track, candidates)]

    def _let_go(self, tracks: list[Track]) -> list[Event]:
        events: list[Event] = []
        for track in tracks:
            if track.reported:
                self._passed[track.plate] = Passage(track.plate, track.since, track.last_seen)
            else:
                events += self._report(track, self._settings.reading.min_confidence)
        return events

    def _passage_before(self, track: Track) -> Passage | None:
        """The passage that this track goes on with: the same plate, told, and gone only just now."""
        oldest = track.first_seen - self._settings.tracking.repeat_seconds
        self._passed = {plate: told for plate, told in self._passed.items() if told.until >= oldest}
        return self._passed.get(track.plate)


def _corners(plate: Detection) -> Corners:
    return plate.corners or corners_of(plate.box)


def _cut(image: Image, detection: Detection, margin: float = MARGIN) -> PlateCrop:
    return PlateCrop(rectify(image, detection.corners or detection.box, margin=margin), detection)


def _evidence(image: Image, box: Box) -> Image:
    """A copy of the frame around a plate, so that the frame itself can be let go."""
    x, y = box.width * AROUND, box.height * AROUND
    x0, y0, x1, y1 = round(box.x0 - x), round(box.y0 - y), round(box.x1 + x) + 1, round(box.y1 + y) + 1
    return image[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)].copy()


def _event(track: Track, candidates: tuple[Candidate, ...]) -> Event:
    best = track.looks[0]
    return Event(
        plate=candidates[0].text,
        confidence=candidates[0].confidence,
        region=candidates[0].region,
        rows=best.reading.rows,
        quality=best.quality.score,
        restored=best.crop.restored,
        looks=len(track.looks),
        source=track.source,
        first_seen=track.first_seen,
        last_seen=track.last_seen,
        box=best.crop.detection.box,
        candidates=candidates,
        vehicle=None,
        evidence=track.evidence,
        track=track.id,
    )
