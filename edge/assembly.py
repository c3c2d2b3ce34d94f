"""Puts the pipeline together from the released models and the settings."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge.detector import Detector
from edge.pipeline import Pipeline
from edge.quality import Assessor
from edge.reader import Reader
from edge.released import NAMES
from edge.restorer import Restorer
from edge.runtime import Model, open_model
from edge.settings import Settings

log = logging.getLogger(__name__)


@contextmanager
def open_zoo(settings: Settings, *, zoo: Path | None = None) -> Iterator[dict[str, Model]]:
    """The released models by name on the device of the settings; ModelMismatch or DeviceError where one cannot be."""
    folder = zoo or (Path(settings.zoo) if settings.zoo else None)
    with ExitStack() as stack:
        yield {name: stack.enter_context(open_model(name, device=settings.device, zoo=folder)) for name in NAMES}


def assembled(
    models: Mapping[str, Model], settings: Settings
) -> tuple[Detector, Assessor, Restorer, Reader, Reader]:
    """The stages that the models do, in the order of the pipeline."""
    return (
        Detector(models["detector"], settings.detection),
        Assessor(models["quality"]),
        Restorer(models["restorer"]),
        Reader(models["reader"]),
        Reader(models["wide_reader"]),
    )


@contextmanager
def open_pipeline(settings: Settings, *, zoo: Path | None = None) -> Iterator[Pipeline]:
    """A pipeline of the released models; ModelMismatch or DeviceError where it cannot be had."""
    with open_zoo(settings, zoo=zoo) as models:
        log.info("models run on %s", {name: model.device for name, model in models.items()})
        missed = [model for model in models.values() if model.reason]
        if missed:
            log.warning("%d of %d models run on the CPU. %s", len(missed), len(models), missed[0].reason)
        yield Pipeline(*assembled(models, settings), settings)
