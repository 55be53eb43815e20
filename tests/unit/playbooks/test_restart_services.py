"""The playbook restart_services, as far as it needs no unit of systemd: toy services have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .toys import Site

PLAYBOOK = "orderly.services.restart_services"


def test_a_restart_is_an_operation_that_goes_through_the_same_wave(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web", parts="drain verify undrain")
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert outcome.log == [
        f"web {host} {step}" for host in ("w1", "w2") for step in ("drain", "verify", "undrain")
    ]
    assert (site.slots, site.drained) == ([], [])


def test_a_blocker_stops_a_restart_too(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web")
    site.write("group_vars/web.yml", "rolling_op_blockers: [{name: backup, command: 'false'}]\n")
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert "The wave of w1 is blocked, and nothing was taken or touched: backup on w1" in outcome.text
    assert site.slots == []
