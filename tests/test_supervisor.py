"""The real command under its own supervisor, with a stick that aborts, hangs, is unplugged and comes back."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge.health import Health
from edge.settings import Settings
from edge.supervisor import Supervisor
from tests import gate
from tests.crossing import ROOT, SETTINGS, crossing
from tests.stick import plugged_in


def test_an_abort_loses_no_committed_event_tells_nobody_twice_and_the_run_returns_to_the_tpu(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.plates = ("1234",)
        gate.until(lambda: gate.stored() == ["1234"], "the first vehicle")
        gate.stick.become("abort")
        gate.until(lambda: gate.restarts() == 1, "the crash")
        gate.stick.become("absent")
        gate.until_frames()  # with the same vehicle still in view
        assert gate.health["device"] == "cpu"
        assert gate.health["reason"] == "The reader died of signal 6 on the Edge TPU."
        assert "edge_alpr_on_cpu_instead_of_tpu 1" in gate.metrics
        gate.plates = ("1234", "5678")
        gate.until(lambda: "5678" in gate.stored(), "a vehicle read on the CPU")
        gate.plates = ()
        gate.stick.become("healthy")
        gate.until(lambda: gate.health["tpu_returns"] == 1, "the return")
        gate.plates = ("9070",)
        gate.until(lambda: "9070" in gate.stored(), "a vehicle read on the Edge TPU again")
        gate.until(lambda: gate.health["events"] == 3, "the count")
        assert gate.health["device"] == "edgetpu"
        assert gate.stop() == 0
        assert gate.stored() == gate.told == ["1234", "5678", "9070"]
        assert gate.health["restarts"] == {"crash": 1, "hang": 0, "error": 0, "return": 1}
        assert gate.health["state"] == "stopped"
        assert len(gate.health["outages"]) == 2
        for line in ('restarts_total{cause="crash"} 1', "tpu_fallbacks_total 1", "tpu_returns_total 1", "on_tpu 1"):
            assert f"edge_alpr_{line}\n" in gate.metrics
        assert "died of signal 6 after" in gate.said
        assert "starting it again on the CPU" in gate.said
        assert "The Edge TPU answers again" in gate.said


def test_a_hang_is_ended_and_the_vehicle_in_view_is_told_once(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.until_frames()
        gate.stick.become("hang")
        gate.plates = ("1234",)
        gate.until(lambda: gate.stored() == ["1234"], "the vehicle that stood there during the hang")
        assert gate.stop() == 0
        assert gate.health["restarts"]["hang"] == 1
        assert gate.health["reason"] == "The reader hung and was killed on the Edge TPU."
        assert gate.stored() == gate.told == ["1234"]


@pytest.mark.parametrize("plates", [(), ("1234",)], ids=["waiting for a frame", "at work"])
def test_a_reader_that_is_stopped_anywhere_is_ended_long_before_a_camera_would_be_given_up(
    tmp_path: Path, plates: tuple[str, ...]
) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.until_frames()
        gate.plates = plates
        stopped = time.monotonic()
        os.kill(gate.reader(), signal.SIGSTOP)
        gate.until(lambda: gate.restarts() == 1, "the end of the stopped reader")
        assert time.monotonic() - stopped < Settings().camera.give_up_seconds / 2
        gate.until_frames()
        assert gate.health["restarts"]["hang"] == 1
        assert gate.stop() == 0


def test_a_reader_that_makes_room_just_when_it_is_stopped_ends_well() -> None:
    script = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75)); time.sleep(30)"
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert Supervisor([sys.executable, "-c", script], Settings(), 0).run() == 0


def test_a_run_whose_camera_gives_nothing_for_a_while_is_left_alone(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.until_frames()
        gate.paused = True
        time.sleep(6.0)  # twice as long as a hang
        gate.paused = False
        gate.until_frames()
        assert gate.restarts() == 0
        assert gate.stop() == 0


def test_a_run_without_its_stick_begins_on_the_cpu_and_takes_the_stick_when_it_is_plugged_in(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise", state="absent") as gate:
        gate.until_frames()
        assert gate.health["device"] == "cpu"
        assert "no stick is connected" in gate.health["reason"]
        gate.stick.become("healthy")
        gate.until(lambda: gate.health["device"] == "edgetpu", "the stick")
        gate.until_frames()
        gate.stick.become("absent")
        gate.until(lambda: gate.health["device"] == "cpu", "the CPU")
        gate.until_frames()
        assert gate.stop() == 0
        assert gate.health["restarts"] == {"crash": 1, "hang": 0, "error": 0, "return": 1}


def test_a_stick_that_was_asked_for_by_name_is_waited_for_and_the_cpu_never_taken(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise", device="usb:0", state="absent") as gate:
        gate.until(lambda: gate.health.get("restarts", {}).get("error", 0) >= 2, "two attempts")
        assert gate.health["last_exit"] == "ended with exit code 69"
        assert gate.health["frames"] == 0
        gate.stick.become("healthy")
        gate.until_frames()
        assert gate.health["device"] == "usb:0"
        assert gate.stop() == 0
        assert "'usb:0' cannot be used (no stick is connected)" in gate.said


def plates(lines: str) -> list[str]:
    return [json.loads(line)["plate"] for line in lines.splitlines()]


def test_a_recording_that_is_read_again_after_a_crash_tells_every_vehicle_once(tmp_path: Path) -> None:
    stick, zoo = plugged_in(tmp_path, "abort 40"), gate.zoo(tmp_path / "zoo")
    (tmp_path / "gate.toml").write_text(
        SETTINGS.format(zoo=zoo, device="auto", folder=tmp_path, hang=20, retry=60).replace("live = true", "")
    )
    clip = tmp_path / "clip.mjpeg"
    first, second = [gate.png(("1234", 12, 3))] * 8, [gate.png(("5678", 30, 20))] * 8
    clip.write_bytes(b"".join([*first, *[gate.png()] * 40, *second, *[gate.png()] * 40]))
    command = [sys.executable, "-m", "edge", "run", "--json", "--supervise", "--source", str(clip)]
    command += ["--config", str(tmp_path / "gate.toml")]
    done = subprocess.run(command, cwd=ROOT, env=stick.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "died of signal 6" in done.stderr
    asked = [sys.executable, "-m", "edge", "events", "--json", "--config", str(tmp_path / "gate.toml")]
    listed = subprocess.run(asked, cwd=ROOT, env=stick.environment, capture_output=True, text=True, check=True)
    assert sorted(plates(listed.stdout)) == ["1234", "5678"]
    assert plates(done.stdout) == ["1234", "5678"]


def test_a_reader_whose_supervisor_was_killed_ends_by_itself(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.until_frames()
        reader = gate.reader()
        handle = os.pidfd_open(reader)
        try:
            gate.process.kill()
            gate.process.wait()
            assert select.select([handle], [], [], 60)[0]
        finally:
            os.close(handle)


@pytest.mark.parametrize("code", [0, 64, 78])
def test_what_starting_again_would_not_mend_is_not_started_again(tmp_path: Path, code: int) -> None:
    assert supervised(tmp_path, f"raise SystemExit({code})") == code
    assert (tmp_path / "starts").read_text() == "1"


def test_any_other_end_is_started_again_and_the_last_code_is_the_supervisors(tmp_path: Path) -> None:
    assert supervised(tmp_path, "raise SystemExit([66, 70, 64][int(file.read_text()) - 1])") == 64
    assert (tmp_path / "starts").read_text() == "3"
    health = json.loads((tmp_path / "health.json").read_text())
    assert health["restarts"]["error"] == 2
    assert health["last_exit"] == "ended with exit code 64"


def test_an_edge_tpu_that_keeps_dying_is_tried_less_and_less_often(tmp_path: Path) -> None:
    told = "print(json.loads(os.environ['EDGE_ALPR_SUPERVISED'])['retry_seconds'], file=open(sys.argv[2], 'a'))"
    dies = "tell('X_DEVICE=edgetpu'); os.kill(os.getpid(), 6) if int(file.read_text()) < 4 else sys.exit(0)"
    assert supervised(tmp_path, f"{told}; {dies}", str(tmp_path / "retries")) == 0
    assert (tmp_path / "retries").read_text().split() == ["30.0", "60.0", "120.0", "240.0"]


def supervised(folder: Path, ending: str, *arguments: str) -> int:
    """The supervisor's exit code for a child that counts its starts and then does what is given."""
    child = (
        "import json, os, socket, sys; from pathlib import Path; file = Path(sys.argv[1]);"
        "file.write_text(str(int(file.read_text()) + 1 if file.exists() else 1));"
        "tell = lambda text: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto("
        "text.encode(), os.environ['NOTIFY_SOCKET']);"
    )
    command = [sys.executable, "-W", "ignore", "-c", child + ending, str(folder / "starts"), *arguments]
    settings = Settings.load(None, service={"health": str(folder / "health.json")})
    return Supervisor(command, settings, after=0).run()


def test_a_signal_to_the_supervisor_ends_both_with_the_vehicle_in_view_told(tmp_path: Path) -> None:
    with crossing(tmp_path, "--supervise") as gate:
        gate.until_frames()
        reader = gate.reader()
        gate.process.send_signal(signal.SIGINT)
        assert gate.process.wait(60) == 0
        assert not Path(f"/proc/{reader}").exists()
        assert gate.restarts() == 0


def test_health_counts_what_the_reader_says() -> None:
    health = Health("auto")
    for now, message in enumerate(["X_DEVICE=cpu\nX_REASON=gone", "READY=1", "X_FRAME=1", "WATCHDOG=1", "X_EVENT=1"]):
        health.hear(message, float(now))
    assert (health.device, health.reason, health.state) == ("cpu", "gone", "running")
    assert (health.frames, health.events, health.last_frame) == (1, 1, 3.0)
    assert (health.tpu_fallbacks, health.tpu_returns) == (1, 0)
    health.state = "restarting"
    health.hear("X_DEVICE=edgetpu\nX_REASON=", 5.0)
    health.hear("WATCHDOG=1", 7.5)
    assert [outage.seconds for outage in health.outages] == [4.5]
    assert (health.outage_seconds, health.tpu_returns) == (4.5, 1)


def test_every_metric_has_a_type_and_a_value() -> None:
    lines = Health("auto").metrics().splitlines()
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    valued = {line.split("{")[0].split()[0] for line in lines if not line.startswith("#")}
    assert len(named) == 10
    assert set(named) == valued


def test_a_health_file_that_cannot_be_written_does_not_stop_the_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.load(None, service={"health": str(tmp_path / "none" / "health.json")})
    Health("cpu").save(settings.service, 1000.0)
    assert "Correct service.health" in caplog.text
