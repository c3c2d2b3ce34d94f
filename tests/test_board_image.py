"""The parts of the disk image that can be looked at without building it; `python -m tests.board` starts a built one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.board import resets, update
from tests.test_systemd import tool

IMAGE = Path(__file__).resolve().parents[1] / "systemd" / "image"
ROOT = IMAGE / "root"
LOADER = (ROOT / "etc/initramfs-tools/scripts/local-top/edge-alpr").read_text()
BUILD = (IMAGE / "build").read_text()
SCRIPTS = [path for path in sorted(IMAGE.rglob("*")) if path.is_file() and os.access(path, os.X_OK)]
Done = subprocess.CompletedProcess[str]


def build(*words: str | Path) -> Done:
    return subprocess.run([str(word) for word in (IMAGE / "build", *words)], capture_output=True, text=True)


def test_the_scripts_are_clean_for_shellcheck() -> None:
    assert shutil.which("shellcheck"), "shellcheck is missing: apt install shellcheck (see README, Two commands)"
    shell = [path for path in SCRIPTS if re.match(r"#!.*\b(ba)?sh\b", path.read_text())]
    done = subprocess.run(["shellcheck", *map(str, shell)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(shell) >= 6


def test_the_help_names_every_option() -> None:
    parsed = BUILD[BUILD.index("arguments()") : BUILD.index("check_machine()")]
    options = set(re.findall(r"--[a-z0-9-]+(?= ?[|)])", parsed))
    assert {"--board", "--mirror", "--offline", "--certificate"} <= options
    told = build("--help").stdout
    assert [option for option in options - {"--help"} if option not in told] == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--bord", "rpi"], 64, "--bord is not an option"),
        (["--board"], 64, "--board needs a value"),
        (["--board", "toaster"], 64, "There is no board toaster"),
        (["--certificate", "gone.pem"], 66, "There is no certificate gone.pem"),
        (["--offline", "gone"], 66, "There is no folder gone"),
    ],
)
def test_what_cannot_be_built_is_told(words: list[str], code: int, message: str) -> None:
    done = build(*words)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr


def test_folders_may_be_named_from_where_one_stands(tmp_path: Path) -> None:
    part = BUILD[BUILD.index("boards=()") : BUILD.index("check_machine() {")]
    script = f'here={IMAGE}; {part} arguments "$@"; echo "$output $work"'
    done = subprocess.run(["bash", "-c", script, "build", "--work", "w"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == [f"{tmp_path}/dist", f"{tmp_path}/w"]


def test_the_units_of_the_image_are_verified_without_a_word(tmp_path: Path) -> None:
    own = next(p for p in (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system")) if p.is_dir())
    shutil.copytree(own, tmp_path / "usr/lib/systemd/system", symlinks=True)
    shutil.copytree(IMAGE.parent / "system", tmp_path / "etc/systemd/system")
    shutil.copytree(ROOT / "etc/systemd/system", tmp_path / "etc/systemd/system", dirs_exist_ok=True)
    for command in (*(ROOT / "usr/lib/edge-alpr").iterdir(), Path("opt/edge-alpr/bin/edge-alpr")):
        place = tmp_path / (command.relative_to(ROOT) if command.is_absolute() else command)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(0o755)
    (tmp_path / "usr/bin").mkdir(parents=True, exist_ok=True)
    (tmp_path / "usr/bin/systemctl").touch(0o755)
    units = [path.name for path in (ROOT / "etc/systemd/system").iterdir() if path.is_file()]
    done = tool("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", f"--root={tmp_path}", *units)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(units) >= 4


def test_table_bootloader_updater_and_initramfs_speak_of_the_same_partitions() -> None:
    (disk,) = re.findall(r"label-id: 0x(\w+)", BUILD)
    grub, rauc = (IMAGE / "boot/grub.cfg").read_text(), (ROOT / "etc/rauc/system.conf").read_text()
    assert f"root=PARTUUID={disk}-0$part" in grub
    assert re.findall(r"by-partuuid/(\S+)", rauc) == [f"{disk}-02", f"{disk}-03"]
    assert re.findall(r"bootname=(\w)", rauc) == re.findall(r'set ORDER="(\w) (\w)"', grub) or "A B" in grub
    assert "-n CIDATA" in BUILD
    assert "LABEL=CIDATA" in (ROOT / "etc/fstab").read_text()
    # a FAT file system of this name is where cloud-init's NoCloud looks by itself
    assert "NoCloud" in (ROOT / "etc/cloud/cloud.cfg.d/90_edge-alpr.cfg").read_text()
    assert "-L edge-data" in BUILD
    assert "by-label/edge-data" in (ROOT / "etc/initramfs-tools/scripts/init-bottom/edge-alpr").read_text()
    assert f"part=/dev/disk/by-partuuid/{disk}-0\n" in LOADER
    assert f"root=PARTUUID={disk}-0$number" in LOADER


def test_a_raspberry_pi_starts_what_is_there_with_the_device_trees_of_debian() -> None:
    others, pi5 = (IMAGE / "boot/rpi/config.txt").read_text().split("[pi5]\n")
    (kernel,) = re.findall(r"^kernel=(.+)", others, re.MULTILINE)
    assert f"rpi_arm64/{kernel}" in BUILD
    assert others.index("upstream_kernel=1") < others.index("[cm4]")  # for every board
    assert re.fullmatch(r"kernel=vmlinuz\ninitramfs initrd\.img followkernel\n", pi5)
    assert "dtb/bcm271[12]-*.dtb" in BUILD
    assert '"$work"/boards/{vmlinuz,initrd.img} "$folder"' in BUILD


def test_linux_is_started_by_a_raspberry_pi_5_as_it_is_by_grub() -> None:
    grub = re.findall(r"root=PARTUUID.*(?= rauc\.slot)", (IMAGE / "boot/grub.cfg").read_text())[0].split()[1:]
    own = (IMAGE / "boot/rpi/cmdline.txt").read_text()
    assert own.count("\n") == 1  # the firmware reads one line
    assert set(grub) < set(own.split())
    assert "rauc.slot" not in own  # the initramfs says which


def test_every_command_of_the_image_that_a_file_names_is_there_and_may_be_run() -> None:
    files = [path for path in (ROOT / "etc").rglob("*") if path.is_file()]
    named = set(re.findall(r"/usr/lib/edge-alpr/[\w-]+", "".join(path.read_text() for path in files)))
    own = (ROOT / "usr/lib/edge-alpr").iterdir()
    there = {f"/{path.relative_to(ROOT)}" for path in own if os.access(path, os.X_OK)}
    assert named == there


def test_the_emulated_boards_bundles_are_for_this_image() -> None:
    (compatible,) = re.findall(r"compatible=(.+)", (ROOT / "etc/rauc/system.conf").read_text())
    assert f"compatible={compatible}\n" in update.MANIFEST


def test_the_emulated_board_tells_an_event_that_was_shown_and_is_gone() -> None:
    found = resets.Found()
    found.see('emulated login: [  177.1] edge-alpr-gate[365]: {"id": 8, "plate": "51F12345", "confidence": 0.9}')
    found.see('[  180.2] edge-alpr-gate[365]: {"id": 9, "plate": "29B123456", "confid')  # the plug was pulled
    assert found.see('[ 59.5] python3[333]: BOARD-REPORT {"integrity":"ok","events":[[8,"51F12345"]]}') == "report"
    assert (found.acknowledged, found.lost, found.damaged) == ({8: "51F12345"}, set(), 0)
    found.see('[ 59.5] python3[333]: BOARD-REPORT {"integrity":"malformed","events":[]}')
    assert (found.lost, found.damaged) == ({8}, 1)


@pytest.mark.parametrize(("order", "ok", "tries", "slot"), [
    ("A B", "10", "00", "A"), ("A B", "10", "10", "A"), ("A B", "10", "30", "A"), ("B A", "11", "00", "B"),
    ("B A", "11", "02", "B"), ("B A", "11", "03", "A"), ("B A", "11", "33", "B"), ("B A", "10", "30", "A"),
    ("A B", "01", "00", "B"),
])  # fmt: skip
def test_a_slot_is_tried_three_times_before_the_other_one(
    tmp_path: Path, order: str, ok: str, tries: str, slot: str
) -> None:
    notes = f'ORDER="{order}" A_OK={ok[0]} B_OK={ok[1]} A_TRY={tries[0]} B_TRY={tries[1]}'
    text = grub_in_shell(notes) + "echo $slot $part $A_TRY$B_TRY"
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    chosen, part, now = done.stdout.split()
    assert (chosen, part) == (slot, str(" AB".index(slot) + 1))
    before, after = int(tries["AB".index(slot)]), int(now["AB".index(slot)])
    assert after == (before + 1 if before < 3 else 1)


def grub_in_shell(notes: str) -> str:
    """GRUB's script is close enough to the shell's to be run by it, up to where it loads a kernel."""
    text = (IMAGE / "boot/grub.cfg").read_text()
    text = re.sub(r"\bset (\w+=)", r"\1", text[: text.index("regexp ")])
    return text.replace("load_env", notes).replace("save_env A_TRY B_TRY\n", "")


def test_without_grub_the_same_slot_is_started_and_counted_whatever_the_notes_say() -> None:
    choose = LOADER[LOADER.index("choose() {") : LOADER.index("set -f")]
    given = "ORDER=$order A_OK=$a B_OK=$b A_TRY=$x B_TRY=$y"
    tell = 'echo "$order $a$b $x$y: $slot $A_TRY$B_TRY"'
    values = {"order": "'A B' 'B A' B ''", "a": "0 1", "b": "0 1", "x": "0 1 2 3", "y": "0 1 2 3"}
    loops = "\n".join(f"for {name} in {value}; do" for name, value in values.items())
    said = []
    for rule in (grub_in_shell(given), f"{given}\nchoose\n"):
        script = f"{choose}\n{loops}\n{rule}\n{tell}\n" + "done\n" * 5
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        said.append(done.stdout.splitlines())
    assert said[0] == said[1]
    assert len(said[0]) == 4 * 4 * 16


@pytest.mark.parametrize(("line", "id_of_b", "started"), [
    ("edge-alpr.loader=12ab", "12ab", "same"), ("edge-alpr.loader=12ab", "34cd", "own"),
    ("edge-alpr.loader=12ab rauc.slot=A", "34cd", "grub"), ("", "34cd", "grub"),
])  # fmt: skip
def test_a_slot_is_started_with_the_running_kernel_or_its_own(
    tmp_path: Path, line: str, id_of_b: str, started: str
) -> None:
    tools = {
        "mount": "exit 0",
        "umount": "exit 0",
        "kexec": f'echo "$@" >>{tmp_path}/kexec',
        "grub-editenv": '[ $2 != list ] || exec cat $1; file=$1; shift 2; printf "%s\\n" "$@" >$file',
    }
    files = {f"bin/{name}": f"#!/bin/sh\n{text}" for name, text in tools.items()}
    files["scripts/functions"] = 'panic() { echo "$@"; exit 1; }'
    files["proc/cmdline"] = f"root=PARTUUID=edea1a70-02 quiet {line}\n"
    files["dev/disk/by-partuuid/edea1a70-01"] = files["conf/param.conf"] = ""
    files["run/edge-alpr/slot/boot/id"] = id_of_b
    files["run/edge-alpr/boot/grub/grubenv"] = "ORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=1\n"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    script = re.sub(r"(?<=[\s=<>])/(proc|scripts|dev/disk|run|conf)/", rf"{tmp_path}/\1/", LOADER)
    path = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script], env=path, capture_output=True)
    root = (tmp_path / "conf/param.conf").read_text()
    called = (tmp_path / "kexec").read_text().splitlines() if (tmp_path / "kexec").exists() else []
    arguments = "root=PARTUUID=edea1a70-03 rauc.slot=B quiet"
    if started == "same":
        assert root == f"ROOT={tmp_path}/dev/disk/by-partuuid/edea1a70-03\n", done.stderr
        assert (tmp_path / "run/edge-alpr/cmdline").read_text() == arguments + "\n"
        assert not called
    elif started == "own":
        assert (root, called[1]) == ("", "--exec")
        assert called[0].endswith(f"--command-line={arguments}")
    else:
        assert (root, called) == ("", [])
    counted = (tmp_path / "run/edge-alpr/boot/grub/grubenv").read_text()
    assert ("B_TRY=2" in counted) == (started != "grub")


def test_the_entry_for_raspberry_pi_imager_has_what_its_schema_requires(tmp_path: Path) -> None:
    for name, size in (("image", 3000), ("packed", 100)):
        (tmp_path / name).write_bytes(bytes(size))
    words = ["--board", "rpi", "--version", "1.2", "--address", "edge-alpr-rpi.img.xz", "--date", "2026-01-02"]
    words += ["--image", str(tmp_path / "image"), "--packed", str(tmp_path / "packed")]
    done = subprocess.run([sys.executable, IMAGE / "imager", *words], capture_output=True, text=True, check=True)
    (entry,) = json.loads(done.stdout)["os_list"]
    needed = {"name", "description", "icon", "url", "extract_size", "extract_sha256", "image_download_size"}
    assert needed | {"release_date", "init_format", "devices"} <= set(entry)
    assert (entry["extract_size"], entry["image_download_size"]) == (3000, 100)
    assert entry["init_format"] == "cloudinit"
