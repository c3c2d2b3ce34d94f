"""`edge-alpr run --supervise` as a real process before a painted gate, with the stick of software for its Edge TPU."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import StoreError
from edge.store import Store
from tests import gate
from tests.stick import Stick, plugged_in

ROOT = Path(__file__).resolve().parents[1]
RATE = 10.0  # frames per second
PATIENCE = 90.0  # seconds until something that must come is given up; nothing depends on how long it takes
SETTINGS = """
zoo = "{zoo}"
device = "{device}"
[camera]
source = "-"
live = true
[tracking]
certain_confidence = 0.5
[store]
path = "{folder}/gate.db"
[service]
hang_seconds = {hang}
tpu_retry_seconds = {retry}
health = "{folder}/health.json"
metrics = "{folder}/edge-alpr.prom"
"""


@dataclass
class Crossing:
    """A gate with a camera and a supervised reader; `plates` are the texts that are in view now."""

    folder: Path
    stick: Stick
    process: subprocess.Popen[bytes]
    plates: tuple[str, ...] = ()
    over: threading.Event = field(default_factory=threading.Event)
    paused: bool = False  # the camera gives nothing

    @property
    def health(self) -> dict[str, Any]:
        path = self.folder / "health.json"
        return json.loads(path.read_text()) if path.exists() else {}

    @property
    def metrics(self) -> str:
        return (self.folder / "edge-alpr.prom").read_text()

    @property
    def told(self) -> list[str]:
        """The plates on standard output, in order."""
        return [json.loads(line)["plate"] for line in (self.folder / "out").read_text().splitlines()]

    @property
    def said(self) -> str:
        """Standard error."""
        return (self.folder / "err").read_text()

    def stored(self) -> list[str]:
        """The plates in the log, in order."""
        path = self.folder / "gate.db"
        if not path.exists():
            return []
        try:
            with Store.open(path, write=False) as store:
                return [logged.event.plate for logged in store.events()]
        except StoreError:  # the reader is still making its tables
            return []

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that must come."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}: {self.health} {self.said}"
            assert self.process.poll() is None, f"ended before {what}: {self.said}"
            time.sleep(0.05)

    def until_frames(self, more: int = 3) -> None:
        """Wait until so many more frames are finished."""
        before = self.health.get("frames", 0)
        self.until(lambda: self.health.get("frames", 0) >= before + more, f"{more} frames")

    def restarts(self) -> int:
        return sum(self.health.get("restarts", {}).values())

    def reader(self) -> int:
        """The process id of the child."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def stop(self) -> int:
        """End as an operator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def film(self) -> None:
        """The camera: a frame is written whole, or not at all where nobody reads."""
        assert self.process.stdin is not None
        pipe = self.process.stdin.fileno()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(pipe, False)
        while not self.over.wait(1 / RATE):
            if self.paused:
                continue
            try:
                os.write(pipe, gate.png(*((text, 12 + 20 * i, 3 + 18 * i) for i, text in enumerate(self.plates))))
            except BlockingIOError:
                continue  # the newest wins: this one is lost, as a camera's would be
            except BrokenPipeError:
                return


@contextmanager
def crossing(
    folder: Path, *options: str, device: str = "auto", hang: float = 3.0, retry: float = 0.5, state: str = "healthy"
) -> Iterator[Crossing]:
    """A crossing whose reader has been started; it is killed at the end where it still runs."""
    stick, zoo = plugged_in(folder, state), gate.zoo(folder / "zoo")
    (folder / "gate.toml").write_text(
        SETTINGS.format(zoo=zoo, device=device, folder=folder, hang=hang, retry=retry), encoding="utf-8"
    )
    command = [sys.executable, "-m", "edge", "run", "--json", "--config", str(folder / "gate.toml"), *options]
    with (folder / "out").open("ab") as out, (folder / "err").open("ab") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, env=stick.environment, stdin=subprocess.PIPE, stdout=out, stderr=err
        )
    made = Crossing(folder, stick, process)
    camera = threading.Thread(target=made.film, daemon=True)
    camera.start()
    try:
        yield made
    finally:
        made.over.set()
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            camera.join()
            assert process.stdin is not None
            process.stdin.close()
