"""The board's temperature and power, read from a tree like /sys."""

import json
from pathlib import Path

import pytest

from edge.board import Board, Sentry, look
from edge.health import Health
from edge.settings import Serving


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text + "\n")


PI4 = "devices/platform/soc/soc:firmware/get_throttled"
PI5 = "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"


def test_a_machine_that_tells_nothing_is_well(tmp_path: Path) -> None:
    assert look(tmp_path) == Board()
    assert look(tmp_path).well


@pytest.mark.parametrize("file", [PI4, PI5])
def test_the_firmware_tells_what_is_wrong_now_and_what_was(tmp_path: Path, file: str) -> None:
    put(tmp_path, file, "0")
    assert look(tmp_path).well
    put(tmp_path, file, "50005")
    assert look(tmp_path) == Board(None, ("under-voltage", "slowed down"), ())
    put(tmp_path, file, "d0008")
    assert look(tmp_path) == Board(
        None, ("at its soft temperature limit",), ("under-voltage", "slowed down")
    )
    put(tmp_path, file, "10000")
    assert look(tmp_path).well
    assert str(look(tmp_path)) == "under-voltage since the start"


def test_a_kernel_without_the_firmwares_bits_has_a_voltage_sensor(tmp_path: Path) -> None:
    put(tmp_path, "class/hwmon/hwmon0/name", "cpu_thermal")
    put(tmp_path, "class/hwmon/hwmon1/name", "rpi_volt")
    put(tmp_path, "class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    assert look(tmp_path) == Board(None, ("under-voltage",), ())


def test_the_hottest_sensor_counts_and_one_that_sleeps_does_not(tmp_path: Path) -> None:
    for number, text in enumerate(("51200", "81500", "asleep")):
        put(tmp_path, f"class/thermal/thermal_zone{number}/temp", text)
    assert look(tmp_path).temperature == 81.5
    assert not look(tmp_path).well


def test_changes_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, PI4, "0")
    sentry = Sentry(tmp_path)
    assert sentry.look(0.0).well
    put(tmp_path, PI4, "50001")
    assert sentry.look(9.0).well  # not looked at yet
    assert not sentry.look(10.0).well
    assert not sentry.look(20.0).well
    put(tmp_path, PI4, "50000")
    assert sentry.look(30.0).well
    told = [record.message for record in caplog.records]
    assert told == [
        "The board: under-voltage, slowed down since the start. Use its own power supply and a heat sink or fan.",
        "The board is well again: under-voltage since the start, slowed down since the start",
    ]


def test_the_health_of_a_run_tells_of_the_board(tmp_path: Path) -> None:
    put(tmp_path, "class/thermal/thermal_zone0/temp", "61000")
    put(tmp_path, PI4, "50001")
    health = Health("auto", sentry=Sentry(tmp_path))
    health.save(Serving(health=str(tmp_path / "h.json"), metrics=str(tmp_path / "m.prom")), 1000.0)
    told = json.loads((tmp_path / "h.json").read_text())
    assert told["board"] == {"temperature": 61.0, "troubles": ["under-voltage"], "had": ["slowed down"]}
    assert "sentry" not in told
    metrics = (tmp_path / "m.prom").read_text()
    assert "edge_alpr_board_troubles 1\n" in metrics
    assert "edge_alpr_board_temperature_celsius 61.0\n" in metrics
