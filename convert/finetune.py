"""From photographs with labels to a zoo of one's own: the released reader, taught the plates of a place.

    python -m convert.finetune FOLDER … --out my-zoo

FOLDER holds labels.csv with the columns file and text, and x, y, w, h where a picture is more than the plate. Half of
the vehicles are trained on, the other half are read before and after, so that the last lines say what it was worth.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert import quantize
from convert.__main__ import main as release
from convert.compare import right
from convert.errors import ConvertError
from edge.errors import EdgeError
from edge.image import rectify
from edge.plates.alphabet import canonical, decode
from edge.records import Box, Detection, PlateCrop
from edge.runtime import open_model

RELEASED = Path("edge/zoo")
WEIGHTS = Path("models/weights/reader.weights.h5")
FEWEST = 4  # photographs on each side, of those trained on and of those measured


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        _finetune(asked)
    except (ConvertError, EdgeError, ValueError, OSError) as problem:
        print(f"finetune: {problem}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convert.finetune", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="ZOO", help="folder for the files of all models")
    parser.add_argument("--work", type=Path, default=Path("runs/finetune"), help="checkpoints; goes on from there")
    parser.add_argument("--epochs", type=int, default=8, help="about 80 seconds each on two cores")
    parser.add_argument("--steps", type=int, default=200, help="batches of 64 plates per epoch")
    parser.add_argument("--share", type=float, default=0.25, help="of photographs among the rendered plates")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    return parser


def _finetune(asked: argparse.Namespace) -> None:
    quantize.keras_on_tensorflow()
    from models.train import photographs, reader

    mine, others = (
        [p for f in asked.folders for p in photographs.load(f, held=held)] for held in (False, True)
    )
    if min(len(mine), len(others)) < FEWEST:
        raise ValueError(f"{len(mine)} photographs to train on and {len(others)} to measure are too few. Label more.")
    before = _right(RELEASED, others)
    words = ["--out", asked.work, "--init", WEIGHTS, "--epochs", asked.epochs, "--steps", asked.steps]
    words += ["--settle", min(200, asked.epochs * asked.steps)]
    words += ["--rate", asked.rate, "--share", asked.share, "--photographs", *asked.folders]
    reader.main([str(word) for word in words])
    asked.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(RELEASED.iterdir()):
        if file.is_file():
            shutil.copy(file, asked.out)
    weights = asked.work / "average.weights.h5"
    seen = f"the plates of the released reader, and {len(mine)} photographs of its user"
    if release(["reader", "--weights", str(weights), "--out", str(asked.out), "--saw", seen]):
        raise ConvertError(f"{weights} could not be released; the lines above say why.")
    after = _right(asked.out, others)
    print(f"read exactly, of {len(others)} plates that were not trained on: before {before}, after {after}")
    worth = f'To use it: zoo = "{asked.out.resolve()}" in the settings.'
    print(worth if after >= before else "The released reader is better: label more photographs, or train for longer.")


def _right(zoo: Path, photographs: list) -> int:  # type: ignore[type-arg]
    """How many photographed plates the reader of a zoo reads exactly, cut by their labels."""
    with open_model("reader", device="cpu", zoo=zoo) as model:
        return right(model, ((_crop(p), canonical(decode(list(p.text)))) for p in photographs))


def _crop(photograph: Any) -> PlateCrop:
    box = Box(*photograph.corners[0].tolist(), *photograph.corners[2].tolist())
    return PlateCrop(rectify(photograph.image, box), Detection(box, 1.0, None, 1))


if __name__ == "__main__":
    sys.exit(main())
