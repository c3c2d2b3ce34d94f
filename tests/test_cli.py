"""The commands from the outside: real files, a real database, stages that are plain functions."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.commands import moment
from edge.store import Store
from tests.mjpeg import network_camera
from tests.painted import HEADER, Alpr, clip, cut_out, png
from tests.passing import event
from tests.read_only import read_only_directory
from tests.test_camera import standard_input


def test_run_tells_every_vehicle_once_with_its_owner(alpr: Alpr, tmp_path: Path) -> None:
    alpr("vehicles", "add", "51F-123.45", "--owner", "Lan", "--unit", "B2")
    ended = alpr("run", "--source", clip(tmp_path / "a.mjpeg"))
    assert ended.code == 0
    first, second = ended.out.splitlines()
    assert re.search(r"51F-123\.45 +\d+%  quality 0\.\d\d  as seen +vn +Lan, B2, allow$", first)
    assert re.search(r"ABC.?1D23 .*not in the registry$", second)


def test_run_json_and_events_json_have_the_same_shape(alpr: Alpr, tmp_path: Path) -> None:
    told = alpr("run", "--source", clip(tmp_path / "a.mjpeg"), "--json", "--db", "log.db").objects
    logged = alpr("events", "--json", "--db", "log.db").objects
    assert told == logged
    assert [e["plate"] for e in told] == ["51F12345", "ABC1D23"]
    assert set(told[0]) == {
        *("id", "plate", "confidence", "region", "rows", "quality", "restored", "looks", "source"),
        *("first_seen", "last_seen", "box", "candidates", "vehicle"),
    }


@pytest.mark.parametrize("name", ["out.png", "out.avi", "out"])
def test_run_draws_what_it_saw(alpr: Alpr, tmp_path: Path, name: str) -> None:
    assert alpr("run", "--source", clip(tmp_path / "a.mjpeg"), "--annotate", name).code == 0
    if name == "out.avi":
        film = cv2.VideoCapture(name)
        assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 56
        film.release()
    elif name == "out.png":
        assert cv2.imread(name).shape == (360, 1280, 3)
    else:
        assert sorted(os.listdir(name)) == ["000001-51F12345.jpg", "000002-ABC1D23.jpg"]


def test_read_gives_one_json_line_per_image_in_the_promised_shape(alpr: Alpr, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((10, 50, 160), (300, 150, 100)))
    (tmp_path / "b.png").write_bytes(png())
    alpr("vehicles", "add", "51F12345", "--owner", "Lan")
    ended = alpr("read", "--json", "a.png", "b.png")
    assert ended.code == 0
    a, b = ended.objects
    assert b == {"source": "b.png", "width": 400, "height": 200, "plates": []}
    assert list(a["plates"][0]) == [
        *("text", "confidence", "box", "corners", "rows", "region"),
        *("quality", "restored", "candidates", "vehicle"),
    ]
    plate, other = a["plates"]
    assert (plate["text"], plate["box"], plate["rows"], plate["region"]) == (
        "51F12345",
        [10, 80, 70, 110],
        1,
        "vn",
    )
    assert plate["corners"] == [[10, 80], [70, 80], [70, 110], [10, 110]]
    assert plate["candidates"][0] == ["51F12345", plate["confidence"]]
    assert plate["vehicle"]["owner"] == "Lan"
    assert plate["vehicle"]["match"] == "exact"
    assert other["vehicle"] is None


def test_read_goes_on_after_an_image_that_cannot_be_read_and_ends_with_its_code(
    alpr: Alpr, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png((10, 50, 160)))
    (folder / "b.jpg").write_bytes(bytes(cv2.imencode(".jpg", np.zeros((50, 50, 3), np.uint8))[1])[:-20])
    (folder / "c.png").write_bytes(png((10, 150, 160)))
    (tmp_path / "empty").mkdir()
    ended = alpr("read", "--json", "nowhere.jpg", "empty", "in")
    assert ended.code == 65
    assert [line["source"] for line in ended.objects] == [
        "nowhere.jpg",
        "empty",
        "in/a.png",
        "in/b.jpg",
        "in/c.png",
    ]
    assert ["error" in line for line in ended.objects] == [True, True, False, True, False]
    assert "cut short" in ended.objects[3]["error"]
    people = alpr("read", "in")
    assert people.code == 65
    assert re.search(r"^in/b.jpg: error: .*cut short", people.out, re.MULTILINE)


def test_read_takes_pictures_of_one_pixel_and_of_48_megapixels(alpr: Alpr, tmp_path: Path) -> None:
    for name, side in (("a.png", (200, 1)), ("b.png", (6000, 8000))):
        cv2.imwrite(str(tmp_path / name), np.zeros((*side, 3), np.uint8))
    ended = alpr("read", "--json", "a.png", "b.png")
    assert ended.code == 0
    assert [(o["width"], o["height"], o["plates"]) for o in ended.objects] == [(1, 200, []), (8000, 6000, [])]


def test_read_takes_plates_already_cut_out_and_standard_input(alpr: Alpr) -> None:
    crop = cut_out(50, 160)
    with standard_input(crop + crop):
        ended = alpr("read", "--json", "--crops", "-")
    assert [o["source"] for o in ended.objects] == ["-", "-#2"]
    assert [o["plates"][0]["text"] for o in ended.objects] == ["51F12345"] * 2
    assert ended.objects[0]["plates"][0]["box"] == [0, 0, 90, 40]
    assert ended.objects[0]["plates"][0]["corners"] is None


def test_read_without_a_database_makes_none(alpr: Alpr, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png((10, 50, 160)))
    assert alpr("read", "--json", "a.png").objects[0]["plates"][0]["vehicle"] is None
    assert os.listdir(tmp_path) == ["a.png"]


def test_vehicles_are_imported_found_exported_and_removed(alpr: Alpr, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(HEADER + "51F-123.45,Lan,B2,car,allow,\n30A-999.99,Minh,,,watch,\n")
    assert alpr("vehicles", "import", "v.csv").out == "2 vehicles added, 0 updated\n"
    assert alpr("vehicles", "find", "51f12345").out == "51F12345: Lan, B2, car, allow\n"
    assert alpr("vehicles", "find", "30A99999", "--json").objects[0]["vehicle"]["status"] == "watch"
    exported = alpr("vehicles", "export").out
    assert exported == HEADER + "30A99999,Minh,,,watch,\n51F12345,Lan,B2,car,allow,\n"
    assert alpr("vehicles", "export", "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text() == exported
    assert alpr("vehicles", "remove", "30A99999").code == 0
    assert alpr("vehicles", "remove", "30A99999").code == 1


def test_a_plate_that_is_not_in_the_registry_is_answered_with_its_look_alikes(alpr: Alpr) -> None:
    alpr("vehicles", "add", "51F12345", "--owner", "Lan")
    ended = alpr("vehicles", "find", "5IF-123.45")
    assert ended.code == 1
    assert ended.out == "5IF12345: not in the registry\n  like 51F12345 (I for 1 at 2): Lan, allow\n"
    (found,) = alpr("vehicles", "find", "5IF12345", "--json").objects
    assert found["vehicle"] is None
    assert found["similar"][0]["why"] == "I for 1 at 2"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("number,name\nA1,x\n", "v.csv, line 1: the header is 'number,name'. It must be 'plate,owner"),
        (HEADER + "A1,x,,,,\nA-1,y,,,,\n", "v.csv, line 3: A-1 stands in line 2 already. Keep one of them"),
    ],
)
def test_a_bad_vehicle_table_is_refused_whole(alpr: Alpr, tmp_path: Path, table: str, message: str) -> None:
    alpr("vehicles", "add", "Z9")
    (tmp_path / "v.csv").write_text(table)
    ended = alpr("vehicles", "import", "v.csv")
    assert ended.code == 65
    assert message in ended.err
    assert alpr("vehicles", "export").out == HEADER + "Z9,,,,allow,\n"


def test_events_are_searched_by_plate_and_time_and_come_as_a_table(alpr: Alpr) -> None:
    with Store.open(Path("edge-alpr.db")) as store:
        store.add(event("51F12345", datetime(2026, 3, 31, 8).timestamp()))
        store.add(event("30A99999", datetime(2026, 3, 31, 9).timestamp()))
    assert len(alpr("events").out.splitlines()) == 2
    assert [e["plate"] for e in alpr("events", "--json", "--since", "2026-03-31T08:30").objects] == [
        "30A99999"
    ]
    (row,) = csv.DictReader(io.StringIO(alpr("events", "--csv", "--plate", "51f-123.45").out))
    assert row["plate"] == "51F12345"
    assert row["owner"] == ""


def test_times_are_absolute_or_back_from_now() -> None:
    assert [moment(t, 1e6) for t in ("90m", "12h", "7d")] == [1e6 - 5400, 1e6 - 43200, 1e6 - 604800]
    assert moment("2026-03-31T08:00+00:00", 0) == 1774944000


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--camera", "97"], 66, "no camera /dev/video97"),
        (["run", "--source", "gone.mp4"], 66, "There is no file or folder gone.mp4. Check the path"),
        (["run", "--region", "xx"], 78, "region = 'xx' is unknown.*Use one of vn, kr, br, cn, latin"),
        (["read", "--region", "vm", "a.png"], 78, "did you mean 'vn'"),
        (["run", "--config", "bad.toml"], 78, "camera.sorce is not a setting; did you mean 'source'"),
        (["run", "--config", "gone.toml"], 78, "gone.toml cannot be read"),
        (["run", "--camera", "0", "--source", "-"], 64, "not allowed with argument"),
        (["walk"], 64, "invalid choice"),
        (["events"], 73, "There is no database edge-alpr.db. Make it with"),
        (["events", "--since", "yesterday"], 78, "--since yesterday is no time. Write 2026-03-31"),
        (["vehicles", "import", "gone.csv"], 65, "gone.csv cannot be read"),
        (["vehicles", "add", "A1", "--status", "banned"], 65, "Use one of allow, deny, watch"),
        (["vehicles", "add", "--", "- -"], 65, "The plate is empty"),
        (["run", "--source", "bad.toml"], 65, "is not a video that can be decoded"),
    ],
)
def test_what_cannot_be_done_is_told_with_remedy_and_exit_code(
    alpr: Alpr, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "bad.toml").write_text('[camera]\nsorce = "0"\n')
    ended = alpr(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert re.search(message, ended.err)
    assert "Traceback" not in ended.err


def test_a_database_of_a_later_version_ends_every_command_with_its_code(alpr: Alpr) -> None:
    with Store.open(Path("edge-alpr.db")) as store:
        store._connection.execute("PRAGMA user_version = 99")
    for words in (
        ["run", "--source", "-"],
        ["events"],
        ["vehicles", "add", "A1"],
        ["vehicles", "find", "A1"],
    ):
        ended = alpr(*words)
        assert ended.code == 73
        assert "Upgrade edge-alpr or name another file with --db; nothing was changed." in ended.err


def test_a_read_only_disk_ends_run_with_its_code_and_the_log_can_still_be_searched(
    alpr: Alpr, tmp_path: Path
) -> None:
    def fill(folder: Path) -> None:
        with Store.open(folder / "a.db") as store:
            store.add(event("51F12345"))
        clip(folder / "a.mjpeg")

    with read_only_directory(fill) as folder:
        ended = alpr("run", "--source", folder / "a.mjpeg", "--db", folder / "a.db")
        assert ended.code == 73
        assert "read-only: remount it or name a file elsewhere with --db" in ended.err
        assert alpr("events", "--json", "--db", folder / "a.db").objects[0]["plate"] == "51F12345"


def test_a_stream_that_stalls_ends_run_with_its_code_and_keeps_the_vehicle_in_view(
    alpr: Alpr, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text(
        "[camera]\nstall_seconds = 0.3\nreconnect_seconds = 0.1\ngive_up_seconds = 1.0\n"
    )
    with network_camera(12, stalls=True, picture=png((10, 50, 160), kind=".jpg")) as camera:
        ended = alpr("run", "--source", camera.address, "--config", "c.toml", "--json")
    assert ended.code == 66
    assert "gave no picture for 1 s" in ended.err
    assert "secret" not in ended.err
    assert {e["plate"] for e in ended.objects} == {"51F12345"}
    assert [e["plate"] for e in alpr("events", "--json").objects] == ["51F12345"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_run_with_0_and_the_vehicle_in_view_is_logged(alpr: Alpr, number: int) -> None:
    with network_camera(10_000, pause=0.02, picture=png((10, 50, 60), kind=".jpg")) as camera:
        timer = threading.Timer(0.7, os.kill, (os.getpid(), number))
        timer.start()
        ended = alpr("run", "--source", camera.address, "--json")
        timer.join()
    assert ended.code == 0
    assert [e["plate"] for e in ended.objects] == ["51F12345"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for number in range(500):
            store.add(event(f"A{number}"))
    script = "from edge.cli import main; raise SystemExit(main())"
    command = '"$0" -c "$1" events --json --db "$2" | head -1; echo ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, script, tmp_path / "a.db"],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    line, code = done.stdout.splitlines()
    assert json.loads(line)["plate"] == "A0"
    assert code == "0"
    assert done.stderr == ""


def test_a_run_that_is_killed_keeps_every_vehicle_that_it_told(alpr: Alpr, tmp_path: Path) -> None:
    script = "import sys; from edge.cli import main; from tests.painted import painted; "
    script += "raise SystemExit(main(sys.argv[1:], assemble=painted))"
    with network_camera(10_000, pause=0.02, picture=png((10, 50, 160), kind=".jpg")) as camera:
        words = ["run", "--json", "--source", camera.address, "--db", str(tmp_path / "a.db")]
        with subprocess.Popen(
            [sys.executable, "-c", script, *words],
            cwd=Path(__file__).resolve().parents[1],
            stdout=subprocess.PIPE,
            text=True,
        ) as service:
            assert service.stdout is not None
            told = json.loads(service.stdout.readline())
            service.kill()
    assert alpr("events", "--json", "--db", "a.db").objects == [told]


def test_the_database_is_maintained_backed_up_and_restored(alpr: Alpr, tmp_path: Path) -> None:
    assert alpr("maintain").out == "There is no database edge-alpr.db yet: nothing to do\n"
    with Store.open(Path("edge-alpr.db")) as store:
        store.add(event("OLD", 1000.0))
        store.add(event("NEW", datetime(2200, 1, 1).timestamp()))
    assert alpr("backup", "all.db").code == 0
    (tmp_path / "kept").mkdir()
    (tmp_path / "c.toml").write_text('[store]\nretention_days = 1\nbackup_dir = "kept"\n')
    done = alpr("maintain", "--config", "c.toml", "--trust-clock")
    assert done.out.startswith("1 events and 0 more pictures deleted, 0 times corrected\nkept/edge-alpr-20")
    assert [e["plate"] for e in alpr("events", "--json").objects] == ["NEW"]
    assert alpr("restore", "all.db").code == 0
    assert [e["plate"] for e in alpr("events", "--json").objects] == ["OLD", "NEW"]
    assert alpr("restore", "c.toml").code == 73
    assert alpr("restore", "edge-alpr.db").code == 73
