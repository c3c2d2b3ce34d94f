"""The pictures of docs/camera-placement.md: a camera beside a road, and pixels per letter over the distance.

    python -m benchmarks.placement docs
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import patches
from matplotlib.figure import Figure

from edge.placement import READ, Spot, angle_of_view, plan

GATE = Spot(width=1920, height=1080, view=54.0, distance=6.0, mount=2.5)
LENSES = {  # what it is: degrees across
    "Camera Module 3 wide": 102.0,
    "Camera Module 3": 66.0,
    "HQ Camera, 8 mm": angle_of_view(8.0, 6.29),
    "HQ Camera, 16 mm": angle_of_view(16.0, 6.29),
}
GROUND, INK, ACCENT = "#d9d4c7", "#22303c", "#c2410c"


def side_view(spot: Spot) -> Figure:
    """The camera on its post, the vehicle, and what is measured between them."""
    made, figure = plan(spot), Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.add_patch(patches.Rectangle((-1.6, -0.35), spot.distance + 6.4, 0.35, color=GROUND))
    axes.plot([0, 0], [0, spot.mount - 0.1], color=INK, linewidth=5)
    axes.add_patch(patches.Rectangle((-0.35, spot.mount - 0.12), 0.55, 0.24, color=INK))
    _car(axes, spot.distance)
    axes.add_patch(patches.Rectangle((spot.distance - 0.08, spot.plate_mount - 0.06), 0.08, 0.12, color=ACCENT))
    axes.plot([0.2, spot.distance - 0.08], [spot.mount, spot.plate_mount], color=ACCENT, linestyle="--")
    axes.plot([0.2, 3.4], [spot.mount, spot.mount], color=INK, linewidth=0.8, linestyle=":")
    axes.text(3.5, spot.mount, f"{made.tilt:.0f}° from above (at most 30°)", va="center", color=INK)
    _measure(axes, (0, -0.65), (spot.distance, -0.65), f"distance {spot.distance:g} m (--distance)")
    _measure(axes, (-0.9, 0), (-0.9, spot.mount), f"{spot.mount:g} m\n(--mount)")
    _measure(axes, (spot.distance - 0.5, 0), (spot.distance - 0.5, spot.plate_mount), f"{spot.plate_mount:g} m")
    axes.set(xlim=(-2.2, spot.distance + 5), ylim=(-1.2, spot.mount + 0.7), aspect="equal")
    axes.axis("off")
    return figure


def reach() -> Figure:
    """Pixels per letter of a one-row plate over the distance, for some lenses."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.subplots()
    metres = np.linspace(2, 25, 200)
    axes.axhspan(0, READ[1], color="#f3d0c4")
    axes.axhspan(READ[1], READ[0], color="#f6ecc8")
    for name, view in LENSES.items():
        plans = [plan(replace(GATE, view=view, distance=float(d))) for d in metres]
        axes.plot(metres, [made.letter for made in plans], label=f"{name} ({view:.0f}°)", linewidth=2)
        end = plans[0].readable_to
        if end < metres[-1]:
            axes.plot([end], [plan(replace(GATE, view=view, distance=end)).letter], "o", color=INK, markersize=5)
    axes.text(2.2, 1, "too small", color=INK)
    axes.text(2.2, 11, "at the limit", color=INK)
    axes.set(xlabel="distance along the road, m", ylabel="height of a letter, pixels", ylim=(0, 60), xlim=(2, 25))
    axes.set_title("1920×1080, plate 520×110 mm in one row, camera 2.5 m up; a dot: the detector's limit", fontsize=10)
    axes.legend(frameon=False)
    return figure


def _car(axes: matplotlib.axes.Axes, front: float) -> None:
    outline = [(0, 0.25), (0, 0.75), (0.9, 0.95), (1.5, 1.45), (3.0, 1.45), (3.7, 0.95), (4.2, 0.9), (4.2, 0.25)]
    axes.add_patch(patches.Polygon([(front + x, y) for x, y in outline], color="#9fb4c7"))
    for wheel in (0.8, 3.3):
        axes.add_patch(patches.Circle((front + wheel, 0.3), 0.3, color=INK))


def _measure(axes: matplotlib.axes.Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    axes.annotate("", start, end, arrowprops={"arrowstyle": "<->", "color": INK})
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    upright = start[0] == end[0]
    axes.text(
        middle[0] - 0.12 * upright, middle[1] - 0.1 * (not upright), text,
        ha="right" if upright else "center", va="center" if upright else "top", color=INK,
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write both pictures to a folder."""
    (folder,) = arguments or ["."]
    for name, figure in (("camera-placement.png", side_view(GATE)), ("camera-reach.png", reach())):
        figure.savefig(Path(folder) / name, dpi=100, metadata={"Software": None})
        print(Path(folder) / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
