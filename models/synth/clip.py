"""Render the bundled demonstration clip: vehicles driving up to a gate camera, one blurred, one- and two-row plates.

    python -m models.synth.clip edge/demo
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.synth import degrade, drawing, vehicle
from models.synth.formats import BLACK, BLUE, WHITE, YELLOW, Line, Plate
from models.synth.noise import noise

SIZE = (360, 640)  # height, width
FPS = 10
APPROACH, GAP = 22, 7  # frames a vehicle is in view, frames between two

PAINTS = ((52, 64, 92), (60, 60, 66), (150, 152, 156), (176, 182, 170), (112, 24, 28))


@dataclass(frozen=True)
class Passage:
    """A vehicle of the clip, its owner, and how badly the camera sees it."""

    plate: Plate
    owner: str
    unit: str
    strengths: dict[str, float]
    start: tuple[float, float]
    end: tuple[float, float]
    widths: tuple[float, float]
    tilt: float


def one_row(text: str, background: tuple[int, int, int] = WHITE, ink: tuple[int, int, int] = BLACK) -> Plate:
    return Plate("vn", "car1", 520, 110, (Line(text, 0.15, 0.85),), background, ink, border=1.0)


def two_rows(
    top: str,
    bottom: str,
    size: tuple[int, int],
    background: tuple[int, int, int] = WHITE,
    ink: tuple[int, int, int] = BLACK,
) -> Plate:
    return Plate(
        "vn", "two", *size, (Line(top, 0.1, 0.46, 0.14, 0.86, 0), Line(bottom, 0.55, 0.91, 0.08, 0.92, 1)), background,
        ink, border=1.0,
    )


PASSAGES = (
    Passage(one_row("51F-123.45"), "Nguyen Thi Lan", "A-12.04", {}, (240, 150), (330, 262), (46, 190), 0.04),
    Passage(
        two_rows("29-B1", "234.56", (190, 140)), "Tran Van Minh", "B-03.11", {}, (420, 150), (320, 240), (30, 105),
        -0.06,
    ),
    Passage(
        one_row("30E-990.37"), "Le Quoc Bao", "A-07.02", {"motion": 0.42, "defocus": 0.25, "noise": 0.3}, (250, 150),
        (345, 255), (46, 180), 0.05,
    ),
    Passage(
        two_rows("51D", "678.90", (330, 165), YELLOW), "Pham Logistics", "dock 2", {"shadow": 0.5}, (400, 150),
        (310, 250), (34, 140), -0.03,
    ),
    Passage(
        one_row("80A-246.80", BLUE, WHITE), "", "", {"night": 0.25, "noise": 0.2}, (250, 150), (330, 255), (46, 185),
        0.02,
    ),
)


def road() -> np.ndarray:
    """The empty gate (height, width, 3) float32: wall, asphalt, a kerb line."""
    rng = np.random.default_rng(20)
    image = np.empty((*SIZE, 3), np.float32)
    image[:90] = (168, 160, 148)
    image[90:] = (96, 97, 100)
    image *= (0.8 + 0.4 * noise(rng, *SIZE))[:, :, None]
    cv2.line(image, (0, 90), (640, 90), (70, 68, 66), 4)
    for x in (60, 600):
        cv2.line(image, (x, 92), (x + (x - 330) // 2, 360), (225, 222, 210), 5, cv2.LINE_AA)
    return image


def frame(passage: Passage, number: int, t: float, ground: np.ndarray) -> np.ndarray:
    """Frame (height, width, 3) uint8 at progress t in [0, 1] of a passage; `number` fixes what does not change."""
    wide = passage.widths[0] + t * (passage.widths[1] - passage.widths[0])
    tall = wide * passage.plate.height / passage.plate.width
    rng = np.random.default_rng([21, number])
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * (wide, tall)
    corners[:, 1] += corners[:, 0] * passage.tilt
    corners += np.array(passage.start) * (1 - t) + np.array(passage.end) * t
    image = ground.copy()
    vehicle.rear(
        image, corners.mean(axis=0), 1000 * wide / passage.plate.width, PAINTS[number],
        motorbike=passage.plate.width == 190,
    )
    vehicle.paste(image, drawing.draw(passage.plate, rng).image, corners)
    strengths = dict.fromkeys(degrade.NAMES, 0.0) | {"noise": 0.12, "jpeg": 0.2} | passage.strengths
    image = degrade.light(image, strengths, np.random.default_rng([23, number]))
    image = degrade.optics(image, strengths, np.random.default_rng([24, number]), tall * 0.6)
    return degrade.sensor(image, strengths, np.random.default_rng([25, number, round(t * 100)]))


def render(folder: Path) -> None:
    """Write clip.mp4 and vehicles.csv; the last vehicle is a stranger to the registry."""
    folder.mkdir(parents=True, exist_ok=True)
    ground = road()
    writer = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE[::-1])
    empty = np.clip(ground, 0, 255).astype(np.uint8)
    for number, passage in enumerate(PASSAGES):
        for step in range(APPROACH):
            writer.write(cv2.cvtColor(frame(passage, number, step / (APPROACH - 1), ground), cv2.COLOR_RGB2BGR))
        for _ in range(GAP):
            writer.write(cv2.cvtColor(empty, cv2.COLOR_RGB2BGR))
    writer.release()
    with open(folder / "vehicles.csv", "w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("plate", "owner", "unit", "kind", "status", "note"))
        for passage in PASSAGES:
            if passage.owner:
                kind = "motorbike" if passage.plate.width == 190 else "car"
                rows.writerow((passage.plate.text, passage.owner, passage.unit, kind, "allow", ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m models.synth.clip", description="Render the demonstration clip.")
    parser.add_argument("folder", type=Path)
    render(parser.parse_args().folder)
