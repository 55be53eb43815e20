"""A host in bad hands answers what it likes: it costs its own row, and nothing else happens anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.tests.hostile.answers import NAMES_OF_OURS, OTHERS, TERMINAL, USUAL
from ansible_collections.orderly.services.tests.hostile.site import (
    ALONE,
    CONTROL,
    GOOD,
    PLAYBOOKS,
    SAYS,
    Fleet,
    Played,
    faults,
)

if TYPE_CHECKING:
    from pathlib import Path

STATUS = USUAL["deferred_restarts_info"]
REPORT = {"ORDERLY_PROGRESS_REPORT": "report.json"}


@pytest.fixture
def fleet(tmp_path: Path, programs: Path) -> Fleet:
    return Fleet(tmp_path / "fleet", programs)


def read(fleet: Fleet, name: str) -> Any:
    return json.loads((fleet.folder / name).read_text())


def test_an_odd_answer_costs_its_row_of_the_table(fleet: Fleet) -> None:
    odd = {
        **STATUS,
        "pending": [{"unit": None, "count": [], "reason": TERMINAL}],
        "not_checked": {TERMINAL: 1},
    }
    fleet.answer("deferred_restarts_info", odd, "evil1")
    played = fleet.play("status", {"status_json": "status.json"})
    assert played.code == 0
    assert "evil1: not checked, its answer cannot be read (pending[0].unit is not text)" in played.output
    assert {line.split()[0] for line in played.lines(*GOOD)} == set(GOOD)
    assert list(read(fleet, "status.json")["hosts"]) == list(GOOD)
    assert not CONTROL.search(played.output)


def test_an_answer_without_an_end_is_not_kept(fleet: Fleet) -> None:
    fleet.answer("deferred_restarts_info", {**STATUS, "policies": [[0] * 300_000]}, "evil1")
    played = fleet.play("status", {"status_json": "status.json"})
    assert "evil1: not checked, its answer cannot be read (it has more than 200000 values)" in played.output
    assert (fleet.folder / "status.json").stat().st_size < 20_000


def test_versions_that_are_none_do_not_come_into_the_plan(fleet: Fleet) -> None:
    odd = {"services": {"odd": {"web": {"installed": "1", "candidate": TERMINAL}}, "web": {"x": {}}}}
    fleet.answer("package_versions_info", odd, "evil1")
    played = fleet.play("plan", {"upgrade_plan_dir": "plan"})
    assert played.code == 0
    assert "Not surveyed: evil1: its answer cannot be read" in played.output
    survey = read(fleet, "plan/plan.json")["survey"]
    assert survey["missing"] == ["evil1"]
    assert [each["hosts"] for each in survey["services"]["web"]] == [list(GOOD)]


def test_no_host_is_done_because_another_says_so(fleet: Fleet) -> None:
    """The progress callback believed any result with such keys."""
    fleet.answer("restart_services", {"done": {"web": list(GOOD)}, "slots": OTHERS, "failed": True}, "evil1")
    fleet.play("rolling_restart", {}, **REPORT)
    told = read(fleet, "report.json")
    assert (told["outcome"], told["not_begun"]) == ("stopped", ["good2"])
    assert told["slots_kept"] == {"evil1": ["odd"]}


def test_what_a_task_hides_is_in_no_report_of_ours(fleet: Fleet) -> None:
    told = "---\n- name: Ask with a password\n  ansible.builtin.command: x\n  no_log: true\n"
    (fleet.folder / "roles/web/tasks/verify.yml").write_text(told)
    fleet.answer("command", {"failed": True, "rc": 1, "msg": "no: s3cr3t", "stderr": "s3cr3t"}, "good1")
    played = fleet.play("rolling_restart", {}, **REPORT)
    assert "good1 failed in stretch 1" in played.output
    assert "s3cr3t" not in (fleet.folder / "report.json").read_text()
    assert "s3cr3t" not in played.output[played.output.index("Stopped:") :]


def test_the_reason_for_another_try_is_a_bounded_text(fleet: Fleet) -> None:
    fleet.answer("command", {"failed": True, "rc": 1, "msg": {"good1": [TERMINAL] * 200}}, "evil1")
    said = {
        "rolling_op_name": "op",
        "rolling_op_tasks": "op.yml",
        "rolling_op_on_failure": "retry_hold",
        "rolling_op_retries": 1,
    }
    played = fleet.play("rolling_op", said)
    (warning,) = (line for line in played.output.splitlines() if "evil1 has failed (" in line)
    assert len(warning) < 500
    assert not CONTROL.search(warning)


# --- Whatever it is ---


@pytest.mark.parametrize("playbook", ["status", "rolling_restart"])
def test_facts_of_our_names_change_nothing(fleet: Fleet, playbook: str) -> None:
    blockers = [{"name": "x", "command": f"touch {fleet.canary}", "on": "controller"}]
    facts = {**NAMES_OF_OURS, "rolling_op_blockers": blockers}
    fleet.answer("deferred_restarts_info", {**STATUS, "ansible_facts": facts}, "evil1")
    fleet.play(playbook)
    assert not fleet.canary.exists()
    assert (fleet.folder / "nowhere").exists() is False


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> dict[str, Played]:
    """Play what hosts do alone, as it is when all answer well."""
    played = {}
    for playbook, variables in PLAYBOOKS:
        if playbook in ALONE:
            fleet = Fleet(tmp_path_factory.mktemp(playbook) / "fleet", programs, hostile=12)
            played[playbook] = fleet.play(playbook, variables)
    return played


@pytest.mark.parametrize("playbook", ALONE)
def test_hosts_that_answer_anything_cost_their_own_rows(
    playbook: str, usual: dict[str, Played], tmp_path: Path, programs: Path
) -> None:
    fleet = Fleet(tmp_path / "fleet", programs, hostile=12)
    fleet.turn(seed=1)
    played = fleet.play(playbook, dict(PLAYBOOKS)[playbook])
    assert not faults(fleet, playbook, played, usual[playbook])


def test_what_a_balancer_answers_is_no_fact_of_a_web_server(fleet: Fleet) -> None:
    """It could run a command of its own there, or switch off the check of a web server that is broken."""
    (fleet.folder / "op.yml").write_text(
        "---\n- name: operate\n  ansible.builtin.debug:\n    msg: 'runs {{ app_command }}'\n"
    )
    (fleet.folder / "group_vars").mkdir()
    (fleet.folder / "group_vars/all.yml").write_text("app_command: from the inventory\n")
    (fleet.folder / "roles/web/tasks/drain.yml").write_text(
        "---\n- name: drain\n  orderly.services.haproxy_drain:\n    server: '{{ inventory_hostname }}'\n"
        "  delegate_to: evil1\n"
    )
    answer = {"changed": True, "servers": [], "ansible_facts": {"app_command": "from the balancer"}}
    fleet.answer("haproxy_drain", answer, "evil1")
    played = fleet.play("rolling_op", SAYS, "--limit", "web")
    assert played.output.count("runs from the inventory") == len(GOOD), played.output


def test_a_host_named_like_a_group_of_ours_is_refused(fleet: Fleet) -> None:
    """The play over that group would mean the host alone, and end well."""
    inventory = yaml.safe_load((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["children"]["web"]["hosts"]["orderly_roll"] = {
        "ansible_python_interpreter": str(fleet.folder / "hosts/good1")
    }
    (fleet.folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    played = fleet.play("rolling_restart")
    assert played.code != 0
    assert 'the host "orderly_roll" is named like a group that rolls make' in played.output


def test_members_that_disagree_about_their_budget_are_refused(fleet: Fleet) -> None:
    (fleet.folder / "host_vars").mkdir()
    (fleet.folder / "host_vars/good1.yml").write_text("web_max_unavailable: 2\n")
    played = fleet.play("rolling_restart")
    assert played.code != 0
    assert "web_max_unavailable is not set on good2, but 2 on good1" in played.output
