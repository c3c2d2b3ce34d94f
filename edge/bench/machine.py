"""Which board this is, and how it is while it works: heat, throttling, memory."""

from __future__ import annotations

import os
import platform
import re
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from edge import __version__, board
from edge.corals import HOST, said
from edge.errors import EdgeError
from edge.finding import attempt
from edge.runtime import imported, runtimes
from edge.vitals import model

KINDS = {  # in the device tree's own words
    r"Raspberry Pi Compute Module 4": "cm4",
    r"Raspberry Pi 3": "pi3",
    r"Raspberry Pi 4": "pi4",
    r"Raspberry Pi 5": "pi5",
    r"Phanbell|Coral Dev(?!.*Mini)": "coral-dev-board",
}
SECONDS = 600
TELL = "import time; from edge.bench.machine import peak_memory; print(peak_memory(), time.process_time())"
X86 = ("x86_64", "AMD64", "i686")


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were measured on."""

    kind: str  # pi3, pi4, pi5, cm4, coral-dev-board, x86, or what the kernel calls its processor
    model: str
    processor: str
    cores: int
    system: str
    python: str
    runtime: str
    edge_alpr: str


def machine(root: Path = HOST) -> Machine:
    """This machine, as its /proc and /sys below `root` tell."""
    name, used = model(root), imported()
    return Machine(
        kind=kind(name, platform.machine()),
        model=name,
        processor=_processor(root) or platform.machine(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        runtime=f"{used} {runtimes().get(used, '')}".strip(),
        edge_alpr=__version__,
    )


def kind(model: str, processor: str) -> str:
    """The short name under which a board's reference is kept."""
    found = next((short for pattern, short in KINDS.items() if re.search(pattern, model)), None)
    return found or ("x86" if processor in X86 else processor)


def _processor(root: Path) -> str | None:
    found = re.search(r"^model name\s*:\s*(.+)$", said(root / "proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else None


def peak_memory(root: Path = HOST) -> float:
    """The most MiB that this process has held in memory since its program was loaded."""
    found = re.search(r"^VmHWM:\s*(\d+) kB$", said(root / "proc/self/status"), re.MULTILINE)
    kib = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kib / 1024, 1)


@dataclass(frozen=True, slots=True)
class Heat:
    """The board before and after: degrees C, None where it has no sensor, and what it complains of."""

    before: float | None
    after: float | None
    troubles: tuple[str, ...]


def heat(before: board.Board, after: board.Board) -> Heat:
    troubles = dict.fromkeys((*before.troubles, *after.troubles))
    return Heat(before.temperature, after.temperature, tuple(troubles))


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process cost: the most MiB it held, seconds of CPU, seconds it took."""

    memory: float
    cpu: float
    seconds: float


def spent(code: str, *arguments: str) -> Spent:
    """Run Python code in a process of its own to its end and say what it cost, its start included."""
    started = time.perf_counter()
    done = attempt(f"{code}\n{TELL}", *arguments, seconds=SECONDS)
    if done.trouble is not None:
        raise EdgeError(f"A process that is measured broke: {done.trouble}. See `edge-alpr doctor`.")
    memory, cpu = done.text.split()[-2:]
    return Spent(float(memory), round(float(cpu), 3), round(time.perf_counter() - started, 3))
