from __future__ import annotations

from pathlib import Path

import pytest

from edge.bench.command import measure
from edge.bench.report import Report
from edge.cli import main
from edge.settings import Settings
from tests.painted import Alpr, Ended, painted

BENCH_ROUNDS = 2


@pytest.fixture(scope="session")
def report() -> Report:
    """One short run of the benchmark on the released models."""
    return measure(Settings(device="cpu"), BENCH_ROUNDS)


@pytest.fixture
def alpr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Alpr:
    def run(*arguments: str | Path) -> Ended:
        try:
            code = main([str(a) for a in arguments], assemble=painted)
        except SystemExit as leaving:
            code = int(str(leaving.code))
        return Ended(code, *capsys.readouterr())

    monkeypatch.chdir(tmp_path)
    return run
