"""A checked file becomes a release: NAME.tflite, NAME.json (manifest), NAME.md (card), NAME.golden.npz."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edge
from convert import check, flatbuffer, golden
from convert.errors import ConvertError
from edge.manifest import Manifest, Tensor
from edge.plates import alphabet

READERS = ("reader", "wide_reader")  # the models that have an alphabet
PURPOSES = {
    "detector": "Finds licence plates in a whole frame: place, four corners and number of rows of each.",
    "reader": "Reads a rectified plate of any region: character scores per cell, and masks of the text rows.",
    "wide_reader": "Reads what the reader reads in doubt, seen twice as wide, two rows of text side by side.",
    "quality": "Says how readable a rectified plate is and whether restoring it is worth the time.",
    "restorer": "Undoes blur, glare, dirt and low resolution of a rectified plate before it is read.",
}
SAW = {
    "detector": "rendered scenes, 534 dash-cam frames under MIT, and 30 street frames of China (MIT) and Korea "
    "(Apache-2.0), where half of the vehicles are held out",
    "quality": "rendered plates, with the reader as its teacher",
    "restorer": "rendered plates, degraded and clear, with the reader as its judge",
    **dict.fromkeys(
        READERS,
        "rendered plates, and 113 photographed plates of China (Apache-2.0 and MIT) and Korea (Apache-2.0), "
        "where half of the vehicles are held out",
    ),
}
GOLDEN_COUNTS = {"detector": 2}  # pictures; frames are large, and one has more than 2000 cells to compare
GOLDEN_COUNT = 4


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from: what the card says of it."""

    weights: str
    calibration: str
    pictures: int
    settings: dict[str, float] = field(default_factory=dict)
    version: str = edge.__version__
    saw: str | None = None  # None: what the released model of that name saw


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """All that `write` puts into the zoo."""

    data: bytes
    manifest: Manifest
    card: str
    images: NDArray[np.uint8]
    outputs: golden.Arrays


def manifest(name: str, data: bytes, origin: Origin) -> Manifest:
    """The manifest of a file that passes the check."""
    graph = flatbuffer.parse(data)
    check.require(check.check(graph, file=f"{name}.tflite"))
    return Manifest(
        name=name,
        version=origin.version,
        file=f"{name}.tflite",
        sha256=hashlib.sha256(data).hexdigest(),
        parameters=graph.parameters,
        macs=graph.macs,
        inputs=_bound(graph.inputs),
        outputs=_bound(graph.outputs),
        alphabet=alphabet.CHARACTERS if name in READERS else None,
        settings=origin.settings or None,
    )


def _bound(tensors: dict[str, flatbuffer.Tensor]) -> tuple[Tensor, ...]:
    if len({t.name for t in tensors.values()}) != len(tensors):
        raise ConvertError("two inputs or outputs share one tensor; give each output a layer of its own.")
    return tuple(
        Tensor(name, t.name, t.shape, t.dtype, t.scale[0], t.zero_point[0])
        for name, t in sorted(tensors.items())
    )


def card(described: Manifest, graph: flatbuffer.Graph, origin: Origin, differences: dict[str, float]) -> str:
    """The model card in Markdown: purpose, sizes, tensors, operations, how it was made."""
    tensors = "\n".join(
        f"| {side} `{t.name}` | {'×'.join(map(str, t.shape))} | {t.scale:.8g} | {t.zero_point} |"
        for side, group in (("input", described.inputs), ("output", described.outputs))
        for t in group
    )
    counts = Counter((op.name, op.version) for op in graph.ops)
    ops = "\n".join(f"| {name} | {version} | {n} |" for (name, version), n in sorted(counts.items()))
    errors = "\n".join(
        f"| `{t.name}` | {differences[t.name]:.3g} | {differences[t.name] / t.scale:.2f} |"
        for t in described.outputs
    )
    return f"""# {described.name} {described.version}

{PURPOSES.get(described.name, "")}

- parameters {described.parameters:,}; multiply-accumulates {described.macs:,}; SHA-256 `{described.sha256}`
- trained on {origin.saw or SAW.get(described.name, "unknown pictures")}; no other photograph
- weights `{origin.weights}`; training in `docs/training.md`, accuracy in `docs/accuracy.md`
- quantized to uint8 after training with {origin.pictures} pictures of `{origin.calibration}`
- settings of these weights: {described.settings or "none"}

| tensor | shape | scale | zero point |
|---|---|---|---|
{tensors}

Every operation passes the rules of the Edge TPU compiler 16 (`python -m convert.check`); a proof by
rules, not a measurement on the device.

| operation | version | count |
|---|---|---|
{ops}

Mean absolute difference between the float model and this file on the golden pictures:

| output | difference | in steps of the output |
|---|---|---|
{errors}
"""


def release(
    data: bytes, described: Manifest, model: Any, samples: NDArray[np.float32], origin: Origin
) -> Release:
    """A file with its golden pictures and its card; model is the float original."""
    images = golden.pick(samples, count=GOLDEN_COUNTS.get(described.name, GOLDEN_COUNT))
    outputs = golden.run(data, images)
    differences = golden.difference(model, described, images, outputs)
    text = card(described, flatbuffer.parse(data), origin, differences)
    return Release(data, described, text, images, outputs)


def write(made: Release, out: Path) -> None:
    """Write the four files; the manifest last, so that it never names a file that is not there."""
    out.mkdir(parents=True, exist_ok=True)
    name = made.manifest.name
    (out / made.manifest.file).write_bytes(made.data)
    (out / f"{name}.md").write_text(made.card, encoding="utf-8")
    golden.save(out / f"{name}.golden.npz", made.manifest, made.images, made.outputs)
    made.manifest.save(out / f"{name}.json")
