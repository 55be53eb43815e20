from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Holder, Slot
from ansible_collections.orderly.services.plugins.plugin_utils._roll.recovery import Found, plan_recovery
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._roll.recovery import Recovery

GROUPS = {"web": ["w1", "w2", "w10"], "db": ["w1"]}
DEAD = Run("ctl", "m", "b", "n", 1, 1)
LIVE, UNKNOWN = replace(DEAD, pid=2), replace(DEAD, pid=3)
STATES = {DEAD: RunState.OVER, LIVE: RunState.LIVE, UNKNOWN: RunState.UNKNOWN}


def slot(service: str, host: str, run: Run = DEAD, operation: str = "paint") -> Slot:
    return Slot(service, Holder(host, "roll", run, operation, "2026-01-31T03:12:45+00:00", 1))


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/undo.yml").touch()
    services = [Service(name, name, tmp_path, name) for name in ("db", "web")]

    def planned(
        *slots: Slot,
        drained: Mapping[str, Iterable[str]] | None = None,
        away: Iterable[str] = (),
        temporary: Mapping[str, list[dict[str, str]]] | None = None,
    ) -> Recovery:
        silent = dict.fromkeys(away, "did not answer")
        found = Found(
            slots, drained or {}, silent, STATES.__getitem__, temporary or {}, frozenset({"friday-1"})
        )
        return plan_recovery(services, GROUPS, GROUPS["web"], found)

    return planned


def visits(recovery: Recovery) -> dict[str, list[str]]:
    return {host: [service.name for service in services] for host, services in recovery.visits.items()}


def test_without_slots_and_records_nobody_was_left_behind(plan: Any) -> None:
    assert plan().lines() == ["No host was left behind."]


def test_a_host_is_verified_for_what_it_holds_and_what_is_on_record(plan: Any) -> None:
    recovery = plan(slot("web", "w1"), drained={"w1": ["db"], "w2": []})
    assert visits(recovery) == {"w1": ["db", "web"]}
    assert recovery.lines()[0].startswith(
        'w1 was left behind: w1 has held a slot of web since 2026-01-31T03:12:45+00:00 (operation "paint", PID 1 on ctl'
    )
    assert "db is recorded as drained. It is verified first." in recovery.lines()[0]


def test_a_record_alone_is_enough(plan: Any) -> None:
    assert visits(plan(drained={"w2": ["web"]})) == {"w2": ["web"]}


LEFT = [
    (slot("web", "w1", LIVE), "somebody is working on it. w1 has held a slot of web"),
    (slot("web", "w1", UNKNOWN), "it is unknown here whether its holder is still working"),
    (slot("web", "w1", UNKNOWN), f"-e recover_ended_run={UNKNOWN.id} -e recover_reason=…"),
    (slot("web", "w1", operation="pause"), "it is paused on purpose."),
    (slot("gone", "w1"), "this inventory does not deploy gone there"),
    (slot("db", "w2"), "this inventory does not deploy db there"),
    (slot("db", "w2"), "-e recover_forget=w2 -e recover_reason=…"),
    (slot("web", "w7"), "this inventory has no such host. w7 has held a slot of web since"),
    (slot("web", "w7"), "-e recover_forget=w7 -e recover_reason=…"),
]


@pytest.mark.parametrize(("held", "words"), LEFT)
def test_a_host_that_is_not_ours_to_put_back_is_named_with_what_to_do(
    plan: Any, held: Slot, words: str
) -> None:
    recovery = plan(held, drained={"w1": ["web"]} if held.holder.host == "w1" else None)
    assert visits(recovery) == {}
    assert words in recovery.left[held.holder.host]


def test_a_host_that_did_not_answer_is_left_and_the_others_are_not(plan: Any) -> None:
    recovery = plan(slot("web", "w10"), slot("web", "w2"), away=["w2"])
    assert visits(recovery) == {"w10": ["web"]}
    assert recovery.left["w2"].startswith("it did not answer. w2 has held a slot of web")


# --- Temporary changes ---


def changed(campaign: str, name: str = "pin", service: str = "web") -> list[dict[str, str]]:
    return [{"service": service, "name": name, "campaign": campaign}]


def test_what_an_open_campaign_has_changed_is_its_own(plan: Any) -> None:
    assert plan(temporary={"w1": changed("friday-1")}).lines() == ["No host was left behind."]


def test_what_no_open_campaign_will_undo_is_undone_as_budgets_allow(plan: Any) -> None:
    recovery = plan(slot("web", "w10"), temporary={host: changed("monday-1") for host in ("w1", "w2", "w10")})
    assert recovery.batches == [["w10"], ["w1"], ["w2"]]
    assert recovery.why["w1"] == "pin of web is recorded as a temporary change"
    assert recovery.until == dict.fromkeys(("w1", "w2", "w10"), "upgraded")


def test_a_host_that_is_put_back_keeps_what_its_open_campaign_needs(plan: Any) -> None:
    recovery = plan(slot("web", "w1"), temporary={"w1": changed("friday-1")})
    assert recovery.until == {"w1": "verified"}


def test_a_role_that_cannot_undo_any_more_is_named(plan: Any, tmp_path: Path) -> None:
    (tmp_path / "tasks/undo.yml").unlink()
    recovery = plan(temporary={"w1": changed("monday-1")})
    assert "but web has no tasks/undo.yml any more. Undo it by hand" in recovery.left["w1"]
