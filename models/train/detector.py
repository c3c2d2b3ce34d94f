"""Train the detector on rendered scenes and, with --photographs, on real frames that may be trained on.

    python -m models.train.detector --batch 16 --epochs 40 --photographs FOLDER …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from models import detector, losses
from models.detector import MAP, SIZE, STRIDE
from models.synth import scene
from models.train import loop
from models.train.feed import Batch

WEIGHTS = {"vn": 0.36, "br": 0.12, "cn": 0.2, "kr": 0.1, "latin": 0.22}


@dataclass
class Maps:
    """What the detector should answer to one scene, on the stride-8 map."""

    heat: np.ndarray
    box: np.ndarray
    corners: np.ndarray
    rows: np.ndarray
    plate: np.ndarray  # where box and rows count
    exact: np.ndarray  # where corners count


def maps(targets: tuple[scene.Target, ...]) -> Maps:
    """Target maps of a scene's plates: a Gaussian of the plate's shape, its geometry in the cells around the centre."""
    blank = {
        name: np.zeros((MAP, MAP, depth), np.float32)
        for name, depth in (("heat", 1), ("box", 4), ("corners", 8), ("rows", 1), ("plate", 1), ("exact", 1))
    }
    out = Maps(**blank)
    ys, xs = np.mgrid[0:MAP, 0:MAP] + 0.5
    for target in targets:
        x0, y0, x1, y1 = (v / STRIDE for v in target.box)
        cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        column, row = min(int(cx), MAP - 1), min(int(cy), MAP - 1)
        spread = np.maximum(0.5, 0.12 * np.array([w, h]))
        bump = np.exp(-((xs - column - 0.5) ** 2) / (2 * spread[0] ** 2) - (ys - row - 0.5) ** 2 / (2 * spread[1] ** 2))
        bump = bump.astype(np.float32)
        out.heat[:, :, 0] = np.maximum(out.heat[:, :, 0], bump)
        near = (
            (np.abs(xs - column - 0.5) <= max(1.0, 0.15 * w))
            & (np.abs(ys - row - 0.5) <= max(1.0, 0.15 * h))
            & (bump > out.plate[:, :, 0])
        )
        out.plate[near, 0] = np.maximum(bump, 0.15)[near]
        out.exact[near, 0] = out.plate[near, 0] * target.exact
        out.box[near] = np.stack([cx - xs, cy - ys, np.full_like(xs, np.log(w)), np.full_like(xs, np.log(h))], -1)[near]
        out.corners[near] = ((target.corners / STRIDE - (cx, cy)) / (w / 2, h / 2)).reshape(8)
        out.rows[near, 0] = target.rows - 1
    return out


@cache
def photographs(folders: tuple[Path, ...]) -> scene.Photographs | None:
    return scene.Photographs(folders) if folders else None


def make(batch: int, folders: tuple[Path, ...], rng: np.random.Generator, progress: float) -> Batch:
    """One batch; degradation rises to full strength over the first half."""
    level = min(1.0, 0.2 + 1.6 * progress)
    scenes = [
        scene.render(rng, size=SIZE, weights=WEIGHTS, level=level, photographs=photographs(folders))
        for _ in range(batch)
    ]
    answers = [maps(s.plates) for s in scenes]
    targets = {name: np.stack([getattr(a, name) for a in answers]) for name in Maps.__dataclass_fields__}
    return np.stack([s.image for s in scenes]), targets


@keras.saving.register_keras_serializable(package="edge_alpr")
class DetectorTrainer(keras.Model):
    """The detector with CenterNet's losses and those of the corners and rows."""

    def __init__(self, net: keras.Model) -> None:
        super().__init__()
        self.net = net

    def call(self, images, training=False):
        return self.net(ops.cast(images, "float32") / 255.0, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = {name: ops.convert_to_tensor(value) for name, value in y.items()}
        heat = losses.centres(y["heat"], y_pred["heat"])
        box = losses.shapes(y["box"], y_pred["box"], y["plate"])
        corners = losses.shapes(y["corners"], y_pred["corners"], y["exact"])
        rows = losses.shapes(y["rows"], y_pred["rows"], y["exact"])
        return ops.mean(heat + 1.0 * box + 0.5 * corners + 0.5 * rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = loop.arguments("detector", epochs=40)
    parser.add_argument(
        "--photographs", type=Path, nargs="*", default=(), help="folders of frames with labels.csv, half trained on"
    )
    parser.set_defaults(batch=16)
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(options.seed)
    net = detector.build()
    loop.train(DetectorTrainer(net), net, partial(make, options.batch, tuple(options.photographs)), options)


if __name__ == "__main__":
    main()
