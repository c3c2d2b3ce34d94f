"""A small disk with so many KiB left, and the real command on it: `unshare --mount python small_disk.py DIR KIB`."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from edge.demo import clip

SIZE = 8 << 20  # bytes


def main(folder: Path, left: int) -> dict[str, object]:
    """What the run said, how it ended, and what is in its log."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=True)
    database = folder / "gate.db"
    edge("vehicles", "add", "51F12345", "--owner", "Lan", "--db", database)
    before = edge("run", "--source", clip(), "--device", "cpu", "--region", "vn", "--db", database)
    assert before.returncode == 0, before.stderr
    fill(folder, left << 10)
    done = edge("run", "--source", clip(), "--device", "cpu", "--region", "vn", "--db", database)
    (folder / "filler").unlink()
    with closing(sqlite3.connect(database)) as store:
        (events,), (pictures,), (integrity,) = (
            store.execute(query).fetchone()
            for query in ("SELECT count(*) FROM events", "SELECT count(*) FROM evidence", "PRAGMA integrity_check")
        )
    told = {"code": done.returncode, "out": done.stdout.splitlines(), "err": done.stderr, "integrity": integrity}
    return told | {"events": events, "pictures": pictures, "before": len(before.stdout.splitlines())}


def fill(folder: Path, left: int) -> None:
    """Write a file that leaves so many bytes."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            filler.truncate(max(0, filler.tell() - left))


def edge(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
