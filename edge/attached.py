"""The doctor's look at what is plugged in: Edge TPUs with their library, and cameras."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from edge.camera import is_address, open_source, shown
from edge.corals import HOST, SUPERSPEED, Coral, attached, said
from edge.finding import FAILURE, OK, WARNING, Finding, attempt
from edge.libedgetpu import LIBRARY, probe
from edge.runtime import coral_library
from edge.settings import Filming, Settings

PACKAGES = ("libedgetpu1-std", "libedgetpu1-max")
VERSION = "from edge.libedgetpu import library_version; print(library_version())"
FILM = "import sys; from edge.attached import film; film(sys.argv[1])"
SECONDS = 30


def edge_tpus(settings: Settings, root: Path, zoo: Path) -> Iterator[Finding]:
    """Library and pair, each Edge TPU with driver, permission, USB speed, and whether it runs a model."""
    device = settings.device
    if coral_library() == "impostor":
        cause = "The name pycoral on the package index belongs to an unrelated program (Allen Coral Atlas)."
        yield Finding("pycoral", WARNING, "It is not Coral's and not used.", cause, "Run pip uninstall pycoral.")
    yield _library(device, root)
    found = attached(root)
    if not found:
        yield _absent(device)
    for coral in found:
        yield _state(coral, device, root)
        if coral.speed is not None:
            yield _speed(coral)
    usable = [coral for coral in found if coral.usable and not _users(coral.node, root)]
    if usable and device != "cpu":
        yield _at_work(usable[0], device, zoo)


def cameras(settings: Settings, root: Path) -> Iterator[Finding]:
    """The cameras of the board, and whether the one of the settings gives a picture."""
    source = settings.camera.source
    names = sorted((root / "sys/class/video4linux").glob("video*/name"))
    for name in names:
        device = root / "dev" / name.parent.name
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("camera", OK, f"/dev/{device.name}: {said(name)}")
        else:
            cause = "The user is not in the group video, or the camera has just been unplugged."
            remedy = "Run sudo usermod -aG video $USER, then log in again."
            yield Finding("camera", WARNING, f"/dev/{device.name} may not be opened.", cause, remedy)
    if not names and (source.isdecimal() or source.startswith("/dev/video")):
        cause = "None is plugged in, or its driver is missing (camera modules: see `rpicam-hello --list-cameras`)."
        yield Finding("camera", WARNING, "No V4L2 camera is connected.", cause, "Plug one in, or use --source.")
    elif readers := _readers(shown(source), root):
        yield Finding("picture", OK, f"{shown(source)} is being read by edge-alpr, process {', '.join(readers)}")
    elif source != "-" and root == HOST:
        yield _picture(settings.camera)


def film(settings: str) -> None:
    """Take one picture: what is tried in a process of its own."""
    with open_source(Filming(**json.loads(settings))) as frames:
        image = next(iter(frames)).image
    print(f"{image.shape[1]}x{image.shape[0]}", flush=True)
    os._exit(0)  # a driver that hangs on closing is another matter


def _picture(settings: Filming) -> Finding:
    done = attempt(FILM, json.dumps(asdict(settings)), seconds=SECONDS)
    name = shown(settings.source)
    if done.trouble is None:
        return Finding("picture", OK, f"{name} gives {done.text}")
    cause = re.sub(r"^\w+: ", "", done.trouble)
    where = "the address, the network and the password" if is_address(settings.source) else "camera.source"
    return Finding("picture", FAILURE, f"{name} gives no picture.", cause, f"Check {where}, or stop who uses it.")


def _readers(camera: str, root: Path) -> list[str]:
    """The processes of ours that have the camera open: a V4L2 device gives its pictures to one only."""
    if not camera.startswith("/dev/"):
        return []
    return [pid for pid in _users(root / camera[1:], root) if said(root / "proc" / pid / "comm") == "edge-alpr"]


def _library(device: str, root: Path) -> Finding:
    packaged = _packaged(root)
    done = attempt(VERSION, seconds=SECONDS)
    level = OK if device == "cpu" else WARNING if device == "auto" else FAILURE
    remedy = "Install libedgetpu1-std built for TensorFlow 2.16 or newer (16.0TF2.19.1-1)."
    if done.trouble is not None:
        if device == "cpu":
            return Finding("library", OK, f"{LIBRARY} is not installed; not needed (device = cpu)")
        return Finding("library", level, f"{LIBRARY} cannot be loaded.", done.trouble, remedy)
    told = f"{LIBRARY} {done.text}{f', package {packaged}' if packaged else ''}"
    if packaged and "TF2." not in packaged:
        cause = "It was built for TensorFlow 2.5: newer runtimes have other structures, and the process crashes."
        return Finding("library", level, f"{told} does not belong to the runtime.", cause, remedy)
    return Finding("library", OK, told)


def _packaged(root: Path) -> str | None:
    """The version of Debian's package of the library, None where it was not installed that way."""
    for entry in said(root / "var/lib/dpkg/status").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line[:40])
        if fields.get("Package") in PACKAGES and fields.get("Status", "").endswith(" installed"):
            return fields.get("Version")
    return None


def _absent(device: str) -> Finding:
    level = OK if device == "cpu" else WARNING if device == "auto" else FAILURE
    told = f"No Edge TPU is connected (device = {device})."
    if level == OK:
        return Finding("edgetpu", OK, told)
    cause = "None of the USB ids 1a6e:089a and 18d1:9302 and the PCI id 1ac1:089a is there."
    remedy = "Plug the Coral into a USB 3 port, or set device = cpu."
    return Finding("edgetpu", level, told, cause, remedy)


def _state(coral: Coral, device: str, root: Path) -> Finding:
    """One Edge TPU: its driver, whether it may be opened, and who has it."""
    level = OK if device == "cpu" else WARNING if device == "auto" else FAILURE
    if coral.speed is None and coral.driver != "apex":
        remedy = "Install gasket-dkms and restart; `dmesg | grep apex` says what is wrong."
        return Finding("edgetpu", level, f"{coral}.", "The driver apex is not bound to it.", remedy)
    if coral.node is None or not coral.node.exists():
        return Finding("edgetpu", level, f"{coral}.", "It has no device file.", "Plug it in again, or restart.")
    if not coral.usable:
        group = "plugdev" if coral.speed is not None else "apex"
        cause = f"The user may not open {coral.node}."
        remedy = f"Install the udev rule of libedgetpu1-std, run sudo usermod -aG {group} $USER, log in again."
        return Finding("edgetpu", level, f"{coral}.", cause, remedy)
    users = _users(coral.node, root)
    used = f", in use by process {', '.join(users)}" if users else ""
    return Finding("edgetpu", OK, f"{coral}{used}{'; not used (device = cpu)' if device == 'cpu' else ''}")


def _speed(coral: Coral) -> Finding:
    if (coral.speed or 0) >= SUPERSPEED:
        return Finding("usb", OK, f"{coral.place} runs at {coral.speed} Mbit/s")
    cause = "The port, the hub or the cable is USB 2: an inference takes two to five times as long."
    remedy = "Use a blue port and the cable that came with the Coral."
    return Finding("usb", WARNING, f"{coral.place} runs at {coral.speed} Mbit/s only.", cause, remedy)


def _users(node: Path | None, root: Path) -> list[str]:
    """The processes that have a device file open, as far as this user may see them."""
    if node is None:
        return []
    target, users = "/" + str(node.relative_to(root)), set()
    for link in (root / "proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == target and link.parts[-3] != str(os.getpid()):
                users.add(link.parts[-3])
        except OSError:  # the process has ended, or is another user's
            continue
    return sorted(users, key=int)


def _at_work(coral: Coral, device: str, zoo: Path) -> Finding:
    """Whether the Edge TPU runs a model, tried in a process of its own."""
    compiled = sorted(zoo.glob("*_edgetpu.tflite"))
    if not compiled:
        told, cause = "The CPU reads.", f"No model in {zoo} is compiled for the Edge TPU."
        return Finding("inference", WARNING, told, cause, "Compile them with `python -m convert`.")
    trouble = probe(compiled[0], "edgetpu" if device == "auto" else device)
    if trouble is None:
        return Finding("inference", OK, f"{coral.place} runs {compiled[0].name}")
    cause, _, remedy = trouble.rpartition(". ")
    level = WARNING if device == "auto" else FAILURE
    told = f"{coral.place} does not run {compiled[0].name}."
    return Finding("inference", level, told, cause or trouble, remedy or "Plug it in again.")
