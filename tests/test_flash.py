"""`edge-alpr flash` on files and on disks of a /sys of our own: what is written, what is refused, what is kept."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import flashing
from edge.settings import Settings
from tests.painted import Alpr, Ended

SECTOR = 512
START, BOOT, REST = 2048, 16384, 4096  # sectors
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake gate@desk"
PASSWORD = "correct horse"


def tool(*words: str | Path) -> bytes:
    assert shutil.which(str(words[0])), f"{words[0]} is missing: apt install mtools dosfstools (see README)"
    return subprocess.run([str(w) for w in words], check=True, capture_output=True).stdout


def disk(path: Path, *names: str) -> Path:
    """A disk of a FAT partition with these empty files and of another one with a pattern."""
    table = bytearray(SECTOR)
    table[510:] = b"\x55\xaa"
    struct.pack_into("<B3xB3xII", table, 446, 0x80, 0x0C, START, BOOT)
    struct.pack_into("<B3xB3xII", table, 462, 0, 0x83, START + BOOT, REST)
    with path.open("wb") as file:
        file.write(table)
        file.seek((START + BOOT) * SECTOR)
        file.write(bytes(range(256)) * (REST * SECTOR // 256))
    tool("mkfs.vfat", "--offset", str(START), "-F", "16", "-s", "1", "-n", "BOOT", path, str(BOOT // 2))
    for name in names:
        tool("mcopy", "-i", f"{path}@@{START * SECTOR}", "/dev/null", f"::/{name}")
    return path


def inside(path: Path, name: str) -> bytes:
    return tool("mtype", "-i", f"{path}@@{START * SECTOR}", f"::/{name}")


def told(path: Path, name: str) -> Any:
    return json.loads(inside(path, name).decode().removeprefix("#cloud-config\n"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image of ours with its hash beside it."""
    path = disk(tmp_path / "ours.img", "edge-alpr.json", "user-data")
    path.with_name("ours.img.sha256").write_text(f"{digest(path)}  ours.img\n")
    return path


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    path = disk(tmp_path / "raspios.img", "cmdline.txt", "config.txt", "user-data", "meta-data", "network-config")
    path.with_name("raspios.img.sha256").write_text(digest(path))
    return path


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("edge_alpr-1-py3-none-any.whl", "numpy-2-cp313-cp313-manylinux_2_28_aarch64.whl"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A /sys, /proc and /dev with a memory card that is removable and large enough."""
    root = tmp_path / "machine"
    facts = root / "sys/class/block/sdb"
    (facts / "device").mkdir(parents=True)
    for name, text in {
        "size": "65536", "removable": "1", "ro": "0", "dev": "8:16", "device/vendor": "Generic", "device/model": "Card"
    }.items():  # fmt: skip
        (facts / name).write_text(text + "\n")
    for name, number in (("sdb1", "8:17"), ("sdb2", "8:18")):
        (facts / name).mkdir()
        (facts / name / "dev").write_text(number + "\n")
        (facts / name / "partition").write_text(name[-1] + "\n")
        (root / "sys/class/block" / name).symlink_to(Path("sdb") / name)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text("22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n")
    (root / "proc/swaps").write_text("Filename Type Size Used Priority\n/dev/nvme0n1p3 partition 8 0 -2\n")
    (root / "dev").mkdir()
    for name in ("sdb", "sdb1"):
        (root / "dev" / name).write_bytes(b"before" * 1000)
    return root


Flash = Callable[..., Ended]


@pytest.fixture
def flash(alpr: Alpr, machine: Path, monkeypatch: pytest.MonkeyPatch) -> Flash:
    """The command with `typed` on its standard input."""

    def run(*words: str | Path, typed: str = "sdb\n") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return alpr("flash", "--root", machine, *words)

    return run


def test_a_card_gets_the_image_with_its_first_boot_files_and_the_rest_of_it_is_left_alone(
    flash: Flash, image: Path, machine: Path, tmp_path: Path
) -> None:
    card = machine / "dev/sdb"
    card.write_bytes(b"x" * (image.stat().st_size + 1000))
    (tmp_path / "id.pub").write_text(KEY + "\n")
    ended = flash(image, "/dev/sdb", "--ssh-key", "id.pub", "--hostname", "north-gate", "--region", "vn")
    assert (ended.code, "100 %" in ended.err) == (0, True), ended.err
    assert ended.out == "/dev/sdb is written and checked: put it into the board, north-gate starts by itself.\n"
    assert "Everything on sdb (Generic Card, 0.0 GB) will be overwritten" in ended.err
    written, original = card.read_bytes(), image.read_bytes()
    assert written[: START * SECTOR] == original[: START * SECTOR]
    end = (START + BOOT) * SECTOR
    assert written[end:] == original[end:] + b"x" * 1000
    user_data = told(card, "user-data")
    assert user_data["hostname"] == "north-gate"
    assert user_data["users"][0]["ssh_authorized_keys"] == [KEY]
    assert told(card, "meta-data")["local-hostname"] == "north-gate"


def test_the_settings_it_writes_are_those_of_the_cameras(flash: Flash, image: Path, tmp_path: Path) -> None:
    words = ["--camera", "yard=rtsp://a:b&c@cam/1", "--camera", "exit=1", "--region", "kr", "--device", "cpu"]
    assert flash(image, "--output", "out.img", *words).code == 0
    user_data = told(tmp_path / "out.img", "user-data")
    for written, source in zip(user_data["write_files"], ("rtsp://a:b&c@cam/1", "1"), strict=True):
        assert (written["owner"], written["permissions"]) == ("root:edge-alpr", "0640")  # before any command is run
        file = tmp_path / Path(written["path"]).name
        file.write_text(written["content"])
        settings = Settings.load(file)
        assert (settings.region, settings.device, settings.camera.source) == ("kr", "cpu", source)
        assert settings.store.path == f"/var/lib/edge-alpr/{file.stem}/edge-alpr.db"
    assert ["systemctl", "disable", "--now", "edge-alpr@gate.service"] in user_data["runcmd"]
    assert ["systemctl", "enable", "edge-alpr@yard.service", "edge-alpr@exit.service"] in user_data["runcmd"]


def test_wifi_is_joined_with_a_key_from_which_the_password_cannot_be_read(
    flash: Flash, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("password\n")
    words = ["--wifi", "IEEE", "--wifi-password-file", "password", "--wifi-country", "VN"]
    assert flash(image, "--output", "out.img", *words).code == 0
    wifi = told(tmp_path / "out.img", "network-config")["network"]["wifis"]["wlan0"]
    assert wifi["regulatory-domain"] == "VN"
    # the example of the standard: IEEE 802.11i, H.4.3
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert wifi["access-points"] == {"IEEE": {"password": key}}


@pytest.mark.parametrize(("ending", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_a_packed_image_is_unpacked_on_the_way(
    flash: Flash, image: Path, tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = tmp_path / f"ours.img{ending}"
    packed.write_bytes(pack(image.read_bytes()))
    assert flash(packed, "--sha256", digest(packed), "--output", "out.img").code == 0
    assert (tmp_path / "out.img").stat().st_size == image.stat().st_size


def test_a_raspberry_pi_os_gets_the_installer_and_the_wheels(
    flash: Flash, stock: Path, wheelhouse: Path, tmp_path: Path
) -> None:
    assert flash(stock, "--output", "out.img", "--wheelhouse", wheelhouse, "--camera", "yard=0").code == 0
    out = tmp_path / "out.img"
    assert inside(out, "edge-alpr/install") == (flashing.INSTALLER / "install").read_bytes()
    for unit in (flashing.INSTALLER / "system").iterdir():
        assert inside(out, f"edge-alpr/system/{unit.name}") == unit.read_bytes()
    for wheel in wheelhouse.iterdir():
        assert inside(out, f"edge-alpr/wheelhouse/{wheel.name}") == wheel.read_bytes()
    command = told(out, "user-data")["runcmd"][-1]
    assert command[:2] == ["bash", "/boot/firmware/edge-alpr/install"]
    assert command[-2:] == ["--camera", "yard"]


def spoil(machine: Path, **facts: str) -> None:
    for name, text in facts.items():
        (machine / "sys/class/block/sdb" / name).write_text(text)


def mounted(machine: Path) -> None:
    text = "99 22 8:17 / /media/card rw - vfat /dev/sdb1 rw\n"
    (machine / "proc/self/mountinfo").write_text(text)


@pytest.mark.parametrize(
    ("prepare", "target", "message"),
    [
        (mounted, "/dev/sdb", "is in use: mounted at /media/card. Run umount /media/card first."),
        (lambda m: spoil(m, removable="0"), "/dev/sdb", "is a fixed disk of this computer"),
        (lambda m: spoil(m, size="2048"), "/dev/sdb", "is too small: the image needs"),
        (lambda m: spoil(m, ro="1"), "/dev/sdb", "is write-protected. Slide the switch"),
        (lambda m: None, "/dev/sdb1", "is one partition. Name the whole disk, such as /dev/sdb."),
        (lambda m: None, "/dev/sdz", "is no disk of this machine"),
        (lambda m: (m / "sys/class/block/sdb/sdb2/holders/dm-0").mkdir(parents=True), "/dev/sdb", "part of a volume"),
        (lambda m: (m / "proc/swaps").write_text("Filename\n/dev/sdb2 partition 8 0 -2\n"), "/dev/sdb", "swaps to it"),
    ],
)
def test_a_disk_that_may_not_be_overwritten_is_refused_and_left_as_it_was(
    flash: Flash, image: Path, machine: Path, prepare: Callable[[Path], object], target: str, message: str
) -> None:
    prepare(machine)
    ended = flash(image, target)
    assert (ended.code, message in ended.err) == (73, True), ended.err
    assert (machine / "dev/sdb").read_bytes() == b"before" * 1000


def test_a_card_in_a_built_in_reader_is_taken_though_the_kernel_calls_it_fixed(
    flash: Flash, image: Path, machine: Path
) -> None:
    spoil(machine, removable="0")
    (machine / "sys/class/block/sdb/device/type").write_text("SD\n")
    assert flash(image, "/dev/sdb", typed="/dev/sdb\n").code == 0


@pytest.mark.parametrize("typed", ["", "\n", "sdc\n", "yes\n"])
def test_without_the_name_of_the_device_nothing_is_written(
    flash: Flash, image: Path, machine: Path, typed: str
) -> None:
    ended = flash(image, "/dev/sdb", typed=typed)
    assert (ended.code, "That is not sdb: nothing was written." in ended.err) == (73, True)
    assert (machine / "dev/sdb").read_bytes() == b"before" * 1000


def test_a_card_that_forgets_is_noticed_when_it_is_read_back(
    flash: Flash, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = flashing._write

    def forgetful(place: Any, parts: Any, tell: Any) -> str:
        sent = write(place, parts, tell)
        with open(place.node, "r+b") as file:
            file.seek(5_000_000)
            file.write(b"?")
        return sent

    monkeypatch.setattr(flashing, "_write", forgetful)
    ended = flash(image, "/dev/sdb")
    assert (ended.code, "does not hold what was written to it" in ended.err) == (73, True)


def test_a_target_that_fills_up_is_told(flash: Flash, image: Path, machine: Path) -> None:
    (machine / "dev/sdb").unlink()
    (machine / "dev/sdb").symlink_to("/dev/full")
    spoil(machine, size="65536")
    (machine / "sys/class/block/full").symlink_to("sdb")
    ended = flash(image, "/dev/sdb", typed="full\n")
    assert (ended.code, "There is no room left: take a larger card" in ended.err) == (73, True), ended.err


def truncated(path: Path) -> Path:
    packed = path.with_name("cut.img.xz")
    packed.write_bytes(lzma.compress(path.read_bytes())[:-100])
    return packed


def changed(path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"!")
    return path


def without_table(path: Path) -> Path:
    path.write_bytes(bytes(path.stat().st_size))
    return path


def without_fat(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[450] = 0x83
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: 3 << 20])
    return path


@pytest.mark.parametrize(
    ("make", "words", "message"),
    [
        (changed, [], "its SHA-256 differs. Download it again"),
        (lambda p: p.with_name("gone.img"), ["--sha256", "0" * 64], "gone.img cannot be read (No such file"),
        (lambda p: p.rename(p.with_name("other.img")), [], "Nobody says what other.img should be"),
        (lambda p: p, ["--sha256", "12ab"], "12ab is no SHA-256: it has 64 hexadecimal digits"),
        (lambda p: p.rename(p.with_name("ours.zip")), None, "ours.zip is no image: unpack it to .img"),
        (truncated, None, "cut.img.xz is damaged"),
        (without_table, None, "has no partition table"),
        (without_fat, None, "has no FAT boot partition"),
        (cut, None, "ends inside its boot partition"),
        (lambda p: disk(p, "kernel.img"), None, "neither an image of edge-alpr nor a Raspberry Pi OS with cloud-init"),
        (lambda p: disk(p, "cmdline.txt", "user-data"), None, "gets edge-alpr from a wheelhouse"),
    ],
)
def test_an_image_that_is_not_what_it_should_be_is_refused_before_a_card_is_touched(
    flash: Flash, image: Path, machine: Path, make: Callable[[Path], Path], words: list[str] | None, message: str
) -> None:
    made = make(image)
    ended = flash(made, "/dev/sdb", *(["--sha256", digest(made)] if words is None else words))
    assert (ended.code in (65, 78), message in ended.err) == (True, True), ended.err
    assert (machine / "dev/sdb").read_bytes() == b"before" * 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hostname", "my gate"], "--hostname my gate is none"),
        (["--user", "root"], "--user root is no name for a person"),
        (["--ssh-key", "private"], "is no public SSH key. Name the .pub file"),
        (["--ssh-key", "gone.pub"], "gone.pub cannot be read"),
        (["--camera", "gate"], "--camera gate= is none. Write NAME=SOURCE"),
        (["--camera", 'gate=a"b'], "without quotation marks"),
        (["--region", "xx"], "region = 'xx' is unknown"),
        (["--device", "gpu"], "device = 'gpu' is not a device"),
        (["--wifi", "home"], "give --wifi-country"),
        (["--wifi-country", "VN"], "go with --wifi SSID"),
        (["--wifi", "home", "--wifi-country", "vn", "--wifi-password-file", "good"], "is no country"),
        (["--wifi", "home", "--wifi-country", "VN", "--wifi-password-file", "short"], "has 8 to 63"),
        (["--wifi", "x" * 33, "--wifi-country", "VN", "--wifi-password-file", "good"], "must have 1 to 32 bytes"),
        (["--wheelhouse", "wheels"], "is for a Raspberry Pi OS"),
    ],
)
def test_what_the_board_cannot_be_told_is_refused(
    flash: Flash, image: Path, machine: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    for name, text in {"private": "-----BEGIN", "good": PASSWORD, "short": "1234567"}.items():
        (tmp_path / name).write_text(text)
    ended = flash(image, "/dev/sdb", *words)
    assert (ended.code, message in ended.err) == (78, True), ended.err
    assert (machine / "dev/sdb").read_bytes() == b"before" * 1000


def test_a_wheelhouse_of_another_machine_or_too_large_for_the_partition_is_refused(
    flash: Flash, stock: Path, wheelhouse: Path
) -> None:
    words = [stock, "--output", "out.img", "--wheelhouse", wheelhouse]
    large = wheelhouse / "opencv-5-cp37-abi3-manylinux_2_28_aarch64.whl"
    large.write_bytes(bytes(12 << 20))
    assert "Disk full" in flash(*words).err
    large.rename(wheelhouse / "opencv-5-cp37-abi3-manylinux_2_28_x86_64.whl")
    assert "is not for arm64: opencv-5" in flash(*words).err
    shutil.rmtree(wheelhouse)
    wheelhouse.mkdir()
    assert "holds no edge_alpr-*.whl" in flash(*words).err


def test_a_file_that_is_there_is_not_overwritten(flash: Flash, image: Path) -> None:
    ended = flash(image, "--output", image)
    assert (ended.code, "exists already and is left alone" in ended.err) == (73, True)
