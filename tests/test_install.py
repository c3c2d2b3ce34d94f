"""systemd/install into a directory: a real wheelhouse, a real Debian package, no network, nothing of the machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import __version__
from edge.settings import Settings
from tests import wheelhouse

SYSTEMD = Path(__file__).resolve().parents[1] / "systemd"
Done = subprocess.CompletedProcess[str]


def install(*words: str | Path) -> Done:
    command = [SYSTEMD / "install", "--python", sys.executable, *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def package(
    folder: Path, version: str = "16.0tf2.99.0-1", arch: str | None = None, name: str = "libedgetpu1-std"
) -> Path:
    """A Debian package of this name and version that holds one library."""
    arch = arch or architecture()
    library = folder / "tree" / "usr/lib/libedgetpu.so.1.0"
    library.parent.mkdir(parents=True, exist_ok=True)
    library.write_bytes(b"not a real one")
    control = folder / "tree" / "DEBIAN/control"
    control.parent.mkdir(exist_ok=True)
    control.write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: us <us@example.invalid>\n"
        "Description: for a test\n"
    )
    file = folder / f"{name}_{version}.{codename()}_{arch}.deb"
    subprocess.run(["dpkg-deb", "--build", folder / "tree", file], check=True, capture_output=True)
    return file


def codename() -> str:
    return re.findall(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)[0]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def tree(root: Path) -> dict[str, int]:
    """Every file of ours with the time it was written; Python's own caches left out."""
    kept = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in kept}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheelhouse")
    wheelhouse.build(folder)
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[..., Done], Done]:
    """A root with edge-alpr in it, how to install there again, and how the first time went."""
    root = tmp_path_factory.mktemp("root")
    file = package(tmp_path_factory.mktemp("deb"))

    def again(*words: str | Path) -> Done:
        return install("--root", root, "--offline", wheels, *words)

    return root, again, again("--libedgetpu", file, "--sha256", digest(file), "--camera", "gate", "--camera", "yard")


def test_one_command_installs_everything_and_ends_with_the_doctor(installed: tuple[Path, object, Done]) -> None:
    root, _, done = installed
    findings = re.findall(r"^(ok|warning|FAILURE) +(board|runtime|model \w+):", done.stdout, re.MULTILINE)
    assert {name for _, name in findings} >= {"board", "runtime", "model reader"}, done.stdout + done.stderr
    failed = bool(re.search("^FAILURE", done.stdout, re.MULTILINE))
    assert done.returncode == (1 if failed else 0)
    assert ("the doctor found a failure" in done.stderr) == failed
    command = root / "opt/edge-alpr/bin/edge-alpr"
    told = subprocess.run([command, "--version"], capture_output=True, text=True, cwd=root)
    assert told.stdout == f"edge-alpr {__version__}\n"
    assert (root / "usr/lib/libedgetpu.so.1.0").exists()
    assert os.readlink(root / "usr/local/bin/edge-alpr") == "/opt/edge-alpr/bin/edge-alpr"


def test_the_files_lie_where_systemd_and_udev_look(installed: tuple[Path, object, Done]) -> None:
    root = installed[0] / "etc"
    for name in ("edge-alpr@.service", "edge-alpr.target", "edge-alpr-maintain@.service", "edge-alpr-maintain@.timer"):
        assert (root / "systemd/system" / name).read_bytes() == (SYSTEMD / "system" / name).read_bytes()
    for place in ("sysusers.d/edge-alpr.conf", "tmpfiles.d/edge-alpr.conf", "udev/rules.d/60-edge-alpr-coral.rules"):
        assert (root / place).stat().st_mode & 0o777 == 0o644
    assert (root / "systemd/journald@edge-alpr.conf").exists()
    assert not (root / "systemd/system.conf.d").exists()


def test_every_camera_gets_settings_that_the_program_takes(installed: tuple[Path, object, Done]) -> None:
    folder = installed[0] / "etc/edge-alpr"
    paths = {Settings.load(folder / f"{name}.toml").store.path for name in ("gate", "yard")}
    assert paths == {f"/var/lib/edge-alpr/{name}/edge-alpr.db" for name in ("gate", "yard")}
    assert (folder / "gate.toml").stat().st_mode & 0o777 == 0o640
    assert folder.stat().st_mode & 0o777 == 0o750


def test_repeated_it_changes_nothing_and_keeps_the_settings(installed: tuple[Path, Callable[..., Done], Done]) -> None:
    root, again, _ = installed
    settings = root / "etc/edge-alpr/gate.toml"
    settings.write_text('region = "vn"\n')
    before = tree(root)
    done = again("--camera", "gate", "--source", "rtsp://camera/1")
    assert "is installed" in done.stdout
    assert "gate.toml is left as it is" in done.stdout
    assert tree(root) == before
    assert settings.read_text() == 'region = "vn"\n'


def test_a_further_camera_is_added_with_its_source(installed: tuple[Path, Callable[..., Done], Done]) -> None:
    root, again, _ = installed
    again("--camera", "back", "--source", "rtsp://user:a&b@camera/1", "--hardware-watchdog")
    assert Settings.load(root / "etc/edge-alpr/back.toml").camera.source == "rtsp://user:a&b@camera/1"
    assert (root / "etc/systemd/system.conf.d/edge-alpr.conf").exists()


def test_uninstalling_keeps_settings_and_events_until_they_are_purged(
    installed: tuple[Path, Callable[..., Done], Done], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(installed[0], root, symlinks=True)
    (root / "var/lib/edge-alpr/gate").mkdir(parents=True)
    (root / "var/lib/edge-alpr/gate/edge-alpr.db").touch()
    (root / "etc/tmpfiles.d/theirs.conf").touch()
    assert install("--root", root, "--uninstall").returncode == 0
    assert not (root / "etc/sysusers.d").exists()
    (root / "etc/tmpfiles.d/theirs.conf").unlink()
    left = set(tree(root))
    assert {"etc/edge-alpr/yard.toml", "var/lib/edge-alpr/gate/edge-alpr.db"} <= left
    assert left - {"usr/lib/libedgetpu.so.1.0"} == {p for p in left if p.startswith(("etc/edge-alpr/", "var/lib/"))}
    assert install("--root", root, "--uninstall", "--purge").returncode == 0
    assert set(tree(root)) == {"usr/lib/libedgetpu.so.1.0"}
    assert install("--root", root, "--uninstall").returncode == 0  # and once more


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "edge_alpr-0-py3-none-any.whl"
    file.touch()
    return file


@pytest.mark.parametrize(
    ("made", "words", "message"),
    [
        ({}, ["--sha256", "0" * 64], "its SHA-256 differs. Get it again; nothing was changed"),
        ({}, [], "give the SHA-256 that its source tells with --sha256"),
        ({"version": "16.0"}, None, "libedgetpu 16.0 crashes with current runtimes"),
        ({"version": "16.0tf2.5.0-1"}, None, "crashes with current runtimes"),
        ({"arch": "riscv64"}, None, "is for riscv64; this system is"),
        ({"name": "libsomething"}, None, "holds libsomething, not libedgetpu1-std"),
    ],
)
def test_a_libedgetpu_that_is_not_known_or_does_not_fit_is_refused(
    tmp_path: Path, wheel: Path, made: dict[str, str], words: list[str] | None, message: str
) -> None:
    file = package(tmp_path, **made)
    words = ["--sha256", digest(file)] if words is None else words
    done = install("--root", tmp_path / "root", "--wheel", wheel, "--libedgetpu", file, *words)
    assert (done.returncode, message in done.stderr) == (65, True), done.stderr
    assert not (tmp_path / "root").exists()


def test_a_folder_of_packages_gives_the_one_for_this_system(tmp_path: Path, wheel: Path) -> None:
    package(tmp_path, arch="riscv64")
    words = ["--root", tmp_path / "root", "--wheel", wheel, "--libedgetpu", tmp_path]
    assert f"_{architecture()}.deb." in install(*words).stderr
    package(tmp_path)
    assert f"Nobody knows libedgetpu1-std_16.0tf2.99.0-1.{codename()}_{architecture()}.deb" in install(*words).stderr


def test_a_package_in_the_table_needs_no_hash_on_the_command_line(tmp_path: Path, wheel: Path) -> None:
    own = tmp_path / "systemd"
    shutil.copytree(SYSTEMD, own)
    file = package(tmp_path)
    with (own / "libedgetpu.table").open("a") as table:
        table.write(f"{digest(file)}  {file.name}\n")
    words = ["--root", tmp_path / "root", "--wheel", wheel, "--libedgetpu", file, "--python", sys.executable]
    done = subprocess.run([own / "install", *words], capture_output=True, text=True)
    assert f"libedgetpu: {file.name} unpacked" in done.stdout
    assert done.returncode == 69  # the wheel of this test is an empty file


def test_the_table_is_what_sha256sum_reads() -> None:
    lines = [line for line in (SYSTEMD / "libedgetpu.table").read_text().splitlines() if not line.startswith("#")]
    form = r"[0-9a-f]{64}  libedgetpu1-std_16\.0tf2\.\d+\.\d+-\d+\.(bookworm|trixie)_(amd64|arm64)\.deb"
    assert [line for line in lines if not re.fullmatch(form, line)] == []
    assert len({line.split()[1] for line in lines}) == len(lines) >= 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--rot", "x"], 64, "--rot is not an option"),
        (["--root"], 64, "--root needs a value"),
        (["--camera", "my gate"], 64, "A camera's name is of a-z, 0-9 and _"),
        (["--source", 'a"b'], 64, "neither a quotation mark"),
        (["--purge"], 64, "--purge goes with --uninstall"),
        (["--python", "python9"], 69, "There is no python9. Run apt install python3"),
        (["--wheel", "gone.whl"], 66, "There is no wheel gone.whl"),
        (["--offline", "gone"], 66, "There is no folder gone"),
        (["--libedgetpu", "gone.deb"], 66, "There is no package gone.deb"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_changed(
    tmp_path: Path, wheel: Path, words: list[str], code: int, message: str
) -> None:
    done = install("--root", tmp_path / "root", "--wheel", wheel, *words)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "root").exists()


def test_a_camera_that_does_not_start_does_not_keep_the_doctor_from_its_word(tmp_path: Path) -> None:
    """Without a camera `systemctl start` fails; the script's functions are called with systemd's commands replaced."""
    for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "udevadm"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*"\ncase $1 in start | try-restart) exit 1 ;; esac\n')
        (tmp_path / name).chmod(0o755)
    functions = (SYSTEMD / "install").read_text().partition('\narguments "$@"\n')[0]
    program = f"{functions}\nexamine() {{ echo doctor; }}\narguments --camera gate --camera yard\ntake_effect\nexamine"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, env=environment)
    told = [line for line in done.stdout.splitlines() if re.match("systemctl (enable|start)|edge-alpr@|doctor", line)]
    assert told == [
        "systemctl enable edge-alpr.target",
        "systemctl enable edge-alpr@gate.service",
        "systemctl start edge-alpr@gate.service",
        "edge-alpr@gate is not reading yet, it tries again and again; see below",
        "systemctl enable edge-alpr@yard.service",
        "systemctl start edge-alpr@yard.service",
        "edge-alpr@yard is not reading yet, it tries again and again; see below",
        "doctor",
    ]


def test_the_help_names_every_option() -> None:
    text = (SYSTEMD / "install").read_text()
    parsed = text[text.index("arguments()") : text.index("# What is copied")]
    options = set(re.findall(r"--[a-z0-9-]+(?= ?[|)])", parsed))
    assert {"--camera", "--offline", "--root", "--uninstall"} <= options
    told = install("--help").stdout
    assert [option for option in options - {"--help"} if option not in told] == []


def test_the_script_is_clean_for_shellcheck_and_names_no_address() -> None:
    assert shutil.which("shellcheck"), "shellcheck is missing: apt install shellcheck (see README, Two commands)"
    done = subprocess.run(["shellcheck", SYSTEMD / "install"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    files = [path for path in SYSTEMD.rglob("*") if path.is_file()]
    assert len(files) >= 12
    assert [path.name for path in files if "://" in path.read_text()] == []
