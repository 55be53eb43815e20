from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.modules.internal import finalized_services
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def no_command(*_arguments: object, **_options: object) -> tuple[int, str, str]:
        raise AssertionError("it runs no command")

    return partial(
        run_module, finalized_services, monkeypatch, no_command, path=str(tmp_path / "finalized.json")
    )


def test_puts_on_record_once_and_check_mode_foresees_it(run: Run, tmp_path: Path) -> None:
    foreseen = run(campaign="friday-1", services=["db"], check_mode=True)
    assert not list(tmp_path.iterdir())
    done = run(campaign="friday-1", services=["db"])
    assert [foreseen["changed"], done["changed"]] == [True, True]
    assert foreseen["services"] == done["services"] == ["db"]
    assert not run(campaign="friday-1", services=["db"])["changed"]


def test_another_campaign_finalizes_again(run: Run) -> None:
    run(campaign="friday-1", services=["db", "web"])
    assert run(campaign="friday-2")["services"] == []
    run(campaign="friday-2", services=["web"])
    assert [run(campaign=f"friday-{number}")["services"] for number in (1, 2)] == [["db"], ["web"]]


def test_a_record_that_cannot_be_read_is_named_and_left_as_it_is(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "finalized.json"
    file.write_text("{")
    refused = run(campaign="friday-1", services=["db"])
    assert f"{file} does not say which services were finalized" in refused["msg"]
    assert file.read_text() == "{"
