from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._render import change
from ansible_collections.orderly.services.plugins.plugin_utils._render.change import (
    Role,
    work_file,
    work_files,
)

from ..plan_world import deployment, plan_of

FILES = {
    stem: f"{stem}.yml"
    for stem in (
        *("facts", "drain", "verify", "undo", "undrain", "finalize"),
        *(f"upgrade_tasks.step{step}" for step in range(7)),
    )
}


def a_role(parts: str = "", steps: str = "3", checked: str = "", **more: Any) -> Role:
    service = plan_of(deployment("web", "w1", steps, parts, **more)).services["web"]
    return Role("web", service, FILES, checked.split())


def tasks_of(role: Role, kind: str = "change") -> list[dict[str, Any]]:
    return work_files(role)[work_file(kind)]


def within(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what runs where the service is granted, which is all but what ends it elsewhere."""
    *ends, granted = tasks
    assert all(task["ansible.builtin.meta"] == "end_role" for task in ends)
    assert granted["when"] == "'web' in orderly_granted"
    block: list[dict[str, Any]] = granted["block"]
    return block


def names(tasks: list[dict[str, Any]]) -> list[str]:
    return [task["name"].removeprefix("plan | ") for task in within(tasks)]


def test_units_are_looked_at_before_the_role_verifies() -> None:
    tasks = within(tasks_of(a_role("verify", "5", units=["web.service"])))
    (look,) = [task for task in tasks if "orderly.services.internal.member_units" in task]
    assert look == {
        "name": "plan | The units of web run, or were stopped on purpose",
        "orderly.services.internal.member_units": {"units": ["web.service"], "well_within": 10},
        "when": "not ansible_check_mode",
    }
    assert tasks[tasks.index(look) + 1]["name"] == "verify web"


def test_a_change_goes_from_drain_to_undrain() -> None:
    role = a_role("drain verify undo undrain", "3 5")
    assert names(tasks_of(role)) == [
        "drain web",
        "Begin step 3 of web (upgrade)",
        "upgrade web",
        "Begin step 5 of web (start)",
        "start web",
        "Run the handlers",
        "End the steps of web",
        "verify web",
        "Find what must be undone for web",
        "undo web",
        "Run the handlers",
        "Forget what was undone for web",
        "undrain web",
        "Run the handlers",
    ]


def test_what_all_parts_read_is_looked_at_once_and_also_in_check_mode() -> None:
    role = a_role("facts drain verify undo finalize")
    for tasks in (within(tasks_of(role)), within(tasks_of(role, "finalize"))):
        assert tasks[0] == {
            "name": "facts web", "ansible.builtin.import_tasks": "facts.yml", "check_mode": False
        }  # fmt: skip
        assert [task["name"] for task in tasks].count("facts web") == 1


def test_hosts_without_the_service_pass_by_where_ansible_lets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "ENDS_ROLES", True)
    assert tasks_of(a_role())[0] == {
        "name": "plan | End here if web has nothing to do",
        "ansible.builtin.meta": "end_role",
        "when": "'web' not in orderly_granted",
    }
    monkeypatch.setattr(change, "ENDS_ROLES", False)
    assert len(tasks_of(a_role())) == 1


def test_files_are_imported_as_tasks_unless_ansible_checks_their_arguments() -> None:
    tasks = {
        task["name"]: task for task in within(tasks_of(a_role("drain verify", "3", checked="verify main")))
    }
    assert tasks["drain web"]["ansible.builtin.import_tasks"] == "drain.yml"
    assert tasks["verify web"]["ansible.builtin.import_role"] == {
        "name": "orderly_plan_web",
        "tasks_from": "verify",
    }


def test_a_full_stop_waits_for_every_host_after_each_step() -> None:
    told = names(tasks_of(a_role(steps="3 5", full_stop=True)))
    waits = [name for name in told if name.startswith("Wait for every host after step")]
    assert waits == [f"Wait for every host after step {step}" for step in (2, 3, 4, 5)]
    assert told.index("upgrade web") < told.index(waits[1]) < told.index("start web")


def test_hosts_do_not_start_without_the_migration_of_their_service() -> None:
    tasks = within(tasks_of(a_role(steps="3 4 5", migrates_once=True)))
    told = [task["name"] for task in tasks]
    wait = told.index("plan | Wait for the migration of web")
    assert told.index("migrate web") < wait < told.index("start web")
    assert tasks[wait]["ansible.builtin.assert"]["that"] == [
        "orderly_run_once_host not in ansible_play_hosts_all | difference(ansible_play_hosts)"
    ]
    assert tasks[wait]["vars"] == {"orderly_run_once_host": "w1"}
    assert tasks[told.index("migrate web")]["vars"] == {"orderly_run_once_host": "w1"}


def test_steps_of_a_step_loop_know_which_step_it_is() -> None:
    tasks = {task["name"]: task for task in within(tasks_of(a_role(steps="3 5", dialect="when")))}
    assert tasks["upgrade web"]["vars"] == {"step": 3}
    assert tasks["start web"]["vars"] == {"step": 5}


@pytest.mark.parametrize(("kind", "step"), [("validate", 0), ("prepare", 1), ("post-upgrade", 6)])
def test_what_a_step_of_all_hosts_reads_is_looked_at_before_it(kind: str, step: int) -> None:
    role = a_role("facts", f"{step}", dialect="when")
    look, then = within(tasks_of(role, kind))
    assert (look["name"], look["check_mode"]) == ("facts web", False)
    assert then == {
        "name": f"{kind} web",
        "ansible.builtin.import_tasks": f"upgrade_tasks.step{step}.yml",
        "vars": {"step": step},
    }
    assert list(work_files(role)) == [f"upgrade_tasks.{kind}"]


def test_a_service_is_verified_again_after_the_same_look() -> None:
    tasks = tasks_of(a_role("facts verify"), "verify")
    assert [task["name"] for task in tasks] == ["facts web", "verify web"]


def test_a_finalizer_undoes_first_and_is_remembered_by_its_host() -> None:
    assert names(tasks_of(a_role("undo finalize"), "finalize")) == [
        "Find what must be undone for web",
        "undo web",
        "Run the handlers",
        "Forget what was undone for web",
        "See what is already finalized",
        "finalize web",
        "Run the handlers",
        "Record what is finalized",
    ]
    assert "finalize web" not in names(tasks_of(a_role("undo"), "finalize"))


# --- What changes together ---


def two(**settings: Any) -> dict[str, Role]:
    """Give the roles of two services that change together."""
    plan = plan_of(
        deployment("api", "w1 w2", "2 3 5", "drain undrain", bundle="nova", **settings),
        deployment("web", "w1 w2", "3 4", "facts verify", bundle="nova", migrates_once=True, **settings),
    )
    return {name: Role(name, service, FILES) for name, service in plan.services.items()}


def test_services_that_change_together_have_their_turns_phase_by_phase() -> None:
    roles = two()
    ordered = list(change.turns({name: role.service for name, role in roles.items()}))
    assert ordered == [
        ("web", "change.facts"), ("api", "change.quiesce"), ("api", "change.upgrade"), ("web", "change.upgrade"),
        ("web", "change.migrate"), ("api", "change.start"), ("api", "change.verify"), ("web", "change.verify"),
        ("api", "change.return"), ("web", "change.return"),
    ]  # fmt: skip
    for name, role in roles.items():
        files = {stem for stem in work_files(role) if stem != work_file("verify")}
        assert files == {work_file(kind) for who, kind in ordered if who == name}


def test_what_is_done_in_a_phase() -> None:
    roles = two()
    assert names(tasks_of(roles["web"], "change.migrate")) == [
        "Begin step 4 of web (migrate)", "migrate web", "Wait for the migration of web", "End step 4 of web",
    ]  # fmt: skip
    assert names(tasks_of(roles["web"], "change.verify")) == ["Run the handlers", "verify web"]


def test_a_full_stop_of_several_waits_after_each_step_of_each_and_every_host_looks_itself() -> None:
    roles = two(full_stop=True)
    for role in roles.values():
        for kind in ("quiesce", "upgrade", "migrate", "start"):
            listed = tasks_of(role, f"change.{kind}")[-1]["block"]
            (barrier,) = (task for task in listed if "Wait for every host" in task["name"])
            assert "run_once" not in barrier


def test_others_go_from_their_drain_to_their_undrain() -> None:
    services = plan_of(deployment("db", "w1"), deployment("web", "w1")).services
    assert list(change.turns(services)) == [("db", "change"), ("web", "change")]
