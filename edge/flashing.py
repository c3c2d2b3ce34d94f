"""The command `flash`, on the desktop: a checked image onto a card, with what the board is told at its first start."""

from __future__ import annotations

import errno
import getpass
import hashlib
import os
import secrets
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge import diskimage
from edge.cards import Card, card
from edge.commands import say
from edge.diskimage import BLOCK, Boot
from edge.errors import BadInput, BadSettings, CardError
from edge.firstboot import FirstBoot, Wifi, files

OURS = "edge-alpr.json"  # lies in the boot partition of our own image
STOCK = {"cmdline.txt", "user-data"}  # of a Raspberry Pi OS that asks cloud-init
INSTALLER = Path(__file__).resolve().parents[1] / "systemd"
PLAIN = FirstBoot()
Progress = Callable[[int], None]


def arguments(command: ArgumentParser) -> None:
    """The options of flash."""
    command.set_defaults(command=flash)
    add = command.add_argument
    add("image", metavar="IMAGE", type=Path, help=".img, .img.xz or .img.gz: of edge-alpr, or a Raspberry Pi OS")
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument("target", nargs="?", metavar="DEVICE", type=Path, help="the card, such as /dev/sdb")
    target.add_argument("--output", metavar="FILE", type=Path, help="write an image file instead of a card")
    add("--sha256", metavar="HEX", help="of IMAGE; default IMAGE.sha256 beside it")
    add("--hostname", default=PLAIN.hostname, metavar="NAME", help="default %(default)s")
    add("--user", default=PLAIN.user, metavar="NAME", help="who logs in; default %(default)s")
    add("--ssh-key", action="append", default=[], type=Path, metavar="FILE", help="public key (.pub); may be repeated")
    add("--wifi", metavar="SSID", help="the password is asked for")
    add("--wifi-password-file", type=Path, metavar="FILE", help="instead of asking")
    add("--wifi-country", metavar="CODE", help="two letters, such as VN; goes with --wifi")
    add("--camera", action="append", default=[], metavar="NAME=SOURCE", help="default gate=0; may be repeated")
    add("--region", metavar="CODE", help="vn, kr, br, cn, latin")
    add("--device", default=PLAIN.device, metavar="auto|cpu|edgetpu|usb:N|pci:N")
    add("--wheelhouse", type=Path, metavar="DIR", help="for a Raspberry Pi OS: edge-alpr and what it needs, for arm64")
    add("--root", default="/", type=Path, metavar="DIR", help="where /sys, /proc and /dev lie")


def flash(options: Namespace) -> int:
    """Check everything, ask for the device's name, write, read back; nothing is written before all checks passed."""
    first = _first_boot(options)
    wanted = diskimage.expected(options.image, options.sha256)
    if diskimage.digest(options.image) != wanted:
        raise BadInput(f"{options.image} is not what it should be: its SHA-256 differs. Download it again.")
    size = diskimage.length(options.image)
    place = _file(options.output) if options.output else card(options.target, needed=size, root=options.root)
    with tempfile.TemporaryDirectory(prefix="edge-alpr-flash-") as folder:
        head = Path(folder) / "head.img"
        _fill(options, first, head, Path(folder))
        if isinstance(place, Card):
            _ask(place)
        with _progress(size) as tell:
            written = _write(place, diskimage.blocks(options.image, head), tell)
    with _progress(size) as tell:
        if _read_back(place, size, tell) != written:
            raise CardError(f"{_name(place)} does not hold what was written to it. Take another card or reader.")
    say(f"{_name(place)} is written and checked: put it into the board, {first.hostname} starts by itself.")
    if not first.keys:
        say("No SSH key was given: the board reads plates, but nobody can log in. Repeat with --ssh-key for that.")
    return 0


def _first_boot(options: Namespace) -> FirstBoot:
    cameras = [text.partition("=") for text in options.camera]
    return FirstBoot(
        hostname=options.hostname, user=options.user, region=options.region, device=options.device,
        keys=tuple(line for file in options.ssh_key for line in _text(file).splitlines() if line.strip()),
        wifi=_wifi(options),
        cameras=tuple((name, source) for name, _, source in cameras) or PLAIN.cameras,
    )  # fmt: skip


def _wifi(options: Namespace) -> Wifi | None:
    if options.wifi is None:
        if options.wifi_password_file or options.wifi_country:
            raise BadSettings("--wifi-password-file and --wifi-country go with --wifi SSID.")
        return None
    if options.wifi_country is None:
        raise BadSettings("Wi-Fi needs the country for its channels: give --wifi-country, such as VN.")
    if options.wifi_password_file:
        password = _text(options.wifi_password_file).rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password of {options.wifi}: ")
    return Wifi(ssid=options.wifi, password=password, country=options.wifi_country)


def _fill(options: Namespace, first: FirstBoot, head: Path, scratch: Path) -> None:
    """Put the first-boot files, and into a Raspberry Pi OS the installer too, into a copy of the boot partition."""
    boot = diskimage.take_head(options.image, head)
    present = diskimage.names(head, boot)
    stock = OURS not in present
    if stock and not present >= STOCK:
        raise BadInput(
            f"{options.image.name} is neither an image of edge-alpr nor a Raspberry Pi OS with cloud-init (of "
            "November 2025 or later). Take one of those, or install with systemd/install."
        )
    if stock:
        _inject(options.wheelhouse, head, boot, scratch / "edge-alpr")
    elif options.wheelhouse:
        raise BadSettings("--wheelhouse is for a Raspberry Pi OS; an image of edge-alpr holds all it needs.")
    diskimage.put(head, boot, files(first, f"edge-alpr-{secrets.token_hex(8)}", stock=stock), scratch)


def _inject(wheelhouse: Path | None, head: Path, boot: Boot, folder: Path) -> None:
    """The installer and the wheels in one folder of the boot partition."""
    if wheelhouse is None:
        raise BadSettings(
            "A Raspberry Pi OS gets edge-alpr from a wheelhouse: give --wheelhouse DIR (see docs/install.md), "
            "or take an image of edge-alpr."
        )
    wheels = sorted(wheelhouse.glob("*.whl"))
    if not any(wheel.name.startswith("edge_alpr-") for wheel in wheels):
        raise BadInput(f"{wheelhouse} holds no edge_alpr-*.whl. Fill it as docs/install.md says.")
    if other := [w.name for w in wheels if not w.stem.endswith(("-any", "aarch64"))]:
        raise BadInput(f"{wheelhouse} is not for arm64: {other[0]}. Fill it with --platform as docs/install.md says.")
    if not (INSTALLER / "install").is_file():
        raise BadInput(f"{INSTALLER} holds no installer. Run edge-alpr from a checkout for a Raspberry Pi OS.")
    _copy(INSTALLER, folder, lambda path: "image" not in path.relative_to(INSTALLER).parts)
    _copy(wheelhouse, folder / "wheelhouse", lambda path: path.suffix == ".whl")
    diskimage.put_folder(head, boot, folder)


def _copy(source: Path, to: Path, wanted: Callable[[Path], bool]) -> None:
    for file in sorted(path for path in source.rglob("*") if path.is_file() and wanted(path)):
        place = to / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())


def _ask(place: Card) -> None:
    """All on the card will be gone, so its name is to be typed."""
    told = f"Everything on {place} will be overwritten.\nType {place.name} to go on: "
    print(told, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() not in (place.name, f"/dev/{place.name}"):
        raise CardError(f"That is not {place.name}: nothing was written.")


def _file(path: Path) -> Path:
    if path.exists():
        raise CardError(f"{path} exists already and is left alone. Remove it, or name another file.")
    return path


def _write(place: Card | Path, parts: Iterable[bytes], tell: Progress) -> str:
    """Write and flush all blocks; returns the SHA-256 of what was sent."""
    sent = hashlib.sha256()
    try:
        with os.fdopen(_opened(place), "wb", buffering=0) as out:
            for part in parts:
                sent.update(part)
                view = memoryview(part)
                while view:
                    view = view[out.write(view) :]
                tell(len(part))
            os.fsync(out.fileno())
    except OSError as problem:
        if isinstance(problem, CardError):
            raise
        raise CardError(f"{_name(place)} cannot be written ({problem.strerror}). {_remedy(problem)}") from problem
    return sent.hexdigest()


def _opened(place: Card | Path) -> int:
    """A card is opened for itself alone: the kernel refuses that while any of it is in use."""
    if isinstance(place, Card):
        return os.open(place.node, os.O_WRONLY | os.O_EXCL)
    return os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)


def _remedy(problem: OSError) -> str:
    told = {
        errno.EACCES: "Run it with sudo, or as a member of the group disk.",
        errno.EBUSY: "Something uses it: unmount it, close the file manager, and repeat.",
        errno.ENOSPC: "There is no room left: take a larger card or disk.",
    }
    return told.get(problem.errno or 0, "Take another card or another reader.")


def _read_back(place: Card | Path, size: int, tell: Progress) -> str:
    """SHA-256 of the first `size` bytes as they come from the card, not from the memory of this computer."""
    seen = hashlib.sha256()
    left = size
    with open(place.node if isinstance(place, Card) else place, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while left and (block := file.read(min(BLOCK, left))):
            seen.update(block)
            left -= len(block)
            tell(len(block))
    return seen.hexdigest()


@contextmanager
def _progress(size: int) -> Iterator[Progress]:
    """A line on standard error that tells of every percent, of every tenth where nobody watches."""
    done = percent = 0
    step = 1 if sys.stderr.isatty() else 10

    def tell(count: int) -> None:
        nonlocal done, percent
        done += count
        if (now := 100 * done // size) >= percent + step:
            percent = now
            print(f"\r{percent:3d} % of {size / 1e9:.2f} GB", end="", file=sys.stderr, flush=True)

    yield tell
    print(file=sys.stderr)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadSettings(f"{file} cannot be read as text ({problem}). Check the path.") from problem


def _name(place: Card | Path) -> str:
    return f"/dev/{place.name}" if isinstance(place, Card) else str(place)
