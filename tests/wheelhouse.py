"""A wheelhouse without the network: the packages of this very environment, packed up again as wheels."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def needed() -> list[str]:
    """What the wheel needs, as pyproject.toml has it."""
    wanted: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return wanted


def packed(folder: Path) -> Path:
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("edge_alpr-*.whl")
    return wheel


def build(folder: Path) -> Path:
    """The wheel of this checkout; its dependencies lie beside it."""
    wheel = packed(folder)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        wanted = re.findall(r"^Requires-Dist: (.*)$", archive.read(name).decode(), re.MULTILINE)
    for package in closure(wanted):
        repack(package, folder)
    return wheel


def closure(wanted: list[str]) -> list[Distribution]:
    """The installed packages that these requirements need, with all that those need; extras left out."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name in found:
            continue
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError as problem:
            raise AssertionError(f"{requirement.name} is not installed in this environment") from problem
        found[requirement.name] = package
        waiting.extend(Requirement(text) for text in package.requires or ())
    return list(found.values())


def repack(package: Distribution, folder: Path) -> Path:
    """One installed package as the wheel it came from, without its scripts."""
    tags = re.findall(r"^Tag: (.*)$", package.read_text("WHEEL") or "", re.MULTILINE)
    parts = (".".join(dict.fromkeys(part)) for part in zip(*(tag.split("-") for tag in tags), strict=True))
    name = re.sub(r"[-_.]+", "_", package.metadata["Name"])
    path = folder / f"{name}-{package.version}-{'-'.join(parts)}.whl"
    kept = [f for f in package.files or () if ".." not in f.parts and "__pycache__" not in f.parts]
    with zipfile.ZipFile(path, "w") as archive:
        rows = []
        for file in kept:
            if file.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                continue
            archive.write(str(file.locate()), str(file))
            rows.append(f"{file},,")
        (record,) = (str(f) for f in kept if f.name == "RECORD")
        archive.writestr(record, "\n".join([*rows, f"{record},,"]) + "\n")
    return path
