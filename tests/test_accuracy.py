"""The accuracy benchmark: what counts, what is joined, and the figures that say how far to trust a confidence."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import accuracy, plots
from benchmarks.fused import fused
from benchmarks.joined import Plate, area_under_curve, calibration_error, join, measured
from models import synth
from models.synth import view


def plate(truth: str, text: str, confidence: float = 0.9, height: float = 40.0) -> Plate:
    return Plate("set", truth, text, confidence, confidence, height, 0.3, 3.0, 120.0)


def test_of_a_set_that_was_trained_on_only_what_was_held_out_counts() -> None:
    held = {text: synth.held_out(text) for text in ("51F12345", "29A12345", "59P12345")}
    assert len(set(held.values())) == 2
    for text, out in held.items():
        assert measured({"license": "MIT", "text": text}, trained=True) == out
        assert measured({"license": "MIT", "text": text}, trained=False)
        assert measured({"license": "none stated", "text": text}, trained=True)


def test_a_label_that_stands_twice_is_one_plate(tmp_path: Path) -> None:
    lines = ["file,text,x", "a.png,51F12345,20", "b.png,51F12345,20", "a.png,51F12345,20", "a.png,51F12345,90"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    rows = accuracy.labels_of(accuracy.Set("gate"), tmp_path)
    assert [(row["file"], row["x"]) for row in rows] == [("a.png", "20"), ("b.png", "20"), ("a.png", "90")]


def test_a_label_is_joined_with_the_reading_that_meets_its_box(tmp_path: Path) -> None:
    picture = np.full((100, 200, 3), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    row = {"file": "a.png", "kind": "frame", "text": "51F-123.45", "x": "20", "y": "30", "w": "60", "h": "20"}
    missed = {**row, "text": "29A12345", "x": "120"}
    near = {"text": "51F12345", "confidence": 0.8, "quality": 0.7, "box": [22, 30, 80, 52], "corners": None}
    tilted = {**near, "box": [0, 0, 9, 9], "corners": [[0, 0], [9, 9], [9, 18], [0, 9]]}
    readings = tmp_path / "r.jsonl"
    readings.write_text(json.dumps({"source": "x/a.png", "plates": [tilted, near]}) + "\n", encoding="utf-8")
    first, second = join("gate", tmp_path, readings, [row, missed, {**row, "text": "###"}])
    assert (first.text, first.confidence, first.quality, first.exact) == ("51F12345", 0.8, 0.7, True)
    assert (first.height, first.tilt, first.brightness) == (20, None, 90)
    assert (second.text, second.confidence, second.exact) == ("", 0.0, False)


def test_confidence_that_orders_right_before_wrong_has_an_area_of_one() -> None:
    assert area_under_curve([0.9, 0.8, 0.3], [True, True, False]) == 1.0
    assert area_under_curve([0.3, 0.8, 0.9], [True, True, False]) == 0.0
    assert area_under_curve([0.5, 0.5], [True, False]) == 0.5
    assert math.isnan(area_under_curve([0.5, 0.6], [True, True]))


def test_the_calibration_error_is_the_mean_distance_from_accuracy() -> None:
    assert calibration_error([0.75] * 4, [True, True, True, False]) == pytest.approx(0.0)
    assert calibration_error([1.0, 1.0, 0.05, 0.05], [False, False, False, False]) == pytest.approx(0.525)


def test_confusions_are_counted_where_characters_stand_against_each_other() -> None:
    pairs = plots.confused([plate("ABC1", "ABD1"), plate("ABC1", "ABD1"), plate("51F12345", "5IF2345")])
    assert pairs[("C", "D")] == 2
    assert pairs[("1", "I")] == 1
    assert sum(pairs.values()) == 3


def test_the_pictures_of_the_page_are_drawn(tmp_path: Path) -> None:
    plates = [plate("ABC1D23", "ABC1D23" if n % 3 else "ABC1023", n / 30, height=10.0 + 3 * n) for n in range(30)]
    for written in plots.draw(plates, tmp_path):
        assert cv2.imread(str(written)).std() > 10


def test_looks_at_one_vehicle_give_one_answer(tmp_path: Path) -> None:
    sample = view.render(np.random.default_rng(4), weights={"br": 1.0}, level=0.0, jitter=0.0)
    frame = np.full((240, 320, 3), 60, np.uint8)
    frame[90:154, 90:218] = sample.crop
    rows = []
    for n in range(2):
        cv2.imwrite(str(tmp_path / f"{n}.png"), cv2.cvtColor(np.roll(frame, 5 * n, 1), cv2.COLOR_RGB2BGR))
        box = {"x": str(90 + 5 * n), "y": "90", "w": "128", "h": "64"}
        rows.append({"file": f"{n}.png", "seq_id": "one", "text": sample.plate.text, **box})
    ((truth, text, looks),) = fused(tmp_path, rows, None)
    assert truth == text == sample.plate.text
    assert looks == 2
