"""What a board took when it was recorded: a run that is slower, or faster than can be true, is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edge.bench.report import Report
from edge.errors import BadInput

TOLERANCE = 0.4  # of a recorded ratio: between runs on a shared x86 machine they differed by up to 0.25


@dataclass(frozen=True, slots=True)
class Reference:
    """Ratios to the seed net of the same run, so that a busy or slower clocked board compares."""

    board: str
    taken: str
    tolerance: float
    ratios: dict[str, float]

    @classmethod
    def of(cls, report: Report) -> Reference:
        return cls(report.machine.kind, report.taken, TOLERANCE, report.ratios())

    @classmethod
    def read(cls, path: Path) -> Reference:
        """The reference of a file; BadInput where it is none."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            ratios = {str(name): float(value) for name, value in told["ratios"].items()}
            return cls(str(told["board"]), str(told["taken"]), float(told["tolerance"]), ratios)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise BadInput(
                f"{path} is no reference ({problem}). Record one: python -m benchmarks.latency --record."
            ) from problem

    def as_json(self) -> str:
        told = {"board": self.board, "taken": self.taken, "tolerance": self.tolerance, "ratios": self.ratios}
        return json.dumps(told, indent=1) + "\n"


def deviations(report: Report, reference: Reference) -> list[str]:
    """What is out of the tolerance, one sentence each; an empty list where all is as recorded."""
    if report.machine.kind != reference.board:
        return [f"The reference is of another board: {reference.board}, and this is {report.machine.kind}."]
    found = []
    now = report.ratios()
    for name, then in reference.ratios.items():
        if name not in now:
            found.append(f"{name} was not measured.")
        elif now[name] > then * (1 + reference.tolerance):
            found.append(f"{name} is too slow: {now[name]:.2f} of the seed net, recorded {then:.2f}.")
        elif now[name] < then / (1 + reference.tolerance):
            found.append(
                f"{name} is suspiciously fast: {now[name]:.2f} of the seed net, recorded {then:.2f}. "
                "Does it still do all its work? If so, record the reference anew."
            )
    return found
