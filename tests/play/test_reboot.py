"""The playbook reboot, as far as toy hosts can show it: all of them are this machine, which is the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .toys import Site

PLAYBOOK = "orderly.services.reboot"


@pytest.mark.parametrize("arguments", [(), ("-e", "reboot_all=true"), ("--check",)])
def test_the_controller_is_never_booted_by_its_own_run(site: Site, arguments: tuple[str, ...]) -> None:
    site.groups(web="w1 w2")
    site.service("web", parts="drain verify undrain")
    outcome = site.upgrade(*arguments, playbook=PLAYBOOK)
    assert outcome.code == 0
    assert (outcome.log, site.slots, site.drained) == ([], [], [])
    said = "w1 is not booted, as ansible-playbook runs there: boot it by hand, or run this from elsewhere."
    assert (said in outcome.text) == ("reboot_all=true" in arguments)


def test_a_host_that_cannot_be_asked_stops_the_roll_before_it_begins(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web")
    site.goes_away("w2")
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert "Nothing was started: w2 did not answer." in outcome.text
    assert not site.slots
