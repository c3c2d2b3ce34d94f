"""Everything measured on one machine, as JSON and as a Markdown table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from edge.bench.loads import Load
from edge.bench.machine import Heat, Machine, Spent
from edge.bench.stages import SEED
from edge.bench.timing import Figures
from edge.released import NAMES

PARTS = {  # stage: what it is called by people
    "detector": "detector", "quality": "QAM", "restorer": "restorer", "reader": "OCR",
    "wide_reader": "OCR, seen wide", SEED: "seed net",
    "letterbox": "pre-processing: letterbox", "rectify": "pre-processing: rectify",
    "boxes": "post-processing: boxes", "text": "post-processing: text", "fusion": "post-processing: fusion of 4 looks",
    "tracking": "tracking", "database": "database: look-up and commit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """A run of the benchmark."""

    machine: Machine
    taken: str  # UTC
    devices: dict[str, str]  # where each network ran
    stages: dict[str, Figures]
    loads: list[Load]
    run: Spent  # `edge-alpr run` on the bundled clip
    start: Spent  # a process that only opens the models
    peak_memory: float  # MiB of the benchmark itself
    heat: Heat
    busy: float  # processes that wanted a CPU at the start: above 0.5 a core, others disturbed it

    def ratio(self, stage: str) -> float:
        """A stage by the seed net in the same run: by CPU time, which other programs disturb least."""
        taken = self.stages[stage]
        on_cpu = self.devices.get(stage, "cpu") == "cpu"
        return round((taken.cpu if on_cpu else taken.p50) / self.stages[SEED].cpu, 4)

    def ratios(self) -> dict[str, float]:
        """What is compared with other runs; the database is not: it waits for the disk."""
        compared = {stage: self.ratio(stage) for stage in self.stages if stage not in (SEED, "database")}
        on_cpu = set(self.devices.values()) == {"cpu"}
        whole = {
            f"frame at {load.plate_rate:g}/{load.restore_rate:g}": (load.frame.cpu if on_cpu else load.frame.mean)
            / self.stages[SEED].cpu
            for load in self.loads
        }
        return compared | {name: round(value, 4) for name, value in whole.items()}

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"ratios": self.ratios()}, ensure_ascii=False, indent=1)


def markdown(report: Report) -> str:
    """The report for people."""
    return "\n".join((*_head(report), "", *_stages(report), "", *_loads(report)))


def _head(report: Report) -> Iterator[str]:
    m, heat = report.machine, report.heat
    yield f"- {m.kind}: {m.model}, {m.processor}, {m.cores} cores; {m.system}"
    yield f"- edge-alpr {m.edge_alpr}, Python {m.python}, {m.runtime}, one thread; {report.taken}"
    yield f"- networks on: {', '.join(f'{name} {place}' for name, place in report.devices.items())}"
    degrees = " to ".join("unknown" if d is None else f"{d:.0f} degrees C" for d in (heat.before, heat.after))
    throttled = ", ".join(heat.troubles) or "none"
    yield f"- temperature {degrees}; throttling: {throttled}; load {report.busy:g} at the start"
    yield (
        f"- `edge-alpr run`: at most {report.run.memory:.0f} MiB in memory; import and model load "
        f"{report.start.cpu:.2f} s of CPU; the benchmark itself {report.peak_memory:.0f} MiB"
    )


def _stages(report: Report) -> Iterator[str]:
    yield "| stage | p50 ms | p95 ms | p99 ms | CPU ms | of the seed net |"
    yield "|---|---|---|---|---|---|"
    for stage, title in PARTS.items():
        f = report.stages[stage]
        name = f"**{title}**" if stage in (*NAMES, SEED) else title
        ratio = "–" if stage == "database" else f"{report.ratio(stage):.2f}×"
        yield f"| {name} | {f.p50:.3f} | {f.p95:.3f} | {f.p99:.3f} | {f.cpu:.3f} | {ratio} |"


def _loads(report: Report) -> Iterator[str]:
    yield "| plates | restored | p50 ms | p95 ms | p99 ms | mean ms | frames/s | not networks | CPU | looks | events |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for load in report.loads:
        f = load.frame
        yield (
            f"| {load.plate_rate:g} | {load.restore_rate:g} | {f.p50:.2f} | {f.p95:.2f} | {f.p99:.2f} | {f.mean:.2f} "
            f"| {load.per_second:.0f} | {load.host_share:.0%} | {load.cpu_share:.0%} | {load.looks} | {load.events} |"
        )
