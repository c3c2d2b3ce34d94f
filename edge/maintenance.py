"""The commands that keep a database for years: maintain, backup, restore."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from edge import upkeep
from edge.clock import Clock
from edge.commands import say, settings_of
from edge.store import Store


def maintain(options: Namespace) -> int:
    """Hold the retention, correct times in doubt and make today's backup, as the settings say."""
    settings = settings_of(options).store
    path = Path(settings.path)
    if not path.exists():
        say(f"There is no database {path} yet: nothing to do")
        return 0
    with Store.open(path) as store:
        truth = Clock().truth(trusted=options.trust_clock)
        corrected = store.correct(truth) if truth else 0
        events, pictures = upkeep.hold(store, settings, time.time())
    say(f"{events} events and {pictures} more pictures deleted, {corrected} times corrected")
    if settings.backup_dir is not None:
        made = upkeep.rotate(path, Path(settings.backup_dir), settings.backup_keep, time.time())
        say(f"{made} holds today's backup, {made.stat().st_size} bytes")
    return 0


def backup(options: Namespace) -> int:
    """Copy the database, in use or not, into one file."""
    size = upkeep.backup(Path(settings_of(options).store.path), Path(options.file))
    say(f"{options.file} holds the backup, {size} bytes")
    return 0


def restore(options: Namespace) -> int:
    """Put a backup in the place of the database."""
    path = Path(settings_of(options).store.path)
    aside = upkeep.restore(Path(options.file), path)
    say(f"{path} is restored from {options.file}" + (f"; what it held is in {aside}" if aside else ""))
    return 0
