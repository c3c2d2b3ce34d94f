"""What quantizing cost, on real plates: the float network, the uint8 file and, where there is one, the Edge TPU.

    python -m convert.compare FOLDER…                    # folders of plates already cut out
    python -m convert.compare FOLDER… --device edgetpu   # with the compiled files on the Edge TPU as well

A FOLDER with labels.csv (columns file and text) also tells how many plates each of them reads. Exit code 1 where the
uint8 reader loses more than half a point: then post-training quantization does not do, and it must be trained with
fake quantization.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import quantize
from convert.__main__ import trained
from convert.errors import ConvertError
from edge.camera import picture_files
from edge.errors import EdgeError
from edge.image import decode_image, fill, letterbox
from edge.manifest import Manifest
from edge.plates.alphabet import canonical
from edge.reader import Reader
from edge.records import Detection, Image, PlateCrop
from edge.runtime import open_model

NAMES = ("quality", "restorer", "reader", "wide_reader", "detector")
BEARABLE = 0.005  # of exact match that uint8 may lose
Outputs = dict[str, NDArray[np.float32]]
Network = Callable[..., Outputs]


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture of a plate; the text is None where nobody has labelled it."""

    image: Image
    text: str | None


class Float:
    """A network as it was trained, called like an opened model."""

    def __init__(self, name: str, weights: Path, manifest: Manifest) -> None:
        self._model, self.manifest = trained(name, weights), manifest
        _, tensorflow = quantize.keras_on_tensorflow()
        self._graph = tensorflow.function(lambda image: self._model(image, training=False))

    def __call__(self, **inputs: NDArray[np.uint8]) -> Outputs:
        (image,) = inputs.values()
        result = self._graph(image[np.newaxis] / np.float32(255))
        return {name: np.asarray(value) for name, value in quantize.named_outputs(self._model, result).items()}


def plates(folders: Iterable[Path]) -> Iterator[Plate]:
    """The pictures of folders; where one has labels.csv, those that it names, once each."""
    for folder in folders:
        labels = folder / "labels.csv"
        if not labels.exists():
            yield from (Plate(decode_image(path), None) for path in picture_files(folder))
            continue
        with labels.open(encoding="utf-8", newline="") as table:
            texts = {row["file"]: row["text"] for row in csv.DictReader(table)}
        for file, text in texts.items():
            yield Plate(decode_image(folder / file), None if "#" in text else canonical(text))


def seen(manifest: Manifest, image: Image) -> dict[str, Image]:
    """What a network gets of a picture."""
    (tensor,) = manifest.inputs
    shape = (tensor.shape[1], tensor.shape[2])
    return {tensor.name: letterbox(image, shape)[0] if manifest.name == "detector" else fill(image, shape)}


def differences(
    one: Network, other: Network, manifest: Manifest, pictures: list[Plate]
) -> dict[str, tuple[float, float]]:
    """Mean and largest absolute difference of each output, in quantization steps."""
    found: dict[str, list[tuple[float, float]]] = {tensor.name: [] for tensor in manifest.outputs}
    for plate in pictures:
        inputs = seen(manifest, plate.image)
        first, second = one(**inputs), other(**inputs)
        for tensor in manifest.outputs:
            steps = np.abs(first[tensor.name] - second[tensor.name]) / tensor.scale
            found[tensor.name].append((float(steps.mean()), float(steps.max())))
    return {name: (float(np.mean([m for m, _ in v])), max(x for _, x in v)) for name, v in found.items()}


def right(network: Any, labelled: Iterable[tuple[PlateCrop, str]]) -> int:
    """How many crops a reader reads as they are labelled."""
    reader = Reader(network)
    return sum(reader.read(crop).text == text for crop, text in labelled)


def exact(network: Any, pictures: list[Plate]) -> float | None:
    """The share of labelled plates that a reader reads; None where nothing is labelled."""
    labelled = [(_crop(plate.image), plate.text) for plate in pictures if plate.text is not None]
    return right(network, labelled) / len(labelled) if labelled else None


def _crop(image: Image) -> PlateCrop:
    return PlateCrop(fill(image), Detection.whole(image))


def compare(pictures: list[Plate], weights: Path, zoo: Path, device: str) -> bool:
    """Print the report; whether the uint8 reader is as good as the float one."""
    print(f"{len(pictures)} plates\n")
    print("| network | output | compared | mean, steps | largest, steps |\n|---|---|---|---|---|")
    read: dict[str, float | None] = {}
    for name in NAMES:
        with ExitStack() as stack:
            uint8 = stack.enter_context(open_model(name, device="cpu", zoo=zoo))
            networks: dict[str, Any] = {
                "float": Float(name, weights / f"{name}.weights.h5", uint8.manifest), "uint8": uint8,
            }  # fmt: skip
            if device != "cpu":
                networks["Edge TPU"] = stack.enter_context(open_model(name, device=device, zoo=zoo))
            for one, other in _pairs(list(networks)):
                found = differences(networks[one], networks[other], uint8.manifest, pictures)
                for output, (mean, largest) in found.items():
                    print(f"| {name} | {output} | {one} – {other} | {mean:.2f} | {largest:.0f} |", flush=True)
            if name == "reader":
                read = {kind: exact(network, pictures) for kind, network in networks.items()}
    return _told(read)


def _pairs(kinds: list[str]) -> list[tuple[str, str]]:
    return [(one, other) for n, one in enumerate(kinds) for other in kinds[n + 1 :]]


def _told(read: dict[str, float | None]) -> bool:
    """Print what each reader read; False where uint8 lost more than is bearable."""
    before, after = read["float"], read["uint8"]
    if before is None or after is None:
        print("\nNo labels.csv: nothing to say about exact match.")
        return True
    print("\nexact match: " + ", ".join(f"{kind} {share:.2%}" for kind, share in read.items() if share is not None))
    if before - after > BEARABLE:
        print(f"Quantizing loses {100 * (before - after):.1f} points: train the reader with fake quantization.")
        return False
    print(f"Quantizing changes {100 * (after - before):+.1f} points: post-training quantization does.")
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m convert.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--weights", type=Path, default=Path("models/weights"), metavar="DIR")
    parser.add_argument("--zoo", type=Path, default=Path("edge/zoo"), metavar="DIR")
    parser.add_argument("--device", default="cpu", metavar="cpu|edgetpu|usb:N|pci:N")
    asked = parser.parse_args(arguments)
    try:
        return 0 if compare(list(plates(asked.folders)), asked.weights, asked.zoo, asked.device) else 1
    except (ConvertError, EdgeError) as problem:
        print(f"convert: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
