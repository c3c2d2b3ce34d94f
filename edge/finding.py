"""What the doctor says, and how it tries what could crash."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

OK, WARNING, FAILURE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; level is 0 for well, 1 for a warning, 2 for a failure.

    What is not well has a cause and a remedy.
    """

    name: str
    level: int
    message: str
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How something went in a process of its own: what it printed, or why it broke."""

    text: str
    trouble: str | None = None


def attempt(code: str, *arguments: str, seconds: float) -> Attempt:
    """Run Python code in a process of its own, so that a crash or a hang stays there."""
    command = [sys.executable, "-c", code, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return Attempt("", f"it did not finish in {seconds:g} s")
    if done.returncode < 0:
        return Attempt(done.stdout, f"it crashed with signal {-done.returncode}")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Attempt(done.stdout, last.removeprefix("edge.errors."))
    return Attempt(done.stdout.strip())
