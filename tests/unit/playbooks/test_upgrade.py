"""The playbook upgrade: what it shows, in which order it runs, and what it does after every kind of fault."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from .toys import ROOT, Site, nested, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .toys import Outcome

NOTHING: list[str] = []


def three_services(site: Site) -> None:
    """Two databases; after them, sharing their hosts, a web server and a cache."""
    site.groups(db="d1 d2", web="w1 w2 w3", cache="w1 w2")
    site.service("db", "0 1 2 3 5 6")
    site.service("web", parts="drain undrain verify", after=["db"], max_unavailable=2)
    site.service("cache", after=["db"], max_unavailable="60%")


def one_service(site: Site, hosts: str = "w1 w2 w3", steps: str = "0 3", **settings: object) -> None:
    site.groups(web=hosts)
    site.service("web", steps, **settings)


def a_chain(site: Site) -> None:
    """A database on two hosts, and a web server that comes after it."""
    site.groups(db="d1 d2", web="w1 w2")
    site.service("db", "0 3")
    site.service("web", "0 3", after=["db"])


def places(log: list[str], *said: str) -> list[int]:
    return [log.index(each) for each in said]


def in_order(log: list[str], *said: str) -> bool:
    return places(log, *said) == sorted(places(log, *said))


# --- What it shows ---


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Site:
    looked_at = Site(tmp_path_factory.mktemp("shown"))
    three_services(looked_at)
    return looked_at


@pytest.fixture(scope="module")
def shown(looked_at: Site) -> Outcome:
    return looked_at.upgrade("--list-tasks", "--list-hosts")


def test_the_plan_is_listed_wave_by_wave(shown: Outcome) -> None:
    assert shown.code == 0
    titles = [line.split("): ")[1].split("\t")[0] for line in shown.raw.splitlines() if "play #" in line]
    assert [title for title in titles if not title.endswith(("| work", "| release"))] == [
        "Validate db",
        "Validate cache",
        "Validate web",
        "Prepare db",
        "Prepare cache",
        "Prepare web",
        "Wave 1 · db on d1",
        "Wave 2 · db on d2",
        "Complete db",
        "Wave 3 · cache on w1, web on w1 w3 | gate",
        "Wave 4 · cache on w2, web on w2 | gate",
    ]


def test_hosts_and_tasks_of_every_play_are_listed(shown: Outcome) -> None:
    wave = shown.text.split("Wave 2 · db on d2")[1].split("play #")[0]
    assert "hosts (1): d2" in wave
    assert in_order(wave.split(), "stop", "install", "start")
    assert "wave-2 | Pass the gate TAGS: [always]" in wave


def test_plays_of_all_hosts_name_the_group_and_waves_their_hosts(shown: Outcome) -> None:
    patterns = [line.split(": ")[1] for line in shown.raw.splitlines() if "pattern: " in line]
    assert patterns[:3] == ["['db']", "['cache']", "['web']"]
    assert "['w1,w3']" in patterns


def test_services_that_share_a_wave_run_free_between_linear_gates(looked_at: Site, shown: Outcome) -> None:
    assert shown.code == 0
    (folder,) = looked_at.plan_folders
    plays = (folder / "upgrade.yml").read_text().split("\n- name: ")
    strategies = {play.split("\n")[0]: "ansible.builtin.free" in play for play in plays}
    free = [name for name, is_free in strategies.items() if is_free]
    assert free == ["Wave 3 · cache on w1, web on w1 w3 | work", "Wave 4 · cache on w2, web on w2 | work"]


def test_looking_contacts_no_host_and_writes_no_store(looked_at: Site, shown: Outcome) -> None:
    assert shown.log == NOTHING
    assert not looked_at.contacts
    assert not looked_at.store.parent.exists()


def test_the_folder_of_the_plan_is_named_and_holds_it(looked_at: Site, shown: Outcome) -> None:
    (folder,) = looked_at.plan_folders
    assert f"Plan {folder.name}: {folder}/plan.html" in shown.text
    assert {"plan.json", "upgrade.yml", "plan.html", "roles"} == {file.name for file in folder.iterdir()}
    assert looked_at.plan()["id"] == folder.name


def test_check_mode_predicts_every_wave_and_leaves_no_trace(looked_at: Site) -> None:
    outcome = looked_at.upgrade("--check")
    assert outcome.code == 0
    for said in (
        "Wave 1 of 4: db on d1",
        "Wave 3 of 4: cache on w1; web on w1 w3",
        "Complete db: db on d1 d2",
    ):
        assert said in outcome.text
    assert outcome.log == NOTHING
    assert not looked_at.store.parent.exists()


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
    return upgraded.upgrade(playbook=folder / "upgrade.yml")


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


def test_a_service_changes_after_what_it_comes_after_is_complete(first: Outcome) -> None:
    assert in_order(first.log, "db d1 start", "db d2 start", "db d1 check", "db d2 check", "web w1 drain")
    assert in_order(first.log, "db d2 check", "cache w1 stop")


def test_services_without_an_order_share_a_visit_of_their_host(first: Outcome) -> None:
    log = first.log
    assert in_order(
        log, "web w1 drain", "cache w1 stop", "web w1 install", "cache w1 start", "web w1 undrain"
    )


def test_the_folder_runs_by_itself_and_a_new_campaign_does_everything_again(
    first: Outcome, kept: Outcome
) -> None:
    assert kept.code == 0
    assert sorted(kept.log) == sorted(first.log)


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
    assert "Wave 1 is refused, nothing in it was touched." in outcome.text
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
        "Wave 2 is refused, nothing in it was touched. Before it must be done: change of web on w1"
        in outcome.text
    )
    assert "wave-1: started 2" in outcome.text
    assert "run the same command again: it resumes there." in outcome.text
    plan = site.plan()["id"]

    site.is_mended()
    again = site.upgrade()
    assert again.code == 0
    assert site.plan()["id"] == plan
    assert again.touched == {"w1", "w3", "w4"}
    assert again.log[0] == "web w1 install"
    assert len(again.log) == 9


def test_a_host_that_is_down_at_the_start_keeps_every_host_from_being_disrupted(site: Site) -> None:
    one_service(site)
    site.goes_away("w2")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert not outcome.touched
    assert (
        "Wave 1 is refused, nothing in it was touched. Before it must be done: validate of web on w2"
        in outcome.text
    )


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
    assert f"Another run works on this campaign: PID {process.pid} on " in second.text
    site.is_mended()
    process.communicate(timeout=60)
    assert process.returncode == 0


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


def test_a_limited_run_does_what_the_order_allows_and_is_resumed_by_the_rest(site: Site) -> None:
    a_chain(site)
    first = site.upgrade("--limit", "d1")
    assert first.code == 0
    assert first.touched == {"d1"}

    refused = site.upgrade("--limit", "w1")
    assert refused.code != 0
    assert not refused.touched
    assert "Wave 3 is refused" in refused.text
    assert "change of db on d2" in refused.text

    rest = site.upgrade()
    assert rest.code == 0
    assert rest.touched == {"d2", "w1", "w2"}


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
    assert "change of db on d1 (wave-1: not begun); change of db on d2 (wave-2: not begun)" in outcome.text


UNKNOWN = [
    ("upgrade_only=wbe", 'upgrade_only: unknown service "wbe"; this inventory has: db, web.'),
    (
        "approved_plan=0123456789abcdef",
        "The approved plan is 0123456789abcdef, but inventory and roles give ",
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
    assert site.upgrade("-e", f"approved_plan={site.plan()['id']}").log == ["web w1 install"]


# --- Ways around the gates ---

PARTIAL = [("--tags", "step3"), ("--skip-tags", "step2"), ("--skip-tags", "untagged")]


@pytest.mark.parametrize("arguments", PARTIAL, ids=" ".join)
def test_tags_that_would_tear_steps_apart_are_refused_with_advice(
    site: Site, arguments: tuple[str, str]
) -> None:
    one_service(site, "w1", steps="2 3", parts="drain")
    outcome = site.upgrade(*arguments)
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert (
        "wave-1 is refused: --tags and --skip-tags would run a part of it and leave out the rest."
        in outcome.text
    )
    assert (
        "choose what to upgrade with -e upgrade_only=SERVICE, -e upgrade_stage=STAGE or --limit HOST"
        in outcome.text
    )


@pytest.mark.parametrize("tag", ["always", "tagged"])
def test_skipping_the_gates_themselves_runs_nothing(site: Site, tag: str) -> None:
    one_service(site, "w1", steps="2 3", parts="drain")
    assert site.upgrade("--skip-tags", tag).log == NOTHING


def test_starting_in_the_middle_of_a_wave_is_refused_with_advice(site: Site) -> None:
    one_service(site, "w1 w2", steps="2 3", parts="drain verify")
    outcome = site.upgrade("--start-at-task", "web install")
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "The gate of wave-1 did not run (--start-at-task or --step passed over it)" in outcome.text
    assert "Start at the gate instead: --start-at-task 'wave-1 | Pass the gate'" in outcome.text


def test_starting_at_a_gate_resumes_there(site: Site) -> None:
    one_service(site, "w1 w2", steps="0 3")
    site.breaks("web w2 install")
    assert site.upgrade().code != 0
    site.is_mended()
    again = site.upgrade("--start-at-task", "wave-2 | Pass the gate")
    assert again.code == 0
    assert again.log == ["web w2 install"]


def test_starting_at_a_gate_whose_play_is_not_due_is_refused(site: Site) -> None:
    one_service(site, "w1 w2", steps="0 3")
    outcome = site.upgrade("--start-at-task", "wave-2 | Pass the gate")
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "Wave 2 is refused, nothing in it was touched." in outcome.text


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


def test_the_argument_specs_of_upgrade_tasks_are_checked_in_the_first_step(site: Site) -> None:
    one_service(site, "w1", steps="0 3")
    options = "{web_port: {type: int, required: true, description: a port}}"
    site.write(
        "roles/web/meta/argument_specs.yml",
        f"argument_specs: {{upgrade_tasks: {{short_description: toy, options: {options}}}}}\n",
    )
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "missing required arguments: web_port" in outcome.text
    assert outcome.log == NOTHING
    assert site.upgrade("-e", "web_port=80").log == ["web w1 look", "web w1 install"]


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


# --- Inventories ---

FICKLE = """\
#!/bin/sh
here=$(dirname "$0")
echo look >> "$here/looks"
if [ "$(wc -l < "$here/looks")" -gt {steady} ]; then more=', "w2"'; fi
echo '{{"web": {{"hosts": ["w1"'$more']}}, "_meta": {{"hostvars": {{}}}}}}'
"""


def script(site: Site, *, steady: int) -> Path:
    file = site.write("inventory.sh", FICKLE.format(steady=steady))
    file.chmod(0o755)
    site.write("group_vars/all.yml", f"ansible_connection: toy\nansible_become: false\ntoy: {site.toy}\n")
    return file


def test_a_dynamic_inventory_is_planned_with(site: Site) -> None:
    one_service(site, "", steps="3")
    assert site.upgrade("-i", str(script(site, steady=99))).log == ["web w1 install"]


def test_a_dynamic_inventory_that_changes_between_two_looks_is_refused(site: Site) -> None:
    one_service(site, "", steps="3")
    outcome = site.upgrade("-i", str(script(site, steady=1)))
    assert outcome.code != 0
    assert 'The inventory changed between two looks at it: the group "all" differs in w2.' in outcome.text
    assert "save a copy: ansible-inventory --list > hosts.json" in outcome.text
    assert outcome.log == NOTHING


def test_vaulted_and_templated_overrides_decide_about_waves(site: Site) -> None:
    one_service(site, "w1 w2", steps="3")
    password = site.write("password", "secret\n")
    site.write("group_vars/web.yml", 'web_max_unavailable: "{{ spare | int + 1 }}"\n')
    site.write("group_vars/all.yml", "spare: 1\n")
    site.tool("ansible-vault", "encrypt", "--vault-password-file", str(password), "group_vars/all.yml")
    outcome = site.upgrade("--vault-password-file", str(password))
    assert outcome.code == 0, outcome.raw
    assert "Wave 1 of 1: web on w1 w2" in outcome.text


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
        f'{tasks}:1: [unknown-step] "web A" has the tag step9, a step that does not exist; the steps are step0',
        f'{tasks}:4: [one-step] "web B" has no step tag and would run never; give it exactly one of step0',
        f'{tasks}:6: [one-step] "web C" has the tags step3 and step5 and would run more than once',
        f'{tasks}:9: [one-step] "D" is a block of step2, step3; a block belongs to one step.',
        f'{tasks}:17: [run-once] "web E" is run_once in step3, which runs wave by wave; only step4 may run once.',
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
        f"{META}:2: unknown key 'max_unavailble'; expected one",
    ),
    (
        "bad budget",
        META,
        "service: web\nmax_unavailable: 0\n",
        f"{META}:2: max_unavailable is 0; expected a number from 1 on, or a percentage from 1% to 100%.",
    ),
    ("broken YAML", META, "service: web\nunits: [a.service\nstage: x\n", f"{META}:3: not YAML: "),
    ("cycle", META, "service: web\nafter: [db]\n", "The services wait for each other: db → web → db."),
    (
        "missing requirement",
        META,
        "service: web\nrequires: [etcd]\n",
        'The service "web" requires "etcd", which is not deployed: no host is in its group.',
    ),
    ("two roles", "roles/web2/meta/service.yml", "service: web\n", 'Two roles register the service "web": '),
    (
        "dependency with tasks",
        "roles/web/meta/main.yml",
        "dependencies: [tasty]\n",
        "meta/main.yml: the role depends on tasty, which has tasks; they would run with every step.",
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
        "web_max_unavailable is 2 on w2, but 1 on others; a setting of a service must be the same"
        in outcome.text
    )


BAD_PLAN_DIRS = [
    ("notes", "holds something else than a plan; set plan_dir to a new or empty folder."),
    ("notes/mine.txt/plan", "The plan cannot be written to "),
]


@pytest.mark.parametrize(("plan_dir", "message"), BAD_PLAN_DIRS)
def test_a_plan_dir_that_cannot_be_used_is_left_as_it_is(site: Site, plan_dir: str, message: str) -> None:
    one_service(site)
    mine = site.write("notes/mine.txt", "mine\n")
    outcome = site.upgrade("-e", f"plan_dir={site.folder / plan_dir}")
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
    assert site.upgrade("--list-hosts", "-e", f"plan_dir={folder}").code == 0
    before = (folder / "plan.json").read_text()
    (site.folder / "roles/web/tasks/drain.yml").write_text(say("web", "drain"))
    assert site.upgrade("-e", f"plan_dir={folder}").log == ["web w1 drain", "web w1 install"]
    assert (folder / "plan.json").read_text() != before
    assert list(folder.parent.iterdir()) == [folder]
