"""A pipeline whose plates are painted rectangles, pictures of them, and the command that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.pipeline import Pipeline
from edge.records import Detection, Image
from edge.settings import Settings
from tests.test_pipeline import Stages, frame, plate

HEADER = "plate,owner,unit,kind,status,note\n"


@dataclass
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Alpr = Callable[..., Ended]


class Painted(Stages):
    """Finds the rectangles after JPEG too."""

    def detect(self, image: Image) -> list[Detection]:
        rows = image[:120]
        return super().detect(np.where(rows[:, :, 2:] > 128, rows, np.uint8(0)))


@contextmanager
def painted(settings: Settings) -> Iterator[Pipeline]:
    """A pipeline whose plates are painted rectangles."""
    stages = Painted()
    yield Pipeline(stages, stages, stages, stages, stages, settings)


def png(*plates: tuple[int, int, int], kind: str = ".png") -> bytes:
    image = cv2.cvtColor(frame(0, *plates).image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(kind, image)[1])


def cut_out(red: int, green: int) -> bytes:
    """A picture of nothing but a plate."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(plate(40, 90, red, green), cv2.COLOR_RGB2BGR))[1])


def clip(path: Path) -> Path:
    """Two vehicles, one after the other, ten pictures a second."""
    first = [png((10 + 5 * i, 50, 160)) for i in range(8)]
    second = [png((300 - 5 * i, 150, 160)) for i in range(8)]
    path.write_bytes(b"".join([*first, *[png()] * 40, *second]))
    return path
