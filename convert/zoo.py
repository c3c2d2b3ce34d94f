"""The models of a zoo compiled together for the Edge TPU, and their manifests told of it.

The five share the chip's memory, so they are compiled in one run, the detector first: what it needs is cached first.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convert.compile import Compiled, compile_files
from convert.errors import CompilerError
from edge.manifest import Manifest

ORDER = ("detector", "reader", "quality", "restorer", "wide_reader")
BUDGET = 8 * 1024**2  # bytes of the chip; its compiler keeps some for itself and for the largest activations


def compile_zoo(zoo: Path, *, compiler: Path | None = None, timeout: float = 600) -> tuple[Compiled, ...]:
    """Compile every model of a zoo and write NAME_edgetpu.tflite beside it; all or none."""
    files = [zoo / f"{name}.tflite" for name in ORDER if (zoo / f"{name}.tflite").exists()]
    if not files:
        raise CompilerError(f"{zoo} holds no models. Name a zoo: --zoo edge/zoo.")
    with tempfile.TemporaryDirectory(prefix="compile-") as folder:
        done = compile_files(files, out=Path(folder), compiler=compiler, timeout=timeout)
        for file, result in zip(files, done, strict=True):
            _package(file.with_suffix(".json"), result.file)
    return done


def _package(manifest: Path, compiled: Path) -> None:
    """Put a compiled file beside its manifest, which is written last and names it with its hash."""
    content = compiled.read_bytes()
    shutil.copyfile(compiled, manifest.parent / compiled.name)
    digest = hashlib.sha256(content).hexdigest()
    replace(Manifest.load(manifest), edgetpu_file=compiled.name, edgetpu_sha256=digest).save(manifest)


def budget(done: Sequence[Compiled]) -> str:
    """What the compiled files take of the chip's memory, one line a file and one for all."""
    lines = [f"  {c.file.name}: {c.tpu_ops} operations on the Edge TPU, {_mib(c.on_chip)} on the chip" for c in done]
    used = sum(c.on_chip for c in done)
    total = f"  together {_mib(used)} of the chip's {_mib(BUDGET)}, {_mib(done[-1].remaining)} remain for parameters"
    return "\n".join([*lines, total])


def _mib(count: int) -> str:
    return f"{count / 1024**2:.2f} MiB"
