"""What the networks would take on an Edge TPU, by the published model: an estimate within ±30 %, never a measurement.

    t = t0 + bytes / bandwidth + MAC / rate;  bytes = input + output + about 3 KB of instructions an operation

t0 and bandwidth are those of the host and its USB, fitted to Coral's published latencies; the rate is that of networks
full of depthwise convolutions at worst (MobileNet v2) and of dense ones at best. All weights are cached on the chip.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from convert import flatbuffer
from convert.flatbuffer import Graph
from edge.bench.stages import HERE, SEED
from edge.released import NAMES
from edge.runtime import ZOO

INSTRUCTIONS = 3000  # bytes an operation
RATES = (0.22e12, 0.7e12)  # MAC per second
NETS = {name: ZOO / f"{name}.tflite" for name in NAMES} | {SEED: HERE / f"{SEED}.tflite"}


@dataclass(frozen=True, slots=True)
class Host:
    """A board with an Edge TPU on its USB."""

    name: str
    start: float  # seconds of every inference
    bandwidth: float  # bytes per second


HOSTS = (Host("x86, USB 3", 0.3e-3, 470e6), Host("Pi 4, USB 3", 2.0e-3, 265e6), Host("Pi 3, USB 2", 0.8e-3, 35e6))


def seconds(graph: Graph, host: Host) -> tuple[float, float]:
    """The shortest and the longest estimated time of one inference."""
    tensors = (*graph.inputs.values(), *graph.outputs.values())
    moved = sum(tensor.size for tensor in tensors) + INSTRUCTIONS * len(graph.ops)
    slow, fast = (host.start + moved / host.bandwidth + graph.macs / rate for rate in RATES)
    return fast, slow


def table(measured: dict[str, float]) -> str:
    """Markdown: milliseconds measured on this CPU beside what is estimated for an Edge TPU."""
    lines = [
        "| network | MMAC | measured here, CPU | " + " | ".join(f"estimate: {h.name}" for h in HOSTS) + " |",
        "|---|---|---|" + "---|" * len(HOSTS),
    ]
    for name, file in NETS.items():
        graph = flatbuffer.read(file)
        cells = (" – ".join(f"{1e3 * t:.2f}" for t in seconds(graph, host)) + " ms" for host in HOSTS)
        here = f"{measured[name]:.2f} ms" if name in measured else "–"
        lines.append(f"| {name} | {graph.macs / 1e6:.1f} | {here} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    about = (__doc__ or "").splitlines()[0]
    argparse.ArgumentParser(prog="python -m benchmarks.estimate", description=about).parse_args()
    print(table({}))


if __name__ == "__main__":
    main()
