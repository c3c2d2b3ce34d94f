"""All looks at one vehicle of a clip as one answer, fused as a stream fuses them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from benchmarks.joined import box_of, meeting
from edge.assembly import open_pipeline
from edge.fusion import fuse
from edge.image import decode_image
from edge.plates.alphabet import canonical
from edge.records import Look
from edge.settings import Settings


def looks_at(folder: Path, labels: list[dict[str, str]], region: str | None) -> dict[str, tuple[str, list[Look]]]:
    """For every labelled vehicle of a clip: its plate, and the looks at it, each a picture read on its own."""
    looks: dict[str, list[Look]] = defaultdict(list)
    truth = {row["seq_id"]: canonical(row["text"]) for row in labels if canonical(row["text"])}
    seen: dict[str, list[Look]] = {}
    with open_pipeline(Settings.load(None, region=region)) as pipeline:
        for row in labels:
            box = box_of(row)
            if row["seq_id"] not in truth or box is None:
                continue
            if row["file"] not in seen:
                seen = {row["file"]: pipeline.read_image(decode_image(folder / row["file"]))}
            which = meeting(box, (look.crop.detection.box for look in seen[row["file"]]))
            if which is not None:
                looks[row["seq_id"]].append(seen[row["file"]][which])
    return {name: (plate, looks[name]) for name, plate in truth.items()}


def fused(folder: Path, labels: list[dict[str, str]], region: str | None) -> list[tuple[str, str, int]]:
    """For every labelled vehicle: its plate, what its looks say together, and how many looks there were."""
    answers = []
    for plate, looks in looks_at(folder, labels, region).values():
        candidates = fuse(looks, region=region)
        answers.append((plate, candidates[0].text if candidates else "", len(looks)))
    return answers
