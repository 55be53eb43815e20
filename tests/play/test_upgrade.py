"""The playbook upgrade: what it shows, in which order it runs, and what it does after every kind of fault."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._render.change import ENDS_ROLES
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

from .toys import NOTHING, ROOT, UPGRADE, Site, a_chain, in_order, nested, one_service, say, three_services

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .toys import Outcome

AGAIN = ("-e", "upgrade_campaign=again")


# --- The plan ---


def test_services_that_share_a_wave_run_free_between_linear_gates(looked_at: Site, shown: Outcome) -> None:
    assert shown.code == 0
    (folder,) = looked_at.plan_folders
    plays = (folder / "upgrade.yml").read_text().split("\n- name: ")
    strategies = {play.split("\n")[0]: "ansible.builtin.free" in play for play in plays}
    free = [name for name, is_free in strategies.items() if is_free]
    assert free == ["Wave 3 · cache on w1, web on w1 w3 | work", "Wave 4 · cache on w2, web on w2 | work"]


def test_the_folder_of_the_plan_is_named_and_holds_it(looked_at: Site, shown: Outcome) -> None:
    (folder,) = looked_at.plan_folders
    assert f"Plan {folder.name}: {folder}/plan.html" in shown.text
    files = {file.name for file in folder.iterdir()}
    assert files == {"plan.json", "upgrade.yml", "plan.html", "roles"}
    assert looked_at.plan()["hash"][:16] == folder.name


def test_the_same_plan_comes_of_another_order_of_hosts_groups_and_roles(looked_at: Site) -> None:
    before = looked_at.plan()["id"]
    looked_at.groups(cache="w2 w1", web="w3 w1 w2", db="d2 d1")
    assert looked_at.upgrade("--list-hosts").code == 0
    assert looked_at.plan()["id"] == before


# --- How it runs ---


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    upgraded = Site(tmp_path_factory.mktemp("whole"))
    three_services(upgraded)
    return upgraded


@pytest.fixture(scope="module")
def first(upgraded: Site) -> Outcome:
    return upgraded.upgrade()


@pytest.fixture(scope="module")
def kept(upgraded: Site, first: Outcome) -> Outcome:
    """Run the folder of the plan by itself, when the upgrade it was made for has ended."""
    assert first.code == 0
    (folder,) = upgraded.plan_folders
    return upgraded.upgrade(*AGAIN, playbook=folder / "upgrade.yml")


def test_everything_is_done_once_on_every_host(first: Outcome) -> None:
    assert first.code == 0
    assert len(first.log) == len(set(first.log)) == 2 * 6 + 3 * 8 + 2 * 5
    assert "The upgrade is complete: everything in plan" in first.text


def test_every_service_is_validated_and_prepared_before_any_is_disrupted(first: Outcome) -> None:
    steps = [said.split()[2] for said in first.log]
    assert steps[:14] == ["look"] * 7 + ["prepare"] * 7


def test_a_wave_goes_from_drain_to_undrain_before_the_next_begins(first: Outcome) -> None:
    web = [said for said in first.log[14:] if said.startswith(("web w2", "web w3"))]
    steps = ("drain", "stop", "install", "start", "verify", "undrain")
    assert web == [f"web {host} {step}" for host in ("w3", "w2") for step in steps]


def test_what_a_failed_wave_has_drained_is_on_record_until_it_is_undrained(site: Site) -> None:
    one_service(site, "w1 w2", parts="drain undrain verify")
    site.breaks("web w1 install")
    site.upgrade()
    assert site.drained == ["web w1"]
    site.is_mended()
    assert site.upgrade().code == 0
    assert site.drained == []


def test_a_host_refuses_an_upgrade_whose_slots_others_were_given_while_it_slept(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web")
    assert site.upgrade().code == 0
    known = json.loads(site.stamp("w1").read_text())
    assert known["tokens"]["web"] > 0
    site.stamp("w1").write_text(json.dumps({**known, "tokens": {"web": 999}}))
    outcome = site.upgrade(*AGAIN)
    assert outcome.code != 0
    assert "w1" not in outcome.touched
    assert "others have worked here since: web (token" in outcome.text
    assert site.slots == []


def test_a_service_changes_after_what_it_comes_after_is_complete(first: Outcome) -> None:
    assert in_order(first.log, "db d1 start", "db d2 start", "db d1 check", "db d2 check", "web w1 drain")
    assert in_order(first.log, "db d2 check", "cache w1 stop")


def test_services_without_an_order_share_a_visit_of_their_host_one_after_the_other(first: Outcome) -> None:
    assert in_order(
        first.log,
        "cache w1 stop",
        "cache w1 start",
        "web w1 drain",
        "web w1 install",
        "web w1 undrain",
        "web w2 drain",
    )


def test_the_folder_runs_by_itself_and_a_new_campaign_does_everything_again(
    first: Outcome, kept: Outcome
) -> None:
    assert kept.code == 0
    assert sorted(kept.log) == sorted(first.log)


def test_hosts_of_a_shared_wave_pass_by_the_services_they_do_not_have(site: Site) -> None:
    site.groups(web="w1", cache="c1")
    site.service("web", "2 3 5")
    site.service("cache", "2 3 5")
    outcome = site.upgrade()
    assert len(outcome.log) == 6
    skipped = re.findall(
        r"TASK \[orderly_plan_\w+ : \w+ (?:stop|install|start)\] \**\nskipping: ", outcome.raw
    )
    assert bool(skipped) is not ENDS_ROLES


def test_a_kept_folder_touches_nothing_with_an_ansible_core_it_was_not_written_for(site: Site) -> None:
    one_service(site, "w1")
    assert site.upgrade("--list-hosts").code == 0
    playbook = site.plan_folders[0] / "upgrade.yml"
    playbook.write_text(playbook.read_text().replace("version('2.18'", "version('9.9'"))
    outcome = site.upgrade(playbook=playbook)
    assert outcome.code != 0
    assert "This folder was written for ansible-core 2.18 and later, and this is 2." in outcome.text
    assert outcome.log == []
    assert not site.store.exists()


def test_hosts_of_a_shared_wave_do_not_wait_for_each_other(site: Site) -> None:
    site.groups(web="w1", cache="c1")
    site.service("web", "2 3")
    site.service("cache", "2 3")
    site.sticks("web w1 stop")
    process = site.start(ANSIBLE_FORKS="5")
    site.wait_until("cache c1 install")
    assert "web w1 install" not in site.log
    site.is_mended()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "web w1 install" in site.log


MIGRATION = say("db", "migrate", "  run_once: true", "  tags: step4")


def migrating(site: Site, **settings: object) -> None:
    site.groups(db="d1 d2 d3")
    role = site.service("db", "2 3 5", **settings)
    with (role / "tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write("\n" + MIGRATION)


@pytest.mark.parametrize("budget", [1, 2])
def test_a_migration_runs_once_on_the_first_host_of_the_first_wave_before_anyone_starts(
    site: Site, budget: int
) -> None:
    migrating(site, max_unavailable=budget)
    outcome = site.upgrade()
    assert outcome.code == 0
    assert [said for said in outcome.log if said.endswith("migrate")] == ["db d1 migrate"]
    started = next(said for said in outcome.log if said.endswith("start"))
    assert in_order(outcome.log, "db d1 install", "db d1 migrate", started)


def test_a_host_of_the_first_wave_does_not_start_where_the_migration_failed(site: Site) -> None:
    migrating(site, max_unavailable=2)
    site.breaks("db d1 migrate")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert not [said for said in outcome.log if said.endswith("start")]
    assert "migration of db failed on d1" in outcome.text

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert in_order(again.log, "db d1 migrate", "db d2 start")


def test_a_migration_also_comes_first_where_a_wave_is_shared_and_hosts_run_free(site: Site) -> None:
    migrating(site, max_unavailable=2)
    site.groups(db="d1 d2", cache="d1 d2")
    site.service("cache", "3", max_unavailable=2)
    site.sticks("db d1 migrate")
    process = site.start()
    site.wait_until("db d1 migrate")
    site.is_mended()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert in_order(site.log, "db d2 install", "db d1 migrate", "db d2 start")


def test_a_run_limited_to_other_hosts_is_refused_until_the_migration_ran(site: Site) -> None:
    migrating(site, max_unavailable=2)
    outcome = site.upgrade("--limit", "d2")
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "Wave 1 is refused; nothing in it was touched." in outcome.text
    assert "change of db on d1 (wave-1: not begun)" in outcome.text


class TestFullStop:
    @staticmethod
    def prepare(site: Site) -> None:
        migrating(site, full_stop=True)
        for part in ("drain", "verify", "undrain"):
            (site.folder / f"roles/db/tasks/{part}.yml").write_text(say("db", part))

    def test_a_full_stop_goes_step_by_step_on_all_hosts(self, site: Site) -> None:
        self.prepare(site)
        outcome = site.upgrade()
        assert outcome.code == 0
        hosts = ("d1", "d2", "d3")
        expected = [
            f"db {host} {step}" for step in ("drain", "stop", "install", "migrate", "start", "verify", "undrain")
            for host in (hosts if step != "migrate" else hosts[:1])
        ]  # fmt: skip
        assert [said.split()[2] for said in outcome.log] == [said.split()[2] for said in expected]
        assert sorted(outcome.log) == sorted(expected)

    def test_a_failure_in_a_full_stop_stops_all_hosts_at_the_barrier(self, site: Site) -> None:
        self.prepare(site)
        site.breaks("db d2 install")
        outcome = site.upgrade()
        assert outcome.code != 0
        assert {said.split()[2] for said in outcome.log} == {"drain", "stop", "install"}
        assert "Step 3 (upgrade) failed on d2; the service stops on all its hosts together" in outcome.text

        site.is_mended()
        again = site.upgrade()
        assert again.code == 0
        assert again.touched == {"d1", "d2", "d3"}


OWN = """\
- hosts: web
  gather_facts: false
  tasks:
    - name: Tell everybody
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} look"
- name: Upgrade
  import_playbook: orderly.services.upgrade
"""


@pytest.mark.parametrize("text", ["playbooks/upgrade.yml", OWN], ids=["by its path", "imported"])
def test_the_playbook_also_runs_by_its_path_and_from_another(site: Site, text: str) -> None:
    one_service(site, "w1", steps="3")
    playbook = ROOT / text if text.endswith(".yml") else site.write("mine/own.yml", text)
    outcome = site.upgrade(playbook=playbook)
    assert outcome.code == 0, outcome.raw
    assert outcome.log[-1] == "web w1 install"


# --- When something goes wrong ---


def a_failing_task(site: Site) -> None:
    site.breaks("web w1 install")


def an_unreachable_host(site: Site) -> None:
    site.goes_away("w1")


FAULTS = [a_failing_task, an_unreachable_host]


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_no_further_host_is_touched_and_the_next_run_resumes(
    site: Site, fault: Callable[[Site], None]
) -> None:
    one_service(site, "w1 w2 w3 w4", steps="3", max_unavailable=2, parts="verify undrain")
    fault(site)
    outcome = site.upgrade()
    assert outcome.code != 0
    assert outcome.touched <= {"w1", "w2"}
    assert "web w2 undrain" in outcome.log
    assert (
        "Wave 2 is refused; nothing in it was touched. Must be done first: change of web on w1"
        in outcome.text
    )
    assert "wave-1: started 2" in outcome.text
    assert "run the same command again: it resumes there." in outcome.text
    plan = site.plan()["id"]

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert site.plan()["id"] == plan
    assert again.log[:2] == ["web w2 verify", "web w1 install"]
    assert {said.split()[1] for said in again.log[1:]} == {"w1", "w3", "w4"}
    assert len(again.log) == 10


def test_a_host_that_is_down_at_the_start_keeps_every_host_from_being_disrupted(site: Site) -> None:
    one_service(site)
    site.goes_away("w2")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert not outcome.touched
    assert (
        "Wave 1 is refused; nothing in it was touched. Must be done first: validate of web on w2"
        in outcome.text
    )


RESTART = """\
- name: web | Restart
  ansible.builtin.command: systemctl restart web.service
  changed_when: true
  tags: step5
"""


@pytest.fixture
def of_units(site: Site) -> Site:
    """Give three hosts of a service that is nothing but a unit, and is restarted by its upgrade."""
    site.with_units("w1", "w2", "w3")
    site.write("roles/web/tasks/upgrade_tasks.yml", RESTART)
    return site


def test_a_member_that_is_down_by_itself_counts_before_any_host_is_disrupted(of_units: Site) -> None:
    of_units.write("units/w3", "failed\n")
    outcome = of_units.upgrade()
    assert (outcome.code != 0, of_units.restarted, of_units.slots) == (True, [], [])
    assert "The disruption budget of web is spent by hosts that are unhealthy: w3." in outcome.text


def test_members_are_looked_at_before_each_wave_of_an_upgrade(of_units: Site) -> None:
    of_units.breaks_after("w2", "w1")
    outcome = of_units.upgrade()
    assert (outcome.code != 0, of_units.restarted) == (True, ["w1", "w2"])
    assert "unhealthy: w1." in outcome.text
    of_units.write("units/w1", "active\n")
    assert of_units.upgrade().code == 0
    assert of_units.restarted == ["w1", "w2", "w3"]


def test_a_member_that_does_not_answer_before_a_wave_counts_as_down(of_units: Site) -> None:
    of_units.write("bad/silent", "")
    of_units.breaks_after("w1", "w3")
    outcome = of_units.upgrade()
    assert (outcome.code != 0, of_units.restarted) == (True, ["w1"])
    assert "unhealthy: w3." in outcome.text


def test_a_unit_that_fails_after_its_change_keeps_the_slot_of_its_host(of_units: Site) -> None:
    of_units.breaks_after("w1", "w1")
    outcome = of_units.upgrade()
    assert (outcome.code != 0, of_units.restarted, of_units.slots) == (True, ["w1"], ["web w1"])
    assert "is not well: web.service is failed (x)" in outcome.text


def test_members_that_a_run_leaves_out_or_that_are_out_of_service_are_not_looked_at(of_units: Site) -> None:
    of_units.write("units/w3", "failed\n")
    assert of_units.upgrade("--limit", "w1").code == 0
    of_units.lock("state=out_of_service hosts=w3 reason='the disk is broken'")
    outcome = of_units.upgrade("--limit", "w1,w2,w3")
    assert of_units.restarted == ["w1", "w2"]
    assert "unhealthy" not in outcome.text


def test_a_failed_validation_of_any_service_keeps_all_from_being_touched(site: Site) -> None:
    a_chain(site)
    site.breaks("web w2 look")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert {said.split()[2] for said in outcome.log} == {"look"}
    assert "validate of web on w2 (validate-web: started" in outcome.text


def test_a_killed_run_is_taken_over_by_the_next(site: Site) -> None:
    one_service(site, "w1 w2 w3", steps="2 3")
    site.sticks("web w2 stop")
    process = site.start()
    site.wait_until("web w2 stop")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert site.log == ["web w1 stop", "web w1 install", "web w2 stop"]
    assert site.slots == ["web w2"]

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert site.slots == []
    assert again.log == ["web w2 stop", "web w2 install", "web w3 stop", "web w3 install"]


def test_a_second_run_beside_a_live_one_is_refused_by_its_name(site: Site) -> None:
    one_service(site, "w1 w2", steps="2 3")
    site.sticks("web w1 stop")
    process = site.start()
    site.wait_until("web w1 stop")
    second = site.upgrade()
    assert second.code != 0
    assert second.log == NOTHING
    campaign = f"{site.plan()['id'][:16]}-1"
    who = f"PID {process.pid} on "
    assert (
        f"Another run is working on campaign {campaign}, on the same services and hosts: {who}" in second.text
    )
    site.is_mended()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_resumed_run_passes_by_what_is_done_play_by_play_and_host_by_host(site: Site) -> None:
    one_service(site, "w1 w2 w3", steps="0 3", max_unavailable=2)
    site.breaks("web w2 install")
    site.upgrade()
    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert f"Campaign {site.plan()['id'][:16]}-1 is resumed: 2 of 3 plays to do" in again.text
    validate, first, second = (each.split("PLAY [", 1)[0] for each in again.raw.split("\nPLAY [")[2:5])
    assert "skipping: no hosts matched" in validate
    assert "w1" not in first.split("\n", 1)[1]
    assert "ok: [w3]" in second


def test_an_upgrade_whose_run_died_when_all_was_done_ends_at_once(site: Site) -> None:
    one_service(site, "w1", steps="3")
    assert site.upgrade().code == 0
    with closing(open_store(f"sqlite://{site.store}")) as store:
        key = f"campaign/{site.plan()['id'][:16]}-1"
        store.transact((key,), lambda documents: ({key: {**documents[key], "state": "open"}}, None))
    again = site.upgrade()
    assert again.code == 0
    assert again.log == NOTHING
    assert "The upgrade is complete" in again.text


def test_what_is_done_is_repeated_when_somebody_says_so_alone(site: Site) -> None:
    one_service(site, "w1", steps="3")
    assert site.upgrade().code == 0
    refused = site.upgrade()
    assert refused.code != 0
    assert refused.log == NOTHING
    assert re.search(
        rf"Everything in plan {site.plan()['id'][:16]} is done since \S+ \(campaign \w+-1\)\. Nothing was touched, "
        "and nobody looked whether there are newer packages by now. To begin anew, name a new campaign: "
        "-e upgrade_campaign=NAME",
        refused.text,
    )
    assert site.upgrade("--check").code == 0
    assert site.upgrade(*AGAIN).log == ["web w1 install"]
    by_name = site.upgrade(*AGAIN)
    assert (by_name.code, by_name.log) == (0, NOTHING)
    assert "(campaign again-1); nothing is repeated. To begin anew, " in by_name.text
    assert last_line(by_name) == "Upgrade again-1: done on 1 of 1 host; this run had nothing left to do."
    asked = site.upgrade_at_terminal("Type anew to do all of it again", "anew")
    assert (asked.code, asked.log) == (0, ["web w1 install"])


def test_a_resumed_run_verifies_what_is_done_before_it_disrupts_anything_more(site: Site) -> None:
    site.groups(web="w1 w2 w3")
    site.service("web", "3", "verify")
    site.breaks_once("web w3 install")
    assert site.upgrade().log[-1] == "web w3 install"
    site.breaks("web w1 verify")
    refused = site.upgrade()
    assert refused.log == ["web w1 verify", "web w2 verify"]
    assert "Wave 3 is refused; nothing in it was touched: web on w1 was upgraded earlier" in refused.text
    passed_over = site.upgrade("--start-at-task", "wave-3 | Pass the gate")
    assert passed_over.log == NOTHING
    assert "web on w1 w2 was upgraded earlier" in passed_over.text
    site.is_mended()
    resumed = site.upgrade()
    assert resumed.code == 0, resumed.raw
    assert resumed.log == ["web w1 verify", "web w2 verify", "web w3 install", "web w3 verify"]


def test_an_upgrade_goes_by_a_host_that_is_out_of_service_and_says_so_at_its_end(site: Site) -> None:
    one_service(site, "w1 w2 w3")
    site.goes_away("w1")
    site.lock("state=out_of_service services=web hosts=w1 reason=mainboard")
    outcome = site.upgrade("--limit", "w1,w2")
    assert outcome.code == 0
    assert outcome.touched == {"w2"}
    assert last_line(outcome).endswith(
        "-1: done on 1 of 3 hosts, by this run on 1. Out of service (mainboard): w1 (web). Outside --limit: w3 (web)."
    )
    assert site.upgrade().code == 0
    again = site.upgrade()
    assert (again.code, again.log) == (0, [])
    assert last_line(again).endswith(
        "-1: done on 2 of 3 hosts; this run had nothing left to do. Out of service (mainboard): w1 (web)."
    )


def last_line(outcome: Outcome) -> str:
    return outcome.raw.strip().splitlines()[-1]


def test_hosts_that_are_done_stay_done_when_a_dead_host_leaves_the_inventory(site: Site) -> None:
    one_service(site, "w1 w2", parts="finalize")
    site.goes_away("w2")
    site.lock("state=out_of_service services=web hosts=w2 reason=mainboard")
    first = site.upgrade()
    assert first.code != 0
    assert first.touched == {"w1"}
    assert "change of web on w2 (wave-2: not begun; out of service: mainboard)" in first.text
    assert "Finalizers wait for that: web." in last_line(first)
    site.groups(web="w1")
    forget = ("-e", "recover_forget=w2", "-e", "recover_reason=gone")
    assert site.upgrade(*forget, playbook="orderly.services.recover").code == 0
    second = site.upgrade()
    assert second.code == 0, second.raw
    assert second.log == ["web w1 finalize"]
    assert "-1 is resumed, with the hosts that the inventory has now: 1 of 3 plays to do" in second.text
    assert last_line(second).endswith("-1: done on 1 of 1 host, by this run on 1.")


def test_an_upgrade_that_is_limited_to_hosts_without_services_is_refused(site: Site) -> None:
    site.groups(web="w1", other="o1")
    site.service("web", "0 3")
    outcome = site.upgrade("--limit", "o1")
    assert outcome.code != 0
    assert "no service of the plan is on the hosts, in the stage and among the services" in outcome.text


def test_a_failed_handler_leaves_its_step_undone(site: Site) -> None:
    one_service(site, "w1", steps="")
    changed = "  changed_when: true\n  notify: Reload web\n"
    prepare = say("web", "prepare", "  tags: step1") + changed
    site.write("roles/web/tasks/upgrade_tasks.yml", prepare + say("web", "install", "  tags: step3"))
    site.write("roles/web/handlers/main.yml", say("web", "reload").replace("web reload\n", "Reload web\n", 1))
    site.breaks("web w1 reload")
    outcome = site.upgrade()
    assert outcome.code != 0
    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert again.log == ["web w1 prepare", "web w1 reload", "web w1 install"]


# --- Parts of an upgrade ---


def test_upgrade_stage_and_upgrade_only_restrict_a_run(site: Site) -> None:
    site.groups(db="d1", web="w1", cache="c1")
    site.service("db", "3", stage="data")
    site.service("web", "3", stage="front", after=["db"])
    site.service("cache", "3", stage="data")
    assert site.upgrade("-e", "upgrade_only=cache").log == ["cache c1 install"]
    assert site.upgrade("-e", "upgrade_stage=data").log == ["db d1 install"]
    assert site.upgrade("-e", "upgrade_only=web").log == ["web w1 install"]


def test_a_service_is_refused_while_what_it_comes_after_is_not_selected_and_not_done(site: Site) -> None:
    a_chain(site)
    outcome = site.upgrade("-e", "upgrade_only=web")
    assert outcome.code != 0
    assert not outcome.touched
    assert (
        "web must come after db, which is not among the services of this run and not done on d1, d2"
        in outcome.text
    )


UNKNOWN = [
    ("upgrade_only=wbe", 'upgrade_only: unknown service "wbe"; this inventory has: db, web.'),
    (
        f"upgrade_approved_plan={'01' * 32}",
        f"The approved plan is {'01' * 32}, but inventory and roles give ",
    ),
    (
        "upgrade_approved_plan=0123456789abcdef",
        "'0123456789abcdef' is not the hash of a plan; expected all of its 64 digits",
    ),
]


@pytest.mark.parametrize(("variable", "message"), UNKNOWN)
def test_an_unknown_part_or_plan_is_refused_before_anything_runs(
    site: Site, variable: str, message: str
) -> None:
    a_chain(site)
    outcome = site.upgrade("-e", variable)
    assert outcome.code != 0
    assert message in outcome.text
    assert outcome.log == NOTHING
    assert not site.store.parent.exists()
    assert not site.plan_folders


def test_the_approved_plan_runs(site: Site) -> None:
    one_service(site, "w1", steps="3")
    site.upgrade("--list-hosts")
    assert site.upgrade("-e", f"upgrade_approved_plan={site.plan()['hash']}").log == ["web w1 install"]


def test_a_plan_that_an_inventory_approves_is_refused_until_somebody_approves_it(site: Site) -> None:
    one_service(site, "w1", steps="3")
    assert site.upgrade("--list-hosts").code == 0
    approved = f"upgrade_approved_plan={site.plan()['hash']}"
    site.write("group_vars/web.yml", approved.replace("=", ": "))
    outcome = site.upgrade()
    assert "is accepted only on the command line, but the inventory sets it for w1." in outcome.text
    assert outcome.log == NOTHING
    assert site.upgrade("-e", approved).log == ["web w1 install"]


# --- A folder that was kept and runs by itself ---


def kept_folder(site: Site) -> tuple[Path, str]:
    """Write a plan, and give its folder and its hash."""
    one_service(site, "w1", steps="3")
    assert site.upgrade("--list-hosts").code == 0
    (folder,) = site.plan_folders
    return folder, site.plan()["hash"]


CHANGED = [
    ("upgrade.yml", "was edited"),
    ("plan.html", "was edited"),
    ("roles/orderly_plan_web/tasks/upgrade_tasks.step3.yml", "was edited"),
    ("roles/orderly_plan_web/tests/x.yml", "was added"),
    ("roles/orderly_plan_web/.hidden.yml", "was added"),
    ("roles/orderly_plan_web/filter_plugins/__pycache__/x.cpython-311.pyc", "was added"),
    ("group_vars/all.yml", "was added"),
]


@pytest.mark.parametrize(("name", "words"), CHANGED)
def test_a_kept_folder_runs_only_as_it_was_written(site: Site, name: str, words: str) -> None:
    folder, _hash = kept_folder(site)
    (folder / name).parent.mkdir(exist_ok=True, parents=True)
    with (folder / name).open("a") as file:
        file.write("\n# edited\n" if name.endswith("yml") else "edited")
    outcome = site.upgrade(playbook=folder / "upgrade.yml")
    assert f"{folder} is not as it was written: {name} {words}. Nothing was touched." in outcome.text
    assert outcome.code != 0
    assert outcome.log == NOTHING


def test_a_kept_folder_that_was_edited_is_refused_by_whichever_gate_comes_first(site: Site) -> None:
    folder, _hash = kept_folder(site)
    (folder / "library").mkdir()
    (folder / "library/command.py").touch()
    outcome = site.upgrade("--start-at-task", "wave-1 | Pass the gate", playbook=folder / "upgrade.yml")
    assert "library/command.py was added" in outcome.text
    assert outcome.log == NOTHING


def test_a_kept_folder_runs_only_the_approved_plan(site: Site) -> None:
    folder, plan_hash = kept_folder(site)
    for approved, words in [
        ("01" * 32, f"The approved plan is {'01' * 32}, but {folder} is the plan {plan_hash}."),
        (plan_hash[:16], f"'{plan_hash[:16]}' is not the hash of a plan"),
    ]:
        outcome = site.upgrade("-e", f"upgrade_approved_plan={approved}", playbook=folder / "upgrade.yml")
        assert words in outcome.text
        assert outcome.log == NOTHING
    outcome = site.upgrade("-e", f"upgrade_approved_plan={plan_hash}", playbook=folder / "upgrade.yml")
    assert outcome.log == ["web w1 install"], outcome.raw


def test_a_kept_folder_runs_again_though_python_compiled_a_plugin_of_its_role(site: Site) -> None:
    one_service(site, "w1", steps="3")
    site.write(
        "roles/web/filter_plugins/toys.py",
        "class FilterModule:\n    def filters(self):\n        return {'toy': lambda value: value}\n",
    )
    tasks = site.folder / "roles/web/tasks/upgrade_tasks.yml"
    tasks.write_text(tasks.read_text() + "- debug: {msg: \"{{ 'x' | toy }}\"}\n  tags: step3\n")
    assert site.upgrade("--list-hosts").code == 0
    (folder,) = site.plan_folders
    for _time in range(2):
        outcome = site.upgrade("--check", playbook=folder / "upgrade.yml")
        assert outcome.code == 0, outcome.raw


def test_a_folder_that_was_edited_is_put_right_or_refused_if_it_was_approved(site: Site) -> None:
    folder, plan_hash = kept_folder(site)
    for name in ("plan.html", "roles/orderly_plan_web/tests.yml"):
        (folder / name).write_text("edited")
        refused = site.upgrade("-e", f"upgrade_approved_plan={plan_hash}", "--list-tasks")
        assert f"{folder}, is not as it was written: {name} was " in refused.text
        assert site.upgrade("--list-tasks").code == 0
        assert site.upgrade("-e", f"upgrade_approved_plan={plan_hash}", "--list-tasks").code == 0


def test_upgrades_that_ended_are_forgotten_when_another_ends_and_by_hand(site: Site) -> None:
    one_service(site, "w1", steps="3")
    site.write("group_vars/all.yml", "orderly_campaigns_kept: 1\n")
    for name in ("one", "two"):
        assert site.upgrade("-e", f"upgrade_campaign={name}").code == 0
    listed = site.upgrade(playbook="orderly.services.campaigns").text
    assert "Campaign two-1 of plan" in listed
    assert "Campaign one-1" not in listed
    by_hand = "orderly.services.forget_campaigns"
    none = ("-e", "orderly_campaigns_kept=0")
    assert "1 campaign forgotten: two-1." in site.upgrade(*none, "--check", playbook=by_hand).text
    assert "1 campaign forgotten: two-1." in site.upgrade(*none, playbook=by_hand).text
    assert "0 campaigns forgotten." in site.upgrade(*none, playbook=by_hand).text


# --- Where hosts are ---


def test_waves_of_a_plan_keep_to_failure_domains_and_put_primaries_last(site: Site) -> None:
    site.groups(web="w1 w2 w3", db="d1 d2 d3", rack_a="w1 w3", rack_b="w2")
    site.service("web", steps="3", max_unavailable=3)
    site.service("db", steps="3", after=["web"])
    for rack in ("a", "b"):
        site.write(f"group_vars/rack_{rack}.yml", f"orderly_failure_domain: {rack}\n")
    site.write("host_vars/d1.yml", "orderly_last: true\n")
    assert site.upgrade("--list-hosts").code == 0
    waves = [play["services"] for play in site.plan()["plays"]]
    assert waves == [{"web": ["w1", "w3"]}, {"web": ["w2"]}, {"db": ["d2"]}, {"db": ["d3"]}, {"db": ["d1"]}]


def test_waves_are_as_large_as_the_lock_admits_without_hosts_out_of_service(site: Site) -> None:
    one_service(site, "w1 w2 w3 w4", steps="3", max_unavailable="50%")
    site.lock("state=out_of_service services=web hosts=w4 reason='no power'")
    outcome = site.upgrade()
    assert "is more than its budget" not in outcome.text
    assert outcome.touched == {"w1", "w2", "w3"}
    begun = site.plan()["id"]
    site.lock("state=in_service hosts=w4")
    outcome = site.upgrade()
    assert (outcome.code, outcome.touched, site.plan()["id"]) == (0, {"w4"}, begun)


def test_who_is_out_of_service_is_read_from_the_store_that_the_inventory_names(site: Site) -> None:
    one_service(site, "w1 w2 w3 w4", steps="3", max_unavailable="50%")
    site.lock("state=out_of_service services=web hosts=w4 reason='no power'")
    site.write("group_vars/web.yml", f"orderly_store: sqlite://{site.store}\n")
    command = [site.program("ansible-playbook"), "-i", str(site.inventory), "--list-hosts", UPGRADE]
    subprocess.run(command, check=True, capture_output=True, cwd=site.folder, env=site.environ)
    assert [play["hosts"] for play in site.plan()["plays"]] == [["w1"], ["w2"], ["w3"], ["w4"]]


def test_a_host_that_goes_out_of_service_on_the_way_keeps_the_plan_which_goes_on_in_parts(site: Site) -> None:
    one_service(site, "w1 w2 w3 w4", steps="0 3", max_unavailable="50%")
    site.breaks("web w1 look")
    assert site.upgrade().code
    site.is_mended()
    begun = site.plan()["id"]
    site.lock("state=out_of_service services=web hosts=w4 reason='no power'")
    outcome = site.upgrade()
    assert outcome.touched == set()
    assert (
        "A wave of 2 hosts of web (w1, w2) is more than its budget: 1 of its 4 members may be unavailable at a time "
        "(max_unavailable: 50% of those in service, without w4). Take smaller waves (serial: 1; of an upgrade's plan, "
        "--limit to 1 of them, then the others)"
    ) in outcome.text
    for host in ("w1", "w2", "w3"):
        assert site.upgrade("--limit", host).touched == {host}
    site.lock("state=in_service hosts=w4")
    outcome = site.upgrade()
    assert (outcome.code, outcome.touched, site.plan()["id"]) == (0, {"w4"}, begun)


def test_sizes_of_waves_that_an_upgrade_would_not_heed_are_refused(site: Site) -> None:
    one_service(site, "w1", steps="3")
    outcome = site.upgrade("-e", "rolling_op_serial=1")
    assert "rolling_op_serial is for rolling_restart, restart_services, rolling_op and reboot" in outcome.text
    assert outcome.log == NOTHING


# --- Campaigns ---


def test_a_named_campaign_spans_runs_is_listed_and_abandoned_with_a_reason(site: Site) -> None:
    a_chain(site)
    site.write("roles/db/tasks/finalize.yml", say("db", "finalize"))
    friday = ("-e", "upgrade_campaign=friday")
    first = site.upgrade("-e", "upgrade_only=db", "--limit", "d1", *friday)
    assert first.code == 0, first.raw
    assert "Campaign friday-1 begins: " in first.text
    assert "Finalize db (1 of 2) stays open until this is done: change of db on d2 (wave-2: not" in first.text
    assert "db d1 finalize" not in first.log
    listed = site.upgrade(playbook="orderly.services.campaigns").text
    assert f"Campaign friday-1 of plan {site.plan()['id'][:16]}: started " in listed
    assert "plays are left, finalizers of db wait; last run PID" in listed
    named = ("-e", "abandon_campaign=friday")
    silent = site.upgrade(*named, playbook="orderly.services.abandon_campaign")
    assert "Say why the campaign is abandoned" in silent.text
    withdrawn = (*named, "-e", "abandon_reason=withdrawn")
    given_up = site.upgrade(*withdrawn, playbook="orderly.services.abandon_campaign")
    assert given_up.code == 0
    assert "(withdrawn). Put back the hosts it left behind" in given_up.text
    again = site.upgrade(*friday)
    assert "Campaign friday-2 begins: " in again.text
    assert again.log.count("db d1 look") == 1


def test_a_campaign_is_told_from_another_terminal_with_its_wave_and_the_freeze_that_it_waits_for(
    site: Site,
) -> None:
    one_service(site, "w1 w2", steps="3")
    site.sticks("web w1 install")
    process = site.start()
    site.wait_until("web w1 install")
    campaigns = "orderly.services.campaigns"
    at_work = site.upgrade(playbook=campaigns).text
    assert re.search(r"Its run works; in Wave 1 of 2 since \S+: web on w1\. ", at_work)
    assert "How long it takes to the end is not known, as none of that was done before." in at_work
    site.lock("state=frozen services=web reason='lunch, ticket 5'")
    assert re.search(r"web is frozen since \S+ by .*: lunch, ticket 5 \(rolling_lock with", at_work) is None
    site.is_mended()
    waits = re.compile(
        r"It waits for this: web is frozen since \S+ by .*: lunch, ticket 5 \(rolling_lock with"
    )
    deadline = time.monotonic() + 60
    while not waits.search(waiting := site.upgrade(playbook=campaigns).text):
        assert time.monotonic() < deadline, waiting
    assert "Its run works; in Wave 2 of 2 since " in waiting
    assert "to the end: about 1 minute, going by last time." in waiting
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    over = site.upgrade(playbook=campaigns).text
    assert "Its run is over; the last play that it came to: Wave 2 of 2, " in over
    assert "web is frozen since " in over
    assert "To go on, run the same command again (its plan: " in over


ORPHAN = """
- name: Work on after the controller was killed
  ansible.builtin.command: "{{ toy }} web {{ inventory_hostname }} work"
  tags: step3
"""


def test_a_task_that_a_killed_run_has_left_at_work_is_waited_for_before_the_host_is_touched(
    site: Site,
) -> None:
    one_service(site, "w1", steps="0 5", parts="drain")
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write(ORPHAN)
    site.sticks("web w1 work")
    killed = site.start()
    site.wait_until("web w1 work")
    os.kill(killed.pid, signal.SIGKILL)
    again = site.start()
    time.sleep(8)
    assert site.log.count("web w1 drain") == 1, "the orphan is at work, so nothing is done here"
    site.is_mended()
    said, _nothing = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert site.log.count("web w1 drain") == site.log.count("web w1 work") == 2


def test_a_run_goes_on_by_its_plan_while_somebody_else_would_write_another_one_there(site: Site) -> None:
    one_service(site, "w1 w2 w3")
    folder = ("-e", f"upgrade_plan_dir={site.folder / 'kept'}")
    site.sticks("web w1 install")
    first = site.start(*folder)
    site.wait_until("web w1 install")
    tasks = site.folder / "roles/web/tasks/upgrade_tasks.yml"
    before = tasks.read_text()
    tasks.write_text(before + "\n" + say("web", "another", "  tags: step3"))
    refused = site.upgrade("--list-tasks", *folder)
    assert "kept is the plan that a run works by (PID " in refused.text
    assert "Nothing was written." in refused.text
    site.is_mended()
    first.communicate(timeout=120)
    assert first.returncode == 0
    assert site.log.count("web w3 install") == 1
    assert site.upgrade("--list-tasks", *folder).code == 0


def test_a_run_stops_at_the_next_gate_when_another_plan_lies_in_its_folder(site: Site) -> None:
    one_service(site, "w1 w2 w3")
    kept, other = site.folder / "kept", site.folder / "other"
    site.sticks("web w1 install")
    first = site.start("-e", f"upgrade_plan_dir={kept}")
    site.wait_until("web w1 install")
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write("\n" + say("web", "another", "  tags: step3"))
    site.upgrade("--list-tasks", "-e", f"upgrade_plan_dir={other}")
    for name in ("plan.json", "upgrade.yml"):
        shutil.copy(other / name, kept / name)
    site.is_mended()
    said, _nothing = first.communicate(timeout=120)
    assert first.returncode != 0
    assert re.search(
        "was replaced meanwhile. Nothing more is touched|is not as it was written", " ".join(said.split())
    )
    assert not [line for line in site.log if line.startswith("web w2 install")]
    assert len(site.upgrade(playbook="orderly.services.campaigns").text.split("Campaign ")) == 2


def no_way_back(site: Site) -> None:
    """A service whose step 3 cannot be undone."""
    one_service(site, "w1", steps="0")
    mark = ("  vars: {point_of_no_return: true}", "  tags: step3")
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write("\n" + say("web", "install", *mark))


def test_a_question_in_a_terminal_where_nobody_types_is_not_waited_for_without_end(site: Site) -> None:
    no_way_back(site)
    outcome = site.upgrade_at_terminal("Type web to continue", "", "-e", "upgrade_wait=2")
    assert (outcome.code, outcome.log) == (2, ["web w1 look"])
    assert "Nobody answered for 2 s." in outcome.text
    assert "Run it again with -e upgrade_confirm=web: it resumes here." in outcome.text


def test_a_point_of_no_return_is_asked_for_at_a_terminal(site: Site) -> None:
    no_way_back(site)
    refused = site.upgrade_at_terminal("Type web to continue", "no")
    assert refused.code != 0
    assert "Wave 1 of 1: web on w1 passes the point of no return of web" in refused.text
    assert refused.log == ["web w1 look"]
    confirmed = site.upgrade_at_terminal("Type web to continue", "web")
    assert confirmed.code == 0, confirmed.raw
    assert confirmed.log == ["web w1 install"]


def test_a_point_of_no_return_is_passed_when_it_is_confirmed(site: Site) -> None:
    no_way_back(site)
    outcome = site.upgrade()
    assert outcome.code != 0
    assert outcome.log == ["web w1 look"]
    assert "Run it again with -e upgrade_confirm=web: it resumes here." in outcome.text
    assert site.upgrade("-e", "upgrade_confirm=web").log == ["web w1 install"]


def test_a_point_of_no_return_is_not_passed_because_an_inventory_says_so(site: Site) -> None:
    no_way_back(site)
    site.write("group_vars/all.yml", "upgrade_confirm: web\n")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert outcome.log == ["web w1 look"]
    assert "upgrade_confirm is accepted only on the command line (-e upgrade_confirm=…)" in outcome.text
    assert "Run it again with -e upgrade_confirm=web: it resumes here." in outcome.text


def test_a_campaign_is_not_abandoned_because_an_inventory_says_so(site: Site) -> None:
    one_service(site, "w1", steps="3")
    site.write("group_vars/all.yml", "abandon_campaign: friday\nabandon_reason: it is old\n")
    outcome = site.upgrade("-e", "abandon_campaign=friday", playbook="orderly.services.abandon_campaign")
    assert outcome.code != 0
    assert "abandon_reason is accepted only on the command line" in outcome.text
    assert "Say why the campaign is abandoned" in outcome.text


@pytest.mark.parametrize("tag", ["always", "tagged"])
def test_skipping_the_gates_themselves_runs_nothing(site: Site, tag: str) -> None:
    one_service(site, "w1", steps="2 3", parts="drain")
    assert site.upgrade("--skip-tags", tag).log == NOTHING


# --- Copies of roles ---


def test_a_copy_of_a_role_behaves_as_the_role(site: Site) -> None:
    site.groups(web="w1")
    site.service("web", "")
    site.write(
        "hosts.yml",
        site.inventory.read_text().replace("ansible_connection: toy", "ansible_connection: local"),
    )
    site.write("roles/web/defaults/main.yml", "web_color: blue\nweb_shade: pale\n")
    site.write("roles/web/vars/main.yml", "web_shade: dark\n")
    site.write("roles/web/meta/main.yml", "dependencies: [palette]\n")
    site.write("roles/palette/defaults/main.yml", "palette: warm\n")
    site.write("roles/palette/meta/main.yml", "dependencies: [{role: paint}]\n")
    site.write("roles/paint/vars/main.yml", "paint: wet\n")
    site.write("roles/web/templates/page.j2", "{{ web_shade }} {{ web_color }}, {{ palette }}, {{ paint }}\n")
    site.write("roles/web/files/plain", "as it is {{ web_color }}\n")
    site.write("roles/web/handlers/main.yml", say("web", "reload").replace("web reload\n", "Reload web\n", 1))
    site.write(
        "roles/web/tasks/upgrade_tasks.yml",
        f"""\
        - name: Write the page
          ansible.builtin.template: {{src: page.j2, dest: {site.folder}/page, mode: "0644"}}
          notify: Reload web
          tags: step3
        - name: Copy a file
          ansible.builtin.copy: {{src: plain, dest: {site.folder}/plain, mode: "0644"}}
          tags: [step3]
        - name: Start
          ansible.builtin.include_tasks: sub/start.yml
          tags: step5
        - name: Check, in two steps
          ansible.builtin.import_tasks: sub/both.yml
        - name: Only when it is asked for
          ansible.builtin.raw: "{{{{ toy }}}} web w1 never"
          tags: [step3, never]
        """,
    )
    site.write(
        "roles/web/tasks/sub/start.yml", say("web", "start") + "\n- ansible.builtin.include_tasks: more.yml\n"
    )
    site.write("roles/web/tasks/sub/more.yml", say("web", "more"))
    both = say("web", "stop", "  tags: step2") + "- ansible.builtin.import_tasks: last.yml\n  tags: step6\n"
    site.write("roles/web/tasks/sub/both.yml", both)
    site.write("roles/web/tasks/sub/last.yml", say("web", "check"))
    site.write("roles/web/tasks/both.yml", say("web", "another-file-of-that-name", "  tags: step5"))
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    assert outcome.log == [f"web w1 {step}" for step in ("stop", "start", "more", "reload", "check")]
    assert (site.folder / "page").read_text() == "dark blue, warm, wet\n"
    assert (site.folder / "plain").read_text() == "as it is {{ web_color }}\n"


def test_a_copy_of_a_collection_role_keeps_its_short_module_names(site: Site) -> None:
    site.groups(web="w1")
    place = "collections/ansible_collections/toy/shop"
    site.write(f"{place}/galaxy.yml", "namespace: toy\nname: shop\nversion: 1.0.0\n")
    site.write(f"{place}/plugins/action/ring.py", """\
        from ansible.plugins.action import ActionBase


        class ActionModule(ActionBase):
            _requires_connection = False

            def run(self, tmp=None, task_vars=None):
                return {"changed": False, "msg": "the bell of toy.shop rings"}
        """)  # fmt: skip
    site.write(f"{place}/plugins/modules/ring.py", "#!/usr/bin/python\n")
    site.write(f"{place}/roles/web/meta/service.yml", "service: web\n")
    site.write(f"{place}/roles/web/tasks/upgrade_tasks.yml", "- name: Ring\n  ring:\n  tags: step3\n")
    path = f"{ROOT / '.build'}:{site.folder}/collections"
    outcome = site.upgrade(
        "-v", "-e", f"orderly_roles_path={site.folder}/{place}/roles", ANSIBLE_COLLECTIONS_PATH=path
    )
    assert outcome.code == 0, outcome.raw
    assert "the bell of toy.shop rings" in outcome.text


def needs_a_port(site: Site, entry_point: str, file: str) -> None:
    """Let the role of web have an argument that Ansible checks."""
    option = "web_port: {type: int, required: true, description: a port}"
    spec = f"argument_specs: {{{entry_point}: {{short_description: toy, options: {{{option}}}}}}}\n"
    site.write(f"roles/web/meta/{file}", spec)


def test_the_argument_specs_of_upgrade_tasks_are_checked_in_the_first_step(site: Site) -> None:
    one_service(site, "w1", steps="0 3")
    needs_a_port(site, "upgrade_tasks", "argument_specs.yml")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "missing required arguments: web_port" in outcome.text
    assert outcome.log == NOTHING
    assert site.upgrade("-e", "web_port=80").log == ["web w1 look", "web w1 install"]


def test_the_argument_specs_of_a_part_are_checked_where_the_service_changes(site: Site) -> None:
    site.groups(web="w1", cache="c1")
    site.service("web", "3", parts="drain")
    site.service("cache", "3")
    needs_a_port(site, "drain", "main.yml")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "missing required arguments: web_port" in outcome.text
    assert outcome.log == ["cache c1 install"]
    assert site.upgrade("-e", "web_port=80").log == ["web w1 drain", "web w1 install"]


def test_facts_are_gathered_behind_the_gate(site: Site) -> None:
    one_service(site, "w1", steps="")
    site.write(
        "hosts.yml",
        site.inventory.read_text().replace("ansible_connection: toy", "ansible_connection: local"),
    )
    site.write(
        "roles/web/tasks/upgrade_tasks.yml",
        say("web", "install", "  when: ansible_facts.kernel is defined", "  tags: step3"),
    )
    assert site.upgrade(ANSIBLE_CACHE_PLUGIN="memory").log == ["web w1 install"]


def test_finalizers_run_when_all_is_upgraded_and_their_run_once_tasks_once(site: Site) -> None:
    a_chain(site)
    once = say("db", "unpin", "  run_once: true")
    site.write("roles/db/tasks/finalize.yml", say("db", "finalize") + once)
    outcome = site.upgrade()
    assert outcome.code == 0
    assert outcome.log[-3:] == ["db d1 finalize", "db d1 unpin", "db d2 finalize"]


def test_a_finalizer_that_has_ended_is_not_repeated_where_the_controller_dies_before_it_is_recorded(
    site: Site,
) -> None:
    one_service(site, "w1", steps="3")
    site.write("roles/web/tasks/finalize.yml", say("web", "finalize"))
    site.sticks("web w1 finalize")
    process = site.start()
    site.wait_until("web w1 finalize")
    with closing(sqlite3.connect(site.store, isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")  # nothing is recorded from here on
        site.is_mended()
        site.wait_for(site.folder / "finalized/w1.json")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    resumed = site.upgrade()
    assert (resumed.code, resumed.log) == (0, [])
    assert "is complete" in resumed.text


def test_a_notify_is_answered_by_the_own_handler_in_waves_that_follow_each_other(site: Site) -> None:
    site.groups(db="h1", web="h1")
    notify = ["  changed_when: true", "  notify: Restart it", "  tags: step3"]
    for name, after in (("db", []), ("web", ["db"])):
        role = site.service(name, "", after=after)
        (role / "tasks/upgrade_tasks.yml").write_text(say(name, "install", *notify))
        (role / "handlers").mkdir()
        (role / "handlers/main.yml").write_text(
            say(name, "restart").replace(f"{name} restart\n", "Restart it\n", 1)
        )
    outcome = site.upgrade()
    assert outcome.code == 0
    assert outcome.log == ["db h1 install", "db h1 restart", "web h1 install", "web h1 restart"]


# --- What cannot be planned ---


def refused(site: Site, *messages: str) -> None:
    """Run an upgrade that cannot be planned: it says why, and leaves nothing behind."""
    outcome = site.upgrade()
    assert outcome.code != 0
    for message in messages:
        assert message in outcome.text
    assert outcome.log == NOTHING
    assert not site.contacts
    assert not site.store.parent.exists()
    assert not site.plan_folders


def test_all_that_is_wrong_with_tasks_and_handlers_is_told_at_once_with_its_place(site: Site) -> None:
    site.groups(db="d1", web="w1")
    for name in ("db", "web"):
        site.service(name, "3")
    bad = [
        say("web", "A", "  tags: step9"),
        say("web", "B"),
        say("web", "C", "  tags: [step3, step5]"),
        "- name: D\n  block:\n"
        + nested(say("web", "D2", "  tags: step2") + say("web", "D3", "  tags: step3")),
        say("web", "E", "  run_once: true", "  tags: step3"),
        "- ansible.builtin.meta: end_host\n  tags: step3\n",
        "- ansible.builtin.include_tasks: more.yml\n  tags: step3\n",
    ]
    tasks = site.write("roles/web/tasks/upgrade_tasks.yml", "".join(bad))
    more = site.write("roles/web/tasks/more.yml", "- meta: end_play\n")
    drain = site.write("roles/db/tasks/drain.yml", "---\n- meta: end_batch\n")
    handlers = site.write("roles/db/handlers/main.yml", "- name: F\n  meta: clear_host_errors\n")
    refused(
        site,
        "The services cannot be planned:",
        f'{tasks}:1: [unknown-step] "web A" has the tag step9, which does not exist; the steps are step0',
        f'{tasks}:4: [one-step] "web B" has no step tag and would run never; give it exactly one of step0',
        f'{tasks}:6: [one-step] "web C" has the tags step3 and step5 and would run more than once',
        f'{tasks}:9: [one-step] "D" is a block of step2, step3; a block belongs to one step.',
        f'{tasks}:17: [run-once] "web E" is run_once in step3, which runs wave by wave; only step4 may run once, ',
        f"{tasks}:21: [meta] meta: end_host would leave a half-done host green",
        f"{more}:1: [meta] meta: end_play would leave a half-done host green",
        f"{drain}:2: [meta] meta: end_batch would leave a half-done host green",
        f"{handlers}:1: [meta] meta: clear_host_errors would leave a half-done host green",
    )


META = "roles/web/meta/service.yml"
UNPLANNABLE = [
    (
        "unknown key",
        META,
        "service: web\nmax_unavailble: 1\n",
        f"{META}:2: unknown key 'max_unavailble'. Did you mean max_unavailable?",
    ),
    (
        "bad budget",
        META,
        "service: web\nmax_unavailable: 0\n",
        f"{META}:2: max_unavailable is 0; expected a number (1 or more), or a percentage from 1% to 100%.",
    ),
    ("broken YAML", META, "service: web\nunits: [a.service\nstage: x\n", f"{META}:3: not YAML: "),
    ("cycle", META, "service: web\nafter: [db]\n", "The services wait for each other: db → web → db."),
    (
        "missing requirement",
        META,
        "service: web\nrequires: [etcd]\n",
        "roles/web/meta/service.yml:2: [missing-requirement] web requires etcd, which is not deployed: no host is",
    ),
    ("two roles", "roles/web2/meta/service.yml", "service: web\n", 'Two roles register the service "web": '),
    (
        "dependency with tasks",
        "roles/web/meta/main.yml",
        "dependencies: [tasty]\n",
        "meta/main.yml:1: [role] the role depends on tasty, which has tasks; they would run with every step.",
    ),
]


@pytest.mark.parametrize(
    ("path", "text", "message"), [case[1:] for case in UNPLANNABLE], ids=[case[0] for case in UNPLANNABLE]
)
def test_what_cannot_be_planned_is_named_and_nothing_runs(
    site: Site, path: str, text: str, message: str
) -> None:
    site.groups(db="d1", web="w1")
    site.service("db", "3", after=["web"] if "wait for each other" in message else [])
    site.service("web", "3")
    site.write("roles/tasty/tasks/main.yml", say("db", "main"))
    site.write(path, text)
    refused(site, message)


def test_two_services_that_share_a_wave_may_not_have_a_handler_of_one_name(site: Site) -> None:
    site.groups(db="h1", web="h1")
    for name in ("db", "web"):
        site.service(name, "3")
    site.write("roles/db/handlers/main.yml", "- name: Reload systemd\n  ansible.builtin.raw: 'true'\n")
    site.write(
        "roles/web/handlers/main.yml", "\n- name: web\n  raw: 'true'\n  listen: [Reload systemd, other]\n"
    )
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "roles/web/handlers/main.yml:2: [handler] " in outcome.text
    assert '"Reload systemd"' in outcome.text
    assert outcome.log == NOTHING

    site.write("roles/web/meta/service.yml", "service: web\nafter: [db]\n")
    assert site.upgrade().code == 0


def test_roles_and_filters_that_a_service_uses_come_along(site: Site) -> None:
    site.groups(web="w1")
    site.service("web", "")
    site.write(
        "filter_plugins/shout.py",
        "class FilterModule:\n    def filters(self):\n        return {'quiet': str.lower}\n",
    )
    for name, inner in (("common", "    - import_role: {name: base}\n"), ("base", "    - meta: noop\n")):
        site.write(
            f"roles/{name}/tasks/main.yml",
            f"- block:\n{inner}\n- raw: \"{{{{ toy }}}} {name} w1 {{{{ 'DONE' | quiet }}}}\"\n",
        )
    site.write(
        "roles/web/tasks/upgrade_tasks.yml",
        "- include_role: {name: common}\n  tags: step3\n- import_role: {name: base}\n  tags: step5\n",
    )
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    assert outcome.log == ["base w1 done", "common w1 done", "base w1 done"]


def test_an_inventory_without_services_is_refused(site: Site) -> None:
    site.groups(others="o1")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "No service is deployed: no service role has a group with hosts in this inventory." in outcome.text


def test_a_setting_on_which_hosts_disagree_is_refused(site: Site) -> None:
    one_service(site, "w1 w2")
    site.write("host_vars/w2.yml", "web_max_unavailable: 2\n")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert (
        "web_max_unavailable is 2 on w2, but not set on w1; a setting of a service must be the same"
        in outcome.text
    )


BAD_PLAN_DIRS = [
    ("notes", "holds something other than a plan; set upgrade_plan_dir to a new or empty folder."),
    ("notes/mine.txt/plan", "The plan cannot be written to "),
]


@pytest.mark.parametrize(("plan_dir", "message"), BAD_PLAN_DIRS)
def test_a_plan_dir_that_cannot_be_used_is_left_as_it_is(site: Site, plan_dir: str, message: str) -> None:
    one_service(site)
    mine = site.write("notes/mine.txt", "mine\n")
    outcome = site.upgrade("-e", f"upgrade_plan_dir={site.folder / plan_dir}")
    assert outcome.code != 0
    assert message in outcome.text
    assert [mine] == list(mine.parent.iterdir())
    assert mine.read_text() == "mine\n"
    assert outcome.log == NOTHING


def test_a_store_that_cannot_be_used_stops_the_upgrade_before_it_touches_a_host(site: Site) -> None:
    one_service(site)
    site.write("state", "a file where the folder of the store should be\n")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "state" in outcome.text
    assert "set orderly_store" in outcome.text
    assert outcome.log == NOTHING


def test_plan_dir_takes_the_plan_and_is_replaced_by_a_newer_one(site: Site) -> None:
    one_service(site, "w1", steps="3")
    folder = site.folder / "plans/ours"
    assert site.upgrade("--list-hosts", "-e", f"upgrade_plan_dir={folder}").code == 0
    before = (folder / "plan.json").read_text()
    (site.folder / "roles/web/tasks/drain.yml").write_text(say("web", "drain"))
    assert site.upgrade("-e", f"upgrade_plan_dir={folder}").log == ["web w1 drain", "web w1 install"]
    assert (folder / "plan.json").read_text() != before
    assert [each for each in folder.parent.iterdir() if not each.name.startswith(".")] == [folder]
