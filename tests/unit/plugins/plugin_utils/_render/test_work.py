from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._render.work import (
    changed_for_a_while,
    include_work,
    shared_work,
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


ENDS, FACTS = "End here if all is done", "Gather facts"
DRAINED = deployment("web", "h1", parts="drain undrain")


def test_a_wave_is_put_on_record_changed_service_by_service_and_taken_off() -> None:
    assert names("change", DRAINED, deployment("log", "h1")) == [
        ENDS, FACTS, "Record what is drained, or stop", "Lift strict mode", "change log", "change web",
        "Remove the record",
    ]  # fmt: skip


def test_the_first_word_to_a_host_is_also_said_where_nothing_is_drained() -> None:
    _ends, _facts, begin, *_rest, last = tasks("change", deployment("log", "h1"))
    assert begin["block"][0]["orderly.services.internal.drained_services"]["services"].endswith(
        "intersect([]) }}"
    )
    assert last["name"] == "change log"


def test_a_host_that_refuses_gives_its_slots_back_and_stops_the_play() -> None:
    give_back, stop = tasks("change", DRAINED)[2]["rescue"]
    assert give_back["orderly.services.internal.upgrade_gate"]["state"] == "refused"
    assert stop["ansible.builtin.fail"] == {"msg": "{{ orderly_drained.msg }}"}


def test_a_step_of_all_hosts_runs_its_own_file_and_then_the_handlers() -> None:
    _ends, _facts, step, handlers = tasks("validate", deployment("web", "h1", "0 3", dialect="when"))
    assert step == {
        "name": "validate web",
        "ansible.builtin.import_role": {
            "name": "orderly_plan_web",
            "tasks_from": "upgrade_tasks.validate",
        },
    }
    assert handlers["ansible.builtin.meta"] == "flush_handlers"


def test_finalizers_flush_handlers_themselves() -> None:
    deployed = deployment("web", "h1", parts="finalize")
    assert names("finalize", deployed) == [ENDS, FACTS, "finalize web"]


def test_what_plays_of_a_kind_share_is_what_each_of_them_does() -> None:
    deployments = (DRAINED, deployment("log", "h2", "0 3"), deployment("db", "h3", parts="finalize"))
    plan = plan_of(*deployments)
    shared = shared_work(plan)
    assert list(shared) == ["validate", "change", "finalize"]
    for kind, theirs in shared.items():
        told = [task["name"].removeprefix("{{ orderly_play }} | ") for task in theirs]
        own = names(kind, *deployments)
        assert [name for name in told if name != f"{kind} each service"] == [
            name for name in own if not name.startswith(f"{kind} ")
        ]
    (each,) = (task for task in shared["change"] if "ansible.builtin.include_role" in task)
    assert each["ansible.builtin.include_role"] == {
        "name": "{{ orderly_role_of_play.name }}",
        "tasks_from": "{{ orderly_role_of_play.tasks }}",
    }
    assert each["loop"] == "{{ orderly_roles_of_play }}"


def test_a_play_that_includes_its_work_names_all_its_roles_in_their_order() -> None:
    plan = plan_of(deployment("web", "h1"), deployment("log", "h1"))
    (play,) = (play for play in plan.plays if play.kind == "change")
    assert include_work(plan, play) == {
        "name": f"{play.id} | Do what is left",
        "ansible.builtin.include_tasks": "tasks/change.yml",
        "vars": {
            "orderly_roles_of_play": [
                {"name": "orderly_plan_log", "tasks": "upgrade_tasks.change"},
                {"name": "orderly_plan_web", "tasks": "upgrade_tasks.change"},
            ]
        },
    }


def test_hosts_wait_for_a_migration_only_in_the_wave_of_its_host() -> None:
    settings: dict[str, Any] = {"max_unavailable": 2, "migrates_once": True}
    plan = plan_of(deployment("db", "d1 d2 d3", "4", **settings), deployment("web", "w1"))
    waits = [(name, waits_for_migration(plan, play, name)) for play in plan.plays for name in play.services]
    assert waits == [("db", True), ("web", False), ("db", False)]


def test_what_can_undo_changes_for_a_while_is_named() -> None:
    plan = plan_of(deployment("web", "h1", parts="undo"), deployment("log", "h1", parts="drain"))
    assert changed_for_a_while(plan, ["log", "web"]) == ["web"]
