"""A directory that truly cannot be written, also when the tests run as root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def read_only_directory(fill: Callable[[Path], object] = lambda folder: None) -> Iterator[Path]:
    """A filled directory without write permission; root becomes nobody for as long as it is in use."""
    folder = Path(tempfile.mkdtemp(prefix="edge-alpr-"))
    fill(folder)
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)
