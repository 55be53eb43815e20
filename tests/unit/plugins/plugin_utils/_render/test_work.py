from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._render.work import (
    changed_for_a_while,
    waits_for_migration,
    work,
)

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment


def tasks(kind: str, *deployments: Deployment) -> list[dict[str, Any]]:
    """Give the tasks of the first play of a kind, without the names of plays in their names."""
    plan = plan_of(*deployments)
    play = next(play for play in plan.plays if play.kind == kind)
    return [{**task, "name": task["name"].removeprefix(f"{play.id} | ")} for task in work(plan, play)]


def names(kind: str, *deployments: Deployment) -> list[str]:
    return [task["name"] for task in tasks(kind, *deployments)]


DRAINED = deployment("web", "h1", parts="drain undrain")


def test_a_wave_is_put_on_record_changed_service_by_service_and_taken_off() -> None:
    assert names("change", DRAINED, deployment("log", "h1")) == [
        "Record what is drained, or stop", "Lift strict mode", "change log", "change web", "Remove the record",
    ]  # fmt: skip


def test_the_first_word_to_a_host_is_also_said_where_nothing_is_drained() -> None:
    begin, *_rest, last = tasks("change", deployment("log", "h1"))
    assert begin["block"][0]["orderly.services.internal.drained_services"]["services"].endswith(
        "intersect([]) }}"
    )
    assert last["name"] == "change log"


def test_a_host_that_refuses_gives_its_slots_back_and_stops_the_play() -> None:
    give_back, stop = tasks("change", DRAINED)[0]["rescue"]
    assert give_back["orderly.services.internal.upgrade_gate"]["state"] == "refused"
    assert stop["ansible.builtin.fail"] == {"msg": "{{ orderly_drained.msg }}"}


def test_a_step_of_all_hosts_runs_its_own_file_and_then_the_handlers() -> None:
    step, handlers = tasks("validate", deployment("web", "h1", "0 3", dialect="when"))
    assert step["ansible.builtin.import_role"]["tasks_from"] == "upgrade_tasks.step0"
    assert (step["vars"], step["when"]) == ({"step": 0}, "'web' in orderly_granted")
    assert handlers["ansible.builtin.meta"] == "flush_handlers"
    assert "vars" not in tasks("validate", deployment("web", "h1", "0 3"))[0]


@pytest.mark.parametrize(("kind", "step"), [("validate", 0), ("prepare", 1), ("post-upgrade", 6)])
def test_what_a_step_of_all_hosts_reads_is_looked_at_before_it(kind: str, step: int) -> None:
    look, then, _handlers = tasks(kind, deployment("web", "h1", str(step), "facts"))
    assert look == {
        "name": "facts web",
        "ansible.builtin.import_role": {"name": "orderly_plan_web", "tasks_from": "facts"},
        "check_mode": False,
        "when": "'web' in orderly_granted",
    }
    assert then["ansible.builtin.import_role"]["tasks_from"] == f"upgrade_tasks.step{step}"


def test_finalizers_know_by_themselves_where_they_are_granted() -> None:
    (finalize,) = tasks("finalize", deployment("web", "h1", parts="finalize"))
    assert (finalize["name"], "when" in finalize) == ("finalize web", False)


def test_hosts_wait_for_a_migration_only_in_the_wave_of_its_host() -> None:
    settings: dict[str, Any] = {"max_unavailable": 2, "migrates_once": True}
    plan = plan_of(deployment("db", "d1 d2 d3", "4", **settings), deployment("web", "w1"))
    waits = [(name, waits_for_migration(plan, play, name)) for play in plan.plays for name in play.services]
    assert waits == [("db", True), ("web", False), ("db", False)]


def test_what_can_undo_changes_for_a_while_is_named() -> None:
    plan = plan_of(deployment("web", "h1", parts="undo"), deployment("log", "h1", parts="drain"))
    assert changed_for_a_while(plan, ["log", "web"]) == ["web"]
