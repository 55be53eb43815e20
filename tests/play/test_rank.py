"""Who goes last is found out in the round that plans the waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .toys import NOTHING, say

if TYPE_CHECKING:
    from .toys import Site

RANK = """
- name: rank | Leaders go last
  ansible.builtin.set_fact:
    web_rank: "{{ 10 if web_rank_said.stdout | trim == 'leader' else 0 }}"
"""


def with_leader(site: Site, leader: str, text: str = RANK) -> None:
    """Let three hosts of a unit find out which of them is the leader."""
    site.with_units("h1", "h2", "h3")
    for host in ("h1", "h2", "h3"):
        site.write(f"role-of/{host}", "leader" if host == leader else "replica")
    asks = [
        "- name: rank | Ask",
        f'  ansible.builtin.raw: "cat {site.folder}/role-of/{{{{ inventory_hostname }}}}"',
        "  changed_when: false",
        "  register: web_rank_said",
    ]
    site.write("roles/web/tasks/rank.yml", "\n".join(["---", *asks, ""]) + text)


def test_the_leader_of_today_is_restarted_last(site: Site) -> None:
    for leader, order in (("h1", ["h2", "h3", "h1"]), ("h2", ["h1", "h3", "h2"])):
        if not site.inventory.exists():
            with_leader(site, leader)
        for host in ("h1", "h2", "h3"):
            site.write(f"role-of/{host}", "leader" if host == leader else "replica")
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
