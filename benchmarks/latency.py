"""Measure this machine as `edge-alpr bench` does, compare it with its reference, and write tables and a plot.

    python -m benchmarks.latency                     # against benchmarks/reference/<board>.json; exit code 1 where off
    python -m benchmarks.latency --record            # this machine's figures become its reference
    python -m benchmarks.latency --docs docs         # and those of docs/benchmarks.md with its plot
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure

from benchmarks import estimate
from edge.bench.command import ROUNDS, measure
from edge.bench.reference import Reference, deviations
from edge.bench.report import PARTS, Report, markdown
from edge.bench.stages import SEED
from edge.released import NAMES
from edge.settings import Settings

REFERENCES = Path(__file__).parent / "reference"
BEGIN, END = "<!-- recorded by python -m benchmarks.latency -->", "<!-- end of the recorded run -->"
NET, HOST, KNOWN = "#22303c", "#9fb4c7", "#c2410c"


def plot(report: Report) -> Figure:
    """The stages beside the seed net, and what a frame takes at every load."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(reversed(PARTS))
    colours = [KNOWN if name == SEED else NET if name in NAMES else HOST for name in names]
    left.barh([PARTS[name] for name in names], [report.stages[name].p50 for name in names], color=colours)
    left.axvline(report.stages[SEED].p50, color=KNOWN, linestyle=":")
    left.set(xscale="log", xlabel="median of a call, ms", title=f"{report.machine.processor}, one thread")
    bars = [f"{load.plate_rate:g} / {load.restore_rate:g}" for load in report.loads]
    nets = [load.frame.mean * (1 - load.host_share) for load in report.loads]
    host = [load.frame.mean * load.host_share for load in report.loads]
    right.bar(bars, nets, color=NET, label="networks")
    right.bar(bars, host, bottom=nets, color=HOST, label="pre- and post-processing, tracking")
    right.set(xlabel="frames with a vehicle / looks restored", ylabel="mean of a frame, ms", title="end to end")
    right.tick_params(axis="x", rotation=45)
    right.margins(y=0.2)  # room for the legend above the bars
    right.legend(frameon=False, loc="upper left")
    return figure


def tables(report: Report) -> str:
    """What docs/benchmarks.md shows of a run."""
    measured = {name: report.stages[name].p50 for name in (*NAMES, SEED)}
    return f"{markdown(report)}\n\n{estimate.table(measured)}"


def written(page: str, report: Report) -> str:
    """The page with this run in place of the one before."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"The page has no lines {BEGIN} and {END}. Put them back where the tables go.")
    return f"{head}{BEGIN}\n{tables(report)}\n{END}{tail}"


def document(folder: Path, report: Report) -> None:
    """Write the JSON, the plot and the page."""
    page = folder / "benchmarks.md"
    text = written(page.read_text(encoding="utf-8"), report)
    (folder / "benchmarks.json").write_text(report.as_json() + "\n", encoding="utf-8")
    plot(report).savefig(folder / "benchmarks.png", dpi=100, metadata={"Software": None})
    page.write_text(text, encoding="utf-8")


def compared(report: Report, file: Path) -> int:
    """The exit code: 1 where a stage is off, or where nothing was recorded to compare with."""
    if not file.exists():
        print(f"\n{file} does not exist: nobody has measured this board. Record it: --record", file=sys.stderr)
        return 1
    off = deviations(report, Reference.read(file))
    print("\n".join(["", *off]) if off else "\nall stages as recorded", file=sys.stderr)
    return 1 if off else 0


def main(arguments: list[str] | None = None) -> int:
    asked = argparse.ArgumentParser(
        prog="python -m benchmarks.latency", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--device", default="cpu")
    asked.add_argument("--record", action="store_true")
    asked.add_argument("--docs", type=Path, metavar="DIR")
    asked.add_argument("--references", type=Path, default=REFERENCES, metavar="DIR")
    options = asked.parse_args(arguments)
    report = measure(Settings(device=options.device), options.rounds)
    print(tables(report))
    if options.docs:
        document(options.docs, report)
    file = options.references / f"{report.machine.kind}.json"
    if options.record:
        file.write_text(Reference.of(report).as_json(), encoding="utf-8")
        print(f"\nrecorded in {file}")
        return 0
    return compared(report, file)


if __name__ == "__main__":
    sys.exit(main())
