"""Labelled plates beside what was read of them, with how each looks: what plots and calibration are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.image import rectify
from edge.plates.alphabet import canonical
from edge.records import Box
from models.synth import allowed, held_out

MET = 0.5  # IoU from which a reading belongs to a labelled box


@dataclass(frozen=True, slots=True)
class Plate:
    """A labelled plate: what it says, what was read (empty: nothing), how surely, and how it looks.

    height: pixels in the picture; sharpness: standard deviation of the Laplacian over that of the crop;
    tilt: degrees of the upper edge, None where no reading gave corners; brightness: mean grey value.
    """

    set: str
    truth: str
    text: str
    confidence: float
    quality: float
    height: float
    sharpness: float
    tilt: float | None
    brightness: float

    @property
    def exact(self) -> bool:
        return self.text == self.truth


def measured(row: dict[str, str], *, trained: bool) -> bool:
    """Whether a label counts: all do, but of sets that were trained on only what was held out or not allowed."""
    return not trained or held_out(row["text"]) or not allowed(row)


def join(name: str, folder: Path, readings: Path, labels: list[dict[str, str]]) -> Iterator[Plate]:
    """Every legible labelled plate of a set with the reading that meets it best."""
    with open(readings, encoding="utf-8") as lines:
        told = {Path(line["source"]).name: line.get("plates") or [] for line in map(json.loads, lines)}
    for row in labels:
        truth = canonical(row["text"])
        if not truth:
            continue
        picture, box = cv2.imread(str(folder / row["file"])), box_of(row)
        met = _meeting(told.get(Path(row["file"]).name, []), box)
        whole = Box(0, 0, picture.shape[1], picture.shape[0])
        yield Plate(name, truth, *_read(met), **_looks(picture, box or whole, met))


def box_of(row: dict[str, str]) -> Box | None:
    """The labelled box in pixels; None of a plate that is the whole picture."""
    if row.get("kind") == "crop" or not row["x"]:
        return None
    x, y, w, h = (float(row[key]) for key in "xywh")
    return Box(x, y, x + w, y + h)


def meeting(box: Box, boxes: Iterable[Box]) -> int | None:
    """Which of the boxes meets a labelled one best; None where none is met."""
    overlap, which = max(((box.iou(other), n) for n, other in enumerate(boxes)), default=(0.0, 0))
    return which if overlap >= MET else None


def area_under_curve(scores: list[float], right: list[bool]) -> float:
    """Probability that a right reading scores above a wrong one, ties half; NaN where one kind is missing."""
    good = np.array([s for s, r in zip(scores, right, strict=True) if r])
    bad = np.array([s for s, r in zip(scores, right, strict=True) if not r])
    if not len(good) or not len(bad):
        return float("nan")
    above, level = good[:, None] > bad[None], good[:, None] == bad[None]
    return float(above.mean() + 0.5 * level.mean())


def calibration_error(confidences: list[float], right: list[bool], bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence from accuracy over equal bins, weighted by their size."""
    sure, hit = np.array(confidences), np.array(right, float)
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[which == b].mean() - hit[which == b].mean()) * (which == b).mean() for b in set(which.tolist())]
    return float(sum(gaps))


def _meeting(plates: list[dict], box: Box | None) -> dict | None:
    which = meeting(box, (Box(*plate["box"]) for plate in plates)) if box else 0
    return plates[which] if plates and which is not None else None


def _read(met: dict | None) -> tuple[str, float, float]:
    return (canonical(met["text"]), met["confidence"], met["quality"]) if met else ("", 0.0, 0.0)


def _looks(picture: np.ndarray, box: Box, met: dict | None) -> dict[str, float | None]:
    grey = cv2.cvtColor(rectify(picture, box), cv2.COLOR_BGR2GRAY).astype(np.float32)
    tilt = None
    if met and met["corners"]:
        (x0, y0), (x1, y1) = met["corners"][:2]
        tilt = abs(float(np.degrees(np.arctan2(y1 - y0, x1 - x0))))
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).std() / max(1.0, float(grey.std())))
    return {"height": box.height, "sharpness": sharpness, "tilt": tilt, "brightness": float(grey.mean())}
