from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.modules import temporary_changes
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]

PIN = {"service": "nova", "name": "rpc", "previous": "auto", "until": "upgraded"}
MASK = {"service": "nova", "name": "masked", "until": "verified"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def no_command(*_arguments: object, **_options: object) -> tuple[int, str, str]:
        raise AssertionError("it runs no command")

    return partial(run_module, temporary_changes, monkeypatch, no_command, path=str(tmp_path / "temporary"))


def test_puts_on_record_once_and_check_mode_foresees_it(run: Run, tmp_path: Path) -> None:
    foreseen = run(**PIN, campaign="friday-1", check_mode=True)
    assert not list(tmp_path.iterdir())
    done = run(**PIN, campaign="friday-1")
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["previous"] == done["previous"] == {"rpc": "auto"}
    again = run(**{**PIN, "previous": "6.0"}, campaign="friday-1")
    assert (again["changed"], again["previous"]) == (False, {"rpc": "auto"})


def test_what_is_due_is_read_and_then_forgotten_and_nothing_else(run: Run) -> None:
    run(**PIN)
    run(**MASK)
    due = {"service": "nova", "until": "verified"}
    assert run(**due)["previous"] == {"masked": None}
    assert run(**due, state="absent", check_mode=True)["changed"]
    assert run(**due, state="absent")["changed"]
    assert not run(**due, state="absent")["changed"]
    assert run(service="nova", until="upgraded")["previous"] == {"rpc": "auto"}
    assert not run(service="web")["temporary_changes"]


def test_without_a_service_all_is_read(run: Run) -> None:
    assert (run()["changed"], run()["temporary_changes"]) == (False, [])
    run(**PIN)
    run(**{**MASK, "service": "web"})
    assert [each["service"] for each in run()["temporary_changes"]] == ["nova", "web"]


def test_a_change_without_an_end_is_refused(run: Run) -> None:
    refused = run(service="nova", name="rpc")
    assert 'Say when "rpc" is undone: until is verified or upgraded.' in refused["msg"]


def test_nothing_is_undone_by_halves_where_a_record_cannot_be_read(run: Run, tmp_path: Path) -> None:
    run(**PIN)
    (tmp_path / "temporary/nova,masked.json").write_text("{")
    refused = run(service="nova", until="upgraded")
    assert "nova,masked.json does not say what was changed" in refused["msg"]
