"""The main job on a bundled clip with a bundled registry: one line per vehicle and a picture to look at."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

from edge.annotate import open_annotator
from edge.camera import open_source
from edge.errors import BadInput
from edge.pipeline import Pipeline
from edge.service import open_book, serve
from edge.settings import Settings
from edge.store import LoggedEvent, Store

FOLDER = Path(__file__).parent

Assemble = Callable[[Settings], AbstractContextManager[Pipeline]]


def play(settings: Settings, assemble: Assemble, out: Path, tell: Callable[[LoggedEvent], None]) -> Path:
    """Read the clip, tell its vehicles and draw them; returns the picture.

    The database is a fresh one that is thrown away, so that the demo touches nothing of the user's.
    """
    picture = out / "annotated.png"
    settings = replace(settings, camera=replace(settings.camera, source=str(clip()), live=None))
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-alpr-demo-"))
        store = stack.enter_context(Store.open(Path(scratch) / "demo.db"))
        vehicles = FOLDER / "vehicles.csv"
        store.registry.import_csv(vehicles.read_bytes(), str(vehicles))
        pipeline = stack.enter_context(assemble(settings))
        frames = stack.enter_context(open_source(settings.camera))
        annotator = stack.enter_context(open_annotator(picture, lambda: pipeline.tracks))

        def tell_and_draw(logged: LoggedEvent) -> None:
            tell(logged)
            annotator.tell(logged)

        book = stack.enter_context(open_book(store, settings, tell_and_draw))
        serve(frames, pipeline, book, annotator.see)
    return picture


def clip() -> Path:
    """The bundled clip, whatever its container; BadInput where the installation lacks it."""
    found = sorted(FOLDER.glob("clip.*"))
    if not found:
        raise BadInput(f"{FOLDER} holds no clip. Reinstall edge-alpr.")
    return found[0]
