"""The units: verified and rated by systemd's own tools, and in agreement with the program."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from edge.cli import USAGE, parser
from edge.errors import BadSettings
from edge.settings import Settings

SYSTEMD = Path(__file__).resolve().parents[1] / "systemd"
UNITS = sorted((SYSTEMD / "system").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXPOSURE = 20  # tenths


def tool(name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which(name), f"{name} is missing: apt install systemd (see README, Two commands)"
    return subprocess.run([name, *map(str, words)], capture_output=True, text=True)


def unit(path: Path) -> ConfigParser:
    """A unit file; of a key that is given several times, the last."""
    read = ConfigParser(strict=False, interpolation=None, delimiters="=", comment_prefixes="#")
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read_string(path.read_text())
    return read


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A root with systemd's own units, ours, and a command for them to start."""
    own = next(p for p in (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system")) if p.is_dir())
    shutil.copytree(own, tmp_path / "usr/lib/systemd/system", symlinks=True)
    shutil.copytree(SYSTEMD / "system", tmp_path / "etc/systemd/system")
    command = tmp_path / "opt/edge-alpr/bin/edge-alpr"
    command.parent.mkdir(parents=True)
    command.touch(0o755)
    return tmp_path


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    names = [path.name.replace("@", "@gate") for path in UNITS]
    return tool("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", f"--root={root}", *names)


def add_drop_in(root: Path, name: str) -> None:
    folder = root / "etc/systemd/system/edge-alpr@.service.d"
    folder.mkdir()
    shutil.copy(SYSTEMD / "config" / name, folder)


def test_the_units_are_verified_without_a_word(staged: Path) -> None:
    done = verify(staged)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(UNITS) == 4


def test_the_verification_sees_a_mistake(staged: Path) -> None:
    file = staged / "etc/systemd/system/edge-alpr@.service"
    file.write_text(file.read_text().replace("PrivateTmp", "PrivateTemp"))
    assert "Unknown key" in verify(staged).stderr


def test_a_camera_may_be_bound_to_an_edge_tpu_on_pcie(staged: Path) -> None:
    add_drop_in(staged, "coral-pcie.conf")
    done = verify(staged)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_growing_pause_is_known_from_systemd_254_on(staged: Path) -> None:
    add_drop_in(staged, "back-off.conf")
    version = int(re.findall(r"^systemd (\d+)", tool("systemd-analyze", "--version").stdout)[0])
    told = verify(staged).stderr
    assert re.findall(r"Unknown key(?: name)? '(\w+)'", told) == (
        [] if version >= 254 else ["RestartSteps", "RestartMaxDelaySec"]
    )


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_the_exposure_of_a_service_is_at_most_2(service: Path) -> None:
    rating = ["security", "--offline=yes", "--no-pager"]
    done = tool("systemd-analyze", *rating, f"--threshold={EXPOSURE}", service)
    (level,) = re.findall(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert float(level) <= EXPOSURE / 10
    assert done.returncode == 0


def test_what_the_units_start_is_a_command_of_the_program() -> None:
    lines = [unit(service)["Service"]["ExecStart"].replace("%i", "gate") for service in SERVICES]
    names = {parser().parse_args(shlex.split(line)[1:]).name for line in lines}
    assert names == {"run", "maintain"}
    assert {shlex.split(line)[0] for line in lines} == {"/opt/edge-alpr/bin/edge-alpr"}


def test_what_starting_again_cannot_help_is_not_started_again() -> None:
    service = unit(SYSTEMD / "system/edge-alpr@.service")["Service"]
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"].split() == [str(USAGE), str(BadSettings.exit_code)]


def test_the_watchdog_waits_longer_than_a_camera_may_be_silent() -> None:
    service = unit(SYSTEMD / "system/edge-alpr@.service")["Service"]
    camera = Settings().camera
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > camera.give_up_seconds + camera.stall_seconds


def test_the_user_and_its_groups_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    rules = SYSTEMD / "config/sysusers.conf"
    done = tool("systemd-sysusers", "--dry-run", f"--root={tmp_path}", rules)
    assert done.returncode == 0, done.stderr
    made = re.findall(r"Creating (group|user) '([\w-]+)'", done.stderr + done.stdout)
    assert {("group", "plugdev"), ("group", "apex"), ("user", "edge-alpr")} <= set(made)
    service = unit(SYSTEMD / "system/edge-alpr@.service")["Service"]
    joined = re.findall(r"^m edge-alpr (\w+)$", rules.read_text(), re.MULTILINE)
    assert service["SupplementaryGroups"].split() == joined
    assert service["User"] == "edge-alpr"


def test_the_udev_rules_name_both_faces_of_the_usb_stick_and_the_pcie_card() -> None:
    text = (SYSTEMD / "config/coral.rules").read_text()
    rules = [line for line in text.splitlines() if line and not line.startswith("#")]
    pattern = re.compile(r'[A-Z]+(?:\{\w+\})?(?:==|\+=|=)"[^"]*"')
    for rule in rules:
        assert all(pattern.fullmatch(part.strip()) for part in rule.split(","))
        assert 'TAG+="systemd"' in rule
        assert 'ENV{SYSTEMD_WANTS}+="edge-alpr.target"' in rule
    usb = re.findall(r'idVendor\}=="(\w+)", ATTR\{idProduct\}=="(\w+)".*GROUP="plugdev"', text)
    assert usb == [("1a6e", "089a"), ("18d1", "9302")]
    assert re.search(r'SUBSYSTEM=="apex".*GROUP="apex"', text)
    assert len(rules) == 3


def test_the_journal_is_bounded_and_is_the_one_of_the_services() -> None:
    journal = unit(SYSTEMD / "config/journald.conf")["Journal"]
    assert {"SystemMaxUse", "RuntimeMaxUse", "MaxRetentionSec"} <= set(journal)
    assert {unit(service)["Service"]["LogNamespace"] for service in SERVICES} == {"edge-alpr"}
