"""The `vehicles` commands: the registry by hand and by table."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge import lines
from edge.commands import say, settings_of
from edge.errors import BadInput, StoreError
from edge.records import Vehicle
from edge.registry import Registry, key
from edge.store import Store

NOT_FOUND = 1


def import_vehicles(options: Namespace) -> int:
    """Enter a table into the registry, all lines or none."""
    with _registry(options) as registry:
        done = registry.import_csv(
            _whole(options.file), "standard input" if options.file == "-" else options.file
        )
    say(f"{done.added} vehicles added, {done.updated} updated")
    return 0


def export_vehicles(options: Namespace) -> int:
    """Write the registry as a table."""
    with _registry(options, write=False) as registry:
        if options.file == "-":
            registry.export_csv(sys.stdout)
            return 0
        try:
            with open(options.file, "w", encoding="utf-8", newline="") as file:
                count = registry.export_csv(file)
        except OSError as problem:
            if isinstance(problem, StoreError):
                raise
            raise StoreError(
                f"{options.file} cannot be written ({problem.strerror}). Name another."
            ) from problem
    say(f"{count} vehicles written to {options.file}")
    return 0


def add_vehicle(options: Namespace) -> int:
    """Enter or replace one vehicle."""
    vehicle = Vehicle(options.plate, options.owner, options.unit, options.kind, options.status, options.note)
    with _registry(options) as registry:
        added = registry.add(vehicle)
    say(f"{options.plate} {'added' if added else 'updated'}")
    return 0


def remove_vehicle(options: Namespace) -> int:
    """Delete one vehicle."""
    with _registry(options) as registry:
        removed = registry.remove(options.plate)
    say(f"{options.plate} {'removed' if removed else 'is not in the registry'}")
    return 0 if removed else NOT_FOUND


def find_vehicle(options: Namespace) -> int:
    """Look a plate up exactly; where there is none, name those that look like it and why."""
    with _registry(options, write=False) as registry:
        plate = key(options.plate)
        vehicle = registry.find(plate)
        similar = [] if vehicle else registry.similar(plate)
    if options.json:
        say(lines.as_json(lines.found_shape(plate, vehicle, similar)))
    else:
        say(lines.found_lines(plate, vehicle, similar))
    return 0 if vehicle else NOT_FOUND


@contextmanager
def _registry(options: Namespace, *, write: bool = True) -> Iterator[Registry]:
    with Store.open(Path(settings_of(options).store.path), write=write) as store:
        yield store.registry


def _whole(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as problem:
        raise BadInput(f"{name} cannot be read ({problem.strerror}). Check the path.") from problem
