"""What flows through the pipeline, in the order it flows: frozen records, nothing else.

Images are RGB uint8 arrays of shape (height, width, 3). Coordinates are frame pixels, times are
seconds since the Unix epoch and come in with the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (height, width, 3) RGB
Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]  # as read: top left, top right, bottom right, bottom left


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from a camera."""

    image: Image
    source: str
    index: int
    time: float


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in frame pixels, end exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return max(0.0, self.x1 - self.x0)

    @property
    def height(self) -> float:
        return max(0.0, self.y1 - self.y0)

    @property
    def area(self) -> float:
        return self.width * self.height

    @classmethod
    def around(cls, corners: Corners) -> Box:
        """The smallest that holds four corners."""
        xs, ys = zip(*corners, strict=True)
        return cls(min(xs), min(ys), max(xs), max(ys))

    def within(self, width: float, height: float) -> Box:
        """The part of it that lies in a picture of that size."""
        x0, x1 = (min(max(x, 0.0), width) for x in (self.x0, self.x1))
        y0, y1 = (min(max(y, 0.0), height) for y in (self.y0, self.y1))
        return Box(x0, y0, x1, y1)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 where the boxes do not meet."""
        overlap = Box(
            max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1)
        ).area
        union = self.area + other.area - overlap
        return overlap / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate found in a frame; corners are None where only a box is known."""

    box: Box
    score: float
    corners: Corners | None
    rows: int

    @classmethod
    def whole(cls, image: Image) -> Detection:
        """A plate that comes cut out: all of its picture."""
        height, width = image.shape[:2]
        return cls(Box(0, 0, width, height), 1.0, None, 1)

    def moved(self, x: float, y: float) -> Detection:
        """The same plate in a picture of which this one is the part that begins at (x, y)."""
        a = self.box
        corners = None
        if self.corners:
            tl, tr, br, bl = ((px + x, py + y) for px, py in self.corners)
            corners = (tl, tr, br, bl)
        return Detection(Box(a.x0 + x, a.y0 + y, a.x1 + x, a.y1 + y), self.score, corners, self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class PlateCrop:
    """A plate cut out and rectified to the reader's input size."""

    image: Image
    detection: Detection
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """What the QAM says of a crop: score in [0, 1], 1 = surely readable; degraded = worth restoring."""

    score: float
    degraded: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible text of a plate; the region is None where no grammar knows it."""

    text: str
    confidence: float
    region: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one look at a plate said, best candidate first; log_posteriors: (timesteps, characters)."""

    candidates: tuple[Candidate, ...]
    log_posteriors: NDArray[np.float32]
    rows: int

    @property
    def text(self) -> str:
        return self.candidates[0].text if self.candidates else ""

    @property
    def confidence(self) -> float:
        return self.candidates[0].confidence if self.candidates else 0.0

    @property
    def region(self) -> str | None:
        return self.candidates[0].region if self.candidates else None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A read crop together with what the QAM thought of it: what fusion adds up."""

    crop: PlateCrop
    quality: Quality
    reading: Reading


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A row of the registry: whose vehicle carries this plate."""

    plate: str
    owner: str = ""
    unit: str = ""
    kind: str = ""
    status: str = "allow"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle that has been told: when its plate came into view, and when it was last seen there."""

    plate: str
    since: float
    until: float


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One vehicle that passed: what the log keeps and the sinks deliver."""

    plate: str
    confidence: float
    region: str | None
    rows: int
    quality: float
    restored: bool
    looks: int
    source: str
    first_seen: float
    last_seen: float
    box: Box
    candidates: tuple[Candidate, ...]
    vehicle: Vehicle | None
    evidence: Image | None = field(default=None, repr=False)
    track: int = 0  # the tracker's number, for whoever draws; not kept in the log
