"""Benchmarks are run by hand, and seldom: that each of them can begin is seen here."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

BENCHES = sorted((Path(__file__).parents[2] / "bench").glob("*.py"))


@pytest.mark.parametrize("file", BENCHES, ids=lambda file: file.stem)
def test_a_benchmark_finds_what_it_imports(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(file.parent))
    assert callable(runpy.run_path(str(file))["main"])
