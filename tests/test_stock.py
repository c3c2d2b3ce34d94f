"""What `python -m tests.board.stock` does before it starts an emulator: its disk, and its two halves in step."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.board import stock

WALK = Path(stock.__file__).with_suffix(".sh")


def asked(disk: Path, request: str) -> str:
    """What debugfs answers."""
    return subprocess.run(["debugfs", "-R", request, disk], capture_output=True, text=True).stdout


def test_the_walk_tells_everything_that_is_judged_and_is_clean_for_shellcheck() -> None:
    told = set(re.findall(r"^ +(?:tell|try|reads|left) (\w+)", WALK.read_text(), re.MULTILINE))
    assert len(stock.WANTED) >= 15
    assert stock.WANTED.keys() - told == set()
    done = subprocess.run(["shellcheck", WALK], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_disk_holds_the_tree_the_installer_the_wheels_and_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")  # mke2fs and debugfs lie where root looks
    tree, wheels, work = tmp_path / "tree", tmp_path / "wheels", tmp_path / "work"
    for folder in (tree / "boot", tree / "srv", tree / "etc/systemd/system/multi-user.target.wants", wheels, work):
        folder.mkdir(parents=True)
    for file in (tree / "boot/vmlinuz-6", tree / "boot/initrd.img-6", wheels / "edge_alpr-1-py3-none-any.whl"):
        file.write_text(file.name)
    subprocess.run(["tar", "-C", tree, "-cf", tmp_path / "debian.tar", "."], check=True)
    disk, start = stock.prepare(tmp_path / "debian.tar", wheels, work)
    assert [Path(word).read_text() for word in start if "/" in word and "=" not in word] == [
        "vmlinuz-6",
        "initrd.img-6",
    ]
    for place in (
        "stock.sh",
        "clip.mp4",
        "libedgetpu.deb",
        "edge-alpr/systemd/install",
        "wheelhouse",
        "edge-alpr/dist",
    ):
        assert "Inode:" in asked(disk, f"stat /srv/{place}"), place
    assert asked(disk, "cat /srv/stock.sh") == WALK.read_text()
    assert not (work / "root").exists()
