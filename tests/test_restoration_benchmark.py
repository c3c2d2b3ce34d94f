"""The benchmark of restoration: plates with and without it, counted where a label is met."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks import restoration
from benchmarks.accuracy import Set
from benchmarks.papers.restoration import only, rendered_plates
from edge.bench.stages import open_kit
from edge.records import Box, Detection, Look, PlateCrop, Quality, Reading
from edge.settings import Settings


def look(x: float) -> Look:
    crop = PlateCrop(np.zeros((64, 128, 3), np.uint8), Detection(Box(x, 0, x + 40, 20), 0.9, None, 1))
    return Look(crop, Quality(0.5, False), Reading((), np.zeros((64, 147), np.float32), 1))


def test_a_label_is_met_by_the_look_that_overlaps_most_and_half_at_least() -> None:
    near, off, far = look(3), look(9), look(200)
    row = {"x": "0", "y": "0", "w": "40", "h": "20"}
    assert restoration.met_by([off, far, near], row) is near
    assert restoration.met_by([far], row) is None and restoration.met_by([], row) is None
    assert restoration.met_by([far], {"x": ""}) is far


def test_what_restoration_won_and_lost_is_told_apart_for_degraded_and_clear_plates() -> None:
    answers = [(False, True, True)] * 6 + [(True, True, True)] * 4 + [(True, False, False)] + [(True, True, False)] * 9
    every, degraded, clear = restoration.table("photographs", answers)
    assert every.startswith("| photographs | all | 20 | 70.0 | 95.0 | +25.0 (") and every.endswith(" | 6 / 1 | 0.125 |")
    assert degraded.startswith("| photographs | degraded | 10 | 40.0 | 100.0 | +60.0 (")
    assert degraded.endswith(" | 6 / 0 | 0.031 |")
    assert clear.startswith("| photographs | clear | 10 | 100.0 | 90.0 | -10.0 (")
    assert clear.endswith(" | 0 / 1 | 1.000 |")
    assert len(list(restoration.table("photographs", answers[:10]))) == 2


def test_every_plate_of_a_set_is_read_by_the_whole_chain_with_and_without_restoration(tmp_path: Path) -> None:
    plates = rendered_plates(4, (5,), only("motion", 0.2))
    lines = ["file,kind,text,license", "0.png,crop,###,MIT"]
    for n, (crop, text) in enumerate(zip(plates["crop"], plates["text"], strict=True)):
        cv2.imwrite(str(tmp_path / f"{n}.png"), crop[:, :, ::-1])
        lines.append(f"{n}.png,crop,{text},MIT")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    with open_kit(Settings.load(None, device="cpu", region="vn")) as kit:
        answers = list(restoration.photographed(kit, Set("gate", ("--crops",)), tmp_path))
    assert len(answers) == 4 and all(seen and restored for seen, restored, _ in answers)


def test_a_restorer_that_leaves_a_crop_leaves_it() -> None:
    crop = look(0).crop
    assert restoration.Leaves().restore(crop) is crop
