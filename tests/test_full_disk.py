"""A disk that is really full: a small file system of its own, mounted where nobody else sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def on_a_small_disk(folder: Path, left: int) -> dict[str, Any]:
    """The bundled clip read twice; before the second time all but `left` KiB of the disk were used up."""
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*alone, sys.executable, ROOT / "tests/small_disk.py", folder, left]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["integrity"], found["before"] >= 3) == ("ok", True)
    return found


def test_with_little_room_left_events_are_logged_without_their_pictures(tmp_path: Path) -> None:
    found = on_a_small_disk(tmp_path, 1000)
    assert (found["code"], len(found["out"])) == (0, found["before"]), found["err"]
    assert found["events"] == 2 * found["before"]
    assert found["pictures"] == 0  # a disk of 8 MiB is below the reserve from the start
    assert "events are logged without their pictures" in found["err"]


def test_with_next_to_no_room_left_the_event_is_told_and_nothing_that_was_logged_is_lost(tmp_path: Path) -> None:
    found = on_a_small_disk(tmp_path, 64)
    assert (found["code"], len(found["out"]) >= 1) == (73, True), found["err"]
    assert found["before"] <= found["events"] < 2 * found["before"]
    assert "The disk is full: make room; everything logged before is kept." in found["err"].splitlines()[-1]


def test_with_no_room_at_all_the_run_says_so_and_does_not_begin(tmp_path: Path) -> None:
    found = on_a_small_disk(tmp_path, 0)
    assert (found["code"], found["out"], found["events"]) == (73, [], found["before"]), found["err"]
    assert "The disk is full: make room; everything logged before is kept." in found["err"].splitlines()[-1]
