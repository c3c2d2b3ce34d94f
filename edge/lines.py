"""What the commands print: the JSON shapes that others script against, and the lines people read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from edge.finding import Finding
from edge.plates.alphabet import canonical
from edge.plates.regions import display
from edge.records import Candidate, Corners, Image, Look, Vehicle
from edge.registry import Similar
from edge.store import LoggedEvent

EVENT_CSV = (
    *("id", "plate", "confidence", "region", "rows", "quality", "restored", "looks", "source"),
    *("first_seen", "last_seen", "owner", "unit", "kind", "status"),
)


def as_json(shape: dict[str, Any]) -> str:
    """One line of JSON in the letters of the plates."""
    return json.dumps(shape, ensure_ascii=False)


def picture_shape(source: str, image: Image, plates: Iterable[tuple[Look, Vehicle | None]]) -> dict[str, Any]:
    """What `read --json` says of one image."""
    height, width = image.shape[:2]
    shapes = [plate_shape(look, vehicle) for look, vehicle in plates]
    return {"source": source, "width": width, "height": height, "plates": shapes}


def plate_shape(look: Look, vehicle: Vehicle | None) -> dict[str, Any]:
    """One plate of an image: what was read, where, how well, and whose it is."""
    reading, detection = look.reading, look.crop.detection
    box = detection.box
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "box": [round(float(v), 1) for v in (box.x0, box.y0, box.x1, box.y1)],
        "corners": _corners(detection.corners),
        "rows": reading.rows,
        "region": reading.region,
        "quality": round(look.quality.score, 4),
        "restored": look.crop.restored,
        "candidates": _candidates(reading.candidates),
        "vehicle": vehicle_shape(vehicle, reading.text),
    }


def event_shape(logged: LoggedEvent) -> dict[str, Any]:
    """One event of the log, the same from `run --json`, `events --json` and the JSON lines sink."""
    event, box = logged.event, logged.event.box
    return {
        "id": logged.id or None,
        "plate": event.plate,
        "confidence": round(event.confidence, 4),
        "region": event.region,
        "rows": event.rows,
        "quality": round(event.quality, 4),
        "restored": event.restored,
        "looks": event.looks,
        "source": event.source,
        "first_seen": utc(event.first_seen),
        "last_seen": utc(event.last_seen),
        "box": [round(float(v), 1) for v in (box.x0, box.y0, box.x1, box.y1)],
        "candidates": _candidates(event.candidates),
        "vehicle": vehicle_shape(event.vehicle, event.plate),
    }


def vehicle_shape(vehicle: Vehicle | None, read: str) -> dict[str, str] | None:
    """A row of the registry, and whether its plate is the one that was read or a look-alike of it."""
    if vehicle is None:
        return None
    return asdict(vehicle) | {"match": "exact" if _exact(vehicle, read) else "look-alike"}


def event_row(logged: LoggedEvent) -> list[object]:
    """One event as a line of a table with the columns of EVENT_CSV."""
    shape = event_shape(logged)
    vehicle = shape["vehicle"] or {}
    return [shape[column] if column in shape else vehicle.get(column, "") for column in EVENT_CSV]


def event_line(logged: LoggedEvent) -> str:
    """One vehicle for people: when, plate, how sure, how clear, restored or not, region, whose."""
    event = logged.event
    at = datetime.fromtimestamp(event.last_seen).strftime("%Y-%m-%d %H:%M:%S")
    told = _told(event.plate, event.region, event.confidence, event.quality, event.restored)
    return f"{at}  {told}  {_whose(event.vehicle, event.plate)}"


def look_line(look: Look, vehicle: Vehicle | None) -> str:
    """One plate of a single image for people."""
    reading = look.reading
    told = _told(reading.text, reading.region, reading.confidence, look.quality.score, look.crop.restored)
    return f"{told}  {_whose(vehicle, reading.text)}"


def found_shape(plate: str, vehicle: Vehicle | None, similar: Iterable[Similar]) -> dict[str, Any]:
    """What `vehicles find --json` says: the vehicle, else those that look like it and why."""
    near = [asdict(s.vehicle) | {"why": s.explanation, "distance": round(s.distance, 2)} for s in similar]
    return {"plate": plate, "vehicle": vehicle_shape(vehicle, plate), "similar": near}


def found_lines(plate: str, vehicle: Vehicle | None, similar: Iterable[Similar]) -> str:
    """The same for people."""
    near = [
        f"  like {s.vehicle.plate} ({s.explanation}): {_whose(s.vehicle, s.vehicle.plate)}" for s in similar
    ]
    return "\n".join([f"{plate}: {_whose(vehicle, plate)}", *near])


def model_line(shape: dict[str, Any]) -> str:
    """One released model for people."""
    state = "intact" if shape["intact"] else "DAMAGED: reinstall edge-alpr"
    size, millions = shape["bytes"] / 1024, shape["macs"] / 1e6
    cost = f"{size:6.0f} KiB  {shape['parameters']:>8,} parameters  {millions:7.1f} MMAC"
    return f"{shape['name']:11} {shape['version']:7} {cost}  {shape['sha256'][:12]}  {state}"


def finding_line(finding: Finding) -> str:
    """One finding of the doctor for people."""
    told = " ".join(part for part in (finding.message, finding.cause, finding.remedy) if part)
    return f"{('ok', 'warning', 'FAILURE')[finding.level]:8} {finding.name}: {told}"


def utc(time: float) -> str:
    """Seconds since the epoch as ISO 8601."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(text: str, region: str | None, confidence: float, quality: float, restored: bool) -> str:
    clear = f"quality {quality:.2f}  {'restored' if restored else 'as seen':8}"
    return f"{display(text, region):12}  {confidence:4.0%}  {clear}  {region or '-':5}"


def _whose(vehicle: Vehicle | None, read: str) -> str:
    if vehicle is None:
        return "not in the registry"
    told = ", ".join(
        v for v in (vehicle.owner, vehicle.unit, vehicle.kind, vehicle.status, vehicle.note) if v
    )
    return told if _exact(vehicle, read) else f"{told} (taken for {display(vehicle.plate)})"


def _exact(vehicle: Vehicle, read: str) -> bool:
    return vehicle.plate == canonical(read)


def _candidates(candidates: Iterable[Candidate]) -> list[list[str | float]]:
    return [[candidate.text, round(candidate.confidence, 4)] for candidate in candidates]


def _corners(corners: Corners | None) -> list[list[float]] | None:
    return None if corners is None else [[round(float(x), 1), round(float(y), 1)] for x, y in corners]
