"""The processor of the boards: its packages resolve, and its interpreter under emulation computes what this one does.

Needs the packages of a Debian mirror and of the index that pip uses; what was fetched is kept in build/arm64.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.demo import clip
from tests import steps, wheelhouse

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "arm64"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")  # what requires-python allows and LiteRT has wheels for
PLATFORMS = [word for glibc in ("2_28", "2_27", "2_17") for word in ("--platform", f"manylinux_{glibc}_aarch64")]
BOARD = ROOT / "systemd/image/cpuinfo"  # without it arm64 libraries find this machine's processor and crash

Run = Callable[..., str]


def done(*words: str | Path) -> str:
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, (words[0], ended.stdout[-2000:], ended.stderr[-2000:])
    return ended.stdout


def pip(version: str, *words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", version, *PLATFORMS]
    done(*command, *words)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheelhouse.packed(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("version", PYTHONS)
def test_everything_the_wheel_needs_is_there_for_arm64(version: str, wheel: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["--dry-run", "--ignore-installed", "--target", tmp_path / "none", "--report", report]
    pip(version, *words, wheel)
    chosen = {
        re.sub(r"[-_.]+", "-", item["metadata"]["name"].lower()): item["download_info"]["url"].rpartition("/")[2]
        for item in json.loads(report.read_text())["install"]
    }
    assert {"edge-alpr", "numpy", "opencv-python-headless", "ai-edge-litert"} <= set(chosen)
    assert [name for name in chosen.values() if not re.search(r"(-any|_aarch64)\.whl", name)] == []


def test_every_python_that_is_allowed_is_tried() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    (least,) = re.findall(r'requires-python = ">=3\.(\d+)"', text)
    assert PYTHONS[0] == f"3.{least}"


def mirror() -> str:
    """The address of Debian's packages as apt has it here."""
    found = done("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian")
    assert found, "apt knows no mirror of Debian: these tests need one (see README, Two commands)"
    return found.splitlines()[0]


def root_file_system() -> Path:
    """Python for arm64, unpacked, not installed: nothing of it runs before the test does."""
    (codename,) = re.findall(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    folder = KEPT / codename
    if not (folder / "ready").exists():
        assert shutil.which("mmdebstrap"), "apt install mmdebstrap qemu-user-static (see README, Two commands)"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        packages = "--include=python3-minimal,libpython3-stdlib,libstdc++6"
        source = f"deb {mirror()} {codename} main"
        done("mmdebstrap", "--quiet", "--variant=extract", "--architecture=arm64", packages, codename, folder, source)
        (folder / "proc").mkdir(exist_ok=True)
        shutil.copy(BOARD, folder / "proc/cpuinfo")
        (folder / "ready").touch()
    return folder


@pytest.fixture(scope="module")
def arm64() -> Run:
    """Python of a Raspberry Pi 4's processor with what edge-alpr needs, under user-mode emulation."""
    folder = root_file_system()
    python = (folder / "usr/bin/python3").resolve()
    version = python.name.removeprefix("python")
    site = KEPT / f"site-{version}"
    if not (site / "ready").exists():
        shutil.rmtree(site, ignore_errors=True)
        pip(version, "--target", site, *wheelhouse.needed())
        (site / "ready").touch()
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    assert emulator, "apt install qemu-user-static (see README, Two commands)"
    path = os.pathsep.join([str(ROOT), str(site)])
    words = [emulator, "-cpu", "cortex-a72", "-L", folder, "-E", f"PYTHONPATH={path}", "-E", "PYTHONHOME=/usr"]
    return lambda *more: done(*words, python, "-B", *more)


def test_the_interpreter_is_one_of_arm64(arm64: Run) -> None:
    told = arm64("-c", "import platform; print(platform.machine(), open('/proc/cpuinfo').read().count('0xd08'))")
    assert told == "aarch64 4\n"


def test_every_model_computes_within_one_step_of_this_machine(arm64: Run, tmp_path: Path) -> None:
    arm64(ROOT / "tests/steps.py", tmp_path / "steps.npz")
    here = steps.outputs()
    with np.load(tmp_path / "steps.npz") as there:
        assert set(there) == set(here) and len(here) >= 20
        apart = {name: int(np.abs(there[name] - here[name]).max()) for name in here}
    assert {name: steps for name, steps in apart.items() if steps > 1} == {}


def test_it_reads_the_plate_that_this_machine_reads(arm64: Run, tmp_path: Path) -> None:
    video = cv2.VideoCapture(str(clip()))
    video.set(cv2.CAP_PROP_POS_FRAMES, 40)
    cv2.imwrite(str(tmp_path / "frame.png"), video.read()[1])
    video.release()
    words = ["-m", "edge", "read", "--device", "cpu", "--json", tmp_path / "frame.png"]
    there, here = json.loads(arm64(*words)), json.loads(done(sys.executable, *words))
    assert len(here["plates"]) >= 1
    assert [plate["text"] for plate in there["plates"]] == [plate["text"] for plate in here["plates"]]
    for one, other in zip(there["plates"], here["plates"], strict=True):
        assert one["confidence"] == pytest.approx(other["confidence"], abs=0.02)
