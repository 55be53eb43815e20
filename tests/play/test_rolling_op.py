"""The playbook rolling_op: what it does to each host, what it does after faults, and when it does not begin."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import pytest

from .toys import Site, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from .toys import Outcome

PLAYBOOK = "orderly.services.rolling_op"
WHOLE = ["drain", "operate", "verify", "undrain"]


@pytest.fixture
def run(site: Site) -> Callable[..., Outcome]:
    """Give the playbook, over three web servers one after the other."""
    site.groups(web="w1 w2 w3")
    site.service("web", parts="drain verify undrain")
    site.write("operation.yml", say("web", "operate"))
    return partial(
        site.upgrade, "-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml", playbook=PLAYBOOK
    )


def steps(outcome: Outcome, host: str) -> list[str]:
    """Name what was done to a host."""
    said = [line.split() for line in outcome.log]
    return [step for _service, name, step in said if name == host]


def wait_for_word(said: str, site: Site) -> str:
    """Give the text of a task that waits until another one has said something."""
    loop = f"while ! grep -qx '{said}' {site.folder}/log; do sleep 0.05; done"
    return f'- ansible.builtin.raw: timeout 300 sh -c "{loop}"\n'


def test_every_host_is_drained_operated_on_verified_and_undrained(
    run: Callable[..., Outcome], site: Site
) -> None:
    outcome = run()
    assert outcome.code == 0
    assert outcome.log == [f"web {host} {step}" for host in ("w1", "w2", "w3") for step in WHOLE]
    assert (site.slots, site.drained) == ([], [])
    assert "Wave 1 of 3: w1 (web)" in outcome.text


def test_check_mode_changes_nothing_and_shows_the_waves(run: Callable[..., Outcome], site: Site) -> None:
    outcome = run("--check")
    assert outcome.code == 0
    assert (outcome.log, site.drained) == ([], [])
    assert "Wave 3 of 3: w3 (web)" in outcome.text
    assert not site.store.exists()


def test_a_host_that_fails_stops_the_roll_and_stays_drained(run: Callable[..., Outcome], site: Site) -> None:
    site.breaks("web w1 operate")
    outcome = run()
    assert outcome.code != 0
    assert outcome.log == ["web w1 drain", "web w1 operate"]
    assert (site.slots, site.drained) == (["web w1"], ["web w1"])


def test_the_next_run_takes_up_the_host_that_failed_and_undrains_it(
    run: Callable[..., Outcome], site: Site
) -> None:
    site.breaks("web w2 operate")
    run()
    site.is_mended()
    outcome = run()
    assert outcome.code == 0
    assert outcome.log[:4] == [f"web w2 {step}" for step in WHOLE]
    assert (site.slots, site.drained) == ([], [])


def test_a_host_that_is_not_well_afterwards_is_not_undrained(run: Callable[..., Outcome], site: Site) -> None:
    site.breaks("web w1 verify")
    outcome = run()
    assert outcome.log == ["web w1 drain", "web w1 operate", "web w1 verify"]
    assert site.drained == ["web w1"]


def test_a_host_that_does_not_do_well_for_long_enough_stops_the_roll_and_stays_drained(
    run: Callable[..., Outcome], site: Site
) -> None:
    verify = site.folder / "roles/web/tasks/verify.yml"
    healthy = verify.read_text()
    twice = f"{healthy}- ansible.builtin.raw: '[ $(grep -c verify {site.folder}/log) -lt 2 ]'\n"
    verify.write_text(twice)
    outcome = run("-e", "rolling_op_soak=1")
    assert outcome.code != 0
    assert outcome.log == [f"web w1 {step}" for step in ("drain", "operate", "verify", "verify")]
    assert (site.slots, site.drained) == (["web w1"], ["web w1"])

    verify.write_text(healthy)
    outcome = run("-e", "rolling_op_soak=1")
    assert outcome.code == 0
    soaked = ["drain", "operate", "verify", "verify", "undrain"]
    assert outcome.log == [f"web {host} {step}" for host in ("w1", "w2", "w3") for step in soaked]
    assert (site.slots, site.drained) == ([], [])


def test_an_operation_that_hangs_beyond_its_time_has_failed(run: Callable[..., Outcome], site: Site) -> None:
    site.write("operation.yml", say("web", "operate", "  timeout: 3"))
    site.sticks("web w1 operate")
    outcome = run()
    assert outcome.code != 0
    assert outcome.touched == {"w1"}
    assert (site.slots, site.drained) == (["web w1"], ["web w1"])

    site.is_mended()
    assert run().code == 0
    assert (site.slots, site.drained) == ([], [])


def test_retry_hold_tries_again_with_the_slots_in_hand(run: Callable[..., Outcome], site: Site) -> None:
    site.breaks_once("web w1 operate")
    outcome = run("-e", "rolling_op_on_failure=retry_hold")
    assert outcome.code == 0
    assert steps(outcome, "w1") == ["drain", "operate", "operate", "verify", "undrain"]
    assert outcome.log.index("web w1 undrain") < outcome.log.index("web w2 drain")


def test_retry_release_lets_the_others_go_first(run: Callable[..., Outcome], site: Site) -> None:
    site.breaks_once("web w1 operate")
    outcome = run("-e", "rolling_op_on_failure=retry_release")
    assert outcome.code == 0
    assert outcome.log == [
        *("web w1 drain", "web w1 operate", "web w1 verify", "web w1 undrain"),
        *(f"web {host} {step}" for host in ("w2", "w3", "w1") for step in WHOLE),
    ]
    assert (site.slots, site.drained) == ([], [])


def test_a_host_that_is_not_well_keeps_its_slots_instead_of_letting_others_go(
    run: Callable[..., Outcome], site: Site
) -> None:
    site.breaks("web w1 operate")
    site.breaks("web w1 verify")
    outcome = run("-e", "rolling_op_on_failure=retry_release")
    assert outcome.code != 0
    assert outcome.touched == {"w1"}
    assert (site.slots, site.drained) == (["web w1"], ["web w1"])


@pytest.mark.parametrize("on_failure", ["retry_hold", "retry_release"])
def test_a_host_that_was_tried_often_enough_has_failed(
    run: Callable[..., Outcome], site: Site, on_failure: str
) -> None:
    site.breaks("web w2 operate")
    outcome = run("-e", f"rolling_op_on_failure={on_failure}", "-e", "rolling_op_retries=2")
    assert outcome.code != 0
    assert steps(outcome, "w2").count("operate") == 3
    assert "paint failed on w2 for good (tried 3 times, non-zero return code)" in outcome.text
    assert site.slots == ["web w2"]
    assert site.drained == (["web w2"] if on_failure == "retry_hold" else [])
    others = {"w1"} if on_failure == "retry_hold" else {"w1", "w3"}
    assert outcome.touched - {"w2"} == others

    site.is_mended()
    assert run().code == 0
    assert (site.slots, site.drained) == ([], [])


def test_one_host_of_a_wave_may_try_again_while_the_other_waits_for_it(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web", parts="drain verify undrain", max_unavailable=2)
    site.write("operation.yml", say("web", "operate"))
    site.breaks_once("web w1 operate")
    outcome = site.upgrade(
        *("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml"),
        *("-e", "rolling_op_on_failure=retry_hold"),
        playbook=PLAYBOOK,
    )
    assert outcome.code == 0
    assert steps(outcome, "w1") == ["drain", "operate", "operate", "verify", "undrain"]
    assert steps(outcome, "w2") == WHOLE
    assert site.slots == []


def test_both_hosts_of_a_wave_may_try_again_and_are_counted_each(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web", parts="drain verify undrain", max_unavailable=2)
    site.write("operation.yml", say("web", "operate"))
    for host in ("w1", "w2"):
        site.breaks_once(f"web {host} operate")
    outcome = site.upgrade(
        *("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml"),
        *("-e", "rolling_op_on_failure=retry_hold", "-e", "rolling_op_retries=1"),
        playbook=PLAYBOOK,
    )
    assert outcome.code == 0
    assert [steps(outcome, host).count("operate") for host in ("w1", "w2")] == [2, 2]
    assert site.slots == []


# --- Waves of several hosts ---


@pytest.fixture
def run_wide(site: Site) -> Callable[..., Outcome]:
    """Give the playbook, over five web servers of which two may be away."""
    site.groups(web="w1 w2 w3 w4 w5")
    site.service("web", parts="drain verify undrain", max_unavailable=2)
    site.write("operation.yml", say("web", "operate"))
    return partial(
        site.upgrade, "-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml", playbook=PLAYBOOK
    )


def test_hosts_of_a_wave_go_on_by_themselves(run_wide: Callable[..., Outcome], site: Site) -> None:
    # The first host goes on to its end only after the second has begun its own, so it may not wait at any task.
    site.write("host_vars/w1.yml", "rolling_op_tasks: slow.yml\n")
    site.write("slow.yml", wait_for_word("web w2 undrain", site) + say("web", "operate"))
    outcome = run_wide(ANSIBLE_FORKS="2")
    assert outcome.code == 0
    assert outcome.log.index("web w2 undrain") < outcome.log.index("web w1 operate")
    assert site.slots == []


FAULTS = {
    "failed": "- ansible.builtin.raw: 'false'\n",
    "failed in a block with always": (
        "- block:\n    - ansible.builtin.raw: 'false'\n  always:\n    - ansible.builtin.raw: 'true'\n"
    ),
    "unreachable": "- ansible.builtin.raw: touch $TOYS/away/$TOY_HOST\n- ansible.builtin.raw: 'true'\n",
}


@pytest.mark.parametrize(("fault", "faulty"), [*product(FAULTS, ["w1"]), ("failed", "w2")])
def test_no_wave_begins_after_a_host_was_lost_while_the_other_finishes(
    run_wide: Callable[..., Outcome], site: Site, fault: str, faulty: str
) -> None:
    site.write(f"host_vars/{faulty}.yml", "rolling_op_tasks: faulty.yml\n")
    site.write("faulty.yml", say("web", "operate") + FAULTS[fault])
    outcome = run_wide(ANSIBLE_FORKS="2")
    (sound,) = {"w1", "w2"} - {faulty}
    assert outcome.code != 0
    assert outcome.touched == {"w1", "w2"}
    assert steps(outcome, faulty) == ["drain", "operate"]
    assert steps(outcome, sound) == WHOLE
    assert (site.slots, site.drained) == ([f"web {faulty}"], [f"web {faulty}"])
    assert f"did not finish: {faulty} has held a slot of web" in outcome.text
    assert re.search("w[34] gets no slots either: see the message of w[34]", outcome.text)


@pytest.mark.parametrize(
    "task", ["- ansible.builtin.raw: echo\n  run_once: true\n", "- ansible.builtin.pause: {seconds: 0}\n"]
)
def test_hosts_go_together_where_a_task_acts_on_one_host_for_all(
    run_wide: Callable[..., Outcome], site: Site, task: str
) -> None:
    site.write("operation.yml", task + say("web", "operate"))
    outcome = run_wide("--limit", "w1,w2")
    assert outcome.code == 0
    assert outcome.log == [f"web {host} {step}" for step in WHOLE for host in ("w1", "w2")]
    assert "free strategy" not in outcome.text


# --- Which task file ---


def test_a_host_may_bring_a_task_file_of_its_own(run: Callable[..., Outcome], site: Site) -> None:
    site.write("host_vars/w2.yml", "rolling_op_tasks: special.yml\n")
    site.write("special.yml", say("web", "special"))
    outcome = run()
    assert steps(outcome, "w1") == WHOLE
    assert steps(outcome, "w2") == ["drain", "special", "verify", "undrain"]


def test_a_task_file_where_one_stands_is_not_used_if_others_can_write_there(site: Site) -> None:
    site.groups(web="w1")
    site.service("web")
    site.inventory = site.inventory.rename(site.write("inventory/hosts.yml", ""))
    site.write("operation.yml", say("web", "operate"))
    site.folder.chmod(0o1777)
    arguments = ("-e", "rolling_op_name=paint", "-e", f"orderly_roles_path={site.folder}/roles", "-e")
    outcome = site.upgrade(*arguments, "rolling_op_tasks=operation.yml", playbook=PLAYBOOK)
    said = " ".join(outcome.text.split())
    assert (outcome.code, outcome.log) == (2, [])
    assert f"The task file {site.folder}/operation.yml is not used, as it was only found in" in said
    named = site.upgrade(*arguments, f"rolling_op_tasks={site.folder}/operation.yml", playbook=PLAYBOOK)
    assert (named.code, named.log) == (0, ["web w1 operate"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "The task file operation.yml was not found; it was looked for in"),
        (
            "- hosts: all\n  tasks: []\n",
            "expected a list of tasks, as in roles/NAME/tasks/main.yml; this is a playbook",
        ),
        ("- name: [\n", "operation.yml:2: not YAML"),
    ],
)
def test_a_broken_task_file_stops_everything_before_it_begins(
    run: Callable[..., Outcome], site: Site, text: str | None, message: str
) -> None:
    if text is None:
        (site.folder / "operation.yml").unlink()
    else:
        site.write("operation.yml", text)
    outcome = run()
    assert outcome.code != 0
    assert message in outcome.text
    assert (outcome.log, site.slots) == ([], [])


# --- What stands in the way ---


def test_a_blocker_stops_a_wave_before_anything_is_taken(run: Callable[..., Outcome], site: Site) -> None:
    site.write(
        "group_vars/web.yml", "rolling_op_blockers: [{name: backup, command: 'echo pg_dump runs; false'}]\n"
    )
    outcome = run()
    assert outcome.code != 0
    assert "The wave of w1 is blocked, and nothing was taken or touched: " in outcome.text
    assert "backup on w1 (exit status 1 on the host: pg_dump runs)" in outcome.text
    assert (outcome.log, site.slots) == ([], [])


def test_a_blocker_of_one_host_stops_the_whole_wave(run_wide: Callable[..., Outcome], site: Site) -> None:
    site.write("host_vars/w2.yml", "rolling_op_blockers: [{name: backup, command: 'false'}]\n")
    outcome = run_wide()
    assert "The wave of w1, w2 is blocked, and nothing was taken or touched: backup on w2" in outcome.text
    assert (outcome.log, site.slots) == ([], [])


def test_blockers_may_come_from_a_playbook_that_imports_this_one(
    run_wide: Callable[..., Outcome], site: Site
) -> None:
    blockers = "[{name: alert, on: controller, command: 'false'}]"
    own = site.write(
        "own.yml", f"- import_playbook: {PLAYBOOK}\n  vars: {{rolling_op_blockers: {blockers}}}\n"
    )
    outcome = run_wide(playbook=own)
    assert "The wave of w1, w2 is blocked, and nothing was taken or touched: alert on w1" in outcome.text
    assert (outcome.log, site.slots) == ([], [])


def test_a_blocker_that_comes_between_grant_and_drain_costs_nothing(
    run: Callable[..., Outcome], site: Site
) -> None:
    asked = site.folder / "asked"
    site.write(
        "group_vars/web.yml",
        f"rolling_op_blockers: [{{name: alert, command: 'echo >> {asked}; test $(wc -l < {asked}) -lt 2'}}]\n",
    )
    outcome = run()
    assert outcome.code != 0
    assert "The wave of w1 was granted, but is blocked by now: alert on w1" in outcome.text
    assert (outcome.log, site.slots) == ([], [])


def test_a_host_that_was_left_behind_keeps_its_slots_when_its_wave_is_blocked(
    run: Callable[..., Outcome], site: Site
) -> None:
    site.breaks("web w1 operate")
    run()
    asked = site.folder / "asked"
    site.write(
        "group_vars/web.yml",
        f"rolling_op_blockers: [{{name: alert, command: 'echo >> {asked}; test $(wc -l < {asked}) -lt 2'}}]\n",
    )
    assert "was granted, but is blocked by now" in run().text
    assert site.slots == ["web w1"]


def test_a_host_that_is_away_stops_an_operation_before_it_begins(
    run: Callable[..., Outcome], site: Site
) -> None:
    site.goes_away("w1")
    outcome = run()
    assert "Nothing was started: w1 did not answer." in outcome.text
    assert (outcome.code != 0, outcome.log, site.slots) == (True, [], [])


def test_outside_the_windows_no_wave_begins(run: Callable[..., Outcome], site: Site) -> None:
    in_days = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    site.write(
        "group_vars/web.yml",
        f"rolling_op_windows: [{{start: '12:00', end: '13:00', timezone: Asia/Tokyo, days: [{in_days}]}}]\n",
    )
    outcome = run()
    assert "no maintenance window is open; the next one opens at" in outcome.text
    assert (outcome.log, site.slots) == ([], [])


# --- Controllers that die ---


@pytest.mark.parametrize("fatal", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_controller_left_drained_is_undrained_by_the_next(
    run: Callable[..., Outcome], site: Site, fatal: signal.Signals
) -> None:
    site.sticks("web w1 operate")
    arguments = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")
    process = site.start(*arguments, playbook=PLAYBOOK)
    site.wait_until("web w1 operate")
    os.killpg(process.pid, fatal)
    site.is_mended()
    process.communicate()
    assert (site.slots, site.drained) == (["web w1"], ["web w1"])
    outcome = run()
    assert outcome.code == 0
    assert (site.slots, site.drained) == ([], [])


def test_a_host_refuses_a_run_whose_slots_others_were_given_while_it_slept(
    run: Callable[..., Outcome], site: Site
) -> None:
    run()
    known = json.loads(site.stamp("w2").read_text())
    assert known["tokens"]["web"] > json.loads(site.stamp("w1").read_text())["tokens"]["web"]
    newer = {**known, "tokens": {"web": 999}}
    site.stamp("w2").write_text(json.dumps(newer))
    outcome = run()
    assert outcome.code != 0
    assert outcome.log == [f"web w1 {step}" for step in WHOLE]
    assert "were taken from it, and others have worked here since: web (token" in outcome.text
    assert "the host knows 999). Nothing was touched here." in outcome.text
    assert json.loads(site.stamp("w2").read_text()) == newer

    site.upgrade(playbook="orderly.services.move_store")
    assert run().code == 0


@pytest.mark.parametrize("together", ["", "- run_once: true\n  ansible.builtin.debug: {msg: once}\n"])
def test_a_host_that_refuses_the_run_stops_those_that_have_not_begun(site: Site, together: str) -> None:
    site.groups(web="w1 w2 w3 w4")
    site.service("web", parts="drain", max_unavailable=2)
    site.write("operation.yml", together + say("web", "operate"))
    paint = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")
    assert site.upgrade(*paint, playbook=PLAYBOOK).code == 0
    known = json.loads(site.stamp("w2").read_text())
    site.stamp("w2").write_text(json.dumps({**known, "tokens": {"web": 999}}))
    site.write(
        "host_vars/w1.yml", "rolling_op_tasks: slow.yml\n"
    )  # so that slots are free while w1 is at work
    site.write("slow.yml", together + "- ansible.builtin.raw: sleep 3\n" + say("web", "operate"))
    outcome = site.upgrade(*paint, playbook=PLAYBOOK)
    assert outcome.code != 0
    assert outcome.log == ["web w1 drain", "web w1 operate"]
    assert "see the message of w2" in outcome.text
    assert "Refused this run, and not touched: w2 (web). Not reached: w3 (web), w4 (web)." in outcome.text
    assert site.slots == []


def test_a_task_that_a_killed_roll_has_left_at_work_is_waited_for(site: Site) -> None:
    site.groups(web="w1")
    site.service("web", parts="drain")
    site.write("operation.yml", '- ansible.builtin.command: "{{ toy }} web {{ inventory_hostname }} work"\n')
    paint = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")
    site.sticks("web w1 work")
    killed = site.start(*paint, playbook="orderly.services.rolling_op")
    site.wait_until("web w1 work")
    os.kill(killed.pid, signal.SIGKILL)
    again = site.start(*paint, playbook="orderly.services.rolling_op")
    time.sleep(8)
    assert site.log.count("web w1 drain") == 1, "the orphan is at work, so nothing is done here"
    site.is_mended()
    said, _nothing = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert site.log.count("web w1 drain") == site.log.count("web w1 work") == 2


def test_a_role_of_the_user_has_its_own_plugins_and_its_own_name(
    run: Callable[..., Outcome], site: Site
) -> None:
    site.write(
        "roles/web/filter_plugins/own.py",
        "class FilterModule:\n    def filters(self):\n        return {'twice': lambda text: text * 2}\n",
    )
    verify = site.folder / "roles/web/tasks/verify.yml"
    verify.write_text(
        verify.read_text() + "- name: twice\n  ansible.builtin.debug: {msg: \"{{ 'ab' | twice }}\"}\n"
    )
    outcome = run("--limit", "w1")
    assert outcome.code == 0, outcome.raw
    assert "abab" in outcome.text
    assert "orderly.services./" not in outcome.text
    assert f"TASK [{site.folder}/roles/./web : twice]" in outcome.text
    outcome = run("--limit", "w1", HOME=str(site.folder))
    assert outcome.code == 0, outcome.raw
    assert "TASK [web : twice]" in outcome.text
