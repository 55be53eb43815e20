"""Rolls in which each host begins as soon as its slots are free: what slow, failed and killed ones mean to others."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from .toys import say

if TYPE_CHECKING:
    import subprocess

    from .toys import Outcome, Site

PLAYBOOK = "orderly.services.rolling_op"
PAINT = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")
MANY = [f"w{number}" for number in range(1, 7)]
WHOLE = ["drain", "operate", "undrain"]


def until(said: str) -> str:
    """Give the text of a task that takes as long as another host needs to say something."""
    look = f"while ! grep -qx '{said}' $TOYS/log; do sleep 0.05; done"
    return f'- ansible.builtin.raw: timeout 300 sh -c "{look}"\n'


def a_service(site: Site, hosts: list[str], **settings: object) -> None:
    site.groups(web=" ".join(hosts))
    site.service("web", parts="drain undrain", **settings)
    site.write("operation.yml", say("web", "operate"))


def slow(site: Site, host: str, said: str) -> None:
    """Let a host work until another one has said something."""
    site.write(f"host_vars/{host}.yml", f"rolling_op_tasks: {host}.yml\n")
    site.write(f"{host}.yml", until(said) + say("web", "operate"))


def rolls(site: Site, *arguments: str, forks: int = 12, **environ: str) -> Outcome:
    return site.upgrade(*PAINT, *arguments, playbook=PLAYBOOK, ANSIBLE_FORKS=str(forks), **environ)


def begins(site: Site, forks: int = 12) -> subprocess.Popen[str]:
    return site.start(*PAINT, playbook=PLAYBOOK, ANSIBLE_FORKS=str(forks))


def most_at_once(log: list[str]) -> int:
    """Count how many hosts were drained at the same time, at most."""
    drained: set[str] = set()
    most = 0
    for _service, host, step in map(str.split, log):
        (drained.discard if step == "undrain" else drained.add)(host)
        most = max(most, len(drained))
    return most


def steps(outcome: Outcome, host: str) -> list[str]:
    return [step for _service, name, step in map(str.split, outcome.log) if name == host]


def begun(log: list[str]) -> list[str]:
    return [host for _service, host, step in map(str.split, log) if step == "drain"]


def test_a_slow_host_holds_up_nobody_whose_slots_are_free(site: Site) -> None:
    a_service(site, MANY, max_unavailable=2)
    slow(site, "w1", "web w6 undrain")
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    assert {host: steps(outcome, host) for host in MANY} == dict.fromkeys(MANY, WHOLE)
    assert outcome.log[-1] == "web w1 undrain"
    assert most_at_once(outcome.log) == 2
    assert (site.slots, site.drained) == ([], [])
    assert "Each host begins as soon as its slots are free." in outcome.text


@pytest.mark.parametrize("forks", [1, 2, 12])
def test_hosts_begin_in_order_however_many_processes_there_are(site: Site, forks: int) -> None:
    a_service(site, MANY, max_unavailable=3)
    outcome = rolls(site, forks=forks)
    assert outcome.code == 0, outcome.text
    assert most_at_once(outcome.log) <= min(forks, 3)
    places = {host: place for place, host in enumerate(begun(outcome.log))}
    # Those that are granted at the same time may overtake each other on their way to the drain.
    assert all(abs(place - MANY.index(host)) < 3 for host, place in places.items()), places
    assert site.slots == []


def test_hosts_of_several_services_begin_each_when_all_their_slots_are_free(site: Site) -> None:
    site.groups(web="w1 w2 m1 m2", db="d1 d2 m1 m2")
    for name in ("web", "db"):
        site.service(name, parts="drain undrain")
    site.write("operation.yml", say("all", "operate"))
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    for name in ("web", "db"):
        assert most_at_once([said for said in outcome.log if said.startswith(name)]) == 1
    assert site.slots == []


FAULTS = {
    "failed": "- ansible.builtin.raw: 'false'\n",
    "failed with always": "- block: [{ansible.builtin.raw: 'false'}]\n  always: [{ansible.builtin.raw: 'true'}]\n",
    "unreachable": "- ansible.builtin.raw: touch $TOYS/away/$TOY_HOST\n- ansible.builtin.raw: 'true'\n",
    "ended": "- ansible.builtin.meta: end_host\n",
}


@pytest.mark.parametrize(
    ("fault", "forks"), [*((fault, 2) for fault in FAULTS), ("failed", 12), ("unreachable", 12)]
)
def test_a_host_that_is_lost_stops_those_that_have_not_begun_and_no_other(
    site: Site, fault: str, forks: int
) -> None:
    a_service(site, MANY[:5], max_unavailable=2)
    site.write("host_vars/w2.yml", "rolling_op_tasks: w2.yml\n")
    site.write("w2.yml", say("web", "operate") + FAULTS[fault])
    site.write("host_vars/w1.yml", "rolling_op_tasks: w1.yml\n")
    site.write("w1.yml", until("web w2 operate") + "- ansible.builtin.raw: sleep 3\n" + say("web", "operate"))
    outcome = rolls(site, forks=forks)
    assert outcome.code != 0
    assert outcome.touched == {"w1", "w2"}
    assert (steps(outcome, "w1"), steps(outcome, "w2")) == (WHOLE, ["drain", "operate"])
    assert (site.slots, site.drained) == (["web w2"], ["web w2"])
    assert "stops here because another of its hosts did not finish: w2 has held" in outcome.text
    assert len(set(re.findall(r"(w\d) gets no slots either: see the message of w\d", outcome.text))) == 2
    assert "Not reached: w[3-5] (web)." in outcome.text


def test_the_next_run_begins_with_the_host_that_was_lost(site: Site) -> None:
    a_service(site, MANY[:4], max_unavailable=2)
    site.breaks("web w2 operate")
    assert rolls(site).code != 0
    assert site.slots == ["web w2"]
    site.is_mended()
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    assert set(begun(outcome.log)[:2]) == {"w1", "w2"}
    first = max(outcome.log.index(f"web {host} undrain") for host in ("w1", "w2"))
    assert first < outcome.log.index("web w3 drain")
    assert site.slots == []


def test_within_its_failure_budget_a_roll_goes_on_without_the_slots_of_those_that_failed(site: Site) -> None:
    a_service(site, MANY, max_unavailable=2, failure_budget=1)
    site.breaks("web w1 operate")
    outcome = rolls(site)
    assert outcome.code != 0
    assert outcome.touched == set(MANY)
    assert most_at_once(outcome.log) == 2
    assert site.slots == ["web w1"]
    assert [steps(outcome, host) for host in MANY[1:]] == [WHOLE] * 5


def test_where_all_wait_for_a_host_that_fails_the_run_ends_by_itself(site: Site) -> None:
    a_service(site, ["w1", "w2", "w3"])
    site.sticks("web w1 operate")
    site.breaks("web w1 operate")
    process = begins(site)
    site.wait_until("web w1 operate")
    (site.folder / "stuck/web w1 operate").unlink()
    said, _nothing = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "w1 has held a slot of web" in " ".join(said.split())
    assert site.slots == ["web w1"]


# --- Where there is a barrier all the same ---


def test_hosts_of_another_failure_domain_begin_when_all_of_the_first_are_done(site: Site) -> None:
    a_service(site, MANY, max_unavailable="100%")
    for host in MANY[::2]:
        site.write(f"host_vars/{host}.yml", "orderly_failure_domain: b\n")
    for host in MANY[1::2]:
        site.write(f"host_vars/{host}.yml", "orderly_failure_domain: a\n")
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    order = begun(outcome.log)
    assert {frozenset(order[:3]), frozenset(order[3:])} == {frozenset(MANY[::2]), frozenset(MANY[1::2])}
    last = max(outcome.log.index(f"web {host} undrain") for host in order[:3])
    assert last < outcome.log.index(f"web {order[3]} drain")


def test_a_service_begins_when_those_before_it_are_done_and_others_do_not_wait(site: Site) -> None:
    site.groups(db="d1 d2", web="w1 w2", log="l1 l2 l3 l4 l5")
    site.service("db", parts="drain undrain")
    site.service("web", parts="drain undrain", after=["db"])
    site.service("log", parts="drain undrain")
    site.write("operation.yml", say("all", "operate"))
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    assert outcome.log.index("db d2 undrain") < outcome.log.index("web w1 drain")
    assert site.slots == []


def test_a_primary_begins_when_all_waves_before_its_own_are_done(site: Site) -> None:
    a_service(site, ["w1", "w2", "w3", "w4"], max_unavailable=2)
    site.write("host_vars/w1.yml", "orderly_last: true\n")
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    assert set(begun(outcome.log)[-2:]) == {"w1", "w4"}
    first = max(outcome.log.index(f"web {host} undrain") for host in ("w2", "w3"))
    assert first < outcome.log.index("web w1 drain")


def test_hosts_of_a_wave_whose_size_was_given_are_done_before_the_next(site: Site) -> None:
    a_service(site, MANY[:4], max_unavailable="100%")
    slow(site, "w1", "web w2 undrain")
    outcome = rolls(site, "-e", "rolling_op_waves=2,100%")
    assert outcome.code == 0, outcome.text
    assert outcome.log.index("web w1 undrain") < outcome.log.index("web w3 drain")


# --- Others ---


def test_what_a_killed_run_held_is_told_and_the_next_one_goes_on(site: Site) -> None:
    a_service(site, MANY, max_unavailable=2)
    for host in ("w2", "w3"):
        site.sticks(f"web {host} operate")
    process = begins(site)
    for host in ("w2", "w3"):
        site.wait_until(f"web {host} operate")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    site.is_mended()
    assert sorted(site.slots) == sorted(site.drained) == ["web w2", "web w3"]
    outcome = rolls(site)
    assert outcome.code == 0, outcome.text
    assert "First, hosts that an earlier run left behind: w2, w3." in outcome.text
    assert set(begun(outcome.log)[:2]) == {"w2", "w3"}
    assert (site.slots, site.drained) == ([], [])


def test_a_frozen_service_is_waited_for_in_the_middle_of_a_roll(site: Site) -> None:
    a_service(site, MANY[:4], max_unavailable=2)
    for host in ("w1", "w2"):
        site.sticks(f"web {host} operate")
    process = begins(site)
    for host in ("w1", "w2"):
        site.wait_until(f"web {host} operate")
    site.lock("state=frozen services=web reason=lunch")
    site.is_mended()
    for host in ("w1", "w2"):
        site.wait_until(f"web {host} undrain")
    site.lock("state=in_service hosts=w1")  # takes its time, in which nobody may begin
    assert begun(site.log) in (["w1", "w2"], ["w2", "w1"])
    site.lock("state=thawed services=web")
    said, _nothing = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "web is frozen since" in " ".join(said.split())
    assert set(begun(site.log)) == set(MANY[:4])


def test_the_time_to_wait_is_not_spent_on_hosts_of_the_same_run(site: Site) -> None:
    a_service(site, ["w1", "w2"])
    site.write("host_vars/w1.yml", "rolling_op_tasks: w1.yml\n")
    site.write("w1.yml", "- ansible.builtin.raw: sleep 5\n" + say("web", "operate"))
    outcome = rolls(site, "-e", "rolling_op_wait=1")
    assert outcome.code == 0, outcome.text
    assert "is waiting for" not in outcome.text


def test_other_runs_are_waited_for_as_long_as_was_said(site: Site) -> None:
    a_service(site, ["w1", "w2"])
    site.sticks("web w1 operate")
    other = begins(site)
    site.wait_until("web w1 operate")
    # w2 of this one waits, too, and has a place in the queue before that of the other.
    late = site.upgrade(
        *PAINT, "-e", "rolling_op_wait=2", "--limit", "w2", playbook=PLAYBOOK, ANSIBLE_FORKS="5"
    )
    assert late.code != 0
    assert re.search(r"The rolling lock was not free for \d s: w1 has held", late.text)
    site.is_mended()
    other.communicate(timeout=300)
    assert (other.returncode, site.slots) == (0, [])


def test_two_rolls_of_one_service_never_exceed_its_budget_together(site: Site) -> None:
    a_service(site, MANY, max_unavailable=2)
    one = site.start(*PAINT, "--limit", ",".join(MANY[:3]), playbook=PLAYBOOK, ANSIBLE_FORKS="5")
    two = site.start(*PAINT, "--limit", ",".join(MANY[3:]), playbook=PLAYBOOK, ANSIBLE_FORKS="5")
    for process in (one, two):
        said, _nothing = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert set(begun(site.log)) == set(MANY)
    assert most_at_once(site.log) <= 2
    assert site.slots == []
