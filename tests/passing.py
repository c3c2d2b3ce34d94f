"""Events and a pipeline without models: plain functions in the place of the stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from edge.records import Box, Candidate, Event, Frame


def event(plate: str, time: float = 1000.0, *candidates: str) -> Event:
    return Event(
        plate=plate,
        confidence=0.9,
        region="vn",
        rows=1,
        quality=0.7,
        restored=False,
        looks=3,
        source="gate",
        first_seen=time - 1,
        last_seen=time,
        box=Box(4, 5, 44, 20),
        candidates=tuple(Candidate(text, 0.5) for text in (plate, *candidates)),
        vehicle=None,
        evidence=np.full((16, 32, 3), 120, np.uint8),
    )


def frames(count: int, *, before: Callable[[int], object] = lambda index: None) -> Iterator[Frame]:
    for index in range(count):
        before(index)
        yield Frame(np.zeros((60, 80, 3), np.uint8), "gate", index, 1000.0 + index)


@dataclass
class Passing:
    """Reports a vehicle at given frames and the rest at the end."""

    at: dict[int, Event] = field(default_factory=dict)
    left: list[Event] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def process(self, frame: Frame) -> list[Event]:
        self.seen.append(frame.index)
        return [self.at[frame.index]] if frame.index in self.at else []

    def finish(self) -> list[Event]:
        return self.left
