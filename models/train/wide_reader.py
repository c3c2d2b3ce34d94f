"""Train the wide reader, which begins as a reader that has been trained.

    python -m models.train.wide_reader --reader models/weights/reader.weights.h5 --rate 1.2e-3 --epochs 60

An epoch is 6,400 plates: two minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from models import wide_reader
from models.train import reader

WEIGHTS = {"vn": 0.2, "br": 0.15, "cn": 0.35, "kr": 0.15, "latin": 0.15}  # Hanzi gain most by being seen wide


def main(words: Sequence[str] | None = None) -> None:
    parser = reader.arguments("wide_reader")
    parser.set_defaults(batch=32)
    parser.add_argument("--reader", type=Path, help="weights of a reader to begin with, instead of --init")
    options = parser.parse_args(words)
    if options.reader and options.init:
        parser.error("--reader and --init both say where to begin; give one of them")
    keras.utils.set_random_seed(options.seed)
    if options.reader:
        options.init = options.out / "begin.weights.h5"
        options.out.mkdir(parents=True, exist_ok=True)
        wide_reader.grown(options.reader).save_weights(options.init)
    reader.train(wide_reader.build(), WEIGHTS, options)


if __name__ == "__main__":
    main()
