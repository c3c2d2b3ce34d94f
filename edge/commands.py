"""What each command does, thin: settings, the parts it needs, and lines on standard output."""

from __future__ import annotations

import csv
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge import lines
from edge.annotate import open_annotator
from edge.camera import STANDARD_INPUT, keeps_time, open_source, picture_files
from edge.demo import play
from edge.doctor import examine
from edge.errors import BadInput, BadSettings, ModelMismatch
from edge.image import decode_image
from edge.passages import Predecessor, Presence
from edge.pictures import concatenated
from edge.pipeline import Pipeline
from edge.pulse import beating, obeyed
from edge.records import Frame, Look, Vehicle
from edge.released import released
from edge.service import Tell, open_book, serve, waiting
from edge.settings import Settings
from edge.store import LoggedEvent, Store
from edge.supervisor import GAVE_WAY, Orders, supervise

Told = TypeVar("Told")
Command = Callable[[Namespace], int]
Assemble = Callable[[Settings], AbstractContextManager[Pipeline]]
UNITS = {"m": 60, "h": 3600, "d": 86400}


def run(options: Namespace) -> int:
    """Watch a source until it ends: one line per vehicle that has left or is certain."""
    settings = settings_of(options)
    orders = obeyed()
    if options.supervise and orders is None:
        with Store.open(Path(settings.store.path)) as store:
            after = store.last()
        return supervise(options.words, settings, after)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(Path(settings.store.path)))
        pipeline = stack.enter_context(options.assemble(settings))
        frames = stack.enter_context(open_source(settings.camera, waiting))
        presence = Presence(store, pipeline, _before(settings, orders))
        pulse = stack.enter_context(beating(settings, orders))
        listeners: list[Tell] = [_event_json if options.json else _event_line, pulse.tell]
        watchers: list[Callable[[Frame], None]] = [presence.see, pulse.see]
        if options.annotate:
            annotator = stack.enter_context(open_annotator(Path(options.annotate), lambda: pipeline.tracks))
            listeners.append(annotator.tell)
            watchers.append(annotator.see)
        book = stack.enter_context(open_book(store, settings, partial(_tell_all, listeners)))
        recalled = presence.recalled(frames)
        made_room = serve(
            recalled, pipeline, book, partial(_tell_all, watchers), calm=lambda: not pipeline.tracks
        )
    return GAVE_WAY if made_room else 0


def read(options: Namespace) -> int:
    """Read every image on its own; those that cannot be read are told and make the exit code."""
    settings = settings_of(options)
    code = 0
    with options.assemble(settings) as pipeline, _known_vehicles(settings) as find:
        for source, picture in _pictures(options.images):
            try:
                image = decode_image(_bytes_or_path(picture), name=source)
                looks = [pipeline.read_crop(image)] if options.crops else pipeline.read_image(image)
            except BadInput as problem:
                code = problem.exit_code
                told = {"source": source, "error": str(problem)}
                say(lines.as_json(told) if options.json else f"{source}: error: {problem}")
                continue
            plates = [(look, find(look)) for look in looks if look.reading.text]
            if options.json:
                say(lines.as_json(lines.picture_shape(source, image, plates)))
            else:
                say(
                    "\n".join(f"{source}: {lines.look_line(*plate)}" for plate in plates)
                    or f"{source}: no plate"
                )
    return code


def events(options: Namespace) -> int:
    """Search the log."""
    settings = settings_of(options)
    since = None if options.since is None else moment(options.since, time.time())
    with Store.open(Path(settings.store.path), write=False) as store:
        found = store.events(plate=options.plate, since=since)
        if options.csv:
            table = csv.writer(sys.stdout, lineterminator="\n")
            table.writerow(lines.EVENT_CSV)
            table.writerows(lines.event_row(logged) for logged in found)
        else:
            for logged in found:
                (_event_json if options.json else _event_line)(logged)
    return 0


def models(options: Namespace) -> int:
    """List the released models; exit code 70 where a file is not what its manifest says."""
    zoo = settings_of(options).zoo
    shapes = released(Path(zoo)) if zoo else released()
    for shape in shapes:
        say(lines.as_json(shape) if options.json else lines.model_line(shape))
    return 0 if shapes and all(shape["intact"] for shape in shapes) else ModelMismatch.exit_code


def doctor(options: Namespace) -> int:
    """Say what is well and what is not; the exit code is the worst finding's."""
    findings = examine(settings_of(options), root=Path(options.root))
    for finding in findings:
        say(lines.as_json(asdict(finding)) if options.json else lines.finding_line(finding))
    return max(finding.level for finding in findings)


def demo(options: Namespace) -> int:
    """Read the bundled clip with the bundled registry and draw what was found."""
    picture = play(settings_of(options), options.assemble, Path(options.out), _event_line)
    say(f"The vehicles are drawn in {picture}")
    return 0


def moment(text: str, now: float) -> float:
    """A time as people give it: ISO 8601, local unless it says so, or back from now as 90m, 12h, 7d."""
    if back := re.fullmatch(r"(\d+)([mhd])", text):
        return now - int(back[1]) * UNITS[back[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as problem:
        raise BadSettings(
            f"--since {text} is no time. Write 2026-03-31, 2026-03-31T08:00 or 12h."
        ) from problem


def say(line: str) -> None:
    """One line out, at once: who scripts against it does not wait."""
    print(line, flush=True)


def settings_of(options: Namespace) -> Settings:
    """The settings file with the options on top; its own name for every one that was given."""
    given = vars(options)
    source = given.get("camera") or given.get("source")
    return Settings.load(
        options.config,
        region=given.get("region"),
        device=given.get("device"),
        camera={"source": source},
        store={"path": options.db},
    )


def _event_line(logged: LoggedEvent) -> None:
    say(lines.event_line(logged))


def _event_json(logged: LoggedEvent) -> None:
    say(lines.as_json(lines.event_shape(logged)))


def _tell_all(listeners: list[Callable[[Told], None]], told: Told) -> None:
    for listener in listeners:
        listener(told)


def _before(settings: Settings, orders: Orders | None) -> Predecessor:
    after = None if orders is None else orders.after
    return Predecessor(keeps_time(settings.camera), settings.tracking.repeat_seconds, after)


@contextmanager
def _known_vehicles(settings: Settings) -> Iterator[Callable[[Look], Vehicle | None]]:
    """The look-up of single images: in the database where there is one; none is made."""
    path = Path(settings.store.path)
    if not path.exists():
        yield lambda look: None
        return
    with Store.open(path, write=False) as store:
        registry = store.registry
        yield lambda look: registry.match(look.reading.text, look.reading.candidates)


def _pictures(names: list[str]) -> Iterator[tuple[str, bytes | Path | BadInput]]:
    """Every picture with the name it goes by: files, folders' files, standard input's one after the other."""
    for name in names:
        if name == "-":
            pictures = concatenated(partial(os.read, STANDARD_INPUT))
            number = 0
            for number, picture in enumerate(pictures, 1):
                yield "-" if number == 1 else f"-#{number}", picture
            if not number:
                yield "-", b""
        elif Path(name).is_dir():
            try:
                yield from ((str(path), path) for path in picture_files(Path(name)))
            except BadInput as problem:
                yield name, problem
        else:
            yield name, Path(name)


def _bytes_or_path(picture: bytes | Path | BadInput) -> bytes | Path:
    if isinstance(picture, BadInput):
        raise picture
    return picture
