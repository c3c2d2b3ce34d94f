from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli import main
from tests.painted import Alpr, Ended, painted


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
