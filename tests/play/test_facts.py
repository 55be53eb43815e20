"""A role's facts.yml: what it finds is there for every part, in upgrades and rolls, and it runs once before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .toys import UPGRADE, Site, one_service, say

if TYPE_CHECKING:
    from pathlib import Path

FACTS = """\
---
- name: Ask
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} facts; echo port-80"
  register: web_asked
  changed_when: false

- name: Note
  ansible.builtin.set_fact:
    web_port: "{{ web_asked.stdout | trim }}"
"""

PAINT = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")


def reading(step: str) -> str:
    """Give the text of a task that says what it has read from facts.yml."""
    return say("web", f"{step}:{{{{ web_port }}}}")


def a_service_that_looks(site: Site, hosts: str = "w1 w2", steps: str = "0 1 3 6") -> Path:
    one_service(site, hosts, steps)
    role = site.folder / "roles/web"
    (role / "tasks/facts.yml").write_text(FACTS)
    (role / "tasks/upgrade_tasks.yml").write_text(
        "---\n" + "\n".join(f"{reading(f'step{step}')}  tags: step{step}\n" for step in steps.split())
    )
    for part in ("drain", "verify", "undrain", "finalize"):
        (role / f"tasks/{part}.yml").write_text("---\n" + reading(part))
    return role


def said(log: list[str], host: str) -> list[str]:
    return [step for _service, name, step in map(str.split, log) if name == host]


def test_every_part_of_an_upgrade_reads_what_facts_found(site: Site) -> None:
    a_service_that_looks(site)
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    wave = ["drain:port-80", "step3:port-80", "verify:port-80", "undrain:port-80"]
    assert said(outcome.log, "w2") == [
        *("facts", "step0:port-80"), *("facts", "step1:port-80"), *("facts", *wave),
        *("facts", "step6:port-80"), *("facts", "finalize:port-80"),
    ]  # fmt: skip


def test_a_resumed_run_looks_again_before_it_verifies_and_goes_on(site: Site) -> None:
    a_service_that_looks(site, steps="3")
    site.breaks_once("web w2 step3:port-80")
    assert site.upgrade().log[-1] == "web w2 step3:port-80"
    passed_over = site.upgrade("--start-at-task", "facts web")
    assert passed_over.log == []
    assert "--start-at-task" in passed_over.text
    again = site.upgrade()
    assert again.code == 0, again.raw
    assert said(again.log, "w1") == ["facts", "verify:port-80", "facts", "finalize:port-80"]
    assert said(again.log, "w2")[:3] == ["facts", "drain:port-80", "step3:port-80"]


def test_what_facts_finds_is_there_in_check_mode_too(site: Site) -> None:
    a_service_that_looks(site)
    role = site.folder / "roles/web/tasks"
    (role / "upgrade_tasks.yml").write_text(
        "- ansible.builtin.assert: {that: web_port == 'port-80'}\n  tags: step3\n"
    )
    outcome = site.upgrade("--check")
    assert outcome.code == 0, outcome.raw
    assert said(outcome.log, "w1") == ["facts", "facts"]  # in its wave, and before its finalizer
    site.write("operation.yml", "- ansible.builtin.assert: {that: web_port == 'port-80'}\n")
    rolled = site.upgrade("--check", *PAINT, playbook="orderly.services.rolling_op")
    assert rolled.code == 0, rolled.raw
    assert said(rolled.log, "w1") == ["facts"]


def test_every_part_of_a_roll_reads_what_facts_found(site: Site) -> None:
    a_service_that_looks(site)
    site.write("operation.yml", reading("operate"))
    site.breaks_once("web w2 verify:port-80")
    outcome = site.upgrade(*PAINT, playbook="orderly.services.rolling_op")
    found = [f"{part}:port-80" for part in ("drain", "operate", "verify", "undrain")]
    assert said(outcome.log, "w1") == ["facts", *found], outcome.raw
    assert said(outcome.log, "w2") == ["facts", *found[:3]]
    recovered = site.upgrade(playbook="orderly.services.recover")
    assert recovered.code == 0, recovered.raw
    assert said(recovered.log, "w2") == ["facts", "verify:port-80", "undrain:port-80"]


def test_what_facts_does_is_part_of_the_plan_and_stands_in_it(site: Site) -> None:
    role = a_service_that_looks(site)
    site.upgrade("--list-tasks")
    before = site.plan()
    assert "tasks/facts.yml" in before["services"]["web"]["files"]
    page = (site.plan_folders[0] / "plan.html").read_text()
    assert '"part":"facts"' in page
    (role / "tasks/facts.yml").write_text(FACTS.replace("port-80", "port-81"))
    site.upgrade("--list-tasks", playbook=UPGRADE)
    assert len(site.plan_folders) == 2


def test_facts_that_change_something_are_refused_before_anything_runs(site: Site) -> None:
    role = a_service_that_looks(site)
    (role / "tasks/facts.yml").write_text("- name: Fix\n  ansible.builtin.raw: x\n")
    outcome = site.upgrade()
    assert outcome.log == []
    assert (
        'tasks/facts.yml:1: [facts] "Fix" does more than look, but facts.yml runs at the head of every part, in check '
        "mode too." in outcome.text
    )
