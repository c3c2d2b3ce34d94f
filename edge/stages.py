"""The four released models, opened on one device and put together as the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge.detector import Detector
from edge.pipeline import Pipeline
from edge.quality import Assessor
from edge.reader import Reader
from edge.restorer import Restorer
from edge.runtime import open_model
from edge.settings import Settings

NAMES = ("detector", "quality", "restorer", "reader")


@contextmanager
def open_pipeline(settings: Settings, *, zoo: Path | None = None) -> Iterator[Pipeline]:
    """The pipeline with its models open; ModelMismatch or DeviceError where one cannot be."""
    with ExitStack() as stack:
        detector, quality, restorer, reader = (
            stack.enter_context(open_model(name, device=settings.device, zoo=zoo)) for name in NAMES
        )
        yield Pipeline(
            Detector(detector, settings.detection),
            Assessor(quality),
            Restorer(restorer),
            Reader(reader),
            settings,
        )
