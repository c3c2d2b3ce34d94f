"""What is well with this machine and what is not: every finding with its remedy.

What could crash the process (interpreters, the Edge TPU's library) is tried in a process of its own.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from edge import board
from edge.errors import EdgeError
from edge.manifest import Manifest
from edge.released import NAMES
from edge.runtime import INTERPRETERS, ZOO, open_model, probe
from edge.settings import Settings
from edge.store import Store

OK, WARNING, FAILURE = 0, 1, 2
CORALS = {("1a6e", "089a"): "not yet started", ("18d1", "9302"): "started"}  # USB vendor and product
ROOM = 500 << 20  # bytes of free disk below which to warn
BUILT = 1_700_000_000  # seconds since the epoch; a clock before this has never been set
STEPS = 1.0  # mean quantization steps by which a replayed model may differ
REPLAY_SECONDS = 120
REPLAY = "import sys; from edge.doctor import replay; print(replay(sys.argv[1], sys.argv[2]))"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; level is 0 for well, 1 for a warning, 2 for a failure."""

    name: str
    level: int
    message: str
    remedy: str = ""


def examine(settings: Settings, *, sys_root: Path = Path("/sys"), zoo: Path = ZOO) -> list[Finding]:
    """Everything edge-alpr stands on, in the order in which to repair it."""
    database = Path(settings.store.path)
    return [
        _board(),
        _python(),
        _runtime(),
        *_heat(sys_root),
        *_power(sys_root),
        _edgetpu(settings.device, sys_root, zoo),
        *_cameras(sys_root),
        _disk(database),
        _clock(time.time()),
        _database(database),
        *(_model(name, zoo) for name in NAMES),
    ]


def replay(name: str, zoo: str) -> float:
    """Mean difference in quantization steps between a model here and its golden outputs, on the CPU."""
    with open_model(name, device="cpu", zoo=Path(zoo)) as model, np.load(golden(Path(zoo), name)) as recorded:
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


def _board() -> Finding:
    model = Path("/proc/device-tree/model")
    board = model.read_text().strip("\0\n ") if model.exists() else "a computer"
    return Finding(
        "board", OK, f"{board}, {platform.machine()}, {os.cpu_count()} cores, {platform.platform()}"
    )


def _python() -> Finding:
    return Finding("python", OK, f"{platform.python_version()} at {sys.executable}")


def _runtime() -> Finding:
    present = [name.partition(".")[0] for name in INTERPRETERS if find_spec(name.partition(".")[0])]
    if not present:
        return Finding(
            "runtime", FAILURE, "No TFLite runtime is installed.", "Run pip install ai-edge-litert."
        )
    return Finding("runtime", OK, present[0])


def _edgetpu(device: str, sys_root: Path, zoo: Path) -> Finding:
    found = [*_usb_corals(sys_root), *(str(path) for path in sorted(Path("/dev").glob("apex_*")))]
    if found:
        return _edgetpu_at_work(", ".join(found), device, zoo)
    level = OK if device == "cpu" else WARNING if device == "auto" else FAILURE
    remedy = "" if device == "cpu" else "Plug the Coral into a USB 3 port, or set device = cpu."
    return Finding("edgetpu", level, f"No Edge TPU is connected (device = {device}).", remedy)


def _edgetpu_at_work(found: str, device: str, zoo: Path) -> Finding:
    """Whether the connected Edge TPU runs a model, tried in a process of its own."""
    compiled = sorted(zoo.glob("*_edgetpu.tflite"))
    if device == "cpu":
        return Finding("edgetpu", OK, f"{found}; not used (device = cpu)")
    if not compiled:
        remedy = "Compile them with `python -m convert`; until then the CPU reads."
        return Finding("edgetpu", WARNING, f"{found}, but no model is compiled for it.", remedy)
    trouble = probe(compiled[0], "edgetpu" if device == "auto" else device)
    return Finding("edgetpu", FAILURE, f"{found}: {trouble}") if trouble else Finding("edgetpu", OK, found)


def _heat(sys_root: Path) -> Iterator[Finding]:
    for zone, degrees in board.temperatures(sys_root):
        hot = degrees > board.HOT
        remedy = "Add a heat sink or a fan: a hot board slows down." if hot else ""
        yield Finding("temperature", WARNING if hot else OK, f"{degrees:.0f} degrees C in {zone}", remedy)


def _power(sys_root: Path) -> Iterator[Finding]:
    """What a Raspberry Pi's firmware complains of, now or since the start; nothing where nothing is wrong."""
    state = board.look(sys_root)
    told = [*state.troubles, *(f"{trouble} since the start" for trouble in state.had)]
    if told:
        remedy = "Use the board's own power supply, a short cable, and a heat sink or fan."
        yield Finding("power", WARNING, f"{', '.join(told)}.", remedy)


def _usb_corals(sys_root: Path) -> Iterator[str]:
    for vendor in sorted(sys_root.glob("bus/usb/devices/*/idVendor")):
        ids = vendor.read_text().strip(), vendor.with_name("idProduct").read_text().strip()
        if ids in CORALS:
            yield f"Coral USB {':'.join(ids)} at {vendor.parent.name}, {CORALS[ids]}"


def _cameras(sys_root: Path) -> Iterator[Finding]:
    names = sorted(sys_root.glob("class/video4linux/video*/name"))
    for name in names:
        device = Path("/dev") / name.parent.name
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("camera", OK, f"{device}: {name.read_text().strip()}")
        else:
            yield Finding(
                "camera", WARNING, f"{device} may not be opened.", "Add the user to the group video."
            )
    if not names:
        yield Finding("camera", WARNING, "No V4L2 camera is connected.", "Plug one in, or use --source.")


def _disk(database: Path) -> Finding:
    folder = next(path for path in database.absolute().parents if path.exists())
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk", FAILURE, f"{folder} cannot be written.", "Remount it, or set store.path elsewhere."
        )
    if free < ROOM:
        return Finding("disk", WARNING, f"{free >> 20} MiB are free in {folder}.", "Make room for events.")
    return Finding("disk", OK, f"{free >> 30} GiB are free in {folder}")


def _clock(now: float) -> Finding:
    told = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now))
    if now < BUILT:
        return Finding("clock", FAILURE, f"It is not {told}.", "Set the clock, or add a battery-backed one.")
    return Finding("clock", OK, told)


def _database(path: Path) -> Finding:
    if not path.exists():
        return Finding("database", OK, f"{path} does not exist yet; the first run makes it")
    try:
        with Store.open(path, write=False) as store:
            vehicles, events = store.size()
    except EdgeError as problem:
        return Finding("database", FAILURE, str(problem))
    return Finding("database", OK, f"{path} holds {vehicles} vehicles and {events} events")


def _model(name: str, zoo: Path) -> Finding:
    title = f"model {name}"
    try:
        manifest = Manifest.load(zoo / f"{name}.json")
    except EdgeError as problem:
        return Finding(title, FAILURE, str(problem))
    if not golden(zoo, name).exists():
        remedy = "Reinstall edge-alpr to be able to replay it."
        return Finding(title, WARNING, f"{manifest.version} has no golden outputs.", remedy)
    command = [sys.executable, "-c", REPLAY, name, str(zoo)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=REPLAY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Finding(title, FAILURE, f"It did not finish in {REPLAY_SECONDS} s.", "Stop other programs.")
    if done.returncode:
        return Finding(
            title, FAILURE, f"It broke: {_last_line(done)}", "Reinstall edge-alpr and its runtime."
        )
    steps = float(done.stdout.split()[-1])
    if steps > STEPS:
        message = f"It computes otherwise than when released ({steps:.2f} steps)."
        return Finding(title, FAILURE, message, "Install another version of the runtime.")
    return Finding(title, OK, f"{manifest.version} computes as when released ({steps:.3f} steps)")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
