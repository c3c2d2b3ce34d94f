"""The command `camera-plan`: a spot for the camera as people give it, and what comes of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from math import isinf
from typing import Any

from edge import lines
from edge.commands import say
from edge.errors import BadSettings
from edge.placement import DETECTOR_SIDE, Plan, Spot, angle_of_view, plan

INSUFFICIENT = 1
PLATES = {1: (520.0, 110.0), 2: (330.0, 165.0)}  # millimetres, of a car


def arguments(command: ArgumentParser) -> None:
    """The options of camera-plan."""
    command.set_defaults(command=camera_plan)
    add = command.add_argument
    add("--width", type=int, default=1920, metavar="PX", help="of the picture; default %(default)s")
    add("--height", type=int, default=1080, metavar="PX", help="of the picture; default %(default)s")
    lens = command.add_mutually_exclusive_group(required=True)
    lens.add_argument("--fov", type=float, metavar="DEGREES", help="angle of view across")
    lens.add_argument("--focal", type=float, metavar="MM", help="focal length, with --sensor-width")
    add("--sensor-width", type=float, metavar="MM", help="such as 6.45 (Camera Module 3), 6.29 (HQ Camera)")
    add("--distance", type=float, required=True, metavar="M", help="along the road to the plate")
    add("--mount", type=float, default=2.5, metavar="M", help="camera above the road; default %(default)s")
    add("--aside", type=float, default=0.0, metavar="M", help="plate beside the camera's axis; default 0")
    add("--rows", type=int, choices=(1, 2), default=1, help="of text on the plate")
    add("--plate-width", type=float, metavar="MM", help="default 520, or 330 with two rows")
    add("--plate-height", type=float, metavar="MM", help="default 110, or 165 with two rows")
    add("--plate-mount", type=float, default=0.5, metavar="M", help="plate above the road; default %(default)s")
    add("--speed", type=float, default=30.0, metavar="KM/H", help="of the vehicle; default %(default)s")
    add("--shutter", default="1/500", metavar="S", help="1/500 or 0.002; default %(default)s")
    add("--json", action="store_true", help="one JSON object")


def camera_plan(options: Namespace) -> int:
    """Say what a camera would see of a plate; exit code 1 where that does not suffice."""
    spot = _spot(options)
    made = plan(spot)
    say(lines.as_json(shape(made)) if options.json else text(spot, made))
    return 0 if made.sufficient else INSUFFICIENT


def shape(made: Plan) -> dict[str, Any]:
    """The plan as JSON; an unlimited shutter time is null."""
    rounded = {key: round(v, 4) if isinstance(v, float) else v for key, v in asdict(made).items()}
    return rounded | {
        "longest_shutter": None if isinf(made.longest_shutter) else round(made.longest_shutter, 6),
        "sufficient": made.sufficient,
    }


def text(spot: Spot, made: Plan) -> str:
    """The plan for people."""
    one_row = "one row" if spot.rows == 1 else "two rows"
    shutter = "any" if isinf(made.longest_shutter) else f"1/{1 / made.longest_shutter:.0f} s"
    return "\n".join(
        [
            f"plate     {made.plate_width:.0f} x {made.plate_height:.0f} pixels, letters {made.letter:.1f} high "
            f"({one_row}), {made.in_detector:.0f} of {DETECTOR_SIDE} wide in the detector's view: {made.verdict}",
            f"angles    {made.tilt:.0f} degrees from above, {made.turn:.0f} from the side, {made.slant:.1f} m away, "
            f"{spot.view:.0f} degrees across",
            f"reach     readable up to {made.readable_to:.1f} m",
            f"motion    {made.blur:.1f} pixels at {spot.speed:g} km/h; {made.blur_allowed:.1f} are allowed, "
            f"with a shutter of {shutter}",
            f"verdict   {'sufficient' if made.sufficient else 'NOT sufficient'}",
            *(f"advice    {line}" for line in made.advice),
        ]
    )


def _spot(options: Namespace) -> Spot:
    if options.focal is not None and options.sensor_width is None:
        raise BadSettings("--focal needs --sensor-width, the width of the sensor in millimetres; or give --fov.")
    wide, tall = PLATES[options.rows]
    return Spot(
        width=options.width,
        height=options.height,
        view=options.fov if options.focal is None else angle_of_view(options.focal, options.sensor_width),
        distance=options.distance,
        mount=options.mount,
        aside=options.aside,
        plate_width=(options.plate_width or wide) / 1000,
        plate_height=(options.plate_height or tall) / 1000,
        plate_mount=options.plate_mount,
        rows=options.rows,
        speed=options.speed,
        shutter=seconds(options.shutter),
    )


def seconds(text: str) -> float:
    """A shutter time as cameras show it: 1/500, or in seconds."""
    over, _, under = text.partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError) as problem:
        raise BadSettings(f"--shutter {text} is no time. Write 1/500 or 0.002.") from problem
