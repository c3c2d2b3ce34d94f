"""JSON lines: every event once more in a file, in the shape of `run --json`, at least once."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import StoreError
from edge.lines import as_json, event_shape
from edge.store import Store


def deliver(store: Store, path: Path) -> int:
    """Append what this file has not got yet, down to the disk, and remember it; returns how many lines."""
    sink = f"jsonl:{path.absolute()}"
    waiting = list(store.undelivered(sink))
    if not waiting:
        return 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(as_json(event_shape(logged)) + "\n" for _, logged in waiting)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        raise StoreError(
            f"{path} cannot be written ({problem.strerror}). Correct sinks.jsonl; its events wait."
        ) from problem
    store.delivered(sink, waiting[-1][0])
    return len(waiting)
