"""Runs Coral's `edgetpu_compiler` where there is one, and accepts only a complete mapping.

    python -m convert.compile                                   # the models of edge/zoo together, packaged there
    python -m convert.compile FILE.tflite… [--out DIR]          # these files, written to DIR

The compiler is a closed x86-64 program that may not be passed on: it comes from Coral's Debian repository, and
convert/Containerfile installs it from there. Exit code 1 where it is missing, fails, or leaves anything to the CPU.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import CompilerError, ConvertError
from edge.errors import EdgeError

TRIES = 3
RUNTIME = 14  # the oldest Edge TPU runtime a compiled file asks for
UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
ELSEWHERE = "Name edgetpu_compiler itself, or leave --compiler out where the PATH has it."
MISSING = (
    "edgetpu_compiler was not found. Install it on an x86-64 Debian from Coral's package repository (page "
    "'Edge TPU Compiler' of Coral's documentation), or name it: --compiler PATH; elsewhere use convert/Containerfile. "
    "Without it, the models run on the CPU."
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler's log says of one file; memory in bytes."""

    source: str
    file: Path
    tpu_ops: int
    cpu_ops: int
    subgraphs: int
    on_chip: int
    remaining: int
    streamed: int

    @property
    def problems(self) -> tuple[str, ...]:
        found = []
        if self.cpu_ops:
            found.append(f"{self.cpu_ops} operations were left to the CPU")
        if self.subgraphs != 1:
            found.append(f"{self.subgraphs} Edge TPU subgraphs instead of one")
        if self.streamed:
            found.append(f"{self.streamed} bytes of parameters do not fit on the chip and are streamed")
        return tuple(found)


def find(path: Path | None = None) -> Path:
    """The compiler named, or the one on PATH; CompilerError where there is none."""
    found = shutil.which(str(path) if path else "edgetpu_compiler")
    if found is None:
        raise CompilerError(f"{path} cannot be run: it is no program. {ELSEWHERE}" if path else MISSING)
    return Path(found)


def compile_files(
    files: Sequence[Path], *, out: Path, compiler: Path | None = None, timeout: float = 600
) -> tuple[Compiled, ...]:
    """Compile files together, sharing the chip's memory in the order given; every one must map completely."""
    program = find(compiler)
    out.mkdir(parents=True, exist_ok=True)
    command = [str(program), "-s", "-m", str(RUNTIME), "-t", str(max(1, round(timeout))), "-o", str(out)]
    done = parse(_run([*command, *map(str, files)], timeout=2 * timeout), out)
    if [c.source for c in done] != [f.name for f in files]:
        raise CompilerError(
            f"the compiler's log names {[c.source for c in done]}, not {[f.name for f in files]}."
        )
    for result in done:
        if result.problems or not result.file.is_file():
            why = "; ".join(result.problems) or f"{result.file} was not written"
            raise CompilerError(f"{result.source}: {why}. Run `python -m convert.check` on it.")
    return done


def _run(command: list[str], *, timeout: float) -> str:
    """The compiler's log; internal errors come and go, so it is asked up to three times."""
    log = ""
    for _ in range(TRIES):
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired as problem:
            raise CompilerError(
                f"edgetpu_compiler was not done after {timeout:g} s. Give a longer --timeout."
            ) from problem
        except OSError as problem:
            raise CompilerError(
                f"{command[0]} cannot be run ({problem.strerror}). It needs an x86-64 machine."
            ) from problem
        log = done.stdout
        if done.returncode == 0:
            return log
        if "Internal compiler error" not in log:
            break
    tail = "\n".join(f"  | {line}" for line in log.splitlines()[-6:])
    raise CompilerError(f"edgetpu_compiler failed:\n{tail}\nRun `python -m convert.check` on the file.")


def parse(log: str, out: Path) -> tuple[Compiled, ...]:
    """The figures of every model in a log of edgetpu_compiler 16."""
    parts = re.split(r"(?m)^Input model: ", log)[1:]
    if not parts:
        raise CompilerError("the compiler's log names no model; is this edgetpu_compiler 16?")
    return tuple(_model(part, out) for part in parts)


def _model(part: str, out: Path) -> Compiled:
    total = _number(part, r"Total number of operations: (\d+)")
    cpu = _number(part, r"Number of operations that will run on CPU: (\d+)", absent=0)
    return Compiled(
        source=Path(part.splitlines()[0].strip()).name,
        file=out / Path(_field(part, r"Output model: (.+)")).name,
        tpu_ops=_number(part, r"Number of operations that will run on Edge TPU: (\d+)", absent=total - cpu),
        cpu_ops=cpu,
        subgraphs=_number(part, r"Number of Edge TPU subgraphs: (\d+)"),
        on_chip=_memory(part, "On-chip memory used for caching model parameters"),
        remaining=_memory(part, "On-chip memory remaining for caching model parameters"),
        streamed=_memory(part, "Off-chip memory used for streaming uncached model parameters"),
    )


def _field(part: str, pattern: str) -> str:
    found = re.search(pattern, part)
    if found is None:
        raise CompilerError(f"the compiler's log has no line like `{pattern}`; is this edgetpu_compiler 16?")
    return found[1].strip()


def _number(part: str, pattern: str, *, absent: int | None = None) -> int:
    if absent is not None and re.search(pattern, part) is None:
        return absent
    return int(_field(part, pattern))


def _memory(part: str, title: str) -> int:
    amount, unit = re.fullmatch(r"([\d.]+)\s*([KMG]?i?B)", _field(part, rf"{title}: (.+)")).groups()  # type: ignore[union-attr]
    return round(float(amount) * UNITS[unit])


def main(arguments: list[str] | None = None) -> int:
    from convert import zoo  # it stands on this module

    parser = argparse.ArgumentParser(
        prog="python -m convert.compile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE.tflite", help="the first gets the chip's memory first"
    )
    parser.add_argument("--zoo", type=Path, default=Path("edge/zoo"),
                        help="the five models of a folder, where no files are named; default: %(default)s")  # fmt: skip
    parser.add_argument("--compiler", type=Path, help="path of edgetpu_compiler; default: where the PATH has it")
    parser.add_argument("--out", type=Path, default=Path("runs/compiled"), metavar="DIR",
                        help="where named files are compiled to; default: %(default)s")  # fmt: skip
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS", help="default: %(default)g")
    asked = parser.parse_args(arguments)
    try:
        if asked.files:
            done = compile_files(asked.files, out=asked.out, compiler=asked.compiler, timeout=asked.timeout)
        else:
            done = zoo.compile_zoo(asked.zoo, compiler=asked.compiler, timeout=asked.timeout)
    except (ConvertError, EdgeError) as problem:
        print(f"convert: {problem}", file=sys.stderr)
        return 1
    print(f"compiled to {asked.out if asked.files else asked.zoo}\n{zoo.budget(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
