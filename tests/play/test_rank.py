"""Who goes last is found out in the round that plans the waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .toys import NOTHING, RANK, asks, leads, ranked_service, say

if TYPE_CHECKING:
    from .toys import Site

PROGRESS = {"ANSIBLE_CALLBACKS_ENABLED": "orderly.services.progress"}


def with_leader(site: Site, leader: str, text: str = RANK) -> None:
    """Let three hosts of a unit find out which of them is the leader."""
    site.with_units("h1", "h2", "h3")
    leads(site, leader)
    site.write("roles/web/tasks/rank.yml", asks(site) + text)


def test_the_leader_of_today_is_restarted_last(site: Site) -> None:
    for leader, order in (("h1", ["h2", "h3", "h1"]), ("h2", ["h1", "h3", "h2"])):
        if not site.inventory.exists():
            with_leader(site, leader)
        leads(site, leader)
        before = len(site.restarted)
        outcome = site.upgrade(playbook="orderly.services.restart_services")
        assert outcome.code == 0, outcome.raw
        assert site.restarted[before:] == order
        assert f"Last of web, as its rank.yml found out: {leader}." in outcome.text


def test_a_role_that_does_not_say_is_refused_and_nothing_is_restarted(site: Site) -> None:
    with_leader(site, "h1", RANK + "  when: inventory_hostname != 'h2'\n")
    outcome = site.upgrade(playbook="orderly.services.restart_services")
    assert outcome.code != 0
    assert "rank.yml of web set no whole number web_rank on h2, so nobody knows who goes last" in outcome.text
    assert site.restarted == NOTHING


def test_a_rank_that_does_more_than_look_is_refused_while_planning(site: Site) -> None:
    site.groups(web="h1")
    role = site.service("web", "3")
    (role / "tasks/rank.yml").write_text("---\n" + say("web", "rank"))
    outcome = site.upgrade()
    assert outcome.code != 0
    assert '[rank] "web rank" does more than look, but rank.yml runs before every roll' in outcome.text
    assert "[rank] rank.yml does not set web_rank" in outcome.text


# --- Upgrades ---


def changed(log: list[str]) -> list[str]:
    """Name the hosts that were changed, in order."""
    return [said.split()[1] for said in log if said.endswith(" install")]


@pytest.mark.parametrize(("leader", "order"), [("h1", ["h2", "h3", "h1"]), ("h3", ["h1", "h2", "h3"])])
def test_an_upgrade_takes_the_leader_of_today_last(site: Site, leader: str, order: list[str]) -> None:
    ranked_service(site, leader)
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    assert changed(outcome.log) == order
    assert f"Last of web, as its rank.yml found out: {leader}." in outcome.text
    assert "Wave 3 · web on 1 host by rank" in outcome.text
    assert f"Wave 3 of 3: web on {leader}" in outcome.text
    assert site.slots == NOTHING


def test_a_host_that_has_begun_keeps_its_place_and_the_others_find_theirs_anew(site: Site) -> None:
    ranked_service(site, "h1")
    site.breaks("web h2 install")
    assert changed(site.upgrade().log) == ["h2"]
    site.is_mended()
    leads(site, "h3")
    assert changed(site.upgrade().log) == ["h2", "h1", "h3"]
    assert site.slots == NOTHING


def test_a_resumed_run_goes_on_where_the_leader_has_its_place(site: Site) -> None:
    ranked_service(site, "h1")
    site.breaks("web h1 install")
    assert changed(site.upgrade().log) == ["h2", "h3", "h1"]
    site.is_mended()
    again = site.upgrade()
    assert again.code == 0, again.raw
    assert changed(again.log) == ["h1"]


def test_a_run_of_some_hosts_lets_only_those_change_places(site: Site) -> None:
    ranked_service(site, "h1")
    first = site.upgrade("--limit", "h1,h2")
    assert changed(first.log) == ["h2", "h1"], first.raw
    second = site.upgrade("--limit", "h3")
    assert second.code == 0, second.raw
    assert changed(second.log) == ["h3"]


def test_a_run_of_the_host_whose_place_another_one_has(site: Site) -> None:
    ranked_service(site, "h1")
    site.breaks("web h2 install")
    assert changed(site.upgrade().log) == ["h2"]
    site.is_mended()
    outcome = site.upgrade("--limit", "h2")
    assert outcome.code == 0, outcome.raw
    assert changed(outcome.log) == ["h2"]
    assert changed(site.upgrade().log) == ["h3", "h1"]


def test_check_mode_asks_and_goes_by_the_places_of_the_plan(site: Site) -> None:
    ranked_service(site, "h1")
    outcome = site.upgrade("--check")
    assert outcome.code == 0, outcome.raw
    assert "Last of web, as its rank.yml found out: h1." in outcome.text
    assert changed(site.upgrade().log) == ["h2", "h3", "h1"]


def test_an_upgrade_of_a_role_that_does_not_say_touches_no_service(site: Site) -> None:
    ranked_service(site, "h1", RANK + "  when: inventory_hostname != 'h2'\n")
    outcome = site.upgrade()
    assert outcome.code != 0
    assert (
        "The waves are refused; no service was touched: rank.yml of web set no whole number" in outcome.text
    )
    assert changed(outcome.log) == NOTHING


def test_a_failure_domain_keeps_its_hosts_where_several_go_at_once(site: Site) -> None:
    ranked_service(site, "h1", max_unavailable=2)
    site.write("host_vars/h1.yml", "orderly_failure_domain: a\n")
    for host in ("h2", "h3"):
        site.write(f"host_vars/{host}.yml", "orderly_failure_domain: b\n")
    outcome = site.upgrade()
    assert outcome.code == 0, outcome.raw
    assert "h1 would go last of web, by its rank.yml, and keeps its place before others" in outcome.text
    assert changed(outcome.log) == ["h1", "h2", "h3"]


def test_the_plan_says_that_places_may_change(site: Site) -> None:
    ranked_service(site, "h1")
    said = site.make_plan()
    assert said.code == 0, said.raw
    assert (
        "The run asks the rank.yml of web who goes last: hosts with the same services may change places"
        in said.text
    )
    approved = site.upgrade("-e", f"upgrade_approved_plan={site.plan()['hash']}")
    assert approved.code == 0, approved.raw
    assert changed(approved.log) == ["h2", "h3", "h1"]


def test_a_run_that_begins_at_a_wave_does_not_pass_over_hosts_in_other_places(site: Site) -> None:
    ranked_service(site, "h1")
    site.breaks("web h2 install")
    assert changed(site.upgrade().log) == ["h2"]
    site.is_mended()
    outcome = site.upgrade("--start-at-task", "wave-1 | Pass the gate")
    assert outcome.code != 0, outcome.raw
    assert (
        "hosts have changed places by rank (h1 is in Wave 3), and this run does not know that" in outcome.text
    )
    assert changed(outcome.log) == NOTHING
    assert changed(site.upgrade().log) == ["h2", "h3", "h1"]


def two_services(site: Site, leader: str) -> None:
    """Let three hosts have two services, of which each finds out the same leader."""
    site.groups(web="h1 h2 h3", db="h1 h2 h3")
    leads(site, leader)
    for name in ("web", "db"):
        site.service(name, "3")
        rank = (asks(site) + RANK).replace("web_rank", f"{name}_rank")
        site.write(f"roles/{name}/tasks/rank.yml", rank)


def test_hosts_keep_their_places_while_another_run_upgrades_other_services_there(site: Site) -> None:
    two_services(site, "h1")
    site.sticks("web h2 install")
    web = site.start("-e", "upgrade_only=web")
    site.wait_until("web h2 install")
    leads(site, "h3")
    db = site.upgrade("-e", "upgrade_only=db")
    site.is_mended()
    said, _nothing = web.communicate(timeout=600)
    assert (web.returncode, db.code) == (0, 0), said
    assert [line for line in site.log if line.startswith("web")] == [
        "web h2 install", "web h3 install", "web h1 install",
    ]  # fmt: skip
    assert "h3 would go last of db, by its rank.yml, and keeps its place before others" in db.text
    assert "The upgrade is complete" in said


def test_what_comes_second_on_the_same_hosts_is_asked_when_it_comes(site: Site) -> None:
    two_services(site, "h1")
    assert changed(site.upgrade("-e", "upgrade_only=db").log) == ["h2", "h3", "h1"]
    leads(site, "h3")
    outcome = site.upgrade("-e", "upgrade_only=web", **PROGRESS)
    assert outcome.code == 0, outcome.raw
    assert changed(outcome.log) == ["h2", "h1", "h3"]
    assert "Last of web, as its rank.yml found out: h3." in outcome.text
    assert "Wave 3 of 3 begins: h3 (web)" in outcome.text


def test_where_a_host_cannot_say_the_leader_does_not_go_before_it(site: Site) -> None:
    ranked_service(site, "h1")
    (site.folder / "role-of/h3").unlink()
    outcome = site.upgrade()
    assert outcome.code != 0
    assert "no service was touched: h3 did not come through rank.yml of web" in outcome.text
    assert changed(outcome.log) == NOTHING
    leads(site, "h1")
    assert changed(site.upgrade().log) == ["h2", "h3", "h1"]
