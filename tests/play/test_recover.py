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
    site.write("operation.yml", say("web", "operate"))
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
