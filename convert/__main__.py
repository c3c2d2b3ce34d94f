"""From trained weights to a release: quantize to uint8, check every operation, package, compile for the Edge TPU.

    python -m convert reader --weights runs/reader/best.weights.h5      # into edge/zoo; --out for a zoo of your own

Without edgetpu_compiler the last step is left out and said so; the models then run on the CPU. Exit code 1 where a step
refuses, with the reason. The steps alone: python -m convert.check, .compile and .compare, each with --help.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edge
from convert import compile, package, quantize, zoo
from convert.errors import CompilerError, ConvertError
from edge.errors import EdgeError
from edge.released import NAMES


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        _release(asked)
    except (ConvertError, EdgeError) as problem:
        print(f"convert: {problem}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help=f"which model: {', '.join(NAMES)}")
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="F.weights.h5", help="what python -m models.train.NAME wrote"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="F.csv",
        help="list of the pictures that set the ranges; default: convert/calibration/NAME.csv",
    )
    parser.add_argument("--out", type=Path, default=Path("edge/zoo"), metavar="ZOO", help="default: %(default)s")
    parser.add_argument("--version", default=edge.__version__, help="of the weights")
    parser.add_argument(
        "--set", action="append", default=[], type=_setting, metavar="KEY=NUMBER", dest="settings",
        help="a threshold of these weights, for the manifest: threshold=0.35 (detector), degraded=0.5 (quality)",
    )
    parser.add_argument("--saw", help="what it was trained on, for its card, where that is not what the recipe names")
    parser.add_argument("--compiler", type=Path, help="path of edgetpu_compiler; default: where the PATH has it")
    parser.add_argument(
        "--timeout", type=float, default=1800, metavar="SECONDS", help="of TensorFlow's converter, default %(default)g"
    )
    return parser


def _setting(text: str) -> tuple[str, float]:
    key, sign, number = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=NUMBER, for example threshold=0.35")
    return key, float(number)


def _release(asked: argparse.Namespace) -> None:
    if asked.compiler:
        compile.find(asked.compiler)  # before the long way to it
    if asked.name not in NAMES:
        raise ConvertError(f"no model is called {asked.name!r}; there are {', '.join(sorted(NAMES))}.")
    if not asked.weights.is_file():
        raise ConvertError(f"{asked.weights} does not exist. Name what python -m models.train.{asked.name} wrote.")
    listed = asked.calibration or Path("convert/calibration") / f"{asked.name}.csv"
    rows = quantize.calibration_rows(listed)
    print(f"1/5 {asked.name}: weights {asked.weights}", flush=True)
    model = trained(asked.name, asked.weights)
    print(f"2/5 quantize with {listed}", flush=True)
    samples = quantize.collect(_pictures(asked.name, rows), say=print)
    data = quantize.quantize(model, samples, timeout=asked.timeout, say=print)
    origin = package.Origin(
        asked.weights.name, listed.name, len(samples), dict(asked.settings), asked.version, asked.saw
    )
    print("3/5 check", flush=True)
    described = package.manifest(asked.name, data, origin)
    print("4/5 package: golden outputs, card, manifest", flush=True)
    package.write(package.release(data, described, model, samples, origin), asked.out)
    sizes = f"{len(data)} bytes, {described.parameters} parameters, {described.macs} MACs"
    print(f"{asked.out / described.file}: {sizes}", flush=True)
    compile_release(asked)


def compile_release(asked: argparse.Namespace) -> None:
    """Compile the whole zoo again, since its models share the chip; without the compiler, say where it is to be had."""
    print("5/5 compile the zoo together for the Edge TPU", flush=True)
    try:
        compile.find(asked.compiler)
    except CompilerError as problem:
        print(f"  left out: {problem}")
        return
    print(zoo.budget(zoo.compile_zoo(asked.out, compiler=asked.compiler)))


def trained(name: str, weights: Path) -> Any:
    """The Keras network of that name with these weights, at batch 1."""
    quantize.keras_on_tensorflow()
    import models

    model = models.build(name, batch_size=1)
    try:
        model.load_weights(weights)
    except (OSError, ValueError) as problem:
        raise ConvertError(
            f"{weights} does not hold weights of the {name} ({problem}). "
            f"Train it: python -m models.train.{name}"
        ) from problem
    return model


def _pictures(name: str, rows: list[dict[str, str]]) -> Iterator[NDArray[np.float32]]:
    from models import synth

    return synth.calibration(name, rows)  # type: ignore[no-any-return, unused-ignore]


if __name__ == "__main__":
    sys.exit(main())
