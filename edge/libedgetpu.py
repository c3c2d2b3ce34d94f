"""The Edge TPU's library, loaded by name: whether it is there, and whether this TFLite runtime runs a model with it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

from edge.errors import DeviceError

LIBRARY = {"darwin": "libedgetpu.1.dylib", "win32": "edgetpu.dll"}.get(sys.platform, "libedgetpu.so.1")
PROBE_SECONDS = 20
PROBE = "import sys; from edge.runtime import rehearse; rehearse(*sys.argv[1:])"


def find_library() -> None:
    """DeviceError where the library cannot be loaded."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError as problem:
        remedy = "Install libedgetpu1-std, or set device = cpu."
        raise DeviceError(f"The Edge TPU library {LIBRARY} is missing ({problem}). {remedy}") from problem


def library_version() -> str:
    """What the Edge TPU's library says of itself; DeviceError where it cannot be loaded."""
    find_library()
    try:
        told = ctypes.CDLL(LIBRARY).edgetpu_version
    except AttributeError:
        return "of unknown version"
    told.restype = ctypes.c_char_p
    return str((told() or b"").decode(errors="replace"))


def probe(file: Path, device: str) -> str | None:
    """Why a compiled file cannot run on an Edge TPU, or None where it can; a crash stays in the child."""
    try:
        find_library()
    except DeviceError as problem:
        return str(problem)
    command = [sys.executable, "-c", PROBE, str(file), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"The Edge TPU did not answer within {PROBE_SECONDS} seconds. Plug it in again and retry."
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return (
            f"{LIBRARY} crashes with this TFLite runtime (signal {-done.returncode}): they do not belong "
            "together, or the Edge TPU has just been unplugged. Plug it in again; where that does not help, "
            "install a libedgetpu1-std built for TensorFlow 2.16 or newer (16.0TF2.19.1-1)."
        )
    return done.stderr.strip().rsplit("\n", 1)[-1] or f"The probe ended with code {done.returncode}."
