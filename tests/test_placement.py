"""The calculator for a camera's place, its command, and the page that explains it."""

import math
import re
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from benchmarks.placement import GATE, LENSES
from benchmarks.placement import main as draw
from edge.errors import BadSettings
from edge.placement import Spot, Verdict, angle_of_view, plan
from edge.planning import seconds
from tests.painted import Alpr

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "camera-placement.md").read_text(encoding="utf-8")
LEVEL = Spot(width=1000, height=800, view=90.0, distance=5.0, mount=0.5, plate_width=0.5, plate_height=0.1)


def test_a_plate_straight_ahead_is_as_wide_as_a_pinhole_makes_it() -> None:
    made = plan(LEVEL)  # 90 degrees: 10 m across at 5 m, so 100 pixels a metre
    assert made.plate_width == pytest.approx(50)
    assert made.plate_height == pytest.approx(10)
    assert made.letter == pytest.approx(7.3)
    assert made.in_detector == pytest.approx(50 * 0.384)
    assert (made.tilt, made.turn, made.slant) == (0, 0, 5)
    assert made.verdict is Verdict.TOO_SMALL
    assert not made.sufficient


def test_a_vehicle_that_comes_straight_at_the_camera_does_not_smear() -> None:
    made = plan(LEVEL)
    assert made.blur == 0
    assert math.isinf(made.longest_shutter)


def test_motion_is_what_passes_across_the_line_of_sight() -> None:
    made = plan(replace(LEVEL, aside=5.0, speed=36.0, shutter=0.01))  # 0.1 m, seen at 45 degrees, 7.07 m away
    assert made.turn == pytest.approx(45)
    assert made.blur == pytest.approx(0.1 * math.sqrt(0.5) * 500 / math.hypot(5, 5))
    assert made.blur / made.blur_allowed == pytest.approx(0.01 / made.longest_shutter)
    assert "Set the shutter to" in " ".join(made.advice)
    assert "seen from the side" in " ".join(made.advice)


def test_the_reach_is_where_the_verdict_turns() -> None:
    end = plan(GATE).readable_to
    assert 0 < end < 100
    assert plan(replace(GATE, distance=end)).verdict is Verdict.LIMIT
    assert plan(replace(GATE, distance=end + 0.2)).verdict is Verdict.TOO_SMALL
    assert plan(replace(GATE, view=178.0)).readable_to == 0


def test_following_the_advice_makes_it_good() -> None:
    poor = replace(GATE, view=66.0, distance=8.0, rows=2, plate_width=0.33, plate_height=0.165)
    advice = plan(poor).advice[0]
    (lens, nearer) = (float(x) for x in re.findall(r"lens of (\d+) .* come to ([\d.]+) m", advice)[0])
    assert plan(poor).verdict is not Verdict.GOOD
    assert plan(replace(poor, view=lens - 1)).verdict is Verdict.GOOD
    assert plan(replace(poor, distance=nearer - 0.5, mount=poor.plate_mount)).verdict is Verdict.GOOD


def test_focal_length_and_sensor_give_the_angle_of_view() -> None:
    assert angle_of_view(6.29 / 2, 6.29) == pytest.approx(90)
    with pytest.raises(BadSettings, match="greater than 0 millimetres"):
        angle_of_view(0, 6.29)


def test_shutter_times_are_read_as_cameras_show_them() -> None:
    assert [seconds(t) for t in ("1/500", "0.002", "2")] == [0.002, 0.002, 2]


def test_the_command_says_whether_it_suffices_in_words_and_in_json(alpr: Alpr) -> None:
    good = alpr("camera-plan", "--focal", "16", "--sensor-width", "6.29", "--distance", "10")
    assert (good.code, good.err) == (0, "")
    assert "verdict   sufficient" in good.out
    poor = alpr("camera-plan", "--fov", "102", "--distance", "12", "--json")
    (found,) = poor.objects
    assert poor.code == 1
    assert (found["verdict"], found["sufficient"]) == ("too small", False)
    assert found["advice"][0].startswith("Use a lens of ")
    level = alpr("camera-plan", "--fov", "40", "--distance", "5", "--mount", "0.5", "--json").objects[0]
    assert level["longest_shutter"] is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--focal", "8", "--distance", "5"], 78, "--focal needs --sensor-width"),
        (["--fov", "200", "--distance", "5"], 78, "angle of view of 200 degrees is not possible"),
        (["--fov", "50", "--distance", "0"], 78, "distance = 0 must be greater than 0"),
        (["--fov", "50", "--distance", "5", "--shutter", "fast"], 78, "--shutter fast is no time"),
        (["--fov", "50", "--distance", "5", "--shutter", "1/0"], 78, "--shutter 1/0 is no time"),
        (["--distance", "5"], 64, "one of the arguments --fov --focal is required"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(alpr: Alpr, words: list[str], code: int, message: str) -> None:
    ended = alpr("camera-plan", *words)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_the_table_of_the_page_is_what_the_calculator_says() -> None:
    plates = [(1, 0.520, 0.110), (2, 0.330, 0.165), (2, 0.190, 0.140)]
    for name, view in LENSES.items():
        reaches = [
            plan(replace(GATE, view=view, rows=r, plate_width=w, plate_height=h)).readable_to for r, w, h in plates
        ]
        row = f"| {name} | {view:.0f} | " + " | ".join(f"{reach:.1f} m" for reach in reaches) + " |"
        assert row in PAGE
    assert len(LENSES) == 4


def test_the_pictures_of_the_page_can_be_drawn_anew(tmp_path: Path) -> None:
    assert draw([str(tmp_path)]) == 0
    for name in re.findall(r"\]\((camera-[a-z]+\.png)\)", PAGE):
        new, kept = (cv2.imread(str(folder / name)) for folder in (tmp_path, Path(__file__).parents[1] / "docs"))
        assert new is not None and kept is not None
        assert new.shape == kept.shape
    assert len(list(tmp_path.iterdir())) == 2
