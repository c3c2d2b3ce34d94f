"""The gate: a file passes only where every operation is proved to run on the Edge TPU.

    python -m convert.check edge/zoo/*.tflite [--json]     # exit code 0 mapped, 1 refused, 2 not a model

One refused operation sends everything behind it to the CPU, so there is no partial success. Every refusal names the
operation, its version and the rule that it breaks. Neither the compiler nor an Edge TPU is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from convert import flatbuffer, rules
from convert.errors import NotAModel, NotMapped
from convert.flatbuffer import Graph


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one operation; `reason` is None where it is mapped."""

    index: int
    op: str
    version: int
    max_version: int | None
    shape: tuple[int, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on a file: `problems` concern the file as a whole."""

    file: str
    problems: tuple[str, ...]
    ops: tuple[Finding, ...]

    @property
    def refused(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.ops if f.reason is not None)

    @property
    def mapped(self) -> bool:
        return not self.problems and not self.refused

    def as_json(self) -> str:
        head = {"file": self.file, "verdict": "mapped" if self.mapped else "refused"}
        counts = {"mapped": len(self.ops) - len(self.refused), "total": len(self.ops)}
        return json.dumps({**head, **counts, "problems": self.problems, "ops": [asdict(f) for f in self.ops]})

    def as_text(self) -> str:
        lines = [f"{self.file}: {len(self.ops) - len(self.refused)} of {len(self.ops)} operations mapped"]
        lines += [f"  file: {problem}" for problem in self.problems]
        lines += [f"  {f.index:3d} {f.op} v{f.version} -> {f.shape}: {f.reason}" for f in self.refused]
        return "\n".join([*lines, f"  verdict: {'mapped' if self.mapped else 'REFUSED'}"])


def check(graph: Graph, *, file: str = "") -> Report:
    """Judge a graph operation by operation."""
    rows = rules.table()
    findings = tuple(
        Finding(
            i,
            op.name,
            op.version,
            rows[op.name].max_version if op.name in rows else None,
            op.outputs[0].shape if op.outputs else (),
            rules.reason(op, rows),
        )
        for i, op in enumerate(graph.ops)
    )
    return Report(file, tuple(_problems(graph)), findings)


def require(report: Report) -> None:
    """NotMapped unless the report is clean."""
    if not report.mapped:
        raise NotMapped(f"{report.as_text()}\nChange the network as said above and convert again.")


def _problems(graph: Graph) -> list[str]:
    found = []
    if graph.subgraphs != 1:
        found.append(f"{graph.subgraphs} subgraphs; one is needed (no loops or branches)")
    if not graph.ops:
        found.append("no operations")
    if not graph.inputs or not graph.outputs:
        found.append("no signature; inputs and outputs cannot be bound by name")
    for name, tensor in {**graph.inputs, **graph.outputs}.items():
        if tensor.dtype != "uint8":
            found.append(f"{name} is {tensor.dtype}; inputs and outputs must be uint8")
    found += [
        f"float tensor {t.name}" for t in graph.tensors if t.dtype.startswith(("float", "bfloat", "complex"))
    ]
    return found + (_unfounded(graph) if graph.inputs else [])


def _unfounded(graph: Graph) -> list[str]:
    """Values that no constant, input or earlier operation provides: variables and broken order."""
    known, found = {id(t) for t in graph.inputs.values()}, []
    for index, op in enumerate(graph.ops):
        found += [
            f"operation {index} reads {t.name}, which nothing provides"
            for t in op.activations
            if id(t) not in known
        ]
        known |= {id(t) for t in op.outputs}
    found += [f"output {n} is not computed" for n, t in graph.outputs.items() if id(t) not in known]
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m convert.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.tflite", help="uint8 files, not yet compiled")
    parser.add_argument("--json", action="store_true", help="one JSON object per file, with every operation")
    asked = parser.parse_args(arguments)
    codes = [_judge(file, as_json=asked.json) for file in asked.files]
    return max(codes)


def _judge(file: Path, *, as_json: bool) -> int:
    try:
        report = check(flatbuffer.read(file), file=str(file))
    except NotAModel as problem:
        print(
            json.dumps({"file": str(file), "verdict": "not a model", "error": str(problem)})
            if as_json
            else problem
        )
        return 2
    print(report.as_json() if as_json else report.as_text())
    return 0 if report.mapped else 1


if __name__ == "__main__":
    sys.exit(main())
