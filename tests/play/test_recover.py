"""The playbook recover: healthy hosts that were left behind are put back, the others are named."""

from __future__ import annotations

import pytest

from .toys import Site, say

PLAYBOOK = "orderly.services.recover"


@pytest.fixture
def left_behind(site: Site) -> Site:
    """Give two web servers that failed in an operation, drained, and one that it never reached."""
    site.groups(web="w1 w2 w3")
    site.service("web", parts="drain verify undrain", max_unavailable=2)
    # With a task for all, so that both are at it when the first one breaks.
    together = "- ansible.builtin.debug: {msg: now}\n  run_once: true\n"
    site.write("operation.yml", together + say("web", "operate"))
    for host in ("w1", "w2"):
        site.breaks(f"web {host} operate")
    site.upgrade(
        *("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml"),
        playbook="orderly.services.rolling_op",
    )
    site.is_mended()
    assert site.drained == site.slots == ["web w1", "web w2"]
    return site


def test_healthy_hosts_are_verified_then_undrained_and_released(left_behind: Site) -> None:
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert sorted(outcome.log) == [
        f"web {host} {step}" for host in ("w1", "w2") for step in ("undrain", "verify")
    ]
    assert (left_behind.slots, left_behind.drained) == ([], [])
    assert "w1 was left behind: w1 has held a slot of web" in outcome.text
    assert outcome.text.endswith("recover: done on 2 of 2 hosts.")
    again = left_behind.upgrade(playbook=PLAYBOOK)
    assert "No host was left behind." in again.text
    assert (again.code, again.log) == (0, [])
    assert "changed=0" in again.text


def test_a_host_that_is_not_well_is_named_and_the_others_are_put_back(left_behind: Site) -> None:
    left_behind.breaks("web w2 verify")
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert "w2 is not healthy and is left as it is (w2 has held a slot of web since" in outcome.text
    assert (left_behind.slots, left_behind.drained) == (["web w2"], ["web w2"])
    assert "web w2 undrain" not in outcome.log
    assert outcome.text.endswith("recover: done on 1 of 2 hosts. Not done: w2.")


def test_a_host_that_is_away_is_named_and_the_others_are_put_back(left_behind: Site) -> None:
    left_behind.goes_away("w1")
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert "w1 is left as it is: it did not answer. w1 has held a slot of web" in outcome.text
    assert (left_behind.slots, left_behind.drained) == (["web w1"], ["web w1"])


def test_check_mode_shows_who_would_be_put_back_and_changes_nothing(left_behind: Site) -> None:
    outcome = left_behind.upgrade("--check", playbook=PLAYBOOK)
    assert outcome.code == 0
    assert "w1 was left behind: w1 has held a slot of web" in outcome.text
    assert left_behind.slots == left_behind.drained == ["web w1", "web w2"]


def test_a_host_whose_slot_was_forced_is_undrained_too(left_behind: Site) -> None:
    left_behind.write(
        "force.yml",
        """\
        - hosts: localhost
          gather_facts: false
          tasks:
            - orderly.services.rolling_lock: {state: force_released, hosts: [w1, w2], reason: looked}
              run_once: true
        """,
    )
    left_behind.upgrade(playbook="force.yml")
    assert left_behind.slots == []
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert (left_behind.slots, left_behind.drained) == ([], [])


# --- What only a person can know ---

TOLD = ("-e", "recover_reason=looked")


def test_a_recovery_goes_on_while_the_service_is_frozen_and_leaves_it_so(left_behind: Site) -> None:
    left_behind.lock("state=frozen services=web reason=audit")
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert (left_behind.slots, left_behind.drained) == ([], [])
    refused = left_behind.upgrade(
        *("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml", "-e", "rolling_op_wait=0"),
        playbook="orderly.services.rolling_op",
    )
    assert "web is frozen since" in refused.text


def test_a_host_that_has_left_the_inventory_is_named_and_forgotten_with_a_reason(left_behind: Site) -> None:
    left_behind.groups(web="w2 w3")
    gone = ("-e", "recover_forget=w1")
    named = left_behind.upgrade("--check", playbook=PLAYBOOK)
    assert (
        "w1 is left as it is: this inventory has no such host. w1 has held a slot of web since" in named.text
    )
    without = left_behind.upgrade(*gone, playbook=PLAYBOOK)
    assert "Forgetting hosts needs a reason" in without.text
    wrong = left_behind.upgrade("-e", "recover_forget=w2", *TOLD, playbook=PLAYBOOK)
    assert "w2 is still deployed with web in this inventory, so it is not forgotten." in wrong.text
    would = left_behind.upgrade("--check", *gone, *TOLD, playbook=PLAYBOOK)
    assert "In check mode nothing was written. w1 has left for good, and is forgotten in web." in would.text
    assert left_behind.slots == ["web w1", "web w2"]
    done = left_behind.upgrade(*gone, *TOLD, playbook=PLAYBOOK)
    assert "Its slot is given back: w1 has held a slot of web" in done.text
    assert (done.code, left_behind.slots) == (0, [])
    assert {one.outcome: one.reason for one in left_behind.outcomes("web")}["forgotten"] == "looked"


def test_what_a_run_has_left_that_nobody_can_see_is_recovered_when_somebody_says_that_it_is_over(
    left_behind: Site,
) -> None:
    run = left_behind.runs_in_a_container()
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    here = f"-i hosts.yml -e orderly_store=sqlite://{left_behind.store}"
    assert (
        f"say so: ansible-playbook {here} {PLAYBOOK} -e recover_ended_run={run} -e recover_reason=…"
        in outcome.text
    )
    assert left_behind.slots == ["web w1", "web w2"]
    outcome = left_behind.upgrade("-e", f"recover_ended_run={run}", *TOLD, playbook=PLAYBOOK)
    assert f"The run {run} is over, says " in outcome.text
    assert (outcome.code, left_behind.slots) == (0, [])


HIDDEN = """\
- name: Ask with the password
  ansible.builtin.command: {argv: [sh, -c, "echo s3cret-word >&2; false"]}
  changed_when: false
  no_log: true
"""
HIDDEN_BY_ITS_BLOCK = """\
- name: Ask
  no_log: true
  block:
    - name: Ask with the password
      ansible.builtin.command: {argv: [sh, -c, "echo s3cret-word >&2; false"]}
      changed_when: false
"""


@pytest.mark.parametrize("verify", [HIDDEN, HIDDEN_BY_ITS_BLOCK], ids=["a task", "a block"])
def test_what_a_verify_hides_is_neither_quoted_nor_kept(left_behind: Site, verify: str) -> None:
    left_behind.write("roles/web/tasks/verify.yml", verify)
    outcome = left_behind.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert "its output is hidden by no_log" in outcome.text, outcome.raw
    assert "s3cret-word" not in outcome.raw
    assert b"s3cret-word" not in left_behind.store.read_bytes()
