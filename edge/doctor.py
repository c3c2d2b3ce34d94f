"""What is well with this machine and what is not: every finding with its remedy.

What could crash the process (interpreters, the Edge TPU's library) is tried in a process of its own.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from edge.attached import cameras, edge_tpus
from edge.clock import synchronized
from edge.corals import HOST
from edge.errors import EdgeError
from edge.finding import FAILURE, OK, WARNING, Finding, attempt
from edge.manifest import Manifest
from edge.released import NAMES
from edge.runtime import ZOO, open_model, runtimes
from edge.settings import Settings
from edge.store import Store
from edge.vitals import vitals

ROOM = 500 << 20  # bytes of free disk below which to warn
BUILT = 1_700_000_000  # seconds since the epoch; a clock before this has never been set
STEPS = {"cpu": 1.0, "edgetpu": 3.0}  # mean quantization steps by which a replayed model may differ
SECONDS = 120
REPLAY = "import sys; from edge.doctor import replay; print(replay(*sys.argv[1:]))"
RUNTIME = "from edge.runtime import imported; print(imported())"


def examine(settings: Settings, *, root: Path = HOST, zoo: Path = ZOO) -> list[Finding]:
    """Everything edge-alpr stands on, in the order in which to repair it; `root` holds /sys, /proc and /dev."""
    zoo = Path(settings.zoo) if settings.zoo else zoo
    database = Path(settings.store.path)
    tpu = list(edge_tpus(settings, root, zoo))
    at_work = any(finding.name == "inference" and finding.level == OK for finding in tpu)
    return [
        *vitals(root),
        _python(),
        _runtime(),
        *tpu,
        *cameras(settings, root),
        _disk(database),
        _clock(time.time(), root),
        _database(database),
        *(_model(name, zoo, "cpu") for name in NAMES),
        *(_model(name, zoo, "edgetpu") for name in NAMES if at_work and _compiled(zoo, name)),
    ]


def replay(name: str, zoo: str, device: str = "cpu") -> float:
    """Mean difference in quantization steps between a model on this device and its golden outputs."""
    with open_model(name, device=device, zoo=Path(zoo)) as model, np.load(golden(Path(zoo), name)) as recorded:
        (given,) = model.manifest.inputs
        differences = []
        for number, image in enumerate(recorded[f"in_{given.name}"]):
            real = model(**{given.name: image})
            for tensor in model.manifest.outputs:
                wanted = recorded[f"out_{tensor.name}"][number].astype(np.float32)
                found = real[tensor.name][0] / np.float32(tensor.scale) + np.float32(tensor.zero_point)
                differences.append(float(np.abs(found - wanted).mean()))
    return max(differences)


def golden(zoo: Path, name: str) -> Path:
    """Where a model's recorded inputs and outputs lie."""
    return zoo / f"{name}.golden.npz"


def _python() -> Finding:
    return Finding("python", OK, f"{platform.python_version()} at {sys.executable}")


def _runtime() -> Finding:
    """The TFLite runtime, imported in a process of its own."""
    present = runtimes()
    told = ", ".join(f"{name} {version}" for name, version in present.items()) or "None"
    done = attempt(RUNTIME, seconds=SECONDS)
    if done.trouble is None:
        return Finding("runtime", OK, f"{told}; {done.text} is used")
    remedy = "Run pip install ai-edge-litert; tflite-runtime needs 'numpy<2'."
    return Finding("runtime", FAILURE, f"{told} can be used as TFLite runtime.", done.trouble, remedy)


def _disk(database: Path) -> Finding:
    folder = next(path for path in database.absolute().parents if path.exists())
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        cause = "It belongs to another user, or the disk is mounted read-only (a card that fails does that)."
        remedy = "Remount it, or set store.path elsewhere."
        return Finding("disk", FAILURE, f"{folder} cannot be written.", cause, remedy)
    if free < ROOM:
        told, cause = f"{free >> 20} MiB are free in {folder}.", "The disk is nearly full."
        return Finding("disk", WARNING, told, cause, "Make room, or set store.retention_days.")
    return Finding("disk", OK, f"{free >> 30} GiB are free in {folder}")


def _clock(now: float, root: Path) -> Finding:
    told = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now))
    remedy = "Connect the network once, set the time with `sudo date -s`, or add a battery-backed clock."
    if now < BUILT:
        return Finding("clock", FAILURE, f"It is not {told}.", "Nobody has set the clock since the start.", remedy)
    if not synchronized(root / "run") and not list((root / "sys/class/rtc").glob("rtc*")):
        cause = "The time came neither from the network nor from a battery-backed clock since the start."
        return Finding("clock", WARNING, f"{told} may be wrong.", cause, remedy)
    return Finding("clock", OK, told)


def _database(path: Path) -> Finding:
    if not path.exists():
        return Finding("database", OK, f"{path} does not exist yet; the first run makes it")
    try:
        with Store.open(path, write=False) as store:
            vehicles, events = store.size()
    except EdgeError as problem:
        return Finding("database", FAILURE, f"{path} cannot be used.", *_halves(str(problem)))
    return Finding("database", OK, f"{path} holds {vehicles} vehicles and {events} events")


def _model(name: str, zoo: Path, device: str) -> Finding:
    """A model replayed in a process of its own."""
    title = f"model {name}" if device == "cpu" else f"model {name} on the Edge TPU"
    try:
        manifest = Manifest.load(zoo / f"{name}.json")
    except EdgeError as problem:
        return Finding(title, FAILURE, "It cannot be opened.", *_halves(str(problem)))
    if not golden(zoo, name).exists():
        cause = "Its file of golden outputs is missing."
        remedy = "Reinstall edge-alpr to be able to replay it."
        return Finding(title, WARNING, f"{manifest.version} cannot be replayed.", cause, remedy)
    done = attempt(REPLAY, name, str(zoo), device, seconds=SECONDS)
    if done.trouble is not None:
        return Finding(title, FAILURE, "It broke.", done.trouble, "Reinstall edge-alpr and its runtime.")
    steps = float(done.text.split()[-1])
    if steps > STEPS[device]:
        told = f"It computes otherwise than when released ({steps:.2f} steps)."
        cause = "The runtime, or the library of the Edge TPU, computes something else."
        return Finding(title, FAILURE, told, cause, "Install another version of it.")
    return Finding(title, OK, f"{manifest.version} computes as when released ({steps:.3f} steps)")


def _compiled(zoo: Path, name: str) -> bool:
    return (zoo / f"{name}_edgetpu.tflite").exists()


def _halves(text: str) -> tuple[str, str]:
    """What went wrong and what to do, of an error's message."""
    cause, _, remedy = text.rstrip(".").rpartition(". ")
    return (f"{cause}.", f"{remedy}.") if cause else (f"{remedy}.", "See the message.")
