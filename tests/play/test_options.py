"""Ansible's own options on the upgrade: what they show is true, what they leave out is not done.

With CORES=all in the environment they are played with every ansible-core that is supported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from .toys import NOTHING, Site, a_chain, in_order, one_service, say

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome

# --- Looking ---


def test_the_plan_is_listed_wave_by_wave(shown: Outcome) -> None:
    assert shown.code == 0
    titles = [line.split("): ")[1].split("\t")[0] for line in shown.raw.splitlines() if "play #" in line]
    assert [title for title in titles if not title.endswith(("| work", "| release"))] == [
        "Open the campaign",
        "Verify web again where it is done, before more hosts are disrupted",
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


def test_the_syntax_of_the_plan_is_checked(looked_at: Site, shown: Outcome) -> None:
    assert shown.code == 0
    assert looked_at.upgrade("--syntax-check").code == 0


def test_plays_of_all_hosts_name_the_group_and_waves_their_hosts(shown: Outcome) -> None:
    patterns = [line.split(": ")[1] for line in shown.raw.splitlines() if "pattern: " in line]
    assert patterns[:5] == [
        "['all']",
        "['!all']",
        "['db']",
        "['cache']",
        "['web']",
    ]  # nothing is to be verified again
    assert "['w1,w3']" in patterns


def test_looking_contacts_no_host_and_writes_no_store(looked_at: Site, shown: Outcome) -> None:
    assert shown.log == NOTHING
    assert not looked_at.contacts
    assert not looked_at.store.parent.exists()


# --- Predicting ---


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


def test_diff_shows_what_changes_and_with_check_nothing_does(site: Site) -> None:
    one_service(site, "w1", steps="0")
    page = site.folder / "page"
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write(
            "- name: Write the page\n"
            f"  ansible.builtin.copy: {{content: 'new words', dest: {page}, mode: '0644'}}\n"
            "  tags: step3\n"
        )
    site.inventory.write_text(
        site.inventory.read_text().replace("ansible_connection: toy", "ansible_connection: local")
    )
    page.write_text("old words")
    foreseen = site.upgrade("--check", "--diff")
    assert foreseen.code == 0, foreseen.raw
    assert page.read_text() == "old words"
    done = site.upgrade("--diff")
    assert done.code == 0, done.raw
    assert page.read_text() == "new words"
    for outcome in (foreseen, done):
        assert in_order(outcome.raw.split(), "-old", "+new")


# --- Parts of the fleet ---


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
        "The upgrade does not take --tags or --skip-tags: single steps and checks cannot be chosen."
        in outcome.text
    )
    assert "Choose hosts with --limit, and services with -e upgrade_only=SERVICE." in outcome.text


def test_starting_in_the_middle_of_a_wave_is_refused_with_advice(site: Site) -> None:
    one_service(site, "w1 w2", steps="2 3", parts="drain verify")
    outcome = site.upgrade("--start-at-task", "web install")
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "The gate of wave-1 did not run (--start-at-task or --step skipped it)" in outcome.text
    assert "Start at the gate instead: --start-at-task 'wave-1 | Pass the gate'" in outcome.text


def test_step_asks_and_whoever_passes_over_a_gate_is_refused(site: Site) -> None:
    one_service(site, "w1", steps="3")
    site.answers = "n\n" * 4 + "c\n"  # nothing that opens the campaign, no gate, then all the rest
    outcome = site.upgrade("--step")
    assert outcome.code != 0
    assert outcome.log == NOTHING
    assert "The gate of wave-1 did not run (--start-at-task or --step skipped it)" in outcome.text
    site.answers = "c\n" * 9  # each play asks anew
    outcome = site.upgrade("--step")
    assert outcome.log == ["web w1 install"], outcome.raw


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
    assert "Wave 2 is refused; nothing in it was touched." in outcome.text


# --- Inventories and vaults ---

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
    site.write("group_vars/all.yml", yaml.safe_dump(site.variables))
    return file


def test_a_dynamic_inventory_is_planned_with(site: Site) -> None:
    one_service(site, "", steps="3")
    assert site.upgrade("-i", str(script(site, steady=99))).log == ["web w1 install"]


def test_a_dynamic_inventory_that_changes_between_two_looks_is_refused(site: Site) -> None:
    one_service(site, "", steps="3")
    outcome = site.upgrade("-i", str(script(site, steady=1)))
    assert outcome.code != 0
    assert 'The inventory changed between two reads: the group "all" differs in w2.' in outcome.text
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


def test_a_vaulted_variable_reaches_the_tasks(site: Site) -> None:
    one_service(site, "w1", steps="0")
    with (site.folder / "roles/web/tasks/upgrade_tasks.yml").open("a") as tasks:
        tasks.write(say("web", "{{ web_secret }}", "  tags: step3"))
    password = site.write("password", "secret\n")
    site.write("group_vars/web/vault.yml", "web_secret: told\n")
    site.tool("ansible-vault", "encrypt", "--vault-password-file", str(password), "group_vars/web/vault.yml")
    site.write("ansible.cfg", "[defaults]\nvault_password_file = password\n")
    assert site.upgrade().log == ["web w1 look", "web w1 told"]
