"""Checks that take turns in CI."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TESTS))
    return import_module("check")


def test_every_check_has_its_turn_within_four_days(check: ModuleType) -> None:
    known = {one.name for group in check.GROUPS.values() for one in group}
    turned = {name for turns in check.TAKE_TURNS for turn in turns for name in turn}
    left_out = [check.left_out(day) for day in range(4)]
    assert turned <= known
    assert set.union(*left_out) == turned
    assert not set.intersection(*left_out)


def test_every_scenario_takes_turns(check: ModuleType) -> None:
    turned = {name for turns in check.TAKE_TURNS for turn in turns for name in turn}
    assert [name for name in check.scenarios() if f"molecule {name}" not in turned] == []
