"""Which boxes of successive frames are the same plate: constant velocity, overlap first, then distance.

A fast vehicle seen at a low frame rate moves several plate widths between two frames, so boxes that no
longer overlap are still paired when they lie within reach and have kept their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.records import Box, Detection, Frame, Image, Look
from edge.settings import Tracking


@dataclass(slots=True, eq=False)
class Track:
    """One vehicle in view: the one mutable thing, owned by the tracker, filled by the pipeline."""

    id: int
    source: str
    box: Box
    first_seen: float
    last_seen: float
    velocity: tuple[float, float] | None = None  # pixels per second, None until seen twice
    looks: list[Look] = field(default_factory=list)
    best_quality: float = 0.0
    evidence: Image | None = None  # the plate as its best look saw it
    plate: str = ""  # what was reported
    since: float = 0.0  # when the passage began that was reported: another track's time where it was re-read
    reported: bool = False

    def predicted(self, time: float) -> Box:
        """Where the plate should be at `time` if it keeps its velocity."""
        vx, vy = self.velocity or (0.0, 0.0)
        dx, dy = vx * (time - self.last_seen), vy * (time - self.last_seen)
        return Box(self.box.x0 + dx, self.box.y0 + dy, self.box.x1 + dx, self.box.y1 + dy)

    def follow(self, box: Box, time: float) -> None:
        """Move on to where the plate was seen last; the velocity is smoothed over the frames."""
        elapsed = time - self.last_seen
        if elapsed > 0:
            (x, y), (x0, y0) = _centre(box), _centre(self.box)
            vx, vy = (x - x0) / elapsed, (y - y0) / elapsed
            old = self.velocity or (vx, vy)
            self.velocity = ((vx + old[0]) / 2, (vy + old[1]) / 2)
        self.box, self.last_seen = box, time


class Tracker:
    """Pairs detections with tracks; time is the frames' own, no clock is read."""

    def __init__(self, settings: Tracking) -> None:
        self._settings = settings
        self._tracks: list[Track] = []
        self._next = 1

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The vehicles in view, oldest first."""
        return tuple(self._tracks)

    def update(self, detections: Sequence[Detection], frame: Frame) -> list[tuple[Track, Detection]]:
        """Every detection with its track, in the order of the detections; new vehicles begin a track."""
        paired = self._pair(detections, frame.time)
        result = []
        for index, detection in enumerate(detections):
            track = paired.get(index)
            if track is None:
                track = self._begin(detection, frame)
            else:
                track.follow(detection.box, frame.time)
            result.append((track, detection))
        return result

    def gone(self, now: float) -> list[Track]:
        """Tracks unseen for longer than max_age_seconds, the reported ones too; they are forgotten."""
        gone = [t for t in self._tracks if now - t.last_seen > self._settings.max_age_seconds]
        self._tracks = [t for t in self._tracks if t not in gone]
        return gone

    def finish(self) -> list[Track]:
        """All tracks that are left when the stream ends."""
        gone, self._tracks = self._tracks, []
        return gone

    def _begin(self, detection: Detection, frame: Frame) -> Track:
        track = Track(self._next, frame.source, detection.box, frame.time, frame.time)
        self._next += 1
        self._tracks.append(track)
        return track

    def _pair(self, detections: Sequence[Detection], time: float) -> dict[int, Track]:
        """Best pairs first, each track and each detection once."""
        scored = [
            (score, index, track)
            for track in self._tracks
            for index, detection in enumerate(detections)
            if (score := self._score(track, detection.box, time)) is not None
        ]
        scored.sort(key=lambda pair: (-pair[0], pair[2].id, pair[1]))
        paired: dict[int, Track] = {}
        taken: set[int] = set()
        for _, index, track in scored:
            if index not in paired and track.id not in taken:
                paired[index] = track
                taken.add(track.id)
        return paired

    def _score(self, track: Track, box: Box, time: float) -> float | None:
        """Above 1 for boxes that overlap enough, 0 to 1 for those within reach, None for no match."""
        predicted = track.predicted(time)
        overlap = max(predicted.iou(box), track.box.iou(box))
        if overlap >= self._settings.iou:
            return 1.0 + overlap
        if not _alike(track.box, box):
            return None
        reach = self._settings.reach * max(track.box.width, box.width)
        if track.velocity is not None:
            reach /= 2  # once its way is known, a plate is looked for nearer to where it should be
        distance = math.dist(_centre(predicted), _centre(box))
        return 1.0 - distance / reach if distance < reach else None


def _centre(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def _alike(a: Box, b: Box) -> bool:
    """Whether two boxes can be the same plate a moment later: neither twice as wide nor twice as high."""
    return 0.5 < (a.width + 1) / (b.width + 1) < 2 and 0.5 < (a.height + 1) / (b.height + 1) < 2
