"""Every setting and its default: a TOML file, typed, where an unknown key is an error."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import BadSettings
from edge.plates import REGIONS

Section = TypeVar("Section")
DEVICE = re.compile(r"auto|cpu|edgetpu|usb|pci|(usb|pci):\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filming:
    """Where frames come from: a V4L2 index, an address, a file, a folder or - for standard input."""

    source: str = "0"
    width: int | None = None  # pixels; None takes what the camera offers
    height: int | None = None
    fps: float | None = None
    live: bool | None = None  # True: the newest frame wins; None: cameras and streams yes, files and pipes no
    stall_seconds: float = 10.0  # a stream without a new frame for this long is opened again
    reconnect_seconds: float = 2.0  # first pause before that; it doubles with every failure
    give_up_seconds: float = 60.0  # a source without a frame for this long is an error

    def __post_init__(self) -> None:
        _positive(self, "camera", "width", "height", "fps")
        _positive(self, "camera", "stall_seconds", "reconnect_seconds", "give_up_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detecting:
    """Which boxes count as plates; a threshold of None is the one that belongs to the weights."""

    threshold: float | None = None
    max_plates: int = 20  # per frame
    min_height: float = 6.0  # frame pixels
    thorough: bool | None = None  # True: look from near and by quarters, False: never, None: in single pictures

    def __post_init__(self) -> None:
        _share(self, "detection", "threshold")
        _positive(self, "detection", "max_plates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """When a crop is worth reading and a text worth telling."""

    min_confidence: float = 0.05  # below it a plate counts as unreadable
    sure_confidence: float = 0.9  # below it a crop is read both as it is and restored; 1: always, 0: never
    quality_gate: float = 0.1  # below it a stream reads only the first look at a plate
    max_looks: int = 8  # of a track that are kept and fused, the best ones

    def __post_init__(self) -> None:
        _share(self, "reading", "min_confidence", "sure_confidence", "quality_gate")
        _positive(self, "reading", "max_looks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """When two boxes are one vehicle, and when it has been seen enough."""

    iou: float = 0.3
    reach: float = 3.0  # plate widths a vehicle may move between two frames
    max_age_seconds: float = 1.0  # a track unseen for longer has left
    min_looks: int = 2  # a track with fewer is not yet certain
    certain_confidence: float = 0.98
    repeat_seconds: float = 10.0  # the same plate again within this time is the same passage

    def __post_init__(self) -> None:
        _share(self, "tracking", "iou", "certain_confidence")
        _positive(self, "tracking", "max_age_seconds", "min_looks", "reach", "repeat_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storing:
    """Where the registry and the events with their evidence are kept, and for how long."""

    path: str = "edge-alpr.db"
    retention_days: float | None = None  # None keeps everything
    retention_mb: float | None = None  # above it the oldest pictures go, then the oldest events
    reserve_mb: float = 64.0  # of free disk that is kept for events; below it no pictures are written
    commit_seconds: float = 0.0  # an event may wait so long for others, to be written with them
    backup_dir: str | None = None  # a folder on another disk; None makes no backups
    backup_keep: int = 7  # daily backups

    def __post_init__(self) -> None:
        _positive(self, "store", "retention_days", "retention_mb", "backup_keep")
        _not_negative(self, "store", "reserve_mb", "commit_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """Where events go beside the log."""

    jsonl: str | None = None  # a file that gets one JSON line per event


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a run that never ends is watched, and where it says how it is."""

    hang_seconds: float = 30.0  # a frame that takes longer hangs
    start_seconds: float = 120.0  # until the first frame is asked for
    tpu_retry_seconds: float = 30.0  # while the CPU stands in, the Edge TPU is tried this often
    health: str | None = None  # a JSON file, written anew every second
    metrics: str | None = None  # the same as a Prometheus text file

    def __post_init__(self) -> None:
        _positive(self, "service", "hang_seconds", "start_seconds", "tpu_retry_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; a region of None lets the grammars vote."""

    device: str = "auto"
    region: str | None = None
    zoo: str | None = None  # a folder with models of your own; None takes the released ones
    camera: Filming = field(default_factory=Filming)
    detection: Detecting = field(default_factory=Detecting)
    reading: Deciding = field(default_factory=Deciding)
    tracking: Tracking = field(default_factory=Tracking)
    store: Storing = field(default_factory=Storing)
    sinks: Delivering = field(default_factory=Delivering)
    service: Serving = field(default_factory=Serving)

    def __post_init__(self) -> None:
        if not DEVICE.fullmatch(self.device):
            raise BadSettings(
                f"device = {self.device!r} is not a device. Use auto, cpu, edgetpu, usb:0 or pci:0."
            )
        if self.region is not None and self.region not in REGIONS:
            raise BadSettings(
                f"region = {self.region!r} is unknown{_nearest(self.region, REGIONS)} "
                f"Use one of {', '.join(REGIONS)}, or leave it out to let the grammars vote."
            )

    @classmethod
    def load(cls, path: Path | str | None = None, **overrides: Any) -> Settings:
        """Settings of a TOML file with overrides on top; an override of None stands for "not given".

        A section is overridden by a mapping: `Settings.load(None, camera={"source": "clip.mp4"})`.
        BadSettings for a file that cannot be read, an unknown key or a value of the wrong type or range.
        """
        return _build(cls, _merged(_read(path) if path is not None else {}, overrides), "")


def _read(path: Path | str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as problem:
        raise BadSettings(
            f"The settings file {path} cannot be read ({problem.strerror}). Check the path after --config."
        ) from problem
    except ValueError as problem:  # TOMLDecodeError, UnicodeDecodeError
        raise BadSettings(f"{path} is not valid TOML: {problem}. Correct that line.") from problem


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping):
            below = merged.get(key, {})
            merged[key] = _merged(below if isinstance(below, Mapping) else {}, value)
        elif value is not None:
            merged[key] = value
    return merged


def _build(section: type[Section], values: Mapping[str, Any], prefix: str) -> Section:
    hints = typing.get_type_hints(section)
    for key in values:
        if key not in hints:
            raise BadSettings(f"{prefix}{key} is not a setting{_nearest(key, hints)} See the user guide, Settings.")
    return section(**{key: _value(hints[key], value, f"{prefix}{key}") for key, value in values.items()})


def _value(hint: Any, value: Any, key: str) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise BadSettings(f"{key} is a section: write [{key}] and its settings below.")
        return _build(hint, value, f"{key}.")
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        wanted = " or ".join(kind.__name__ for kind in allowed if kind is not types.NoneType)
        raise BadSettings(f"{key} = {value!r} must be of type {wanted}.")
    return value


def _nearest(key: str, known: typing.Iterable[str]) -> str:
    names = difflib.get_close_matches(key, list(known), 1, 0.5)
    return f"; did you mean {names[0]!r}?" if names else "."


def _positive(section: object, name: str, *keys: str) -> None:
    for key in keys:
        value = getattr(section, key)
        if value is not None and not value > 0:
            raise BadSettings(f"{name}.{key} = {value} must be greater than 0.")


def _not_negative(section: object, name: str, *keys: str) -> None:
    for key in keys:
        if not getattr(section, key) >= 0:
            raise BadSettings(f"{name}.{key} = {getattr(section, key)} must not be less than 0.")


def _share(section: object, name: str, *keys: str) -> None:
    for key in keys:
        value = getattr(section, key)
        if value is not None and not 0 <= value <= 1:
            raise BadSettings(f"{name}.{key} = {value} must lie between 0 and 1.")
