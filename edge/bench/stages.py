"""The stages of a frame's way, each ready to be called alone on pictures of the bundled clip."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from edge import ctc
from edge.assembly import assembled, open_zoo
from edge.bench.timing import Stage
from edge.camera import open_source
from edge.demo import clip
from edge.detector import Detector, decode_maps, suppress
from edge.errors import BadInput
from edge.fusion import fuse
from edge.image import letterbox_into, rectify
from edge.pipeline import Pipeline
from edge.plates.decide import conclude, fold
from edge.quality import Assessor
from edge.reader import Reader
from edge.records import Detection, Event, Frame, Look, PlateCrop
from edge.released import NAMES
from edge.restorer import Restorer
from edge.runtime import Model, open_model
from edge.settings import Settings
from edge.store import Store
from edge.tracker import Tracker
from edge.wide import WIDE

HERE = Path(__file__).parent
SEED = "seed"  # the Korean paper's net with random weights: every latency is also told as a ratio to it
LOOKS = 4  # that are fused


@dataclass(frozen=True, slots=True, eq=False)
class Kit:
    """The opened models, and parts made of them as the service has them."""

    models: dict[str, Model]
    detector: Detector
    assessor: Assessor
    restorer: Restorer
    reader: Reader
    wide_reader: Reader
    settings: Settings

    @property
    def on_cpu(self) -> bool:
        """Whether all of the product's models run on the CPU."""
        return all(self.models[name].device == "cpu" for name in NAMES)

    @property
    def busy(self) -> float:
        """Seconds that the interpreters of the product's models have worked so far."""
        return sum(self.models[name].busy for name in NAMES)


@contextmanager
def open_kit(settings: Settings) -> Iterator[Kit]:
    """All models of the settings' zoo on its device, and the seed net on the CPU."""
    with open_zoo(settings) as models, open_model(SEED, device="cpu", zoo=HERE) as seed:
        yield Kit({**models, SEED: seed}, *assembled(models, settings), settings)


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Frames of the bundled clip: runs in which one vehicle stands, and frames in which none does."""

    vehicles: tuple[tuple[Frame, ...], ...]
    empty: tuple[Frame, ...]
    plate: tuple[Frame, Detection]  # the surest detection of all


def scenes(kit: Kit, stay: int) -> Scenes:
    """Runs of `stay` frames with a vehicle; BadInput where the models find none in the clip."""
    filming = replace(kit.settings.camera, source=str(clip()), live=None, fps=None)
    runs: list[tuple[Frame, ...]] = []
    empty: list[Frame] = []
    surest: tuple[Frame, Detection] | None = None
    with open_source(filming) as source:
        for some, group in itertools.groupby(((f, kit.detector.detect(f.image)) for f in source), lambda x: bool(x[1])):
            found = list(group)
            if not some:
                empty += [frame for frame, _ in found][: stay - len(empty)]
                continue
            best = max(((frame, plates[0]) for frame, plates in found), key=lambda x: x[1].score)
            surest = best if surest is None or best[1].score > surest[1].score else surest
            if len(found) >= stay:
                begin = (len(found) - stay) // 2
                runs.append(tuple(frame for frame, _ in found[begin : begin + stay]))
    if surest is None or not runs:
        raise BadInput("The models see no vehicles in the bundled clip. Reinstall edge-alpr.")
    if not empty:
        raise BadInput("The models see a vehicle in every frame of the bundled clip. Reinstall edge-alpr.")
    return Scenes(tuple(runs), tuple(empty), surest)


@contextmanager
def open_stages(kit: Kit, made: Scenes) -> Iterator[dict[str, Stage]]:
    """Every stage by name; the database is a fresh one on the disk of the temporary files."""
    frame, plate = made.plate
    with tempfile.TemporaryDirectory(prefix="edge-alpr-bench-") as folder, Store.open(Path(folder) / "b.db") as store:
        yield {**_nets(kit, frame, plate), **_host(kit, frame, plate), "database": _database(kit, frame, store)}


def _nets(kit: Kit, frame: Frame, plate: Detection) -> dict[str, Stage]:
    """The networks alone, on what they see in the clip."""
    crop = rectify(frame.image, plate.corners or plate.box)
    kit.detector.detect(frame.image)
    for name in ("quality", "restorer", "reader", SEED):
        kit.models[name](crop=crop)
    kit.models["wide_reader"](crop=rectify(frame.image, plate.corners or plate.box, WIDE))
    return {name: kit.models[name].again for name in (*NAMES, SEED)}


def _host(kit: Kit, frame: Frame, plate: Detection) -> dict[str, Stage]:
    """What happens on the processor before, between and after the networks."""
    size = kit.models["detector"].manifest.inputs[0].shape[1:3]
    canvas = np.empty((size[0], size[1], 3), np.uint8)
    maps, way_back = kit.models["detector"].on(partial(letterbox_into, image=frame.image))
    stride, threshold, shape = size[0] // maps["heat"].shape[1], plate.score / 2, frame.image.shape[:2]
    crop = PlateCrop(rectify(frame.image, plate.corners or plate.box), plate)
    outputs = kit.models["reader"](crop=crop.image)
    look = Look(crop, kit.assessor.assess(crop), kit.reader.read(crop))
    tracker = Tracker(kit.settings.tracking)

    def text() -> object:
        logits = ctc.contract(outputs["classes"], outputs["masks"])
        return conclude(fold(ctc.log_softmax(logits)), kit.settings.region)

    return {
        "letterbox": lambda: letterbox_into(canvas, frame.image),
        "boxes": lambda: suppress(decode_maps(maps, threshold, stride, way_back, (shape[0], shape[1]))),
        "rectify": lambda: rectify(frame.image, plate.corners or plate.box),
        "text": text,
        "tracking": lambda: tracker.update([plate], frame),
        "fusion": lambda: fuse([look] * LOOKS, region=kit.settings.region),
    }


def _database(kit: Kit, frame: Frame, store: Store) -> Callable[[], object]:
    """One event looked up and committed with its picture, down to the disk."""
    event = event_of(kit, frame)

    def log() -> object:
        vehicle = store.registry.match(event.plate, event.candidates)
        return store.add(replace(event, vehicle=vehicle))

    return log


def event_of(kit: Kit, frame: Frame) -> Event:
    """What the service would log of a vehicle in this frame, read once."""
    pipeline = new_pipeline(kit)
    pipeline.process(frame)
    events = pipeline.finish()
    if not events:
        raise BadInput("The models read no plate in the bundled clip. Reinstall edge-alpr.")
    return events[0]


def new_pipeline(kit: Kit) -> Pipeline:
    return Pipeline(kit.detector, kit.assessor, kit.restorer, kit.reader, kit.wide_reader, kit.settings)

