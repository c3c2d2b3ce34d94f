"""Where to put a camera: lens, distance and height against pixels per plate, and motion against the shutter.

The vehicle comes straight along a road parallel to the camera's view; `aside` is how far beside the camera's
axis the plate passes. A pinhole camera is enough for this; lens distortion is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from edge.errors import BadSettings

DETECTOR_SIDE = 384  # pixels; the picture is shrunk to this before plates are looked for
LETTERS = {1: 0.73, 2: 0.39}  # rows of text: height of a letter as a share of the plate's height
FOUND = {1: (24.0, 16.0), 2: (17.3, 11.5)}  # rows: pixels of width in that view, usual and smallest in training
READ = (15.0, 10.0)  # pixels per letter, comfortable and at the limit: a rule of thumb
STEEP = 30.0  # degrees from which a plate is seen too much from the side or from above
SMEAR = 8.0  # a letter may smear by this part of its height
FARTHEST = 200.0  # metres


class Verdict(StrEnum):
    """How a plate will come out."""

    GOOD = "good"
    LIMIT = "at the limit"
    TOO_SMALL = "too small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A camera in its place, and the plate it looks at."""

    width: int  # pixels of the picture as edge-alpr gets it
    height: int
    view: float  # horizontal angle of view in degrees
    distance: float  # metres along the road
    mount: float  # metres above the road
    aside: float = 0.0  # metres beside the camera's axis
    plate_width: float = 0.520  # metres
    plate_height: float = 0.110
    plate_mount: float = 0.5  # metres above the road
    rows: int = 1
    speed: float = 30.0  # km/h
    shutter: float = 1 / 500  # seconds

    def __post_init__(self) -> None:
        for name in ("width", "height", "distance", "mount", "plate_width", "plate_height", "shutter"):
            if not getattr(self, name) > 0:
                raise BadSettings(f"{name} = {getattr(self, name):g} must be greater than 0.")
        if not 0 < self.view < 180:
            raise BadSettings(f"An angle of view of {self.view:g} degrees is not possible. Use 1 to 179.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes out of it: angles in degrees, sizes in pixels of the picture."""

    slant: float  # metres from the camera to the plate
    tilt: float  # from above
    turn: float  # from the side
    plate_width: float
    plate_height: float
    letter: float
    in_detector: float  # width of the plate in the detector's view
    verdict: Verdict
    readable_to: float  # metres along the road, at the limit; 0 where nowhere
    blur: float  # pixels the plate moves while the shutter is open
    blur_allowed: float
    longest_shutter: float  # seconds at which the blur is just allowed
    advice: tuple[str, ...]

    @property
    def sufficient(self) -> bool:
        return self.verdict is not Verdict.TOO_SMALL and self.blur <= self.blur_allowed


def angle_of_view(focal: float, sensor_width: float) -> float:
    """Degrees across, of a lens of this focal length on a sensor of this width, both in millimetres."""
    if focal <= 0 or sensor_width <= 0:
        raise BadSettings("Focal length and width of the sensor must be greater than 0 millimetres.")
    return math.degrees(2 * math.atan(sensor_width / 2 / focal))


def plan(spot: Spot) -> Plan:
    """What a camera at this spot sees of a plate."""
    drop, across = spot.mount - spot.plate_mount, spot.aside
    slant = math.dist((0, 0, 0), (across, drop, spot.distance))
    per_metre = spot.width / 2 / math.tan(math.radians(spot.view) / 2) / slant
    tilt = math.atan2(abs(drop), math.hypot(across, spot.distance))
    turn = math.atan2(abs(across), spot.distance)
    wide = spot.plate_width * per_metre * math.cos(turn)
    tall = spot.plate_height * per_metre * math.cos(tilt)
    letter = tall * LETTERS[spot.rows]
    found = wide * DETECTOR_SIDE / max(spot.width, spot.height)
    sideways = spot.speed / 3.6 * math.hypot(across, drop) / slant * per_metre  # pixels per second
    allowed = max(1.0, letter / SMEAR)
    made = Plan(
        slant=slant,
        tilt=math.degrees(tilt),
        turn=math.degrees(turn),
        plate_width=wide,
        plate_height=tall,
        letter=letter,
        in_detector=found,
        verdict=_verdict(letter, found, spot.rows),
        readable_to=_readable_to(spot),
        blur=sideways * spot.shutter,
        blur_allowed=allowed,
        longest_shutter=allowed / sideways if sideways else math.inf,
        advice=(),
    )
    return replace(made, advice=tuple(_advice(spot, made)))


def _verdict(letter: float, found: float, rows: int) -> Verdict:
    usual, smallest = FOUND[rows]
    if letter >= READ[0] and found >= usual:
        return Verdict.GOOD
    return Verdict.LIMIT if letter >= READ[1] and found >= smallest else Verdict.TOO_SMALL


def _sizes(spot: Spot, distance: float) -> tuple[float, float]:
    """Pixels per letter and in the detector's view of a plate at another distance."""
    drop, across = spot.mount - spot.plate_mount, spot.aside
    flat = math.hypot(across, distance)
    per_metre = spot.width / 2 / math.tan(math.radians(spot.view) / 2) / math.hypot(flat, drop)
    letter = LETTERS[spot.rows] * spot.plate_height * per_metre * flat / math.hypot(flat, drop)
    wide = spot.plate_width * per_metre * distance / flat
    return letter, wide * DETECTOR_SIDE / max(spot.width, spot.height)


def _readable_to(spot: Spot) -> float:
    """The farthest distance at which the plate is not yet too small, in steps of ten centimetres."""
    steps = (step / 10 for step in range(int(FARTHEST * 10), 0, -1))
    return next((d for d in steps if _verdict(*_sizes(spot, d), spot.rows) is not Verdict.TOO_SMALL), 0.0)


def _advice(spot: Spot, made: Plan) -> list[str]:
    """What to change, the most useful first."""
    told = []
    if made.verdict is not Verdict.GOOD:
        usual = max(READ[0] / made.letter, FOUND[spot.rows][0] / made.in_detector)
        narrower = 2 * math.degrees(math.atan(math.tan(math.radians(spot.view) / 2) / usual))
        told.append(
            f"Use a lens of {narrower:.0f} degrees across ({usual:.1f} times the focal length), or come to "
            f"{spot.distance / usual:.1f} m."
        )
    if made.blur > made.blur_allowed:
        told.append(f"Set the shutter to 1/{math.ceil(1 / made.longest_shutter)} s or shorter, and add light.")
    if made.tilt > STEEP:
        told.append("The plate is seen steeply from above: mount the camera lower or farther away.")
    if made.turn > STEEP:
        told.append("The plate is seen from the side: come nearer to the lane's axis, or farther away.")
    return told
