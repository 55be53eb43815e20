from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.modules.internal import drained_services
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    def no_command(*_arguments: object, **_options: object) -> tuple[int, str, str]:
        raise AssertionError("it runs no command")

    return partial(run_module, drained_services, monkeypatch, no_command, path=str(tmp_path / "drained"))


def test_puts_on_record_once_and_check_mode_foresees_it(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    foreseen = run(services=["nginx"], operation="reboot", roll="r1", check_mode=True)
    assert not list(tmp_path.iterdir())
    done = run(services=["nginx"], operation="reboot", roll="r1")
    assert foreseen["changed"] is done["changed"] is True
    assert foreseen["services"] == done["services"] == ["nginx"]
    assert (done["drained"][0]["operation"], done["drained"][0]["roll"]) == ("reboot", "r1")
    assert not run(services=["nginx"], operation="restart")["changed"]


def test_only_reads_without_services(run: Callable[..., dict[str, Any]]) -> None:
    assert (run()["changed"], run()["services"]) == (False, [])


def test_forgets_once(run: Callable[..., dict[str, Any]]) -> None:
    run(services=["nginx", "redis"])
    assert run(services=["nginx"], state="absent", check_mode=True)["services"] == ["redis"]
    assert run(services=["nginx"], state="absent")["changed"]
    again = run(services=["nginx"], state="absent")
    assert (again["changed"], again["services"]) == (False, ["redis"])


# --- Under the locks of one store ---

STORE = {"id": "6b3c2f0e", "name": "etcd://etcd1:2379/orderly"}


def test_the_first_visit_says_in_which_store_the_locks_are(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert run(store=STORE, check_mode=True)["changed"]
    assert not list(tmp_path.iterdir())
    assert run(store=STORE)["changed"]
    assert (tmp_path / "store-stamp.json").exists()
    assert not run(store=STORE)["changed"]


def test_under_another_store_nothing_is_put_on_record(run: Callable[..., dict[str, Any]]) -> None:
    run(store=STORE)
    for check_mode in (True, False):
        refused = run(services=["nginx"], store={**STORE, "id": "0f9e8d7c"}, check_mode=check_mode)
        assert refused["failed"]
        assert refused["stamped"]["id"] == "6b3c2f0e"
    assert run()["services"] == []


def test_under_slots_that_others_had_since_nothing_is_put_on_record(
    run: Callable[..., dict[str, Any]],
) -> None:
    run(store=STORE, tokens={"nginx": 44})
    for check_mode in (True, False):
        refused = run(services=["nginx"], store=STORE, tokens={"nginx": 41}, check_mode=check_mode)
        assert refused["failed"]
        assert refused["overtaken"] == ["nginx"]
    assert run()["services"] == []
    assert run(services=["nginx"], store=STORE, tokens={"nginx": 44})["services"] == ["nginx"]
